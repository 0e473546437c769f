//! What a server answers: how much of a request it took, or why it took none of it.
//!
//! The bytes come from outside. Whatever they are, reading them takes time in proportion to their number,
//! copies at most the texts that are asked for, and never panics. Fields that are not known are skipped,
//! so that a newer server is understood as far as it can be.

#[cfg_attr(
    all(feature = "otlp-grpc", not(any(feature = "otlp-http", test))),
    expect(dead_code, reason = "HTTP's client asks for it")
)]
mod json;
mod protobuf;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

#[cfg_attr(
    all(feature = "otlp-grpc", not(any(feature = "otlp-http", test))),
    expect(unused_imports, reason = "HTTP's client asks for it")
)]
pub(crate) use json::{partial_success_json, status_json};
pub(crate) use protobuf::{partial_success, status};

/// What an `ExportTraceServiceResponse`, or its sibling of another signal, says in its `partial_success`
/// (OTLP specification, section "Partial Success").
///
/// The server took everything and has nothing to say when it is the default. A message without anything
/// rejected is a warning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialSuccess {
    /// How many spans or data points of the request the server refused. A number below 0 is taken for 0.
    pub(crate) rejected: u64,
    /// Why, for people; empty if the server gave no reason.
    pub(crate) message: String,
}

/// A `google.rpc.Status`: why a request failed. In HTTP it is the body of a failure, in gRPC what
/// `grpc-status-details-bin` carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// The gRPC status code. Over HTTP it means nothing: there the HTTP status decides (OTLP
    /// specification, section "Failures").
    pub(crate) code: i32,
    /// What went wrong, for developers.
    pub(crate) message: String,
    /// How long to wait before the next attempt, if there is a `google.rpc.RetryInfo` among the details;
    /// zero if that does not say, or asks for less than nothing.
    pub(crate) retry_delay: Option<Duration>,
}

/// An answer that is not what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The message that was expected.
    message: &'static str,
    /// What is wrong with it, and where.
    problem: Cow<'static, str>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is no {}: {}", self.message, self.problem)
    }
}

impl std::error::Error for Malformed {}

const STATUS: &str = "google.rpc.Status";

/// The end of the type's name in an `Any`: in front of it stands an address, of which the last `/` is
/// all that matters (protobuf documentation, `any.proto`).
const RETRY_INFO: &str = "/google.rpc.RetryInfo";

/// A `google.protobuf.Duration` as a delay: what is below zero is none.
fn delay(seconds: i64, nanos: i32) -> Duration {
    match (u64::try_from(seconds), u32::try_from(nanos)) {
        // Saturates: a server may send more nanoseconds than a second has.
        (Ok(seconds), Ok(nanos)) => {
            Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
