//! What an exporter reports when a batch did not arrive.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use super::{ContextError, ResponseStatus};

/// Why an export, a flush or a shutdown failed.
///
/// Match on [`kind`](ExportError::kind). The text says what was tried and where (a path or an
/// address) and ends in the text of the cause, for handlers that print nothing else;
/// [`source`](Error::source) is that cause itself.
///
/// ```
/// use nanospan::export::{ExportError, ExportErrorKind};
///
/// let full = std::io::Error::from_raw_os_error(28);
/// let error = ExportError::new(ExportErrorKind::Io, "cannot write spans.nsp").with_source(full);
/// assert_eq!(error.kind(), ExportErrorKind::Io);
/// assert!(error.to_string().starts_with("cannot write spans.nsp: "));
/// ```
#[derive(Debug)]
pub struct ExportError {
    kind: ExportErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// Of what the call was to deliver.
    lost: Option<u32>,
    cut_short_by: Option<Instant>,
    response_status: Option<ResponseStatus>,
}

impl ExportError {
    /// An error of the given kind; `message` says what was tried and where.
    #[must_use]
    pub fn new(kind: ExportErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, source: None, lost: None, cut_short_by: None, response_status: None }
    }

    /// The error of a call made after the exporter called `exporter` was shut down.
    #[must_use]
    pub fn shutdown(exporter: &str) -> Self {
        let message = format!("the {exporter} has been shut down");
        Self::new(ExportErrorKind::ExporterShutdown, message)
    }

    /// Names the cause, whose text is added to this error's.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says that only `lost_spans` of the batch's spans were lost and the others arrived.
    #[must_use]
    pub fn with_lost_spans(mut self, lost_spans: u32) -> Self {
        self.lost = Some(lost_spans);
        self
    }

    /// Says that only so many items of the batch were lost, whatever the items are.
    #[must_use]
    pub(crate) fn with_lost(self, items: u64) -> Self {
        Self { lost: Some(u32::try_from(items).unwrap_or(u32::MAX)), ..self }
    }

    /// How many items of the batch were lost; `None` means every one of them.
    #[must_use]
    pub(crate) fn lost(&self) -> Option<u32> {
        self.lost
    }

    /// Says that trying again might have helped, and that this deadline left no time for it.
    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    #[must_use]
    pub(crate) fn cut_short(self, deadline: Instant) -> Self {
        Self { cut_short_by: Some(deadline), ..self }
    }

    /// The deadline that left no time to try again.
    #[must_use]
    pub(crate) fn cut_short_by(&self) -> Option<Instant> {
        self.cut_short_by
    }

    /// Says which status the receiver's last answer had.
    #[must_use]
    pub fn with_response_status(self, status: ResponseStatus) -> Self {
        Self { response_status: Some(status), ..self }
    }

    /// Which status the receiver's last answer had, if there was one and it is known.
    #[must_use]
    pub fn response_status(&self) -> Option<ResponseStatus> {
        self.response_status
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ExportErrorKind {
        self.kind
    }

    /// How many of the batch's spans were lost; `None` means every one of them.
    #[must_use]
    pub fn lost_spans(&self) -> Option<u32> {
        self.lost
    }

    /// Says that only so many data points of the metrics were lost and the others arrived.
    #[must_use]
    pub fn with_lost_data_points(mut self, lost_data_points: u32) -> Self {
        self.lost = Some(lost_data_points);
        self
    }

    /// From an exporter of metrics: how many of their data points were lost; `None` means every one of
    /// them.
    #[must_use]
    pub fn lost_data_points(&self) -> Option<u32> {
        self.lost
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

impl From<ContextError> for ExportError {
    fn from(error: ContextError) -> Self {
        Self::new(error.into(), error.to_string())
    }
}

/// The sorts of failure that a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportErrorKind {
    /// The exporter was shut down before this call: Go's `ErrExporterShutdown`.
    ExporterShutdown,
    /// The metric reader was shut down before this call: Go's `ErrReaderShutdown`.
    ReaderShutdown,
    /// The context's deadline passed before the work was done.
    DeadlineExceeded,
    /// The context was cancelled before the work was done.
    Cancelled,
    /// The operating system refused a read, a write or a connection.
    Io,
    /// The exporter's own limit on what it stores is reached.
    Full,
    /// The receiver answered, and refused some or all of the batch.
    Rejected,
    /// Another writer holds what this exporter needs for itself alone.
    Locked,
    /// A path could be changed by other users, or is not what it claims to be.
    Insecure,
    /// A setting is out of range, or does not go with what callers send.
    InvalidConfig,
    /// The exporter belongs to the process that this one was forked from.
    Forked,
    /// None of the above.
    Other,
}

impl ExportErrorKind {
    /// All of them, each at its own index.
    pub(crate) const ALL: [Self; 12] = [
        Self::ExporterShutdown,
        Self::ReaderShutdown,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::Io,
        Self::Full,
        Self::Rejected,
        Self::Locked,
        Self::Insecure,
        Self::InvalidConfig,
        Self::Forked,
        Self::Other,
    ];

    /// The value of the attribute `error.type` in metrics, of each kind another: two points may not be described
    /// alike. Those that the semantic conventions know are theirs.
    pub(crate) const fn as_error_type(self) -> &'static str {
        match self {
            Self::ExporterShutdown => "already_shutdown",
            Self::ReaderShutdown => "reader_shutdown",
            Self::DeadlineExceeded => "timeout",
            Self::Cancelled => "cancelled",
            Self::Io => "io",
            Self::Full => "full",
            Self::Rejected => "rejected",
            Self::Locked => "locked",
            Self::Insecure => "insecure",
            Self::InvalidConfig => "invalid_config",
            Self::Forked => "forked",
            Self::Other => "_OTHER",
        }
    }
}

impl From<ContextError> for ExportErrorKind {
    fn from(error: ContextError) -> Self {
        match error {
            ContextError::DeadlineExceeded => Self::DeadlineExceeded,
            ContextError::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_at_its_own_index() {
        for (index, kind) in ExportErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
    #[test]
    fn no_two_kinds_have_the_same_error_type() {
        let all: std::collections::BTreeSet<_> =
            ExportErrorKind::ALL.into_iter().map(ExportErrorKind::as_error_type).collect();
        assert_eq!(all.len(), ExportErrorKind::ALL.len(), "{all:?}");
    }
}
