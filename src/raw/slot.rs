//! A slot: the fixed part of one span, in one cache line.
//!
//! # States
//!
//! ```text
//!             owner: start        owner: end, or foreign: try_end
//!   unissued ──────────────▶ live ───────────────────────────────▶ ended ──▶ (drain) consumed
//!       ▲                    end = the place                       end = ticks          │
//!       └────────────── the block's next life, once all of its slots are ───────────────┘
//! ```
//!
//! A slot keeps its words until the next start. That it has ended is told by a bit in a mask of its
//! [block](crate::raw::block), where it is said who is the owner of a slot and who is foreign to it.
//!
//! # Who may do what
//!
//! * The **owner** stores every word when it starts the span, and `end` when it ends it.
//! * A **foreign** call changes three words and no others, each by a read-modify-write: `end`, if it
//!   holds the place of the life that is meant; the counters in `meta`, which the owner changes likewise,
//!   if the generation there is of that life; and `sequence`, in whatever life.
//! * The **drain** reads, once it has seen the slot's bit.
//!
//! # The worst race: a call that comes in the next life
//!
//! Stranger F sees that slot 5 is live, and stalls. The span is ended and consumed, the block is
//! recycled and handed to P, who starts another span in slot 5. F wakes up.
//!
//! * F ends its span: it compares `end` with the place that it means. It finds the ticks of the first
//!   end, which are no place, or P's place, whose generation is another. The swap fails and F counts a
//!   stale call. (Two ends in one life are the worst race of the block.)
//! * F counts a shed record: until P stores `meta` the count goes to a span that was consumed, and P's
//!   store wipes it out. Afterwards the generation is another, and the count is left out.
//! * F takes a number: the addition goes through. P's store of 0 wipes it out, or P's numbers skip one,
//!   which says nothing about their order.
//!
//! P notices none of it: of the words that F can reach, all but the number carry P's generation from P's
//! store on.

use crate::raw::handle::{LIVE, Place};
use crate::raw::packed::{TextParts, pack_static, unpack_static};
use crate::raw::record::Stamp;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU64, Ordering};

/// A span's fixed part: one cache line, written by its owner.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    trace_high: AtomicU64,
    trace_low: AtomicU64,
    parent: AtomicU64,
    start: AtomicU64,
    /// The span's place while it lives, then its end in ticks.
    end: AtomicU64,
    /// A static name as `raw::packed::pack_static`; 0 when the name is a log record.
    name: AtomicU64,
    /// See [`Meta`].
    meta: AtomicU64,
    /// Counts the foreign calls on the span in its upper half, where a record's first word has the
    /// number: it orders records of different threads.
    sequence: AtomicU64,
}

/// What the owner knows of a span when it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) trace_id: u128,
    pub(crate) parent: u64,
    pub(crate) ticks: u64,
    /// A static name as `raw::packed::pack_static`; 0 when it follows in a record.
    pub(crate) name: NameWord,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
}

/// Where a [`Start`] is read from, word by word. Read as a whole first, it would not fit into the
/// registers of a call that has more to do.
pub(crate) trait Origin {
    fn ticks(&self) -> u64;
    fn parent(&self) -> u64;
    fn name(&self) -> NameWord;
    fn trace_high(&self) -> u64;
    fn trace_low(&self) -> u64;
    fn kind(&self) -> u8;
    fn flags(&self) -> u8;
}

impl Origin for Start {
    #[inline(always)]
    fn ticks(&self) -> u64 {
        self.ticks
    }

    #[inline(always)]
    fn parent(&self) -> u64 {
        self.parent
    }

    #[inline(always)]
    fn name(&self) -> NameWord {
        self.name
    }

    #[inline(always)]
    fn trace_high(&self) -> u64 {
        (self.trace_id >> 64) as u64
    }

    #[inline(always)]
    fn trace_low(&self) -> u64 {
        self.trace_id as u64
    }

    #[inline(always)]
    fn kind(&self) -> u8 {
        self.kind
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        self.flags
    }
}

/// A name in one word: a static text, or nothing when the name follows in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameWord(u64);

impl NameWord {
    /// The name follows in a record.
    pub(crate) const ELSEWHERE: Self = Self(0);

    #[inline(always)]
    pub(crate) fn of_static(name: &'static str) -> Self {
        Self(pack_static(name).unwrap_or(0))
    }

