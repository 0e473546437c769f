//! What a client tells about itself.

use crate::otlp::delivery::Counts;

/// What an [`OtlpMetricClient`](super::OtlpMetricClient) has done since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpMetricStats {
    /// Requests begun, each attempt being one, whether or not it got as far as being sent.
    pub requests: u64,
    /// Bytes of their messages, compressed if they are sent so. What HTTP and gRPC add is not counted.
    pub request_bytes: u64,
    /// Those of them that were sent again after a failure.
    pub retries: u64,
    /// Data points that a receiver refused while it took others of the same request.
    pub rejected_data_points: u64,
    /// Messages that one request had no room for.
    pub split_messages: u64,
    /// Data points that were lost since their metric alone makes too large a request.
    pub oversized_data_points: u64,
    /// Uploads that ended in a panic, which is a mistake in this library or in one below it.
    pub panics: u64,
    /// How often the client's thread was started anew since it had ended by itself.
    pub restarts: u64,
}

impl From<Counts> for OtlpMetricStats {
    fn from(counts: Counts) -> Self {
        let Counts { requests, request_bytes, retries, rejected, split, oversized, panics, restarts } =
            counts;
        Self {
            requests,
            request_bytes,
            retries,
            rejected_data_points: rejected,
            split_messages: split,
            oversized_data_points: oversized,
            panics,
            restarts,
        }
    }
}
