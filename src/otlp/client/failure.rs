//! Why an attempt did not deliver, and whether another one may.

use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::export::{ExportError, ExportErrorKind, ResponseStatus};
use crate::otlp::retry::Verdict;
use crate::otlp::signal::Signal;

/// An attempt that failed.
///
/// The message says which step failed and at which address, and holds no secret.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    kind: ExportErrorKind,
    message: String,
    /// Whether another attempt may help, and what the server asks to be left alone for.
    verdict: Verdict,
    /// The deadline that left no time for another attempt.
    cut_short_by: Option<Instant>,
    /// That of the answer, if there was one.
    status: Option<ResponseStatus>,
}

impl Failure {
    /// No answer was had: the connection failed or broke. Another attempt may find the server back.
    pub(super) fn unanswered(message: impl Into<String>) -> Self {
        Self::new(ExportErrorKind::Io, message, Verdict::Again { after: None })
    }

    /// The server answered, and its answer was judged.
    pub(super) fn answered(status: ResponseStatus, message: impl Into<String>, verdict: Verdict) -> Self {
        Self { status: Some(status), ..Self::new(ExportErrorKind::Rejected, message, verdict) }
    }

    /// Something that another attempt would meet again.
    pub(super) fn last(kind: ExportErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message, Verdict::Final)
    }

    fn new(kind: ExportErrorKind, message: impl Into<String>, verdict: Verdict) -> Self {
        Self { kind, message: message.into(), verdict, cut_short_by: None, status: None }
    }

    /// There is no time for another attempt before the deadline.
    pub(super) fn cut_short(self, deadline: Option<Instant>) -> Self {
        Self { cut_short_by: deadline, ..self }
    }

    /// If another attempt may help: the least time to wait before it, where the server named one.
    pub(super) fn again(&self) -> Option<Option<Duration>> {
        match self.verdict {
            Verdict::Again { after } => Some(after),
            Verdict::Delivered | Verdict::Final => None,
        }
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The error of a whole upload of `attempts` attempts to `url`, of which this ended the last.
    pub(super) fn into_error(self, signal: Signal, url: &str, attempts: u64) -> ExportError {
        let mut message = format!("{url} did not take the {}: {}", signal.items(), self.message);
        if attempts > 1 {
            // Writing to a string cannot fail.
            let _ = write!(message, " (attempt {attempts})");
        }
        let error = ExportError::new(self.kind, message);
        let error = match self.status {
            Some(status) => error.with_response_status(status),
            None => error,
        };
        match self.cut_short_by {
            Some(deadline) => error.cut_short(deadline),
            None => error,
        }
    }
}

/// An error and what caused it, in one line: libraries leave the cause out of their own text.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Some do include it.
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_chain_names_each_cause_once() {
        let cause = io::Error::new(io::ErrorKind::BrokenPipe, "the pipe broke");
        let error = ExportError::new(ExportErrorKind::Io, "sending failed").with_source(cause);
        assert_eq!(chain(&error), "sending failed: the pipe broke");
    }

    #[test]
    fn the_error_of_an_upload_tells_how_many_attempts_there_were() {
        let failure = Failure::unanswered("cannot connect");
        assert_eq!(failure.again(), Some(None));
        let error = failure.clone().into_error(Signal::Traces, "http://c/", 1);
        assert_eq!(error.kind(), ExportErrorKind::Io);
        assert_eq!(error.to_string(), "http://c/ did not take the spans: cannot connect");
        let error = failure.into_error(Signal::Metrics, "http://c/", 3);
        assert_eq!(error.to_string(), "http://c/ did not take the data points: cannot connect (attempt 3)");
    }
}
