//! A bounded stock of blocks or chunks, filled by the drain and emptied by the threads.
//!
//! Three queues. *Warm* holds what was in use a moment ago and is small enough to stay in a core's
//! cache; *reserve* holds what else has been touched; *cold* holds what was never used, whose first
//! use costs page faults. Threads take in this order, the drain gives back to the first two, so
//! memory that load never asked for is never touched.

use crate::sync::ArrayQueue;

/// See the module.
#[derive(Debug)]
pub(crate) struct Supply<T: 'static> {
    queues: [ArrayQueue<&'static T>; TIERS],
}

/// How many queues a supply has.
pub(crate) const TIERS: usize = 3;

/// The queue of what was never used.
pub(crate) const COLD: usize = 2;

impl<T> Supply<T> {
    /// Room for `capacity` items, at most `warm` of them in the warm queue.
    pub(crate) fn new(capacity: usize, warm: usize) -> Self {
        let capacity = capacity.max(1);
        let warm = warm.clamp(1, capacity);
        Self { queues: [warm, capacity, capacity].map(ArrayQueue::new) }
    }

    /// Takes an item; `None` when all are out. Never waits for the drain; a lock-free pop may retry
    /// when other threads pop at the same time.
    #[inline]
    pub(crate) fn take(&self) -> Option<&'static T> {
        self.queues.iter().find_map(ArrayQueue::pop)
    }

    /// Takes an item that was never used.
    pub(crate) fn take_cold(&self) -> Option<&'static T> {
        self.queues[COLD].pop()
    }

    /// Gives an item that was used and says to which queue it went; gives it back to the caller when
    /// there is no room, which cannot be as long as no more items exist than the capacity.
    pub(crate) fn give(&self, mut item: &'static T) -> Result<usize, &'static T> {
        for (tier, queue) in self.queues[..COLD].iter().enumerate() {
            match queue.push(item) {
                Ok(()) => return Ok(tier),
                Err(back) => item = back,
            }
        }
        Err(item)
    }

    /// Gives an item that was never used; `false` when there is no room, as for `give`.
    pub(crate) fn give_cold(&self, item: &'static T) -> bool {
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
