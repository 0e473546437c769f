//! A table that leads from a handle to a few words.
//!
//! A tracer that stands in front of others needs, for each of its handles, what those gave it. The
//! span engine has no room for that, and a map with a lock has no place on a hot path. So this is the
//! engine's own scheme once more: an entry's number and generation, sealed with a keyed tag into a
//! span id, which leads back to the entry by arithmetic. A handle that was not made here is turned
//! away before any memory is looked at.
//!
//! # An entry
//!
//! ```text
//!   word 0   generation << 2 | phase
//!   word 1   proof: the whole keyed hash of number, generation and trace id
//!   word 2.. the caller's, as many as the table was made for, up to a multiple of 64 bytes in all
//! ```
//!
//! ```text
//!                       reserve                publish               end
//!   free, phase Ended ──────────▶ Vacant ────────────────▶ Live ──────────────▶ Ended, free
//!   (or never used)    generation   │ │                     compare-and-swap
//!                      plus one     │ └──lend──▶ Ended, not free ──drop of Lent──▶ free
//!                                   └──drop──▶ free
//! ```
//!
//! The words of an entry that has ended are still there until the entry is reserved again: what
//! belongs below a span that ended a moment ago still finds it.
//!
//! # Reading while the entry changes hands
//!
//! Reader R has a handle of generation 7. It loads the state, Live 7, and stalls. The span is ended,
//! the entry reserved and filled anew: Vacant 8, new words. R goes on and loads a mix. Then it loads
//! the state again and finds generation 8: the words are thrown away. The two loads cannot both give
//! 7 around a word of generation 8: who stores such a word has stored Vacant 8 before, with a Release
//! fence between; who has loaded such a word and passed an Acquire fence loads Vacant 8 or newer.
//! Nobody waits for anybody. The words are atomics, so a mix is a mix of numbers and nothing worse.
//!
//! # What tells two lives apart
//!
//! A generation comes back after 2^22 lives, within seconds on an entry that is used as fast as can
//! be. Therefore the proof is compared, too: 64 bits that depend on the trace id. What remains is a
//! handle that is late by an exact multiple of 2^22 lives of its entry and names the trace that the
//! entry is in again: that call goes to another span of the same trace.
//!
//! # Two ends
//!
//! The swap from Live to Ended has one winner, which alone gives the entry back. The words it goes by
//! were read before, in the life that the swap confirms. It is the one locked instruction of an entry's
//! life when it stays on one thread.

use crate::raw::fork::Home;
use crate::raw::free::{Free, Magazine};
use crate::raw::handle::{ENTRY_BITS, GENERATION_BITS, Key, Place};
use crate::raw::local::Own;
use crate::raw::random;
use crate::raw::region::{self, Zeroed};
use crate::raw::registry::Registry;
use crate::raw::tally::{Count, Tally};
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use std::fmt;
use std::mem::ManuallyDrop;

/// Entries that a table may have.
pub(crate) const MAX_ENTRIES: usize = (1 << ENTRY_BITS) - 1;

const LINE_WORDS: usize = if cfg!(loom) { 4 } else { 8 };

/// A cache line.
#[repr(align(64))]
struct Line([AtomicU64; LINE_WORDS]);

// SAFETY: atomics of integers, for which zero is valid; nothing is dropped.
unsafe impl Zeroed for Line {
    #[cfg(loom)]
    fn fresh() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

const STATE: usize = 0;
const PROOF: usize = 1;
/// Words before the caller's.
const HEAD: usize = 2;

/// The first word of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Phase {
    Vacant = 0,
    Live = 1,
    Ended = 2,
}

impl State {
    #[inline(always)]
    const fn new(generation: u32, phase: Phase) -> Self {
        Self((generation as u64) << 2 | phase as u64)
    }

    #[inline(always)]
    const fn is(self, phase: Phase) -> bool {
        self.0 & 3 == phase as u64
    }

