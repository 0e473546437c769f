//! What an exporter reports when a batch did not arrive.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use super::ContextError;

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
    lost_spans: Option<u32>,
    cut_short_by: Option<Instant>,
}

impl ExportError {
    /// An error of the given kind; `message` says what was tried and where.
    #[must_use]
    pub fn new(kind: ExportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, lost_spans: None, cut_short_by: None }
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
        self.lost_spans = Some(lost_spans);
        self
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

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ExportErrorKind {
        self.kind
    }

    /// How many of the batch's spans were lost; `None` means every one of them.
    #[must_use]
    pub fn lost_spans(&self) -> Option<u32> {
        self.lost_spans
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

impl From<ContextError> for ExportErrorKind {
    fn from(error: ContextError) -> Self {
        match error {
            ContextError::DeadlineExceeded => Self::DeadlineExceeded,
            ContextError::Cancelled => Self::Cancelled,
        }
    }
}
