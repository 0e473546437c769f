//! The calls: start, record, end. What each does on the caller's thread is here, from the gate to
//! the commit.

use crate::raw::block::{Block, Shed, Start};
use crate::raw::clock::Clock;
use crate::raw::fork;
use crate::raw::handle::Key;
use crate::raw::local::{Local, Own, Target};
use crate::raw::log::Chunk;
use crate::raw::random;
use crate::raw::record::{HEADER_WORDS, Kind, Stamp, Type, header, pack_key, pack_static};
use crate::raw::region;
use crate::raw::registry::Registry;
use crate::raw::supply::Supply;
use crate::raw::tally::{Count, Tally};
use crate::raw::writer::Writer;
use crate::value::{Text, Value};
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

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

/// One tracer's engine. Leaked: it lives as long as the process, so spans need not count references.
#[derive(Debug)]
pub(crate) struct Engine {
    gate: AtomicU8,
    pub(crate) clock: Clock,
    pub(crate) key: Key,
    pub(crate) blocks: Supply<Block>,
    pub(crate) chunks: Supply<Chunk>,
    pub(crate) memory: Memory,
    pub(crate) registry: Registry<Local>,
    /// Counts of calls that have no local.
    pub(crate) strays: Tally,
    pub(crate) sizes: Sizes,
    older: AtomicPtr<Engine>,
}

/// All blocks, by slab address less one, and all chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) blocks: &'static [Block],
    pub(crate) chunks: &'static [Chunk],
}

/// What a handle turned out to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    Live(Target),
    /// Ours, but the span has ended.
    Ended,
    /// Not made by this tracer.
    Forged,
}