    #[inline(always)]
    const fn generation(self) -> u32 {
        (self.0 >> 2) as u32
    }

    #[inline(always)]
    const fn next_generation(self) -> u32 {
        (self.generation() + 1) & ((1 << GENERATION_BITS) - 1)
    }
}

/// What a handle led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<const W: usize> {
    pub(crate) words: [u64; W],
    /// Whether it has not ended.
    pub(crate) live: bool,
}

/// Why a handle led to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miss {
    /// It was made here; its entry has ended, or is in another life.
    Stale,
    /// It was not made here.
    Forged,
}

impl Miss {
    /// What a call on such a handle counts as.
    pub(crate) fn count(self) -> Count {
        match self {
            Miss::Stale => Count::Stale,
            Miss::Forged => Count::Forged,
        }
    }
}

/// See the module. Leaked: threads that have exited leave their magazines to others, and a handle may
/// be used at any time.
pub(crate) struct Table {
    key: Key,
    /// Entry after entry, from number 0 on, which no handle names and nobody is given.
    lines: &'static [Line],
    /// Lines of an entry.
    height: usize,
    free: Free,
    registry: Registry<Magazine>,
    /// Counts of calls that have no magazine.
    strays: Tally,
    home: Home,
}

impl Table {
    /// A table of `entries` entries with at least `words` words each. Memory is reserved for all of
    /// them and touched as they are used; the queue of free entries takes 16 bytes for each at once.
    ///
    /// `entries` is at least 1 and at most [`MAX_ENTRIES`], which the caller has checked.
    pub(crate) fn leak(entries: usize, words: usize) -> &'static Self {
        Self::leak_with(words, Free::new(number_of(entries)), entries)
    }

    /// As [`leak`](Self::leak), with the number of entries that a thread may keep given.
    #[cfg(loom)]
    pub(crate) fn leak_keeping(entries: usize, words: usize, keep: u32) -> &'static Self {
        Self::leak_with(words, Free::keeping(number_of(entries), keep), entries)
    }

    fn leak_with(words: usize, free: Free, entries: usize) -> &'static Self {
        let height = (HEAD + words).div_ceil(LINE_WORDS);
        Box::leak(Box::new(Self {
            key: Key::from_seed(random::word()),
            lines: region::leak(height * (entries + 1)),
            height,
            free,
            registry: Registry::new(None),
            strays: Tally::new(),
            home: Home::here(),
        }))
    }

    /// Whether this process was forked from the one that made the table. There it must not be used:
    /// a lock that a first call takes may be held by a thread that is gone.
    #[inline(always)]
    pub(crate) fn is_forked(&self) -> bool {
        self.home.is_left()
    }

    /// The entry of this number, if there is one, to look at `W` of the caller's words at most.
    #[inline(always)]
    fn entry<const W: usize>(&self, number: u32) -> Option<Lines> {
        let at = number as usize * self.height;
        // A few words are all in the first line: one look at the bounds.
        let lines = if W <= LINE_WORDS - HEAD {
            std::slice::from_ref(self.lines.get(at)?)
        } else {
            self.lines.get(at..at + self.height)?
        };
        let (first, rest) = lines.split_first()?;
        Some(Lines { first: &first.0, rest })
    }

    /// Takes a free entry to be filled. `None`, which is counted, when all are in use and in a forked
    /// child.
    #[inline(always)]
    pub(crate) fn reserve(&'static self) -> Option<Vacant> {
        if self.is_forked() {
            self.count(Count::Fork);
            return None;
        }
        let own = self.registry.own_aside();
        let taken = match own {
            Some(own) => own.take(&self.free),
            // A thread past its last destructors.
            None => self.free.take(),
        };
        let Some((number, entry)) = taken.and_then(|number| Some((number, self.entry::<0>(number)?))) else {
            self.count(Count::Overload);
            return None;
        };
        // Relaxed: nobody else stores to a free entry, and whoever stored to it last gave it back
        // before.
        let generation = State(entry.first[STATE].load(Ordering::Relaxed)).next_generation();
        entry.first[STATE].store(State::new(generation, Phase::Vacant).0, Ordering::Relaxed);
        // Release pairs with the Acquire fence in `read`: who sees a word of this life sees its
        // generation.
        fence(Ordering::Release);
        Some(Vacant { table: self, own, head: entry.first, place: Place::of_entry(number, generation) })
    }

    /// The words of an entry, live or ended. Beyond those that entries have they are zero.
    #[inline(never)]
    pub(crate) fn read<const W: usize>(&self, trace_id: u128, span_id: u64) -> Result<Entry<W>, Miss> {
        let (place, proof) = self.key.open_proven(span_id, trace_id).ok_or(Miss::Forged)?;
        let entry = self.entry::<W>(place.entry()).ok_or(Miss::Forged)?;
        // Acquire pairs with the Release in `publish` and `lend`: who sees that the entry was filled
        // sees what with.
        let before = State(entry.first[STATE].load(Ordering::Acquire));
        let is_of_this_life = before.generation() == place.generation() || seeded(Bug::EntryOfAnyLife);
        if !is_of_this_life || before.is(Phase::Vacant) {
            return Err(Miss::Stale);
        }
        let proven = entry.first[PROOF].load(Ordering::Relaxed);
        let words = entry.load();
        // Acquire pairs with the Release fence in `reserve`, see the module.
        fence(Ordering::Acquire);
        let after = State(entry.first[STATE].load(Ordering::Relaxed));
        let is_still_of_it = after.generation() == place.generation()
            || seeded(Bug::NoSecondLook)
            || seeded(Bug::EntryOfAnyLife);
        // The proof would tell most lives apart as well.
        let is_proven = proven == proof || seeded(Bug::EntryOfAnyLife);
        if !is_still_of_it || !is_proven {
            return Err(Miss::Stale);
        }
        Ok(Entry { words, live: after.is(Phase::Live) })
    }

    /// Ends a live entry. One call succeeds, and gets the words.
    #[inline(never)]
    pub(crate) fn end<const W: usize>(&'static self, trace_id: u128, span_id: u64) -> Result<[u64; W], Miss> {
        let (place, proof) = self.key.open_proven(span_id, trace_id).ok_or(Miss::Forged)?;
        let entry = self.entry::<W>(place.entry()).ok_or(Miss::Forged)?;
        let [live, ended] = [Phase::Live, Phase::Ended].map(|phase| State::new(place.generation(), phase));
        // Acquire pairs with the Release in `publish`, as in `read`.
        if entry.first[STATE].load(Ordering::Acquire) != live.0
            || entry.first[PROOF].load(Ordering::Relaxed) != proof
        {
            return Err(Miss::Stale);
        }
        // Before the entry can be used again.
        let words = entry.load();
        // Relaxed: it only decides who ends the entry, which is reserved again after that call has
        // given it back. It continues the release sequence of `publish`.
        let swapped =
            entry.first[STATE].compare_exchange(live.0, ended.0, Ordering::Relaxed, Ordering::Relaxed);
        if swapped.is_err() {
            return Err(Miss::Stale);
        }
        self.give(place.entry());
        Ok(words)
    }

    #[inline(always)]
    fn give(&'static self, number: u32) {
        if let Some(own) = self.registry.own_aside() {
            own.local().tally.add_own(Count::Returned, 1);
            own.give(&self.free, number);
        } else {
            self.strays.add_shared(Count::Returned, 1);
            self.free.give(number);
        }
    }

    /// Counts something on the calling thread.
    #[inline(always)]
    pub(crate) fn count(&'static self, what: Count) {
        let own = if self.is_forked() { None } else { self.registry.own_aside() };
        match own {
            Some(own) => own.local().tally.add_own(what, 1),
            None => self.strays.add_shared(what, 1),
        }
    }

    /// What was counted so far. Exact when nobody uses the table.
    pub(crate) fn counted(&self, what: Count) -> u64 {
        self.strays.get(what) + self.registry.iter().map(|local| local.tally.get(what)).sum::<u64>()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.lines.len() / self.height - 1;
        f.debug_struct("Table").field("entries", &entries).finish_non_exhaustive()
    }
}