    /// `None` when the text is not one word.
    #[inline(always)]
    pub(crate) fn of_parts(name: TextParts) -> Option<Self> {
        name.word().map(Self)
    }

    #[inline(always)]
    pub(crate) fn is_elsewhere(self) -> bool {
        self == Self::ELSEWHERE
    }

    /// The static name; empty when the name is a record.
    pub(crate) fn text(self) -> &'static str {
        match self.0 {
            0 => "",
            // SAFETY: `of_static` and `of_parts` are the only makers of these words, both of the address
            // and length of a `&'static str`, and slots hold no others.
            word => unsafe { unpack_static(word) },
        }
    }
}

/// What the drain reads back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) start: Start,
    pub(crate) end: u64,
    meta: Meta,
}

impl Header {
    /// How many records of the span were shed, by kind.
    pub(crate) fn shed(&self) -> [u32; 3] {
        [Shed::Attributes, Shed::Events, Shed::Links].map(|what| self.meta.count(what) as u32)
    }

    /// Whether any was.
    #[inline(always)]
    pub(crate) fn has_shed(&self) -> bool {
        self.meta.0 >> Meta::shift(Shed::Links) != 0
    }
}

/// Kind, flags and what was shed for want of memory, in one word.
///
/// ```text
///  63        52 51       40 39      28 27           12 11   8 7     0
/// ┌────────────┬───────────┬──────────┬───────────────┬──────┬───────┐
/// │ attributes │ events    │ links    │ generation    │ kind │ flags │
/// └────────────┴───────────┴──────────┴───────────────┴──────┴───────┘
/// ```
///
/// The three counters saturate. The low 16 bits of the generation turn away a count that comes late.
#[derive(Debug, Clone, Copy)]
struct Meta(u64);

/// What a shed record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    Attributes = 0,
    Events = 1,
    Links = 2,
}

impl Meta {
    const COUNT_MAX: u64 = (1 << 12) - 1;

    /// The generation's bits, here as in a place.
    const GENERATION: u64 = 0xffff << 12;

    #[inline(always)]
    const fn new(kind: u8, flags: u8, place: Place) -> Self {
        Self(flags as u64 | ((kind & 0xf) as u64) << 8 | place.bits() & Self::GENERATION)
    }

    const fn is_of(self, place: Place) -> bool {
        (self.0 ^ place.bits()) & Self::GENERATION == 0
    }

    const fn shift(what: Shed) -> u32 {
        match what {
            Shed::Attributes => 52,
            Shed::Events => 40,
            Shed::Links => 28,
        }
    }

    const fn count(self, what: Shed) -> u64 {
        self.0 >> Self::shift(what) & Self::COUNT_MAX
    }

    fn plus(self, what: Shed, n: u32) -> Self {
        let old = self.count(what);
        let new = (old + u64::from(n)).min(Self::COUNT_MAX);
        Self(self.0 + ((new - old) << Self::shift(what)))
    }
}

