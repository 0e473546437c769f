//! A block: 64 span slots that are issued, ended and recycled together.
//!
//! # States of a slot
//!
//! ```text
//!             owner: start                 owner or foreign: end
//!   unissued ──────────────▶ live ───────────────────────────────▶ ended ──▶ (drain) consumed
//!                            end = the place                        end = ticks, a mask bit is set
//! ```
//!
//! # States of a block
//!
//! ```text
//!   cold ───────────────┬──thread: adopt──▶ held ──thread: release──▶ loose
//!   never used, all zero│                   holder = the thread       holder = none
//!     │ drain: touch    │                                               │
//!     └───────▶ ready ──┘                                               │
//!                 ▲ in a queue                                          │
//!                 └── drain: retire, renew, once all 64 slots are ──────┘
//!                     consumed and nobody holds it
//! ```
//!
//! # Who may do what
//!
//! * The **owner**, the thread that holds the block, issues its slots one after another and ends
//!   them with plain stores. It may do so because a held block is never recycled.
//! * A **foreign** call (another thread, or the owner after it let go) ends a slot by
//!   compare-and-swap on `end`, then sets its bit in `foreign_ended` by compare-and-swap on a word
//!   that carries the generation. Both fail harmlessly when the block has moved on to another life.
//! * The **drain** alone recycles.
//!
//! # The worst race: two ends, and the block recycled between them
//!
//! Owner O and stranger F end slot 5 at once. F sees `LIVE`, and stalls. O stores its ticks and its
//! mask bit; the drain consumes the slot; the other 63 are done and O lets go; the block is recycled
//! and handed to P, who starts another span in slot 5. F wakes up and compares `end` with
//! the place: it holds the generation, P's place is another, so F's swap fails and F counts a stale
//! call. Had F stalled one step later, after its swap and before its mask bit, then O's end
//! would have been turned away by O's own look at `end`, the slot would not be consumed until F sets
//! the bit, and the block could not have been recycled. The one case left is that O's look at `end`
//! came before F's swap and both succeed: both bits are set, at most one of them after the slot was
//! consumed. If F's bit comes in time, the drain finds the slot in both masks and counts one stale
//! call; if it comes late, the generation in the mask word no longer fits and F counts it.

use crate::raw::cell::AtomicRef;
use crate::raw::handle::{Base, LIVE, Place};
use crate::raw::local::{Local, Own};
use crate::raw::packed::{TextParts, pack_static, unpack_static};
use crate::raw::prefetch::prefetch;
use crate::raw::record::Stamp;
use crate::raw::registry;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Slots in a block. Under the model a few suffice, and each costs eight loom objects. With
/// `nanospan_tiny`, here and wherever it stands, what is rare is common: for `histories`.
#[cfg(not(loom))]
pub(crate) const SLOTS: usize = if cfg!(nanospan_tiny) { 4 } else { 64 };
#[cfg(loom)]
pub(crate) const SLOTS: usize = 2;

/// A mask with the bit of every slot set.
pub(crate) const ALL: u64 = u64::MAX >> (64 - SLOTS as u32);

/// In a mask word: no life is current. Generations have fewer bits, so none equals it.
const NO_GENERATION: u64 = 0xffff_ffff;

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
    /// A static name as `raw::record::pack_static`; 0 when the name is a log record.
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
    /// A static name as `raw::record::pack_static`; 0 when it follows in a record.
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
            // SAFETY: `of_static` is the only maker of these words, and slots hold no others.
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
    fn new() -> Self {
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

/// 64 slots and who may touch them.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Block {
    /// The thread that holds the block. Only that thread stores itself here, and takes itself out.
    holder: AtomicRef<Local>,
    /// The number of the local of the thread that holds the block, or did.
    adopter: AtomicU32,
    /// Bits of slots that the owner ended; stored by the owner alone.
    owner_ended: AtomicU64,
    foreign: Foreign,
    slots: [Slot; SLOTS],
}

/// Slots that were ended from elsewhere, on a line of their own: two halves, each
/// `generation << 32 | mask of 32 slots`.
#[derive(Debug)]
#[repr(align(64))]
struct Foreign([AtomicU64; 2]);