fn number_of(entries: usize) -> u32 {
    assert!((1..=MAX_ENTRIES).contains(&entries), "a table of {entries} entries");
    entries as u32
}

/// An entry's lines.
#[derive(Clone, Copy)]
struct Lines {
    first: &'static [AtomicU64; LINE_WORDS],
    rest: &'static [Line],
}

impl Lines {
    /// The caller's words.
    #[inline(always)]
    fn words(&self) -> impl Iterator<Item = &'static AtomicU64> {
        self.first[HEAD..].iter().chain(self.rest.iter().flat_map(|line| &line.0))
    }

    #[inline(always)]
    fn load<const W: usize>(&self) -> [u64; W] {
        let mut values = [0; W];
        for (value, word) in values.iter_mut().zip(self.words()) {
            // Relaxed: ordered by the state and the fences around.
            *value = word.load(Ordering::Relaxed);
        }
        values
    }

    #[inline(always)]
    fn store<const W: usize>(&self, values: &[u64; W]) {
        for (word, value) in self.words().zip(values) {
            // Relaxed: ordered by the fence in `reserve` and the Release of `hand_out`.
            word.store(*value, Ordering::Relaxed);
        }
    }
}

/// A reserved entry, to be filled. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Vacant {
    table: &'static Table,
    own: Option<Own<Magazine>>,
    head: &'static [AtomicU64; LINE_WORDS],
    place: Place,
}

