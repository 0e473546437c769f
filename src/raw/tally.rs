//! Counters: cells that one thread adds to without a locked instruction, and a shared set for calls
//! that have no thread of their own.

use crate::sync::atomic::{AtomicU64, Ordering};

/// What is counted where the calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Count {
    /// Spans refused because no block was free.
    Overload,
    /// Spans refused after shutdown.
    Shutdown,
    /// Spans refused in a forked child.
    Fork,
    /// Spans refused because the thread is past its last destructor that may record.
    ThreadExit,
    /// Starts that the sampler rejected.
    NotSampled,
    /// Starts on a thread whose spans are suppressed.
    Suppressed,
    /// Starts under an invalid parent.
    InvalidParent,
    /// Calls on an invalid handle.
    InvalidCall,
    /// Calls on a span that has ended.
    Stale,
    /// Calls on a handle that this tracer did not make.
    Forged,
    /// Attributes, statuses, names and times shed for want of memory.
    ShedAttributes,
    /// Events shed for want of memory.
    ShedEvents,
    /// Links shed for want of memory.
    ShedLinks,
    /// Texts and values cut to a limit.
    Truncated,
    /// Entries of a table that were put to use.
    #[cfg(any(feature = "bext", loom))]
    Taken,
    /// Entries of a table that were given back.
    #[cfg(any(feature = "bext", loom))]
    Returned,
    /// Remote parents for which there was no room.
    LostParent,
}

const COUNTS: usize = Count::LostParent as usize + 1;

/// One set of counters.
#[derive(Debug)]
pub(crate) struct Tally([AtomicU64; COUNTS]);

impl Tally {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Adds where only the calling thread adds.
    #[inline(always)]
    pub(crate) fn add_own(&self, what: Count, n: u64) {
        // Relaxed: one writer; a reader sees some recent value.
        let cell = &self.0[what as usize];
        cell.store(cell.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// Adds where anybody may.
    #[cold]
    pub(crate) fn add_shared(&self, what: Count, n: u64) {
        self.0[what as usize].fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, what: Count) -> u64 {
        self.0[what as usize].load(Ordering::Relaxed)
    }
}