impl Block {
    /// A block that no thread holds, ever, and that has no spans: where the short way leads nowhere.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn nobodys() -> &'static Self {
        // SAFETY: a block that was never used is all zero, see `raw::region::Zeroed`.
        static NOBODYS: Block = unsafe { std::mem::MaybeUninit::zeroed().assume_init() };
        &NOBODYS
    }

    #[cfg(loom)]
    pub(crate) fn nobodys() -> &'static Self {
        Box::leak(Box::new(Self::new()))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            holder: AtomicRef::none(),
            adopter: AtomicU32::new(0),
            owner_ended: AtomicU64::new(0),
            foreign: Foreign([AtomicU64::new(0), AtomicU64::new(0)]),
            slots: std::array::from_fn(|_| Slot::new()),
        }
    }

    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> &Slot {
        &self.slots[index as usize % SLOTS]
    }

    /// Asks for a slot's cache line, which another core wrote last, before it is needed.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: u32) {
        prefetch(self.slot(index));
    }

    /// Asks for the lines that [`ended`](Self::ended) reads.
    #[inline(always)]
    pub(crate) fn prefetch_ended(&self) {
        prefetch(&self.owner_ended);
        prefetch(&self.foreign);
    }

    /// Drain: has the operating system map the block's pages. Changes nothing, for a thread may just have
    /// taken the block.
    pub(crate) fn touch(&self) {
        for word in [Some(&self.owner_ended), self.slots.last().map(|slot| &slot.meta)].into_iter().flatten()
        {
            // As in `Chunk::touch`.
            let _ = word.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Drain: begins a new life. The queue that hands the block out publishes these stores.
    pub(crate) fn renew(&self, base: Base) {
        self.owner_ended.store(0, Ordering::Relaxed);
        for half in &self.foreign.0 {
            half.store(u64::from(base.generation()) << 32, Ordering::Relaxed);
        }
    }

    /// Drain: ends a life, once every slot was consumed and nobody holds the block. Returns how many
    /// slots were ended twice, by the owner and by a stranger who did not notice.
    pub(crate) fn retire(&self) -> u32 {
        // Relaxed: the Acquire in `is_held` came first, and the owner's last store before that.
        let owner = self.owner_ended.load(Ordering::Relaxed);
        // AcqRel, one read-modify-write a half, pairs with the swap in `end_foreign`: a stranger's
        // bit either is in the old value and counted here, or meets NO_GENERATION and is counted there.
        let [low, high] = [0, 1].map(|half: usize| {
            if seeded(Bug::RetiredOpen) {
                return self.foreign.0[half].load(Ordering::Acquire) & 0xffff_ffff;
            }
            self.foreign.0[half].swap(NO_GENERATION << 32, Ordering::AcqRel) & 0xffff_ffff
        });
        (owner & (high << 32 | low)).count_ones()
    }

    /// Thread: takes the block over from the queue. A block that was never used is all zero: it is
    /// at generation 0, as its mask words say.
    #[inline]
    pub(crate) fn adopt(&'static self, thread: &'static Local) {
        self.holder.store(Some(thread), Ordering::Relaxed);
        self.adopter.store(thread.number, Ordering::Relaxed);
        // As the drain left it, once more: see the sequence in `Slot::start`.
        self.owner_ended.store(0, Ordering::Relaxed);
    }

    /// Thread: lets go; from here on it calls as a stranger. Release pairs with the drain's Acquire
    /// in `is_held`: every store the owner made here comes before the block's next life.
    pub(crate) fn release(&self) {
        self.holder.store(None, Ordering::Release);
    }

    /// Whether `thread`, which must be the calling thread's own, holds the block. Exact: only the
    /// thread itself ever stores or removes this value, and one location is coherent.
    #[inline(always)]
    pub(crate) fn is_held_by(&self, thread: &'static Local) -> bool {
        self.holder.is(thread, Ordering::Relaxed)
    }

    /// The calling thread's own local, if it holds the block and is the one that the thread asked for
    /// last. Exact, as [`is_held_by`](Self::is_held_by) is; nobody else's local is ever the last one
    /// here, and a thread that left has none.
    #[inline(always)]
    pub(crate) fn held_here(&self) -> Option<Own> {
        registry::last(&self.holder)
    }

    /// Drain: the number of the local of the thread that took the block in this life. Relaxed: asked when
    /// the end of a span in the block was seen, which comes after.
    pub(crate) fn adopter(&self) -> u32 {
        self.adopter.load(Ordering::Relaxed)
    }

    /// Drain: whether anybody holds the block. Acquire: see `release`.
    pub(crate) fn is_held(&self) -> bool {
        self.holder.load(Ordering::Acquire).is_some()
    }

    /// Owner: ends a slot at the time that `ticks` says. `None` when it had ended before; otherwise the
    /// owner's mask.
    #[inline(always)]
    pub(crate) fn end_owned(&self, place: Place, ticks: impl FnOnce() -> u64) -> Option<u64> {
        let cell = self.slot(place.slot());
        if !cell.is_live(place) && !seeded(Bug::DoubleEnd) {
            return None;
        }
        let publish = || {
            let bit = if seeded(Bug::OwnerMaskNotPublished) { 0 } else { 1 << place.slot() };
            let mask = self.owner_ended.load(Ordering::Relaxed) | bit;
            // Release pairs with the drain's Acquire in `ended`: who sees the bit sees the slot.
            self.owner_ended.store(mask, Ordering::Release);
            mask
        };
        if seeded(Bug::EndBeforeSlot) {
            publish();
            // Else the window is too short.
            std::thread::yield_now();
        }
        cell.end.store(ticks() & !LIVE, Ordering::Relaxed);
        Some(publish())
    }

    /// Foreign: ends a slot. `false` when the span had ended before.
    pub(crate) fn end_foreign(&self, place: Place, ticks: u64) -> bool {
        let base = place.base();
        // Relaxed: the swap only decides between strangers. What happened before this end, and the
        // ticks stored here, are published by the mask word below.
        let end = &self.slot(place.slot()).end;
        let live = if seeded(Bug::SwapOfAnyLife) { end.load(Ordering::Relaxed) | LIVE } else { place.bits() };
        let swapped = end.compare_exchange(live, ticks & !LIVE, Ordering::Relaxed, Ordering::Relaxed);
        if swapped.is_err() {
            return false;
        }
        if seeded(Bug::ForeignMaskNotPublished) {
            return true;
        }
        let half = &self.foreign.0[place.slot() as usize / 32];
        let bit = 1u64 << (place.slot() % 32);
        let mut old = half.load(Ordering::Relaxed);
        loop {
            if (old >> 32) as u32 != base.generation() && !seeded(Bug::MaskOfAnyLife) {
                // The owner ended the same span between our look and our swap, and the drain was
                // done with the block before we came here.
                return false;
            }
            // AcqRel: the Release side pairs with the drain's Acquire in `ended`, the Acquire side
            // with the swap in `retire`.
            match half.compare_exchange_weak(old, old | bit, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(current) => old = current,
            }
        }
    }

    /// The slots ended by the owner and by others. Acquire pairs with the Release of both ends.
    #[inline]
    pub(crate) fn ended(&self) -> (u64, u64) {
        let owner = self.owner_ended.load(Ordering::Acquire);
        let [low, high] =
            [0, 1].map(|half: usize| self.foreign.0[half].load(Ordering::Acquire) & 0xffff_ffff);
        (owner, high << 32 | low)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Bytes in a cache line of the processors that we know.
    const LINE: usize = 64;

    /// The owner writes the header's line and the slots' while it starts and ends spans, a stranger the
    /// masks' line when it ends one: on one line with either, each end from elsewhere would take it from
    /// the owner's core.
    #[test]
    fn what_strangers_set_and_what_the_owner_sets_are_on_different_lines() {
        let of_owner =
            [offset_of!(Block, holder), offset_of!(Block, adopter), offset_of!(Block, owner_ended)];
        assert_eq!(of_owner.map(|offset| offset / LINE), [0; 3]);
        assert_eq!(offset_of!(Block, foreign), LINE);
        assert_eq!(size_of::<Foreign>(), LINE);
        assert_eq!(offset_of!(Block, slots), 2 * LINE);
    }

    /// So a span without attributes writes its slot's line and its block's first one, besides its
    /// thread's local; and who records on it from elsewhere disturbs no other span.
    #[test]
    fn each_slot_is_one_line_and_each_block_begins_a_line() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (LINE, LINE));
        assert_eq!(align_of::<Block>(), LINE);
        assert_eq!(size_of::<Block>(), (2 + SLOTS) * LINE);
    }

    /// A thread that asked for nothing yet has no local; the empty cell must not look like that.
    #[test]
    fn nobody_s_block_is_held_by_no_thread() {
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(Block::nobodys().held_here().is_none()));
        });
        assert!(!Block::nobodys().is_held());
    }
}
