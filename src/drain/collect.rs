//! One pass: what the threads recorded since the last one, joined into finished spans.
//!
//! # The order of a pass
//!
//! 1. Read the ended masks of all blocks that are out (Acquire).
//! 2. Then read each log's position once (Acquire) and take everything up to it.
//! 3. Assemble the spans whose ends were seen in step 1.
//!
//! Whatever happened before an end is in the span: the end's mask was seen in step 1, so everything
//! that happened before it was committed before step 2 read that log's position, whichever thread
//! wrote it. Ends that come after step 1 wait for the next pass.

use crate::drain::assemble::{Assembler, Gathered, Lost};
use crate::drain::seal::Sealer;
use crate::drain::side::{NONE, SideTable};
use crate::drain::stock::Stock;
use crate::limits::SpanLimits;
use crate::raw::block::{ALL, Block, SLOTS, Shed};
use crate::raw::clock::Timeline;
use crate::raw::engine::Engine;
use crate::raw::handle::{Base, Place};
use crate::raw::log::Reader;
use crate::raw::record::{At, Blob, Kind, Record, Recorded};
use crossbeam_epoch::Guard;

/// What the drain knows of a block.
#[derive(Debug)]
struct Known {
    block: &'static Block,
    base: Base,
    /// Slots that were assembled.
    consumed: u64,
    /// Slots whose end was seen in this pass.
    ending: u64,
    /// Made when the block is first recorded in, and kept.
    spans: Option<Box<[Pending; SLOTS]>>,
}

impl Known {
    fn new(block: &'static Block, address: u32) -> Self {
        Self { block, base: Base::new(address, 0), consumed: 0, ending: 0, spans: None }
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
    /// Records of this pass, a list through `Node::next`.
    first: u32,
    last: u32,
    /// Attributes, events and links shed because the side table was full.
    shed: Lost,
    /// Whether a call from a thread other than the owner is among the records.
    foreign: bool,
}

const NOTHING: Pending = Pending { side: NONE, first: NONE, last: NONE, shed: [0; 3], foreign: false };

/// A record of this pass.
#[derive(Debug, Clone, Copy)]
struct Node {
    at: At,
    next: u32,
}

/// What one pass did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Collected {
    /// Spans assembled.
    pub(crate) spans: u64,
    /// Records read from the logs.
    pub(crate) records: u64,
    /// Calls that came for spans already assembled, and second ends that nobody noticed.
    pub(crate) stale: u64,
    /// Attributes, events and links lost to limits or to a full side table.
    pub(crate) lost: [u64; 3],
    /// Chunks that go back to the threads.
    pub(crate) retired: u64,
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
    out: Vec<u32>,
    readers: Vec<Reader>,
    side: SideTable,
    assembler: Assembler,
    /// Buffers of spans assembled in this pass.
    spent: Vec<u32>,
    recorded: Recorded,
    blob: Blob,
    nodes: Vec<Node>,
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
            out: Vec::new(),
            readers: Vec::new(),
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

    /// Bytes of blocks, chunks and side table in use.
    pub(crate) fn bytes(&self) -> usize {
        self.stock.bytes(self.engine) + self.side.bytes()
    }

    /// One pass; see the module. `guard` is pinned in the tracer's collector.
    pub(crate) fn pass(&mut self, timeline: &Timeline, sealer: &mut Sealer<'_>, guard: &Guard) -> Collected {
        let mut done = Collected::default();
        self.adopt();
        self.look_at_ends();
        self.read_logs(guard, &mut done);
        self.assemble(timeline, sealer, &mut done);
        self.recycle(&mut done);
        done
    }

    /// Learns which blocks the threads have taken.
    fn adopt(&mut self) {
        let Self { stock, out, engine, .. } = self;
        stock.taken(engine, |address| out.push(address));
    }

    fn look_at_ends(&mut self) {
        for &address in &self.out {
            let known = &mut self.blocks[address as usize - 1];
            let (by_owner, by_others) = known.block.ended();
            known.ending = (by_owner | by_others) & !known.consumed;
        }
    }

