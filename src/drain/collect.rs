//! One pass: what the threads recorded since the last one, joined into finished spans.
//!
//! # The order of a pass
//!
//! 1. Read the ended masks of blocks that are out (Acquire).
//! 2. Then read logs, each one's position once (Acquire), and take everything up to it.
//! 3. Assemble the spans whose ends were seen in step 1.
//!
//! Whatever happened before an end is in the span: the end's mask was seen in step 1, so everything
//! that happened before it was committed before step 2 read that log's position, whichever thread
//! wrote it. Ends that come after step 1 wait for the next pass.
//!
//! Which blocks are looked at is free to choose, see `drain::turns`; which logs then have to be read is
//! told in `drain::logs`. A flush has a pass look at everything.

use crate::drain::assemble::{Assembler, Ended, Lost, Scratch};
use crate::drain::gather::{Gathered, Node, Told, emptied};
use crate::drain::logs::Logs;
use crate::drain::seal::Sealer;
use crate::drain::side::{NONE, SideTable};
use crate::drain::stock::Stock;
use crate::drain::turns::{Next, Quiet, Share, Turns};
use crate::limits::SpanLimits;
use crate::raw::block::{ALL, Block, SLOTS};
use crate::raw::clock::Timeline;
use crate::raw::engine::Engine;
use crate::raw::handle::{Base, Place};
use crate::raw::prefetch::prefetch;
use crate::raw::record::{Kind, Record, Records, Run, Stamp};
use crate::raw::recorded::{Blob, Entries, Recorded};
use crate::raw::slot::Shed;
use crate::seeded::{Bug, seeded};
use crossbeam_epoch::Guard;

/// What the drain knows of a block.
#[derive(Debug)]
struct Known {
    block: &'static Block,
    base: Base,
    /// Slots that were assembled.
    consumed: u64,
    quiet: Quiet,
    /// Slots whose end was seen in this pass.
    ending: u64,
    /// Made when the block is first recorded in, and kept.
    spans: Option<Box<[Pending; SLOTS]>>,
}

impl Known {
    fn new(block: &'static Block, address: u32) -> Self {
        Self {
            block,
            base: Base::new(address, 0),
            consumed: 0,
            quiet: Quiet::default(),
            ending: 0,
            spans: None,
        }
    }

    fn spans(&mut self) -> &mut [Pending; SLOTS] {
        self.spans.get_or_insert_with(|| Box::new([NOTHING; SLOTS]))
    }
}

/// What the drain has gathered for one slot.
#[derive(Debug, Clone, Copy)]
struct Pending {
    /// Buffer in the side table, or `NONE`.
    side: u32,
    /// Runs of records of this pass, a list through `Node::next`.
    first: u32,
    last: u32,
    /// Attributes, events and links shed because the side table was full.
    shed: Lost,
    has_shed: bool,
    /// Calls from threads other than the owner among the records.
    foreign_calls: u32,
    /// The number that the last one of those took.
    foreign_call: u32,
}

impl Pending {
    /// Adds records of this pass.
    #[inline]
    fn add<'g>(&mut self, nodes: &mut Vec<Node<'g>>, told: Told<'g>) {
        let id = nodes.len() as u32;
        nodes.push(Node { told, next: NONE });
        match self.last {
            NONE => self.first = id,
            last => nodes[last as usize].next = id,
        }
        self.last = id;
    }

    /// Counts the foreign calls that a run tells of. The records of one call follow each other in their
    /// log and are read together.
    #[cold]
    fn count_foreign(&mut self, run: Records<'_>) {
        run.map(|record| record.stamp)
            .filter(|stamp| stamp.is_foreign())
            .for_each(|stamp| self.count_foreign_call(stamp));
    }

    fn count_foreign_call(&mut self, stamp: Stamp) {
        // Calls count from 1 in each life.
        if stamp.sequence() != self.foreign_call {
            self.foreign_call = stamp.sequence();
            self.foreign_calls += 1;
        }
    }

    /// Keeps a record for a later pass, in which the span ends.
    fn put_aside(&mut self, side: &mut SideTable, record: &Record<'_>, blob: &Blob, done: &mut Collected) {
        if side.add(&mut self.side, record, blob).is_err() {
            let (what, n) = lost_with(record);
            self.has_shed = true;
            self.shed[what as usize] += n;
            done.lost[what as usize] += u64::from(n);
        }
    }
}

