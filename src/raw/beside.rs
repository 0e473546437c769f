//! What stands beside the span slots of an engine: for each, a span of another engine that goes with it.
//!
//! A tracer in front of several engines starts a span in each of them, passes on the first one's handle
//! as its own, and has to find the other spans again by it. So it keeps an array that is indexed as the
//! first engine's slots are, with one word a slot:
//!
//! ```text
//!  63               44 43                                0
//! ┌───────────────────┬───────────────────────────────────┐
//! │ generation        │ place of the mate                 │
//! └───────────────────┴───────────────────────────────────┘
//!   20 bits             44 bits
//! ```
//!
//! The generation is that of the first engine's slot, its lower 20 bits: the word belongs to that life.
//! No place has address 0: such a word says that there is no mate, and 0 that nothing was said yet.
//! Nothing is taken before a span starts, nor given back when it has ended: the slot does both. And as it
//! is one word, no reader ever sees parts of two.
//!
//! # Who writes
//!
//! The thread that has started both spans, before anybody else has the handle. The slot is not issued
//! again before its span has ended and the drain has seen that. So there is one writer at a time, and
//! each comes after the one before.

use crate::raw::block::SLOTS;
use crate::raw::handle::{GENERATION_BITS, PLACE_BITS, Place};
use crate::raw::region;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicU64, Ordering};
use std::fmt;

/// Instead of a mate's place: there is none. Slot 1 at address 0.
const NOBODY: u64 = 1;

const _: () = assert!(64 - PLACE_BITS <= GENERATION_BITS, "the generation's lower bits fill the word");

/// The word beside a slot.
#[derive(Debug)]
pub(crate) struct Mate(AtomicU64);

impl Mate {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

/// See the module. Its memory is there for the rest of the process, as the engine's is: a handle may be
/// used at any time.
pub(crate) struct Beside(&'static [Mate]);

impl Beside {
    /// A word for each slot of so many blocks; it is touched as the slots are used. `None` when the
    /// system does not give the memory.
    pub(crate) fn new(blocks: usize) -> Option<Self> {
        region::try_leak(blocks * SLOTS).map(Self)
    }

    #[inline(always)]
    fn at(&self, slot: Place) -> Option<&'static Mate> {
        // Addresses begin at 1.
        let block = slot.base().address().wrapping_sub(1);
        self.0.get(block.wrapping_mul(SLOTS) + slot.slot() as usize)
    }

    /// Says which span goes with the one in the slot; see the module for who may.
    #[inline(always)]
    pub(crate) fn put(&self, slot: Place, mate: Option<Place>) {
        if let Some(word) = self.at(slot) {
            // Release pairs with the Acquire in `get`: who sees the word sees the mate started.
            word.0.store(generation(slot) | mate.map_or(NOBODY, Place::raw), Ordering::Release);
        }
    }

    /// The span that goes with the one in the slot, if there is one. The outer `None`: nothing was said
    /// for this life of the slot.
    #[inline(always)]
    pub(crate) fn get(&self, slot: Place) -> Option<Option<Place>> {
        // Acquire pairs with the Release in `put`.
        let word = self.at(slot)?.0.load(Ordering::Acquire);
        match word.wrapping_sub(generation(slot)) {
            0 => None,
            NOBODY => Some(None),
            // Of another life, unless it is a place and nothing else.
            bits => {
                (bits >> PLACE_BITS == 0 || seeded(Bug::MateOfAnyLife)).then(|| Some(Place::from_raw(bits)))
            }
        }
    }
}

/// The upper part of the words for this life of a slot.
#[inline(always)]
fn generation(slot: Place) -> u64 {
    u64::from(slot.base().generation()) << PLACE_BITS
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").field("slots", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::raw::handle::Base;

    fn place(address: u32, generation: u32, slot: u32) -> Place {
        Place::new(Base::new(address, generation), slot)
    }

    #[test]
    fn a_mate_is_that_of_the_last_life_of_which_any_was_named() {
        let beside = Beside::new(3).unwrap();
        let slots: Vec<_> = (1..=3).flat_map(|a| (0..SLOTS as u32).map(move |slot| (a, slot))).collect();
        let last = (1 << GENERATION_BITS) - 1;
        let mate = |address, slot, generation| place(address + 7, last - generation, slot ^ 1);
        for generation in [0, 1, 7, last] {
            for &(address, slot) in &slots {
                let here = place(address, generation, slot);
                assert_eq!(beside.get(here), None, "before one was named");
                beside.put(here, Some(mate(address, slot, generation)));
            }
            for &(address, slot) in &slots {
                let here = place(address, generation, slot);
                assert_eq!(beside.get(here), Some(Some(mate(address, slot, generation))));
                let before = place(address, generation.wrapping_sub(1) & last, slot);
                assert_eq!(beside.get(before), None, "of a life that is over");
            }
        }
    }

    #[test]
    fn none_is_something_else_than_nothing_said() {
        let beside = Beside::new(1).unwrap();
        for generation in [0, 1, 1 << (64 - PLACE_BITS)] {
            let here = place(1, generation, 5);
            beside.put(here, None);
            assert_eq!(beside.get(here), Some(None));
            assert_eq!(beside.get(place(1, generation + 1, 5)), None);
        }
        beside.put(place(2, 0, 0), None);
        assert_eq!(beside.get(place(2, 0, 0)), None, "no such slot");
        assert_eq!(beside.get(place(0, 0, 0)), None, "no such slot");
    }
}