impl Engine {
    /// Makes an engine whose supplies are empty yet; the drain fills them.
    pub(crate) fn leak(clock: Clock, seed: Option<u64>, sizes: Sizes) -> &'static Engine {
        let memory = Memory { blocks: region::leak(sizes.blocks), chunks: region::leak(sizes.chunks) };
        let engine: &'static Engine = Box::leak(Box::new(Engine {
            gate: AtomicU8::new(Gate::Open as u8),
            clock,
            key: Key::from_seed(seed.unwrap_or_else(random::word)),
            blocks: Supply::new(sizes.blocks, WARM),
            chunks: Supply::new(sizes.chunks, WARM),
            memory,
            registry: Registry::new(seed),
            strays: Tally::new(),
            sizes,
            older: AtomicPtr::new(std::ptr::null_mut()),
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
    }

    /// Fork handler: atomic stores only.
    pub(crate) fn close_in_child(&self) {
        self.gate.store(Gate::Forked as u8, Ordering::Relaxed);
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
    pub(crate) fn start(&'static self, start: &Start) -> Option<Target> {
        let Some(own) = self.own() else {
            self.refuse();
            return None;
        };
        let target = own.start(&self.blocks, self.memory.blocks, start);
        if target.is_none() {
            own.local().tally.add_own(Count::Overload, 1);
        }
        target
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

    /// Looks a handle up without counting anything.
    ///
    /// The order matters: the tag first, which an id that is not ours fails; then whether the block
    /// exists; then whether this life of the slot is live; then the trace id.
    #[inline]
    pub(crate) fn find(&self, trace_id: u128, span_id: u64) -> Found {
        let Some(place) = self.key.open(span_id, trace_id) else { return Found::Forged };
        let base = place.base();
        let Some(block) = self.memory.blocks.get(base.address().wrapping_sub(1)) else {
            return Found::Forged;
        };
        let slot = block.slot(place.slot());
        // The tag vouches for the trace id: if another stands there, the slot was issued anew between
        // the two looks.
        if !slot.is_live(base) || slot.trace_id() != trace_id {
            return Found::Ended;
        }
        Found::Live(Target { block, place })
    }

    /// Looks a handle up for a call on it, and counts what does not lead to a live span.
    #[inline]
    pub(crate) fn resolve(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        if trace_id == 0 && span_id == 0 {
            self.count(Count::InvalidCall, 1);
            return None;
        }
        match self.find(trace_id, span_id) {
            Found::Live(target) => Some(target),
            Found::Ended => {
                self.count(Count::Stale, 1);
                None
            }
            Found::Forged => {
                self.count(Count::Forged, 1);
                None
            }
        }
    }

    /// The right to record on a live span, and in what order: `None` when it has ended, which is
    /// counted.
    #[inline(always)]
    fn stamp(&'static self, own: Own, target: Target) -> Option<Stamp> {
        let slot = target.block.slot(target.place.slot());
        if !slot.is_live(target.place.base()) {
            own.local().tally.add_own(Count::Stale, 1);
            return None;
        }
        Some(if target.block.is_held_by(own.local()) {
            Stamp { sequence: slot.sequence(), foreign: false }
        } else {
            Stamp { sequence: slot.next_sequence(), foreign: true }
        })
    }

    /// Sets one attribute.
    #[inline(always)]
    pub(crate) fn attribute(&'static self, target: Target, key: Text<'_>, value: &Value<'_>) {
        if let Text::Static(text) = key {
            let scalar = match *value {
                Value::Bool(value) => Some((Type::Bool, u64::from(value))),
                Value::I64(value) => Some((Type::I64, value as u64)),
                Value::F64(value) => Some((Type::F64, value.to_bits())),
                Value::StaticStr(text) => pack_static(text).map(|word| (Type::StaticStr, word)),
                _ => None,
            };
            if let Some((ty, value)) = scalar {
                if let Some(key) = pack_key(text, ty) {
                    return self.scalar(target, key, value);
                }
            }
        }
        self.attributes(target, &[(key, *value)]);
    }

    /// Sets one attribute whose key and value are a word each.
    #[inline]
    fn scalar(&'static self, target: Target, key: u64, value: u64) {
        // Before the registry, which a forked child must stay out of: see `count`.
        if !self.is_open() {
            return;
        }
        let Some(own) = self.registry.own() else {
            return self.shed(target, Count::ShedAttributes, Shed::Attributes, 1);
        };
        let Some(stamp) = self.stamp(own, target) else { return };
        const WORDS: usize = HEADER_WORDS + 2;
        let words = [header(Kind::Attributes, stamp, 1, WORDS), target.place.bits(), key, value];
        // SAFETY: `own` proves that this thread alone appends to its log, and no other append of
        // this thread is under way: none is kept beyond its call, and no call calls another. The
        // words are a whole record.
        if unsafe { own.local().log.append_words(&self.chunks, words) }.is_err() {
            self.shed(target, Count::ShedAttributes, Shed::Attributes, 1);
        }
    }

    /// Sets attributes with one look at the span and one commit.
    #[inline]
    pub(crate) fn attributes(&'static self, target: Target, attributes: &[(Text<'_>, Value<'_>)]) {
        self.record(target, Kind::Attributes, 0, Shed::Attributes, |_| (), attributes);
    }

    /// Adds an event. `time` is in ticks, or in Unix nanoseconds when it was given by the caller.
    #[inline]
    pub(crate) fn event(
        &'static self,
        target: Target,
        name: Text<'_>,
        time: Option<u64>,
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        let (time, is_unix) = time.map_or_else(|| (self.clock.ticks(), 0), |nanos| (nanos, 1));
        let max = self.text_limit();
        let body = Writer::text_words(name, max) + 2;
        let write = |writer: &mut Writer<'_>| {
            writer.text(name, max);
            writer.words([time, is_unix]);
        };
        self.record(target, Kind::Event, body, Shed::Events, write, attributes);
    }

    /// Adds a link.
    pub(crate) fn link(&'static self, target: Target, link: &Link<'_>, attributes: &[(Text<'_>, Value<'_>)]) {
        let state = Text::Copied(link.trace_state);
        let max = self.text_limit();
        let body = 4 + Writer::text_words(state, max);
        let write = |writer: &mut Writer<'_>| {
            let (high, low) = ((link.trace_id >> 64) as u64, link.trace_id as u64);
            writer.words([high, low, link.span_id, u64::from(link.flags)]);
            writer.text(state, max);
        };
        self.record(target, Kind::Link, body, Shed::Links, write, attributes);
    }

    /// Sets the status; the last call before the end wins.
    pub(crate) fn status(&'static self, target: Target, code: u64, message: Text<'_>) {
        let max = self.text_limit();
        let write = |writer: &mut Writer<'_>| {
            writer.words([code]);
            writer.text(message, max);
        };
        self.record(target, Kind::Status, 1 + Writer::text_words(message, max), Shed::Attributes, write, &[]);
    }

    /// Sets a text of the span: its name or its trace state.
    pub(crate) fn text(&'static self, target: Target, kind: Kind, text: Text<'_>) {
        let max = self.text_limit();
        let write = |writer: &mut Writer<'_>| writer.text(text, max);
        self.record(target, kind, Writer::text_words(text, max), Shed::Attributes, write, &[]);
    }

    /// Sets the start or end to a given Unix time in nanoseconds.
    pub(crate) fn time(&'static self, target: Target, kind: Kind, unix_nanos: u64) {
        let write = |writer: &mut Writer<'_>| writer.words([unix_nanos]);
        self.record(target, kind, 1, Shed::Attributes, write, &[]);
    }

    /// Longest name, message or trace state, in bytes.
    fn text_limit(&self) -> usize {
        crate::raw::record::MAX_INLINE.min(self.sizes.max_payload)
    }

    /// One call's records: a body, then attributes. What finds no chunk is shed and counted.
    #[inline]
    fn record(
        &'static self,
        target: Target,
        kind: Kind,
        body: usize,
        what: Shed,
        write: impl FnOnce(&mut Writer<'_>),
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        let count = match what {
            Shed::Attributes => Count::ShedAttributes,
            Shed::Events => Count::ShedEvents,
            Shed::Links => Count::ShedLinks,
        };
        // An attributes record that cannot be begun loses as many attributes as the call has.
        let lost = if kind == Kind::Attributes { attributes.len() as u32 } else { 1 };
        // As in `scalar`.
        if !self.is_open() {
            return;
        }
        let Some(own) = self.registry.own() else {
            return self.shed(target, count, what, lost);
        };
        let Some(stamp) = self.stamp(own, target) else { return };
        let (log, place, max) = (&own.local().log, target.place.bits(), self.sizes.max_payload);
        // SAFETY: `own` proves that this thread alone appends to its log. Nothing called below is
        // the caller's code, so no other append of this thread begins before `finish`.
        let opened = unsafe { Writer::open(log, &self.chunks, kind, place, stamp, body, max) };
        let Ok(mut writer) = opened else {
            return self.shed(target, count, what, lost);
        };
        write(&mut writer);
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

    #[cold]
    #[inline(never)]
    fn shed(&'static self, target: Target, count: Count, what: Shed, n: u32) {
        if n > 0 {
            target.block.slot(target.place.slot()).count_shed(target.place.base(), what, n);
            self.count(count, u64::from(n));
        }
    }

    /// Ends a span now. `false`, and counted, when it had ended before.
    #[inline(always)]
    pub(crate) fn end(&'static self, target: Target) -> bool {
        if !self.is_open() {
            return false;
        }
        let ticks = self.clock.ticks();
        let place = target.place;
        let own = self.registry.own();
        let ended = match own {
            Some(own) if target.block.is_held_by(own.local()) => {
                own.end(target.block, place.base(), place.slot(), ticks)
            }
            // Needs no local: a span can be ended from a thread's last destructor.
            _ => target.block.end_foreign(place, ticks),
        };
        if !ended {
            self.count(Count::Stale, 1);
        }
        ended
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
