//! What became of the requests with one batch or one message, told in one error.

use crate::export::{ExportError, ExportErrorKind, ResponseStatus};
use crate::otlp::answer::PartialSuccess;
use crate::otlp::signal::Signal;

/// The sum of what became of the requests. What is counted are the signal's items: spans, or data points.
#[derive(Debug)]
pub(super) struct Outcome {
    signal: Signal,
    lost: u64,
    /// Of those, what a receiver refused of requests that it took otherwise.
    rejected: u64,
    /// The first error in which items were lost.
    error: Option<ExportError>,
    /// The first thing that a receiver had to say though it took everything.
    warning: Option<String>,
    is_over: bool,
    /// That of an answer to a request that was taken.
    success: Option<ResponseStatus>,
}

impl Outcome {
    pub(super) fn new(signal: Signal, success: Option<ResponseStatus>) -> Self {
        Self { signal, lost: 0, rejected: 0, error: None, warning: None, is_over: false, success }
    }

    /// A request with `items` was sent, and this is what came back.
    pub(super) fn uploaded(&mut self, items: u64, answer: Result<PartialSuccess, ExportError>) {
        match answer {
            Ok(PartialSuccess { rejected: 0, message }) if message.is_empty() => {}
            Ok(PartialSuccess { rejected: 0, message }) => {
                self.warning.get_or_insert(message);
            }
            Ok(PartialSuccess { rejected, message }) => {
                // A receiver cannot refuse more than it was sent.
                let rejected = rejected.min(items);
                self.rejected += rejected;
                let mut text = format!("the receiver refused {rejected} of {items} {}", self.signal.items());
                if !message.is_empty() {
                    text.push_str(": ");
                    text.push_str(&message);
                }
                let error = ExportError::new(ExportErrorKind::Rejected, text);
                self.failed(
                    rejected,
                    match self.success {
                        Some(status) => error.with_response_status(status),
                        None => error,
                    },
                );
            }
            Err(error) => self.failed(items, error),
        }
    }

    /// A request with `items` was not delivered.
    pub(super) fn failed(&mut self, items: u64, error: ExportError) {
        use ExportErrorKind::{Cancelled, DeadlineExceeded, ExporterShutdown, Forked};
        self.lost += items;
        self.is_over |= matches!(error.kind(), Cancelled | DeadlineExceeded | ExporterShutdown | Forked);
        self.error.get_or_insert(error);
    }

    /// A span, or a metric with so many points, makes alone a request of more than `limit` bytes.
    pub(super) fn oversized(&mut self, items: u64, limit: usize) {
        let part = self.signal.part();
        let text = format!("a {part} alone makes a request of more than {limit} bytes, which are allowed");
        self.failed(items, ExportError::new(ExportErrorKind::Full, text));
    }

    /// `items` were not tried any more.
    pub(super) fn skipped(&mut self, items: u64) {
        self.lost += items;
    }

    /// Whether the time for all of it has ended, so that trying more of it is of no use.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// What the export of `items` returns.
    pub(super) fn into_result(self, items: u64) -> Result<(), ExportError> {
        let some_lost = |error: ExportError, lost| match self.signal {
            Signal::Traces => error.with_lost_spans(lost),
            Signal::Metrics => error.with_lost_data_points(lost),
        };
        // So many fit neither into a batch nor, nearly, into memory.
        let lost = u32::try_from(self.lost).unwrap_or(u32::MAX);
        match (self.error, self.warning) {
            (Some(error), _) if self.lost >= items => Err(error),
            (Some(error), _) => Err(some_lost(error, lost)),
            (None, Some(warning)) => {
                let text = format!("the receiver took all {}, and says: {warning}", self.signal.items());
                Err(some_lost(ExportError::new(ExportErrorKind::Other, text), 0))
            }
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rejected: u64, message: &str) -> Result<PartialSuccess, ExportError> {
        Ok(PartialSuccess { rejected, message: message.into() })
    }

    fn of(spans: u64, answer: Result<PartialSuccess, ExportError>) -> Result<(), ExportError> {
        let mut outcome = Outcome::new(Signal::Traces, Some(ResponseStatus::Grpc(0)));
        outcome.uploaded(spans, answer);
        outcome.into_result(spans)
    }

    #[test]
    fn a_full_success_is_none_of_the_receivers_words_and_no_span_lost() {
        assert!(of(10, answer(0, "")).is_ok());
    }

    #[test]
    fn spans_that_were_refused_are_lost_and_no_others() {
        let error = of(10, answer(3, "too old")).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, Some(3)));
        assert_eq!(error.to_string(), "the receiver refused 3 of 10 spans: too old");
        assert_eq!(error.response_status(), Some(ResponseStatus::Grpc(0)));
        assert_eq!(of(10, answer(3, "")).unwrap_err().to_string(), "the receiver refused 3 of 10 spans");
    }

    #[test]
    fn a_receiver_cannot_refuse_more_than_was_sent() {
        let error = of(10, answer(u64::MAX, "")).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, None));
        assert_eq!(error.to_string(), "the receiver refused 10 of 10 spans");
    }

    #[test]
    fn words_without_a_loss_are_a_warning() {
        let error = of(10, answer(0, "use v2")).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Other, Some(0)));
        assert_eq!(error.to_string(), "the receiver took all spans, and says: use v2");
    }

    #[test]
    fn of_metrics_the_data_points_are_counted() {
        let mut outcome = Outcome::new(Signal::Metrics, None);
        outcome.uploaded(10, answer(3, "too old"));
        let error = outcome.into_result(10).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Rejected, Some(3)));
        assert_eq!(error.to_string(), "the receiver refused 3 of 10 data points: too old");
        let mut outcome = Outcome::new(Signal::Metrics, None);
        outcome.oversized(4, 100);
        let error = outcome.into_result(10).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Full, Some(4)));
        let expected = "a metric alone makes a request of more than 100 bytes, which are allowed";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_losses_of_the_parts_add_up_and_the_first_error_tells() {
        let mut outcome = Outcome::new(Signal::Traces, Some(ResponseStatus::Grpc(0)));
        outcome.uploaded(5, answer(0, "w"));
        outcome.uploaded(5, answer(2, "first"));
        outcome.oversized(1, 10);
        outcome.failed(4, ExportError::new(ExportErrorKind::Io, "later"));
        assert!(!outcome.is_over());
        assert_eq!(outcome.rejected(), 2);
        let error = outcome.into_result(15).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, Some(7)));
    }

    #[test]
    fn the_end_of_the_time_ends_the_batch() {
        let mut outcome = Outcome::new(Signal::Traces, Some(ResponseStatus::Grpc(0)));
        outcome.uploaded(5, answer(1, ""));
        assert!(!outcome.is_over());
        outcome.uploaded(5, Err(ExportError::new(ExportErrorKind::DeadlineExceeded, "over")));
        assert!(outcome.is_over());
        outcome.skipped(10);
        let error = outcome.into_result(20).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, Some(16)));
    }
}
