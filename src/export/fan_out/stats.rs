//! The account of each destination.

use super::FanOut;
use crate::export::Telemetry;

/// Where the items are that a destination was offered: the spans, of a
/// [`FanOutExporter`](super::FanOutExporter); the data points, of a
/// [`FanOutMetricExporter`](crate::metrics::FanOutMetricExporter).
///
/// At every moment each item that was offered is in one of `delivered`, `failed`, `refused` and `queued`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DestinationStats {
    /// The name that was given to the destination.
    pub name: String,
    /// Items that it took.
    pub delivered: u64,
    /// Items that it lost, or that were taken away from it: with an export that was called off, or by a
    /// shutdown without time.
    pub failed: u64,
    /// Items that found its queue full.
    pub refused: u64,
    /// Items in its queue, and those that it is exporting.
    pub queued: u64,
    /// Bytes of the batches in its queue, and of the one that it is exporting.
    pub queued_bytes: u64,
    /// Calls of its exporter that panicked.
    pub panics: u64,
}

impl<T: Telemetry> FanOut<T> {
    /// The account of each destination, in the order in which they were added. In a forked child, which
    /// may not look, all numbers are zero.
    pub(crate) fn stats(&self) -> Vec<DestinationStats> {
        let names = self.shared.names().map(str::to_owned);
        if !self.shared.owner.is_here() {
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