    fn read_logs(&mut self, guard: &Guard, done: &mut Collected) {
        self.recorded.clear();
        self.nodes.clear();
        let Self { engine, blocks, readers, side, recorded, blob, nodes, .. } = self;
        let engine: &'static Engine = engine;
        let mut retired = 0;
        for local in engine.registry.iter() {
            let log = &local.log;
            let target = log.committed();
            blob.clear();
            Reader::of(log, readers).walk(
                log,
                target,
                |records| {
                    for record in records {
                        if record.kind == Kind::Blob {
                            blob.add(&record);
                            continue;
                        }
                        done.records += 1;
                        match pending(blocks, &record) {
                            None => done.stale += u64::from(record.kind != Kind::More),
                            Some((pending, true)) => {
                                pending.foreign |= record.stamp.is_foreign();
                                let id = nodes.len() as u32;
                                nodes.push(Node { at: recorded.push(&record, blob), next: NONE });
                                match pending.last {
                                    NONE => pending.first = id,
                                    last => nodes[last as usize].next = id,
                                }
                                pending.last = id;
                            }
                            Some((pending, false)) => {
                                pending.foreign |= record.stamp.is_foreign();
                                if side.add(&mut pending.side, &record, blob).is_err() {
                                    let (what, n) = lost_with(&record);
                                    pending.shed[what as usize] += n;
                                    done.lost[what as usize] += u64::from(n);
                                }
                            }
                        }
                        blob.clear();
                    }
                },
                // Back to the threads once no walker can see the chunk any more. There is room: no
                // more chunks exist than the supply holds.
                |chunk| {
                    retired += 1;
                    guard.defer(move || engine.chunks.give(chunk).is_ok());
                },
            );
        }
        done.retired = retired;
    }

    fn assemble(&mut self, timeline: &Timeline, sealer: &mut Sealer<'_>, done: &mut Collected) {
        let Self { engine, blocks, out, side, spent, recorded, nodes, assembler, .. } = self;
        let mut gathered = Gathered::default();
        for &address in out.iter() {
            let known = &mut blocks[address as usize - 1];
            let mut ending = known.ending;
            while ending != 0 {
                let slot = ending.trailing_zeros();
                ending &= ending - 1;
                let pending = std::mem::replace(&mut known.spans()[slot as usize], NOTHING);
                let mut next = pending.first;
                let of_this_pass = std::iter::from_fn(|| {
                    let node = nodes.get(next as usize)?;
                    next = node.next;
                    recorded.get(node.at)
                });
                gathered.take(side.records(pending.side).chain(of_this_pass), pending.foreign);
                if pending.side != NONE {
                    spent.push(pending.side);
                }
                let header = known.block.slot(slot).header();
                let span_id = engine.key.seal(Place::new(known.base, slot), header.start.trace_id);
                let lost = assembler.span(
                    &header,
                    span_id,
                    &mut gathered,
                    pending.shed,
                    timeline,
                    &mut sealer.batch,
                );
                for (total, lost) in done.lost.iter_mut().zip(lost) {
                    *total += u64::from(lost);
                }
                sealer.span_done();
                done.spans += 1;
            }
            known.consumed |= known.ending;
            known.ending = 0;
        }
        spent.drain(..).for_each(|id| side.release(id));
    }

    fn recycle(&mut self, done: &mut Collected) {
        let Self { engine, blocks, out, stock, .. } = self;
        out.retain(|&address| {
            let known = &mut blocks[address as usize - 1];
            if known.consumed != ALL || known.block.is_held() {
                return true;
            }
            done.stale += u64::from(known.block.retire());
            known.base = stock.recycle(engine, known.block, known.base);
            known.consumed = 0;
            false
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

/// Where a record belongs, and whether its span ends in this pass; `None` when the span is over.
fn pending<'b>(blocks: &'b mut [Known], record: &Record<'_>) -> Option<(&'b mut Pending, bool)> {
    let place = Place::from_bits(record.place);
    let known = blocks.get_mut(place.base().address().wrapping_sub(1))?;
    let bit = 1 << place.slot();
    if known.base != place.base() || known.consumed & bit != 0 {
        return None;
    }
    let ends = known.ending & bit != 0;
    Some((&mut known.spans()[place.slot() as usize % SLOTS], ends))
}
