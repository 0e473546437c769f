//! The calls: start, record, end. What each does on the caller's thread is here, from the gate to
//! the commit.

use crate::raw::block::Block;
use crate::raw::clock::{self, Clock};
use crate::raw::fork;
use crate::raw::handle::{Base, Key};
use crate::raw::intern::Interner;
use crate::raw::local::{Local, Own, Target};
use crate::raw::log::Chunk;
use crate::raw::packed::KeyWord;
use crate::raw::quick::{self, Body, Plain};
use crate::raw::random;
use crate::raw::record::{HEADER_WORDS, Kind, Stamp, Type, header};
use crate::raw::region;
use crate::raw::registry::Registry;
use crate::raw::short;
use crate::raw::slot::{Origin, Shed, Start};
use crate::raw::supply::Supply;
use crate::raw::tally::{Count, Tally};
use crate::raw::writer::Writer;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::value::{Text, Value};

/// Whether calls are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Gate {
    Open = 0,
    /// After shutdown.
    Closed = 1,
    /// In a forked child.
    Forked = 2,
}

/// How much memory the engine may have, and the longest value it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) blocks: usize,
    pub(crate) chunks: usize,
    /// Bytes of one attribute value.
    pub(crate) max_payload: usize,
}

/// How many blocks and chunks are kept at hand in the order they came back: half a megabyte of each,
/// what fits into a core's second-level cache.
const WARM: usize = 128;

/// Which part of the blocks and chunks one thread may take between two passes of the drain, and how many
/// in any case, which is what the default budget comes to: blocks for 65,536 spans. The part of the
/// chunks is larger, so that a thread that has had its share is refused whole spans and sheds no
/// attributes.
const BLOCK_SHARE: usize = 16;
const CHUNK_SHARE: usize = 4;
const SHARE_MIN: usize = if cfg!(nanospan_tiny) { 16 } else { 1024 };

fn share(all: usize, part: usize) -> usize {
    (all / part).max(SHARE_MIN)
}

/// One tracer's engine. Leaked: it lives as long as the process, so spans need not count references.
#[derive(Debug)]
pub(crate) struct Engine {
    gate: AtomicU8,
    /// 0 while a span may be started in the short way, see [`start_short`](Engine::start_short): one
    /// look instead of several.
    detour: AtomicU8,
    pub(crate) clock: Clock,
    pub(crate) key: Key,
    pub(crate) blocks: Supply<Base>,
    pub(crate) chunks: Supply<&'static Chunk>,
    pub(crate) memory: Memory,
    texts: &'static Interner,
    pub(crate) registry: Registry<Local>,
    /// Counts of calls that have no local.
    pub(crate) strays: Tally,
    pub(crate) sizes: Sizes,
    /// Not `sync`'s: engines of several models are in one list.
    older: std::sync::atomic::AtomicPtr<Engine>,
}

/// All blocks, by slab address less one, and all chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) blocks: &'static [Block],
    pub(crate) chunks: &'static [Chunk],
}

