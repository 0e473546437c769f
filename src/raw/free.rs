//! Which entries of a table are free: their numbers, from 1 on.
//!
//! ```text
//!             take, when the thread has none: 8 at once
//!   never used ──────────┬──────────────────────────▶ Magazine ──take──▶ in use
//!   a counter            │                            at most 32,          │
//!                 queue ─┘                            first in,            │
//!                   ▲                                 first out ◀──give────┘
//!                   └──give, when the thread has 32: 16 at once──┘
//! ```
//!
//! A thread that ends what it starts goes round in its own magazine: no line that another thread
//! writes, no locked instruction, and memory that is still in its cache. First in, first out, so that
//! an entry which has just been given back is the last to be used again. Entries that are started
//! here and ended there wander through the queue, in bunches. Those that were never used come last,
//! so memory that load never asks for is never touched.
//!
//! What a thread keeps for itself no other thread can use. So the share of a thread is at most 1/1024
//! of the table: of a small table a thread keeps nothing, and every entry goes through the queue.

use crate::raw::local::{Own, PerThread};
use crate::raw::tally::Tally;
use crate::sync::ArrayQueue;
use crate::sync::atomic::{AtomicU32, Ordering};

/// Numbers in a magazine at most.
const MAGAZINE: u32 = 32;
/// Parts of a table of which a thread may keep one.
const SHARES: u32 = 1024;

/// The free entries that belong to no thread.
#[derive(Debug)]
pub(crate) struct Free {
    queue: ArrayQueue<u32>,
    /// The lowest number that was never used.
    fresh: AtomicU32,
    last: u32,
    /// How many numbers a thread may keep.
    keep: u32,
}

impl Free {
    /// All of `1..=last`, which is not empty.
    pub(crate) fn new(last: u32) -> Self {
        Self::keeping(last, (last / SHARES).min(MAGAZINE))
    }

    /// As `new`, with the number of entries that a thread may keep given, at most 32.
    pub(crate) fn keeping(last: u32, keep: u32) -> Self {
        let queue = ArrayQueue::new(last as usize);
        Self { queue, fresh: AtomicU32::new(1), last, keep: keep.min(MAGAZINE) }
    }

    /// Takes an entry for a thread that has no magazine; `None` when there is none.
    pub(crate) fn take(&self) -> Option<u32> {
        self.queue.pop().or_else(|| self.take_fresh())
    }

    /// Gives back an entry that `take` gave.
    pub(crate) fn give(&self, number: u32) {
        let pushed = self.queue.push(number);
        debug_assert!(pushed.is_ok(), "there is room for every number, each is in one place");
    }

    fn take_fresh(&self) -> Option<u32> {
        // Relaxed: numbers stand for themselves, and what they stand for was never written.
        let mut number = self.fresh.load(Ordering::Relaxed);
        while number <= self.last {
            let next = number + 1;
            match self.fresh.compare_exchange_weak(number, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(number),
                Err(current) => number = current,
            }
        }
        None
    }
}

/// What a thread keeps for a table: free entries and counters. All accesses are Relaxed, as only the
/// thread itself writes; whoever inherits the magazine of a thread that has exited got it from
/// `thread_local`, which orders the two.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Magazine {
    /// The place of the number to take next, modulo the ring's length.
    first: AtomicU32,
    len: AtomicU32,
    ring: [AtomicU32; MAGAZINE as usize],
    pub(crate) tally: Tally,
}

impl PerThread for Magazine {
    fn make(_seed: Option<u64>, _n: u64) -> Self {
        Self {
            first: AtomicU32::new(0),
            len: AtomicU32::new(0),
            ring: std::array::from_fn(|_| AtomicU32::new(0)),
            tally: Tally::new(),
        }
    }
}

impl Magazine {
    #[inline(always)]
    fn at(&self, place: u32) -> &AtomicU32 {
        &self.ring[(place % MAGAZINE) as usize]
    }

    #[inline(always)]
    fn pop(&self) -> Option<u32> {
        let len = self.len.load(Ordering::Relaxed).checked_sub(1)?;
        let first = self.first.load(Ordering::Relaxed);
        self.len.store(len, Ordering::Relaxed);
        self.first.store(first.wrapping_add(1), Ordering::Relaxed);
        Some(self.at(first).load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn push(&self, len: u32, number: u32) {
        let first = self.first.load(Ordering::Relaxed);
        self.at(first.wrapping_add(len)).store(number, Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Relaxed);
    }
}

impl Own<Magazine> {
    /// Takes an entry; `None` when neither the thread nor the table has one.
    #[inline(always)]
    pub(crate) fn take(self, free: &Free) -> Option<u32> {
        match self.local().pop() {
            None => self.refill(free),
            some => some,
        }
    }

    /// Gives back an entry that anybody took.
    #[inline(always)]
    pub(crate) fn give(self, free: &Free, number: u32) {
        let len = self.local().len.load(Ordering::Relaxed);
        if len < free.keep { self.local().push(len, number) } else { self.spill(free, number) }
    }

    #[cold]
    #[inline(never)]
    fn refill(self, free: &Free) -> Option<u32> {
        let taken = free.take()?;
        for len in 0..(free.keep / 4).saturating_sub(1) {
            let Some(number) = free.take() else { break };
            self.local().push(len, number);
        }
        Some(taken)
    }

    #[cold]
    #[inline(never)]
    fn spill(self, free: &Free, number: u32) {
        let magazine = self.local();
        for _ in 0..free.keep.div_ceil(2) {
            magazine.pop().into_iter().for_each(|number| free.give(number));
        }
        match magazine.len.load(Ordering::Relaxed) {
            len if len < free.keep => magazine.push(len, number),
            _ => free.give(number),
        }
    }
}