/// How many slots ahead the drain asks for a cache line.
const AHEAD: u32 = 6;

const NOTHING: Pending = Pending {
    side: NONE,
    first: NONE,
    last: NONE,
    shed: [0; 3],
    has_shed: false,
    foreign_calls: 0,
    foreign_call: 0,
};

/// What one pass did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Collected {
    /// Spans assembled.
    pub(crate) spans: u64,
    /// Runs of records read from the logs.
    pub(crate) runs: u64,
    /// Calls that came for spans already assembled, and second ends that nobody noticed.
    pub(crate) stale: u64,
    /// Attributes, events and links lost to limits or to a full side table.
    pub(crate) lost: [u64; 3],
    /// Chunks that go back to the threads.
    pub(crate) retired: u64,
}

impl Collected {
    /// Whether anything was recorded since the pass before.
    pub(crate) fn found_something(&self) -> bool {
        self.spans > 0 || self.runs > 0
    }
}

/// How much is in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    /// Of blocks, chunks and side table that exist.
    pub(crate) bytes: usize,
    pub(crate) blocks: usize,
    pub(crate) chunks: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Collector {
    engine: &'static Engine,
    stock: Stock,
    /// All blocks, by address less one: a record may come from a block that was taken after a pass
    /// had looked which are out.
    blocks: Vec<Known>,
    /// Addresses of those that are out.
    out: Turns,
    logs: Logs,
    /// Whether the pass before did.
    found_something: bool,
    side: SideTable,
    assembler: Assembler,
    /// Buffers of spans assembled in this pass.
    spent: Vec<u32>,
    recorded: Recorded,
    blob: Blob,
    /// Empty between two passes.
    nodes: Vec<Node<'static>>,
}

impl Collector {
    pub(crate) fn new(engine: &'static Engine, stock: Stock, side_bytes: usize, limits: SpanLimits) -> Self {
        Self {
            engine,
            stock,
            blocks: engine
                .memory
                .blocks
                .iter()
                .zip(1..)
                .map(|(block, address)| Known::new(block, address))
                .collect(),
            out: Turns::default(),
            logs: Logs::default(),
            found_something: false,
            side: SideTable::new(side_bytes),
            assembler: Assembler::new(limits),
            spent: Vec::new(),
            recorded: Recorded::default(),
            blob: Blob::default(),
            nodes: Vec::new(),
        }
    }

    /// Touches what the threads may take before the next pass.
    pub(crate) fn refill(&mut self) {
        self.stock.refill(self.engine);
    }

    pub(crate) fn fill(&self) -> Fill {
        let bytes = self.stock.bytes(self.engine) + self.side.bytes();
        let [blocks, chunks] = Stock::out(self.engine);
        Fill { bytes, blocks, chunks }
    }

    /// One pass; see the module. `all` has it look at everything. `guard` is pinned in the tracer's
    /// collector.
    pub(crate) fn pass(
        &mut self,
        all: bool,
        timeline: &Timeline,
        sealer: &mut Sealer<'_>,
        guard: &Guard,
    ) -> Collected {
        let mut done = Collected::default();
        let mut nodes = emptied(std::mem::take(&mut self.nodes));
        self.adopt();
        let share = match (all, self.found_something) {
            (true, _) => Share::All,
            (false, true) => Share::Busy,
            (false, false) => Share::Idle,
        };
        self.out.begin(share, |_| true);
        if seeded(Bug::StepsSwapped) {
            self.read_logs(share, guard, &mut nodes, &mut done);
            self.look_at_ends();
        } else {
            self.look_at_ends();
            self.read_logs(share, guard, &mut nodes, &mut done);
        }
        self.assemble(&nodes, timeline, sealer, &mut done);
        self.recycle(&mut done);
        self.nodes = emptied(nodes);
        self.found_something = done.found_something();
        done
    }

    /// Learns which blocks the threads have taken.
    fn adopt(&mut self) {
        let Self { stock, out, engine, .. } = self;
        stock.taken(engine, |address| out.add(address));
    }

