//! The account of each destination.

use std::process;

use super::FanOutExporter;

/// Where the spans are that a destination of a [`FanOutExporter`] was offered.
///
/// At every moment each span that was offered is in one of `delivered`, `failed`, `refused` and `queued`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DestinationStats {
    /// The name that was given to the destination.
    pub name: String,
    /// Spans that it took.
    pub delivered: u64,
    /// Spans that it lost, or that were taken away from it: with an export that was called off, or by a
    /// shutdown without time.
    pub failed: u64,
    /// Spans that found its queue full.
    pub refused: u64,
    /// Spans in its queue, and those that it is exporting.
    pub queued: u64,
    /// Bytes of the batches in its queue, and of the one that it is exporting.
    pub queued_bytes: u64,
    /// Calls of its exporter that panicked.
    pub panics: u64,
}

impl FanOutExporter {
    /// The account of each destination, in the order in which they were added. In a forked child, which
    /// may not look, all numbers are zero.
    #[must_use]
    pub fn stats(&self) -> Vec<DestinationStats> {
        let names = self.shared.names().map(str::to_owned);
        if process::id() != self.shared.pid {
            return names.map(|name| DestinationStats { name, ..DestinationStats::default() }).collect();
        }
        let state = self.shared.state();
        let stats = names.zip(&state.lanes).map(|(name, lane)| DestinationStats {
            name,
            delivered: lane.counts.delivered,
            failed: lane.counts.failed,
            refused: lane.counts.refused,
            queued: lane.counts.queued,
            queued_bytes: lane.queued_bytes as u64,
            panics: lane.counts.panics,
        });
        stats.collect()
    }
}
