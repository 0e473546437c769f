//! The account of a `FanOut`.

use crate::plugin::fan_out::FanOut;
use crate::raw::tally::Count;
use std::time::Duration;

/// What a [`FanOut`] did so far. Its children keep their own accounts.
///
/// The numbers are exact at every moment at which nobody calls; otherwise they are a moment apart from
/// each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FanOutStats {
    /// Spans that at least one child records, and parents of [`FanOut::parent_of`].
    pub started: u64,
    /// Those of them that have not ended.
    pub live_spans: u64,
    /// Spans refused because too many were live.
    pub refused_capacity: u64,
    /// Spans refused because this is a forked child process.
    pub refused_fork: u64,
    /// Calls on the invalid handle: no-ops.
    pub invalid_calls: u64,
    /// Calls on a span that had ended: no-ops.
    pub stale_calls: u64,
    /// Calls on a handle that this `FanOut` did not make: no-ops.
    pub forged_calls: u64,
    /// Each child's, in the order in which they were added.
    pub children: Vec<FanOutChildStats>,
}

/// What one child of a [`FanOut`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FanOutChildStats {
    /// The name that the child gave when the `FanOut` was built.
    pub name: String,
    /// Calls that panicked, flushes included.
    pub panics: u64,
    /// Flushes that the child has done, with whatever result. Flushes of the `FanOut` at the same time
    /// share one.
    pub flushes: u64,
    /// Those of them that failed or panicked.
    pub failed_flushes: u64,
    /// How often a flush of the `FanOut` passed its deadline waiting for this child.
    pub late_flushes: u64,
    /// How long the flush under way has been running, if there is one.
    pub flush_running: Option<Duration>,
}

impl FanOut {
    /// The account.
    #[must_use]
    pub fn stats(&self) -> FanOutStats {
        let count = |what| self.table.counted(what);
        // In this order, so that no span has ended that was not started.
        let ended = count(Count::Returned);
        let started = count(Count::Taken);
        let children = self.children.iter().map(|child| {
            let flushes = child.worker.flushes();
            FanOutChildStats {
                name: child.name.clone(),
                panics: child.panics(),
                flushes: flushes.all,
                failed_flushes: flushes.failed,
                late_flushes: flushes.late,
                flush_running: flushes.running,
            }
        });
        FanOutStats {
            started,
            live_spans: started.saturating_sub(ended),
            refused_capacity: count(Count::Overload),
            refused_fork: count(Count::Fork),
            invalid_calls: count(Count::InvalidCall),
            stale_calls: count(Count::Stale),
            forged_calls: count(Count::Forged),
            children: children.collect(),
        }
    }
}