    fn look_at_ends(&mut self) {
        for (n, &address) in self.out.now().iter().enumerate() {
            let [next, later] = self.out.after(n);
            if let Some(later) = later {
                prefetch(&self.blocks[later as usize - 1]);
            }
            if let Some(next) = next {
                self.blocks[next as usize - 1].block.prefetch_ended();
            }
            let known = &mut self.blocks[address as usize - 1];
            let (by_owner, by_others) = known.block.ended();
            known.ending = (by_owner | by_others) & !known.consumed;
            known.quiet.after(known.ending != 0);
        }
    }

    fn read_logs<'g>(
        &mut self,
        share: Share,
        guard: &'g Guard,
        nodes: &mut Vec<Node<'g>>,
        done: &mut Collected,
    ) {
        self.recorded.clear();
        self.logs.begin(self.engine, share);
        for n in 0..self.logs.now() {
            self.logs.prefetch_after(n);
            self.read_log(self.logs.nth(n), guard, nodes, done);
        }
        for n in 0..self.out.now().len() {
            let known = &self.blocks[self.out.now()[n] as usize - 1];
            if known.ending != 0 && !seeded(Bug::AdopterUnread) {
                self.read_log(known.block.adopter(), guard, nodes, done);
            }
        }
        if self.logs.has_unread(self.engine)
            && self.misses_foreign_calls()
            && !seeded(Bug::ForeignCallsUncounted)
        {
            for id in 0..self.logs.numbers(self.engine) {
                self.read_log(id, guard, nodes, done);
            }
        }
        self.logs.settle();
    }

    #[inline]
    fn read_log<'g>(&mut self, id: u32, guard: &'g Guard, nodes: &mut Vec<Node<'g>>, done: &mut Collected) {
        let Self { engine, blocks, logs, side, recorded, blob, .. } = self;
        let Some((log, target, reader)) = logs.take(engine, id) else { return };
        blob.clear();
        let mut reading = Reading { blocks, side, recorded, blob, nodes, done };
        let retired = reader.read(log, target, guard, &engine.chunks, |records| reading.take(records));
        done.retired += retired;
    }

    /// Whether a span that ends in this pass had a foreign call whose records were not found yet.
    fn misses_foreign_calls(&self) -> bool {
        self.out.now().iter().any(|&address| {
            let known = &self.blocks[address as usize - 1];
            let mut ending = known.ending;
            while ending != 0 {
                let slot = ending.trailing_zeros();
                ending &= ending - 1;
                known.block.prefetch(slot + AHEAD);
                let found =
                    known.spans.as_ref().map_or(0, |spans| spans[slot as usize % SLOTS].foreign_calls);
                if known.block.slot(slot).foreign_calls() != found {
                    return true;
                }
            }
            false
        })
    }

    fn assemble(
        &mut self,
        nodes: &[Node<'_>],
        timeline: &Timeline,
        sealer: &mut Sealer<'_>,
        done: &mut Collected,
    ) {
        let Self { engine, blocks, out, side, spent, recorded, assembler, .. } = self;
        let mut scratch = Scratch::default();
        for &address in out.now() {
            let known = &mut blocks[address as usize - 1];
            let mut ending = known.ending;
            if ending == 0 {
                continue;
            }
            done.spans += u64::from(ending.count_ones());
            let (block, base) = (known.block, known.base);
            let spans = known.spans();
            while ending != 0 {
                let slot = ending.trailing_zeros();
                ending &= ending - 1;
                block.prefetch(slot + AHEAD);
                let pending = &mut spans[slot as usize % SLOTS];
                let (earlier, first) = (pending.side, pending.first);
                let records = if earlier == NONE { Entries::default() } else { side.records(earlier) };
                let place = Place::new(base, slot);
                let slot = block.slot(slot);
                let span = Ended {
                    slot,
                    span_id: engine.key.seal(place, slot.trace_id()),
                    foreign: pending.foreign_calls > 0,
                    has_shed: pending.has_shed,
                };
                let gathered = Gathered::new(records, first, nodes, recorded);
                let batch = &mut sealer.batch;
                let lost = assembler.span(span, &pending.shed, gathered, timeline, &mut scratch, batch);
                let is_plain = lost.is_none();
                if let Some(lost) = lost {
                    for (total, lost) in done.lost.iter_mut().zip(lost) {
                        *total += u64::from(lost);
                    }
                }
                *pending = NOTHING;
                if earlier != NONE {
                    spent.push(earlier);
                }
                sealer.span_done(is_plain);
            }
            known.consumed |= known.ending;
            known.ending = 0;
        }
        spent.drain(..).for_each(|id| side.release(id));
    }

    fn recycle(&mut self, done: &mut Collected) {
        let Self { engine, blocks, out, stock, .. } = self;
        out.settle(|address| {
            let known = &mut blocks[address as usize - 1];
            if known.consumed != ALL || (known.block.is_held() && !seeded(Bug::RecycledHeld)) {
                return known.quiet.next();
            }
            done.stale += u64::from(known.block.retire());
            known.base = stock.recycle(engine, known.base);
            known.consumed = 0;
            known.quiet = Quiet::default();
            Next::Gone
        });
    }
}

