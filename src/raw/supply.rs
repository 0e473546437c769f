//! A bounded stock of blocks or chunks, filled by the drain and emptied by the threads.
//!
//! Two queues: *warm* holds what was in use a moment ago and is small enough to stay in a core's
//! cache; *reserve* holds the rest and carries a thread over while the drain is late. Threads take
//! from the warm one first, the drain gives to it first.

use crate::sync::ArrayQueue;

/// See the module.
#[derive(Debug)]
pub(crate) struct Supply<T: 'static> {
    warm: ArrayQueue<&'static T>,
    reserve: ArrayQueue<&'static T>,
}

impl<T> Supply<T> {
    /// Room for `capacity` items, at most `warm` of them in the warm queue.
    pub(crate) fn new(capacity: usize, warm: usize) -> Self {
        let capacity = capacity.max(1);
        Self { warm: ArrayQueue::new(warm.clamp(1, capacity)), reserve: ArrayQueue::new(capacity) }
    }

    /// Takes an item; `None` when all are out. Never waits for the drain; a lock-free pop may retry
    /// when other threads pop at the same time.
    #[inline]
    pub(crate) fn take(&self) -> Option<&'static T> {
        self.warm.pop().or_else(|| self.reserve.pop())
    }

    /// Gives an item (back). Gives it back to the caller when more are given than there is room for.
    pub(crate) fn give(&self, item: &'static T) -> Result<(), &'static T> {
        self.warm.push(item).or_else(|item| self.reserve.push(item))
    }

    /// How many items are in stock; exact when nobody gives or takes.
    pub(crate) fn len(&self) -> usize {
        self.warm.len() + self.reserve.len()
    }
}
