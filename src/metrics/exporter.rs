//! The contract of whatever takes metrics away.

use std::sync::Arc;

use super::data::{ResourceMetrics, Temporality};
use super::{Aggregation, InstrumentKind};
use crate::export::{Component, Context, ExportError};

/// Takes collected metrics to where they are kept.
///
/// # What the caller promises
///
/// - [`export`](MetricExporter::export) is never called while another `export` on the same exporter runs.
///   Everything else may be called at any time, from any thread, also during an `export`.
/// - The metrics are borrowed for the call, and their memory is used again after it. An exporter that keeps
///   something copies it.
/// - Every error is final. The caller does not try again: it hands the error to its error handler and
///   counts [`lost_data_points`](ExportError::lost_data_points) as lost, or all points. An error of
///   `export` with which none is lost is a warning: a flush does not fail by it.
///
/// # What the exporter promises
///
/// - [`temporality`](MetricExporter::temporality) and [`aggregation`](MetricExporter::aggregation) answer at
///   once, whatever else is under way, and after the shutdown as before it.
/// - Retrying, where it helps, happens inside the call. What an error counts as lost is not delivered later.
/// - Metrics without points are nothing to deliver, and succeed.
/// - The context is honoured at every wait: once its deadline has passed or it is cancelled, the call
///   returns an error of kind [`DeadlineExceeded`](crate::export::ExportErrorKind::DeadlineExceeded) or
///   [`Cancelled`](crate::export::ExportErrorKind::Cancelled) without starting anything new.
/// - The first `shutdown` completes what is unfinished and releases everything, whatever it returns. From
///   then on `export`, `force_flush` and `shutdown` return an error of kind
///   [`ExporterShutdown`](crate::export::ExportErrorKind::ExporterShutdown) and do nothing else, also if
///   their context is over.
/// - No call panics.
///
/// This is the interface `Exporter` of Go's `sdk/metric`, and the Metrics SDK's "Push Metric Exporter", with one
/// thing made definite: what a call after the shutdown returns. `conformance::metric_exporter` (feature
/// `conformance`) checks any implementation, promise by promise.
pub trait MetricExporter: Send + Sync {
    /// Over which time points of this kind of instrument are wanted.
    ///
    /// Cumulative by default.
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        let _ = kind;
        Temporality::Cumulative
    }

    /// What is to become of the measurements of this kind of instrument.
    ///
    /// [`Aggregation::Default`] by default.
    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        let _ = kind;
        Aggregation::Default
    }

    /// Delivers one collection.
    ///
    /// # Errors
    ///
    /// Whatever kept points from being delivered.
    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError>;

    /// Completes what earlier exports left unfinished, as far as the exporter buffers anything.
    ///
    /// # Errors
    ///
    /// Whatever kept the exports before this call from being completed.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError>;

    /// Completes what is unfinished and releases everything that the exporter holds.
    ///
    /// # Errors
    ///
    /// Whatever kept the exports before this call from being completed; the exporter is shut down all the
    /// same.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError>;

    /// What it is called in metrics about it: the name of its type by default. Asked once, by whoever makes the
    /// metrics.
    fn component(&self) -> Component {
        Component::new(std::any::type_name::<Self>())
    }
}

/// An exporter that is shared: one handle for the reader, others to look at what the exporter counts.
impl<E: MetricExporter + ?Sized> MetricExporter for Arc<E> {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        (**self).temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        (**self).aggregation(kind)
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        (**self).export(context, metrics)
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