/// What is lost with a record: a status, name or time counts as an attribute.
fn lost_with(record: &Record<'_>) -> (Shed, u32) {
    match record.kind {
        Kind::Event => (Shed::Events, 1),
        Kind::Link => (Shed::Links, 1),
        Kind::Attributes | Kind::More => (Shed::Attributes, u32::from(record.count)),
        _ => (Shed::Attributes, 1),
    }
}

/// Step 2 of a pass in one log.
struct Reading<'p, 'g> {
    blocks: &'p mut [Known],
    side: &'p mut SideTable,
    recorded: &'p mut Recorded,
    blob: &'p mut Blob,
    nodes: &'p mut Vec<Node<'g>>,
    done: &'p mut Collected,
}

impl<'g> Reading<'_, 'g> {
    /// Gives each record to its span.
    #[inline]
    fn take(&mut self, mut records: Records<'g>) {
        loop {
            if self.blob.is_empty() {
                if let Some(run) = records.next_run() {
                    self.run(&run);
                    continue;
                }
            }
            // A part of a payload, the record that it belongs to, or nothing.
            match records.next() {
                None => return,
                Some(record) if record.kind == Kind::Blob => self.blob.add(&record),
                Some(record) => self.with_payload(&record),
            }
        }
    }

    #[inline]
    fn run(&mut self, run: &Run<'g>) {
        self.done.runs += 1;
        let Some((pending, ends)) = pending(self.blocks, run.place) else {
            self.done.stale += run.records.filter(|record| record.kind != Kind::More).count() as u64;
            return;
        };
        if run.foreign {
            pending.count_foreign(run.records);
        }
        if ends {
            pending.add(self.nodes, Told::InLog(run.records));
            return;
        }
        for record in run.records {
            pending.put_aside(self.side, &record, self.blob, self.done);
        }
    }

    /// A record that `blob` belongs to.
    fn with_payload(&mut self, record: &Record<'_>) {
        self.done.runs += 1;
        match pending(self.blocks, record.place) {
            None => self.done.stale += u64::from(record.kind != Kind::More),
            Some((pending, ends)) => {
                if record.stamp.is_foreign() {
                    pending.count_foreign_call(record.stamp);
                }
                if ends {
                    pending.add(self.nodes, Told::Copied(self.recorded.push(record, self.blob)));
                } else {
                    pending.put_aside(self.side, record, self.blob, self.done);
                }
            }
        }
        self.blob.clear();
    }
}

/// Where a record belongs, and whether its span ends in this pass; `None` when the span is over.
#[inline]
fn pending(blocks: &mut [Known], place: u64) -> Option<(&mut Pending, bool)> {
    let place = Place::from_bits(place);
    let known = blocks.get_mut(place.base().address().wrapping_sub(1))?;
    let bit = 1 << place.slot();
    let is_of_this_life = known.base == place.base() || seeded(Bug::RecordOfAnyLife);
    if !is_of_this_life || known.consumed & bit != 0 {
        return None;
    }
    let ends = known.ending & bit != 0;
    Some((&mut known.spans()[place.slot() as usize % SLOTS], ends))
}
