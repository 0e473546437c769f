//! What an exporter tells about itself.

use crate::otlp::delivery::Counts;

/// What an [`OtlpExporter`](super::OtlpExporter) has done since it was built.
///
/// Spans that failed to arrive are in the tracer's account; this says why, and at what cost the others
/// arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpStats {
    /// Requests begun, each attempt being one, whether or not it got as far as being sent.
    pub requests: u64,
    /// Bytes of their messages, compressed if they are sent so. What HTTP and gRPC add is not counted.
    pub request_bytes: u64,
    /// Those of them that were sent again after a failure.
    pub retries: u64,
    /// Spans that a receiver refused while it took others of the same request.
    pub rejected_spans: u64,
    /// Batches that one request had no room for.
    pub split_batches: u64,
    /// Spans that were lost since each of them alone makes too large a request.
    pub oversized_spans: u64,
    /// Uploads that ended in a panic, which is a mistake in this library or in one below it.
    pub panics: u64,
    /// How often the exporter's thread was started anew since it had ended by itself.
    pub restarts: u64,
}

impl From<Counts> for OtlpStats {
    fn from(counts: Counts) -> Self {
        let Counts { requests, request_bytes, retries, rejected, split, oversized, panics, restarts } =
            counts;
        Self {
            requests,
            request_bytes,
            retries,
            rejected_spans: rejected,
            split_batches: split,
            oversized_spans: oversized,
            panics,
            restarts,
        }
    }
}
