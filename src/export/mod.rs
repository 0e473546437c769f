//! Where finished spans go: the exporter's contract, and the exporters that come with the crate.

mod component;
mod context;
mod error;
pub(crate) mod fan_out;
mod finished;
pub(crate) mod gone;
pub(crate) mod memory;
mod nowhere;
pub(crate) mod owner;
pub mod segment;
mod status;
pub(crate) mod stdout;
mod telemetry;
pub(crate) mod timed;
pub(crate) mod turns;

pub use component::Component;
pub use context::{Cancellation, Context, ContextError};
pub use error::{ExportError, ExportErrorKind};
pub use fan_out::{DestinationStats, FanOutExporter, FanOutExporterBuilder};
pub use finished::{FinishedEvent, FinishedLink, FinishedSpan};
pub use memory::{Hold, MemoryExporter};
pub(crate) use nowhere::Nowhere;
pub use status::ResponseStatus;
pub use stdout::{StdoutExporter, StdoutExporterBuilder, StdoutFormat};

#[cfg(feature = "conformance")]
pub(crate) use telemetry::Spans;
pub(crate) use telemetry::Telemetry;

use crate::batch::Batch;
use std::sync::Arc;

/// Takes batches of finished spans to where they are kept.
///
/// # What the caller promises
///
/// - [`export`](SpanExporter::export) is never called while another `export` on the same exporter
///   runs. `force_flush` and `shutdown` may be called at any time, from any thread, also during
///   an `export`.
/// - The batch is borrowed for the call. An exporter that keeps something copies it.
/// - Every error is final. The caller does not try again: it hands the error to the error handler
///   and counts [`lost_spans`](ExportError::lost_spans) of the batch, or all of it, as
///   `export_failed`. An error of `export` with which none is lost is a warning: a flush does not fail by it.
///
/// # What the exporter promises
///
/// - Retrying, where it helps, happens inside the call. What an error counts as lost is not
///   delivered later.
/// - A batch without spans is nothing to deliver, and succeeds.
/// - The context is honoured at every wait: once its deadline has passed or it is cancelled, the
///   call returns an error of kind [`DeadlineExceeded`](ExportErrorKind::DeadlineExceeded) or
///   [`Cancelled`](ExportErrorKind::Cancelled) without starting anything new. Each exporter says
///   which of its steps cannot be interrupted.
/// - The first `shutdown` releases everything, whatever it returns. From then on each call, a
///   further `shutdown` included, returns an error of kind
///   [`ExporterShutdown`](ExportErrorKind::ExporterShutdown) and does nothing else, also if its
///   context is over: that the exporter is gone for good is the more useful of the two to know.
/// - No call panics.
///
/// This is OpenTelemetry's span exporter (Trace SDK, section "Span Exporter") with one thing made
/// definite: what a call after the shutdown returns. `conformance::exporter` (feature `conformance`)
/// checks any implementation, promise by promise.
pub trait SpanExporter: Send + Sync {
    /// Delivers one batch.
    ///
    /// # Errors
    ///
    /// Whatever kept the batch, or part of it, from being delivered.
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError>;

    /// Completes what earlier exports left unfinished, as far as the exporter buffers anything.
    ///
    /// The default does nothing and succeeds, also after the shutdown: it suits an exporter that
    /// leaves nothing unfinished and has no state to check. An exporter that has its own keeps all of
    /// the promises above with it.
    ///
    /// # Errors
    ///
    /// Whatever kept the exports before this call from being completed.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        let _ = context;
        Ok(())
    }

    /// Completes what is unfinished and releases everything that the exporter holds.
    ///
    /// # Errors
    ///
    /// Whatever kept the exports before this call from being completed; the exporter is shut down
    /// all the same.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError>;

    /// What it is called in metrics about it: the name of its type by default. Asked once, by whoever makes the
    /// metrics.
    fn component(&self) -> Component {
        Component::new(std::any::type_name::<Self>())
    }
}

/// An exporter that is shared: one handle for the tracer, others to look at what the exporter counts.
impl<E: SpanExporter + ?Sized> SpanExporter for Arc<E> {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        (**self).export(context, batch)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        (**self).force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        (**self).shutdown(context)
    }

    fn component(&self) -> Component {
        (**self).component()
    }
}
