//! A bounded stock of blocks or chunks, filled by the drain and emptied by the threads.
//!
//! Two queues: *warm* holds what was in use a moment ago and is small enough to stay in a core's
//! cache; *reserve* holds the rest and carries a thread over while the drain is late. Threads take
//! from the warm one first, the drain gives to it first.

use crate::sync::ArrayQueue;

/// See the module.
#[derive(Debug)]
pub(crate) struct Supply<T: 'static> {
    queues: [ArrayQueue<&'static T>; TIERS],
}

/// How many queues a supply has.
pub(crate) const TIERS: usize = 2;

impl<T> Supply<T> {
    /// Room for `capacity` items, at most `warm` of them in the warm queue.
    pub(crate) fn new(capacity: usize, warm: usize) -> Self {
        let capacity = capacity.max(1);
        Self { queues: [ArrayQueue::new(warm.clamp(1, capacity)), ArrayQueue::new(capacity)] }
    }

    /// Takes an item; `None` when all are out. Never waits for the drain; a lock-free pop may retry
    /// when other threads pop at the same time.
    #[inline]
    pub(crate) fn take(&self) -> Option<&'static T> {
        self.queues.iter().find_map(ArrayQueue::pop)
    }

    /// Gives an item and says to which queue it went; gives it back to the caller when there is no
    /// room, which cannot be as long as no more items exist than the capacity.
    pub(crate) fn give(&self, mut item: &'static T) -> Result<usize, &'static T> {
        for (tier, queue) in self.queues.iter().enumerate() {
            match queue.push(item) {
                Ok(()) => return Ok(tier),
                Err(back) => item = back,
            }
        }
        Err(item)
    }

    /// How many items each queue holds; exact when nobody gives or takes.
    pub(crate) fn lens(&self) -> [usize; TIERS] {
        [0, 1].map(|tier: usize| self.queues[tier].len())
    }

    /// How many items are in stock.
    pub(crate) fn len(&self) -> usize {
        self.lens().iter().sum()
    }
}
