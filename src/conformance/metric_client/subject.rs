//! What the suite is told about the client that it looks at.

use crate::otlp::MetricClient;
use crate::otlp::proto::ResourceMetrics;
use std::sync::Arc;

/// What a receiver answers to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It takes everything.
    Accept,
    /// It takes everything but so many data points, and says why. With none refused, the words are a warning;
    /// with neither, it says nothing, in a partial success that is there and empty.
    Partial {
        /// How many it refuses.
        rejected_data_points: u64,
        /// Words for people.
        message: String,
    },
    /// It takes nothing, and will not when asked again: HTTP's 400, gRPC's `INVALID_ARGUMENT`.
    Refuse,
    /// It takes nothing now: HTTP's 503, gRPC's `UNAVAILABLE`.
    Unavailable,
    /// It does not answer.
    Never,
}

/// A client under test, and its receiver.
///
/// Dropping the subject is the place to stop servers.
pub trait Subject: Send + Sync {
    /// The client. Each call returns the same one.
    ///
    /// It should be set up to wait for milliseconds between its attempts, and to try again for longer than a
    /// few of them take.
    fn client(&self) -> Arc<dyn MetricClient>;

    /// The messages that the receiver has taken so far, in their order, in protobuf. One that got them in
    /// another form writes them as OpenTelemetry's own types do.
    fn delivered(&self) -> Vec<ResourceMetrics>;

    /// Has the receiver answer the requests from now on with `next`, one after another, and from then on with
    /// `then`. Returns `false` if the subject cannot do that; the cases about it do not apply then.
    fn answer(&self, next: &[Answer], then: Answer) -> bool;

    /// Whether everything that the client held is free again: connections above all. `None` if the subject
    /// cannot tell; the case about it does not apply then.
    fn is_released(&self) -> Option<bool> {
        None
    }
}