impl Slot {
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            trace_high: zero(),
            trace_low: zero(),
            parent: zero(),
            start: zero(),
            end: zero(),
            name: zero(),
            meta: zero(),
            sequence: zero(),
        }
    }

    /// Owner: makes the slot a live span.
    ///
    /// Relaxed stores: the drain reads them after an Acquire load of the mask bit that a later end
    /// sets with Release; a foreign thread has the handle from somewhere, and that hand-over orders
    /// these stores before its loads. A forged handle may see a half-written slot, which are
    /// harmless numbers that do not match its trace id.
    #[inline(always)]
    pub(crate) fn start(&self, place: Place, start: &impl Origin) {
        // First what the caller has in registers, then what it has to read.
        self.start.store(start.ticks(), Ordering::Relaxed);
        self.parent.store(start.parent(), Ordering::Relaxed);
        self.end.store(place.bits(), Ordering::Relaxed);
        self.name.store(start.name().0, Ordering::Relaxed);
        self.trace_high.store(start.trace_high(), Ordering::Relaxed);
        self.trace_low.store(start.trace_low(), Ordering::Relaxed);
        self.meta.store(Meta::new(start.kind(), start.flags(), place).0, Ordering::Relaxed);
        // Written although it mostly is 0: what was just stored is loaded without waiting for the line,
        // which the drain's core read last. A stale call that counts afterwards skips a number.
        self.sequence.store(0, Ordering::Relaxed);
    }

    /// Drain: has the operating system map the slot's page, as `Block::touch` says.
    pub(super) fn touch(&self) {
        let _ = self.meta.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the slot is live in this life of its block.
    #[inline(always)]
    pub(crate) fn is_live(&self, place: Place) -> bool {
        // Relaxed: a hint. Whoever acts on it acts by compare-and-swap or as the owner.
        let end = self.end.load(Ordering::Relaxed);
        end == place.bits() || (seeded(Bug::LiveOfAnyLife) && end & LIVE != 0)
    }

    #[inline]
    pub(crate) fn trace_id(&self) -> u128 {
        // Relaxed: see `start`.
        u128::from(self.trace_high.load(Ordering::Relaxed)) << 64
            | u128::from(self.trace_low.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn flags(&self) -> u8 {
        self.meta.load(Ordering::Relaxed) as u8
    }

    /// Owner: what its records carry. A plain load: the owner's own bump, or one that happened before
    /// this call, is seen; one that races is unordered with this call anyway.
    #[inline(always)]
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::by_owner(self.sequence.load(Ordering::Relaxed))
    }

    /// Foreign: takes the next number. Relaxed: additions to one counter have one order, so of two
    /// foreign calls the later one gets the larger number, and a call that happens after either sees at
    /// least that number. An addition that comes after the slot was recycled only skips a number of the
    /// next span, or is overwritten when that one starts.
    #[inline]
    pub(crate) fn next_stamp(&self) -> Stamp {
        let step = if seeded(Bug::NoNumberTaken) { 0 } else { Stamp::STEP };
        let before = self.sequence.fetch_add(step, Ordering::Relaxed);
        Stamp::by_stranger(before.wrapping_add(Stamp::STEP))
    }

    /// Owner: ends the span, which it has seen live, at the time that `ticks` says.
    #[inline(always)]
    pub(super) fn end(&self, ticks: u64) {
        // Relaxed: the owner's bit in the block's mask publishes it.
        self.end.store(ticks & !LIVE, Ordering::Relaxed);
    }

    /// Foreign: ends the span. `false` when it had ended before.
    #[inline]
    pub(super) fn try_end(&self, place: Place, ticks: u64) -> bool {
        // Relaxed: the swap only decides between strangers. What happened before this end, and the
        // ticks stored here, are published by the block's mask word.
        let end = &self.end;
        let live = if seeded(Bug::SwapOfAnyLife) { end.load(Ordering::Relaxed) | LIVE } else { place.bits() };
        end.compare_exchange(live, ticks & !LIVE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Drain: how many foreign calls the span had, once its mask bit was seen. At least those that
    /// happened before the end.
    #[inline]
    pub(crate) fn foreign_calls(&self) -> u32 {
        // Relaxed: see `header`.
        Stamp::by_owner(self.sequence.load(Ordering::Relaxed)).sequence()
    }

    /// Counts records of this span that were shed, if the span is still the one meant.
    #[cold]
    pub(crate) fn count_shed(&self, place: Place, what: Shed, n: u32) {
        // Relaxed throughout: the drain reads the word after an Acquire of the span's mask bit, so
        // whatever was counted before the end is seen.
        let mut old = Meta(self.meta.load(Ordering::Relaxed));
        while old.is_of(place) || seeded(Bug::ShedOfAnyLife) {
            let new = old.plus(what, n);
            match self.meta.compare_exchange_weak(old.0, new.0, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(current) => old = Meta(current),
            }
        }
    }

    /// Drain: everything in the slot, once its mask bit was seen.
    #[inline]
    pub(crate) fn header(&self) -> Header {
        // Relaxed: ordered by the Acquire load of the mask, see `start`.
        let meta = Meta(self.meta.load(Ordering::Relaxed));
        Header {
            start: Start {
                trace_id: self.trace_id(),
                parent: self.parent.load(Ordering::Relaxed),
                ticks: self.start.load(Ordering::Relaxed),
                name: NameWord(self.name.load(Ordering::Relaxed)),
                kind: (meta.0 >> 8) as u8 & 0xf,
                flags: meta.0 as u8,
            },
            end: self.end.load(Ordering::Relaxed),
            meta,
        }
    }
}
