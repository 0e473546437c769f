//! A bounded stock of blocks or chunks, filled by the drain and emptied by the threads.
//!
//! Three queues. *Warm* holds what was in use a moment ago and is small enough to stay in a core's
//! cache; *reserve* holds what else has been touched; *cold* holds what was never used, whose first
//! use costs page faults. Threads take in this order, the drain gives back to the first two, so
//! memory that load never asked for is never touched.
//!
//! A thread may take only so many items in a *round*, from one pass of the drain to the next. A thread
//! that records without a pause and outruns the drain is refused then: it cannot use up what the
//! others need, and what it touches stays small. Threads count for themselves, on a path that they take
//! once in a block or chunk, and read one number that changes with each pass.

use crate::sync::ArrayQueue;
// Counted and never waited for: the models have nothing to say about these, see `Supply::take_share`.
use std::sync::atomic::{AtomicU32, Ordering};

/// See the module.
#[derive(Debug)]
pub(crate) struct Supply<T> {
    queues: [ArrayQueue<T>; TIERS],
    /// How many items one thread may take in a round.
    share: u32,
    round: AtomicU32,
}

/// What a thread has taken from a supply; the thread's alone.
#[derive(Debug)]
pub(crate) struct Taken {
    round: AtomicU32,
    items: AtomicU32,
}

impl Taken {
    pub(crate) const fn new() -> Self {
        Self { round: AtomicU32::new(0), items: AtomicU32::new(0) }
    }
}

/// How many queues a supply has.
pub(crate) const TIERS: usize = 3;

/// The queue of what was never used.
pub(crate) const COLD: usize = 2;

impl<T: Copy> Supply<T> {
    /// Room for `capacity` items, at most `warm` of them in the warm queue. A thread may take `share` of
    /// them in a round.
    pub(crate) fn new(capacity: usize, warm: usize, share: usize) -> Self {
        let capacity = capacity.max(1);
        let warm = warm.clamp(1, capacity);
        Self {
            queues: [warm, capacity, capacity].map(ArrayQueue::new),
            share: u32::try_from(share).unwrap_or(u32::MAX),
            round: AtomicU32::new(0),
        }
    }

    /// Takes an item for the thread whose `taken` is; `None` as well when it has had its share.
    ///
    /// Relaxed: a round that is seen late makes the share smaller for a moment, and each thread writes
    /// its own count only.
    #[inline]
    pub(crate) fn take_share(&self, taken: &Taken) -> Option<T> {
        let round = self.round.load(Ordering::Relaxed);
        let is_same = taken.round.load(Ordering::Relaxed) == round;
        let items = if is_same { taken.items.load(Ordering::Relaxed) } else { 0 };
        if items >= self.share {
            return None;
        }
        let item = self.take();
        taken.round.store(round, Ordering::Relaxed);
        // Where there is none left, the thread does not look again before something may have come back.
        taken.items.store(if item.is_some() { items + 1 } else { self.share }, Ordering::Relaxed);
        item
    }

    /// Drain: begins another round. Relaxed: as in `take_share`.
    pub(crate) fn begin_round(&self) {
        self.round.store(self.round.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Takes an item; `None` when all are out. Never waits for the drain; a lock-free pop may retry
    /// when other threads pop at the same time.
    #[inline]
    fn take(&self) -> Option<T> {
        self.queues.iter().find_map(ArrayQueue::pop)
    }

    /// Takes an item that was never used.
    pub(crate) fn take_cold(&self) -> Option<T> {
        self.queues[COLD].pop()
    }

    /// Gives an item that was used and says to which queue it went; gives it back to the caller when
    /// there is no room, which cannot be as long as no more items exist than the capacity.
    pub(crate) fn give(&self, mut item: T) -> Result<usize, T> {
        for (tier, queue) in self.queues[..COLD].iter().enumerate() {
            match queue.push(item) {
                Ok(()) => return Ok(tier),
                Err(back) => item = back,
            }
        }
        Err(item)
    }

    /// Gives an item that was never used; `false` when there is no room, as for `give`.
    pub(crate) fn give_cold(&self, item: T) -> bool {
        self.queues[COLD].push(item).is_ok()
    }

    /// How many items each queue holds; exact when nobody gives or takes.
    pub(crate) fn lens(&self) -> [usize; TIERS] {
        [0, 1, 2].map(|tier: usize| self.queues[tier].len())
    }

    /// How many items are ready that need not be touched first.
    pub(crate) fn ready(&self) -> usize {
        let [warm, reserve, _] = self.lens();
        warm + reserve
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_refused_beyond_its_share_until_the_next_round_and_others_are_not() {
        let supply = Supply::new(8, 2, 3);
        assert!((0..8).all(|item| supply.give_cold(item)));
        let (greedy, other) = (Taken::new(), Taken::new());
        let take = |taken: &Taken| std::iter::from_fn(|| supply.take_share(taken)).count();
        assert_eq!(take(&greedy), 3);
        assert_eq!(supply.take_share(&other), Some(3));
        supply.begin_round();
        assert_eq!(take(&greedy), 3);
        assert_eq!(take(&other), 1, "no more are left");
    }
}