impl Vacant {
    /// Fills the entry with the caller's words, the first ones of it (what it has no room for is left
    /// out), makes it live and returns the span id that, in this trace, leads to it; it is not 0.
    #[inline(always)]
    pub(crate) fn publish<const W: usize>(self, trace_id: u128, words: &[u64; W]) -> u64 {
        self.hand_out(trace_id, words, Phase::Live)
    }

    /// The same for an entry that has ended and yet is not free before the guard is dropped: it can be
    /// read, and nothing else.
    pub(crate) fn lend<const W: usize>(self, trace_id: u128, words: &[u64; W]) -> (u64, Lent) {
        let lent = Lent { table: self.table, number: self.place.entry() };
        (self.hand_out(trace_id, words, Phase::Ended), lent)
    }

    #[inline(always)]
    fn hand_out<const W: usize>(self, trace_id: u128, words: &[u64; W], phase: Phase) -> u64 {
        let this = ManuallyDrop::new(self);
        let Table { key, strays, .. } = this.table;
        if let Some(entry) = this.table.entry::<W>(this.place.entry()) {
            entry.store(words);
        }
        this.head[PROOF].store(key.proof_of(this.place, trace_id), Ordering::Relaxed);
        // Release pairs with the Acquire in `read` and `end`.
        let state = State::new(this.place.generation(), phase);
        this.head[STATE].store(state.0, Ordering::Release);
        let span_id = key.seal(this.place, trace_id);
        match this.own {
            Some(own) => own.local().tally.add_own(Count::Taken, 1),
            None => strays.add_shared(Count::Taken, 1),
        }
        span_id
    }
}

impl Drop for Vacant {
    fn drop(&mut self) {
        match self.own {
            Some(own) => own.give(&self.table.free, self.place.entry()),
            None => self.table.free.give(self.place.entry()),
        }
    }
}

/// Keeps an entry that was lent from being used again.
#[derive(Debug)]
pub(crate) struct Lent {
    table: &'static Table,
    number: u32,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.table.is_forked() {
            self.table.give(self.number);
        }
    }
}
