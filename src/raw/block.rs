//! A block: 64 span slots that are issued, ended and recycled together.
//!
//! # States
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
//! What a slot goes through in one life of its block stands in [`slot`](crate::raw::slot).
//!
//! # Who may do what
//!
//! * The **owner**, the thread that holds the block, issues its slots one after another and ends
//!   them with plain stores. It may do so because a held block is never recycled.
//! * A **foreign** call (another thread, or the owner after it let go) ends a slot by
//!   compare-and-swap on its `end`, then sets its bit in `foreign` by compare-and-swap on a word that
//!   carries the generation. Both fail harmlessly when the block has moved on to another life.
//! * The **drain** alone recycles.
//!
//! # The worst race: two ends, and the block recycled between them
//!
//! Owner O and stranger F end slot 5 at once. F has swapped `end` for its ticks, and stalls before it
//! sets its bit. What F's bit meets depends on when O looked whether the slot is live:
//!
//! * After F's swap: O is turned away and sets no bit. The slot is not consumed until F sets the bit, so
//!   the block cannot have been recycled, and F's bit meets its own life.
//! * Before F's swap: both ends succeed. O stores its ticks and its bit; the drain consumes the slot; the
//!   other 63 are done and O lets go; the drain retires the block. If F's bit comes before that, the
//!   drain finds the slot in both masks and counts one stale call; if it comes later, the generation in
//!   the mask word no longer fits and F counts it.

use crate::raw::cell::AtomicRef;
use crate::raw::handle::{Base, Place};
use crate::raw::local::{Local, Own};
use crate::raw::prefetch::prefetch;
use crate::raw::registry;
use crate::raw::slot::Slot;
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
        // As in `Chunk::touch`.
        let _ = self.owner_ended.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
        self.slot(SLOTS as u32 - 1).touch();
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
        let slot = self.slot(place.slot());
        if !slot.is_live(place) && !seeded(Bug::DoubleEnd) {
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
        slot.end(ticks());
        Some(publish())
    }

    /// Foreign: ends a slot. `false` when the span had ended before.
    pub(crate) fn end_foreign(&self, place: Place, ticks: u64) -> bool {
        let base = place.base();
        if !self.slot(place.slot()).try_end(place, ticks) {
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