impl Engine {
    /// Makes an engine whose supplies are empty yet; the drain fills them.
    pub(crate) fn leak(clock: Clock, seed: Option<u64>, sizes: Sizes) -> &'static Engine {
        let memory = Memory { blocks: region::leak(sizes.blocks), chunks: region::leak(sizes.chunks) };
        let engine: &'static Engine = Box::leak(Box::new(Engine {
            gate: AtomicU8::new(Gate::Open as u8),
            detour: AtomicU8::new(u8::from(!clock.is_counter())),
            clock,
            key: Key::from_seed(seed.unwrap_or_else(random::word)),
            blocks: Supply::new(sizes.blocks, WARM, share(sizes.blocks, BLOCK_SHARE)),
            chunks: Supply::new(sizes.chunks, WARM, share(sizes.chunks, CHUNK_SHARE)),
            memory,
            registry: Registry::new(seed),
            texts: Interner::shared(),
            strays: Tally::new(),
            sizes,
            older: std::sync::atomic::AtomicPtr::new(std::ptr::null_mut()),
        }));
        fork::watch(engine);
        engine
    }

    /// Whether calls are let in. Relaxed: a call that overlaps the closing may go either way; what
    /// it recorded is counted wherever it ended up.
    #[inline(always)]
    pub(crate) fn gate(&self) -> Gate {
        match self.gate.load(Ordering::Relaxed) {
            0 => Gate::Open,
            1 => Gate::Closed,
            _ => Gate::Forked,
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.gate.load(Ordering::Relaxed) == Gate::Open as u8
    }

    /// Lets no call in from now on.
    pub(crate) fn close(&self) {
        // Relaxed: nothing is published by it. A forked child stays forked.
        let _ = self.gate.compare_exchange(
            Gate::Open as u8,
            Gate::Closed as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.detour();
    }

    /// Has every span started in the long way from now on.
    pub(crate) fn detour(&self) {
        self.detour.store(1, Ordering::Relaxed);
    }

    /// For the fork handler: atomic stores only.
    pub(crate) fn close_in_child(&self) {
        self.gate.store(Gate::Forked as u8, Ordering::Relaxed);
        self.detour();
    }

    pub(crate) fn link_before(&self, older: *mut Engine) {
        // Relaxed: published by the compare-and-swap in `fork::watch`.
        self.older.store(older, Ordering::Relaxed);
    }

    pub(crate) fn linked(&self) -> *mut Engine {
        self.older.load(Ordering::Relaxed)
    }

    /// The calling thread's own local, when calls are let in and the thread has one.
    #[inline(always)]
    pub(crate) fn own(&'static self) -> Option<Own> {
        if self.is_open() { self.registry.own() } else { None }
    }

    /// The same for a call by handle, see [`Registry::own_aside`].
    #[inline(always)]
    pub(super) fn own_aside(&'static self) -> Option<Own> {
        if self.is_open() { self.registry.own_aside() } else { None }
    }

    /// Counts something on the calling thread.
    #[inline]
    pub(crate) fn count(&'static self, what: Count, n: u64) {
        // A forked child stays out of the registry, which may have to take a mutex.
        let own = if self.gate() == Gate::Forked { None } else { self.registry.own() };
        match own {
            Some(own) => own.local().tally.add_own(what, n),
            None => self.strays.add_shared(what, n),
        }
    }

    /// Starts a span now; `None` when it was refused, which is counted.
    #[inline(always)]
    pub(crate) fn start<const BY_HANDLE: bool>(&'static self, start: &Start) -> Option<Target> {
        let Some(own) = (if BY_HANDLE { self.own_aside() } else { self.own() }) else {
            self.refuse();
            return None;
        };
        let vacant = own.vacancy().or_else(|| own.vacancy_in_new_block(&self.blocks, self.memory.blocks));
        match vacant {
            Some(vacant) => own.issue(vacant, start),
            None if seeded(Bug::RefusalNotCounted) => {}
            None => own.local().tally.add_own(Count::Overload, 1),
        }
        vacant
    }

    /// Starts a span now, if nothing stands in the way: calls are let in, the clock is the counter,
    /// nobody asked for a [`detour`](Self::detour), and the thread asked for its local of this engine
    /// last and has a slot left. Otherwise nothing has happened, and [`start`](Self::start) is to be
    /// called. `start` is made of the ticks once the slot is known.
    #[inline(always)]
    pub(crate) fn start_short<O: Origin>(
        &'static self,
        start: impl FnOnce(Own, u64) -> O,
    ) -> Option<(Target, O)> {
        if self.detour.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let own = self.registry.own_last()?;
        let vacant = own.vacancy()?;
        let start = start(own, clock::counter());
        own.issue(vacant, &start);
        Some((vacant, start))
    }

    /// Counts something on the calling thread, if it asked for its local of this engine last; `false` if
    /// it has not been counted.
    #[inline(always)]
    pub(crate) fn count_short(&'static self, what: Count) -> bool {
        self.registry.own_last().map(|own| own.local().tally.add_own(what, 1)).is_some()
    }

    /// Counts a span that was not let in or has no thread to live on.
    #[cold]
    #[inline(never)]
    fn refuse(&'static self) {
        let reason = match self.gate() {
            Gate::Open => Count::ThreadExit,
            Gate::Closed => Count::Shutdown,
            Gate::Forked => Count::Fork,
        };
        self.count(reason, 1);
    }

    /// The right to record on a live span, and in what order: `None` when it has ended, which is
    /// counted.
    #[inline(always)]
    fn stamp(&'static self, own: Own, target: Target) -> Option<Stamp> {
        let slot = target.block.slot(target.place.slot());
        if !slot.is_live(target.place) {
            own.local().tally.add_own(Count::Stale, 1);
            return None;
        }
        if seeded(Bug::RecordOfAnyLife) {
            // Else the window is too short.
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
        Some(if target.block.is_held_by(own.local()) { slot.stamp() } else { slot.next_stamp() })
    }

    /// Sets one attribute.
    #[inline]
    pub(crate) fn attribute(&'static self, target: Target, key: Text<'_>, value: &Value<'_>) {
        self.attributes(target, &[(key, *value)]);
    }

    /// Sets one attribute on the span that a handle names: what a call by handle does over and over,
    /// with a key and a value that are short. The key is given both ways; `word` and `text` are as in
    /// [`quick::Plain`].
    ///
    /// Everything is handed over in registers or word by word. A text that goes by memory is written in
    /// two words and read in one piece, which stalls the processor longer than all else here takes.
    #[inline(never)]
    pub(crate) fn plain_at(
        &'static self,
        span: (u128, u64),
        key: &str,
        key_word: KeyWord,
        ty: Type,
        word: u64,
        text: &str,
    ) {
        let plain = Plain { ty, word, text };
        let own = self.own_aside();
        let target = match own.and_then(|own| own.recall(span.0, span.1)) {
            None => self.resolve_anew(span.0, span.1),
            known => known,
        };
        if let Some(target) = target {
            self.plain(own, target, key, key_word, plain);
        }
    }

    /// As [`plain_at`](Self::plain_at), on a span that was found already.
    #[cfg(feature = "bext")]
    #[inline(never)]
    pub(crate) fn plain_on(
        &'static self,
        target: Target,
        key: &str,
        key_word: KeyWord,
        ty: Type,
        word: u64,
        text: &str,
    ) {
        self.plain(self.own_aside(), target, key, key_word, Plain { ty, word, text });
    }

    #[inline(always)]
    fn plain(
        &'static self,
        own: Option<Own>,
        target: Target,
        key: &str,
        key_word: KeyWord,
        plain: Plain<'_>,
    ) {
        if let Some(own) = own {
            let Some(stamp) = self.stamp(own, target) else { return };
            // SAFETY: as in `record`.
            if let Some(mut room) = unsafe { own.local().log.room() } {
                let key_word = match key_word {
                    KeyWord::NONE => self
                        .texts
                        .get(key, &own.local().seen)
                        .map_or(KeyWord::NONE, |key| KeyWord::of(Text::Static(key), plain.ty)),
                    known => known,
                };
                quick::plain(&mut room, target.place.bits(), key, key_word, plain);
                let header = header(Kind::Attributes, stamp, 1, room.len());
                if room.commit(header) {
                    return;
                }
            }
        }
        self.attributes(target, &[(Text::Copied(key), plain.value())]);
    }

    /// The kept text that equals this one, on whatever thread this is. What is kept is kept for all
    /// engines of the process.
    #[inline(always)]
    pub(crate) fn kept(&'static self, text: &str) -> Option<&'static str> {
        self.texts.get(text, &self.own_aside()?.local().seen)
    }

    /// Sets attributes with one look at the span and one commit.
    #[inline(never)]
    pub(crate) fn attributes(&'static self, target: Target, attributes: &[(Text<'_>, Value<'_>)]) {
        self.record(target, &Body::Attributes, attributes);
    }

    /// Adds an event. `time` is in Unix nanoseconds; none means now.
    #[inline(never)]
    pub(crate) fn event(
        &'static self,
        target: Target,
        name: Text<'_>,
        time: Option<u64>,
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        let time = time.map_or_else(|| [self.clock.ticks(), 0], |nanos| [nanos, 1]);
        self.record(target, &Body::Event(name, time), attributes);
    }

    /// Adds a link.
    pub(crate) fn link(&'static self, target: Target, link: &Link<'_>, attributes: &[(Text<'_>, Value<'_>)]) {
        let (high, low) = ((link.trace_id >> 64) as u64, link.trace_id as u64);
        let words = [high, low, link.span_id, u64::from(link.flags)];
        self.record(target, &Body::Link(words, Text::Copied(link.trace_state)), attributes);
    }

    /// Sets the status; the last call before the end wins.
    #[inline(never)]
    pub(crate) fn status(&'static self, target: Target, code: u64, message: Text<'_>) {
        self.record(target, &Body::Status(code, message), &[]);
    }

    /// Sets a text of the span: its name or its trace state.
    #[inline(never)]
    pub(crate) fn text(&'static self, target: Target, kind: Kind, text: Text<'_>) {
        self.record(target, &Body::Text(kind, text), &[]);
    }

    /// Sets the name that a span starts with, when it has to be copied.
    #[inline(never)]
    pub(crate) fn name(&'static self, target: Target, name: &str) {
        self.record(target, &Body::Text(Kind::Name, Text::Copied(name)), &[]);
    }

    /// Sets the start or end to a given Unix time in nanoseconds.
    #[inline(never)]
    pub(crate) fn time(&'static self, target: Target, kind: Kind, unix_nanos: u64) {
        self.record(target, &Body::Time(kind, unix_nanos), &[]);
    }

    /// Sets when a span ends, for the end that follows: one call of the caller's. On a span that has ended it
    /// leaves it to that end to be counted.
    #[inline]
    pub(crate) fn end_time(&'static self, target: Target, unix_nanos: u64) {
        if target.is_live() {
            self.time(target, Kind::EndTime, unix_nanos);
        }
    }

    /// One call's records: a body, then attributes.
    #[inline(always)]
    fn record(&'static self, target: Target, body: &Body<'_>, attributes: &[(Text<'_>, Value<'_>)]) {
        let (own, stamp) = match short::stamp(target) {
            Some(known) => known,
            None => {
                // Before the registry, which a forked child must stay out of: see `count`.
                if !self.is_open() {
                    return;
                }
                let Some(own) = self.registry.own() else {
                    return self.shed_all(target, body, attributes.len());
                };
                let Some(stamp) = self.stamp(own, target) else { return };
                (own, stamp)
            }
        };
        let log = &own.local().log;
        // A record that says nothing is left to the long way, which counts and writes none.
        let mut says = attributes.len() <= usize::from(u8::MAX);
        loop {
            // SAFETY: `own` proves that this thread alone appends to its log. Nothing called below is
            // the caller's code, so no other append of this thread begins before the commit.
            if let Some(mut room) = unsafe { log.room() } {
                room.put([0, target.place.bits()]);
                body.write(&mut room);
                for (key, value) in attributes {
                    quick::attribute(&mut room, *key, value);
                }
                says &= room.len() > HEADER_WORDS;
                let header = header(body.kind(), stamp, attributes.len() as u8, room.len());
                if says && room.commit(header) {
                    return;
                }
            }
            // Not before, for the short way does not ask; but after the shutdown no chunk is taken.
            if !self.is_open() {
                return;
            }
            // SAFETY: as above.
            if !(says && unsafe { log.turn_over(&self.chunks) }) {
                return self.record_at_length(own, target, stamp, body, attributes);
            }
        }
    }

    /// The same, record by record. What finds no chunk is shed and counted.
    #[cold]
    #[inline(never)]
    fn record_at_length(
        &'static self,
        own: Own,
        target: Target,
        stamp: Stamp,
        body: &Body<'_>,
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        let (log, place) = (&own.local().log, target.place.bits());
        // SAFETY: as in `record`, before `finish`.
        let opened = unsafe { Writer::open(log, &self.chunks, place, stamp, body, self.sizes.max_payload) };
        let Ok(mut writer) = opened else {
            return self.shed_all(target, body, attributes.len());
        };
        let mut shed = 0;
        for (key, value) in attributes {
            shed += u32::from(writer.attribute(*key, value).is_err());
        }
        let truncated = writer.truncated;
        writer.finish();
        if shed > 0 {
            self.shed(target, Count::ShedAttributes, Shed::Attributes, shed);
        }
        if truncated > 0 {
            own.local().tally.add_own(Count::Truncated, u64::from(truncated));
        }
    }

    /// Counts a record that could not be begun.
    #[cold]
    #[inline(never)]
    fn shed_all(&'static self, target: Target, body: &Body<'_>, attributes: usize) {
        match body {
            // As many attributes as the call has.
            Body::Attributes => {
                self.shed(target, Count::ShedAttributes, Shed::Attributes, attributes as u32);
            }
            Body::Event(..) => self.shed(target, Count::ShedEvents, Shed::Events, 1),
            Body::Link(..) => self.shed(target, Count::ShedLinks, Shed::Links, 1),
            Body::Status(..) | Body::Time(..) | Body::Text(..) => {
                self.shed(target, Count::ShedAttributes, Shed::Attributes, 1);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn shed(&'static self, target: Target, count: Count, what: Shed, n: u32) {
        if n > 0 {
            target.block.slot(target.place.slot()).count_shed(target.place, what, n);
            self.count(count, u64::from(n));
        }
    }

    /// Ends a span now. `false`, and counted, when it had ended before.
    #[inline(always)]
    pub(crate) fn end<const BY_HANDLE: bool>(&'static self, target: Target) -> bool {
        if !self.is_open() {
            return false;
        }
        let ticks = self.clock.ticks();
        let own = if BY_HANDLE { self.registry.own_aside() } else { self.registry.own() };
        let ended = match own {
            Some(own) if target.block.is_held_by(own.local()) => own.end(target, || ticks),
            // Needs no local: a span can be ended from a thread's last destructor.
            _ => target.block.end_foreign(target.place, ticks),
        };
        if !ended {
            self.count(Count::Stale, 1);
        }
        ended
    }

    /// As [`end`](Self::end). After shutdown nothing records the end, and yet one call alone gets
    /// `true`: for what is to end along with the span.
    #[cfg(feature = "bext")]
    #[inline(always)]
    pub(crate) fn end_anyway(&'static self, target: Target) -> bool {
        self.end::<true>(target)
            || self.gate() == Gate::Closed && target.block.end_foreign(target.place, self.clock.ticks())
    }
}

/// What a link points to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) flags: u32,
    pub(crate) trace_state: &'a str,
}
