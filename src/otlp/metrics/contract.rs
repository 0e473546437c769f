//! The contract of whatever sends metrics to a receiver.

use std::sync::Arc;

use crate::export::{Context, ExportError};
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind};
use crate::otlp::proto::ResourceMetrics;

/// Sends OTLP's messages of metrics to a receiver.
///
/// # What the caller promises
///
/// - [`upload_metrics`](MetricClient::upload_metrics), [`force_flush`](MetricClient::force_flush) and
///   [`shutdown`](MetricClient::shutdown) are called one at a time. `temporality` and `aggregation` may be
///   called at any time, from any thread.
/// - The message is borrowed for the call, and its memory is used again after it. A client that keeps
///   something copies it.
/// - Every error is final. The caller does not try again.
/// - `shutdown` is called once, and nothing after it: then the client is dropped.
///
/// # What the client promises
///
/// - `temporality` and `aggregation` answer at once, whatever else is under way, and always the same: a caller
///   may ask once and for all.
/// - All retry is in the client, within the call. What an error counts as lost is not delivered later, and
///   the uploads after a failure go on as if there had been none.
/// - A message without points is nothing to send, and succeeds.
/// - Points that the receiver refused are an error of kind
///   [`Rejected`](crate::export::ExportErrorKind::Rejected) that
///   [counts](ExportError::lost_data_points) them, and a receiver that took every point and says something is
///   at most an error with which none is lost. In both cases nothing is sent again.
/// - The context is honoured at every wait: once its deadline has passed or it is cancelled, the call returns an
///   error of kind [`DeadlineExceeded`](crate::export::ExportErrorKind::DeadlineExceeded) or
///   [`Cancelled`](crate::export::ExportErrorKind::Cancelled) without starting anything new. An upload may
///   return the failure of its last attempt instead when the deadline leaves no time for another.
/// - `shutdown` completes what is unfinished and releases everything, connections included, whatever it
///   returns.
/// - No call panics.
///
/// This is the interface `Client` of Go's `exporters/otlp/otlpmetric`. [`OtlpMetricClient`] is one over gRPC and
/// HTTP, and [`OtlpMetricExporter`] makes an exporter of any. `conformance::metric_client` (feature
/// `conformance`) checks any implementation, promise by promise.
///
/// [`OtlpMetricClient`]: crate::otlp#metrics
/// [`OtlpMetricExporter`]: crate::otlp#metrics
pub trait MetricClient: Send + Sync {
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

    /// Sends a message, and waits until it is answered for good.
    ///
    /// # Errors
    ///
    /// Whatever kept points from being delivered.
    fn upload_metrics(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError>;

    /// Completes what earlier uploads left unfinished, as far as the client buffers anything.
    ///
    /// # Errors
    ///
    /// Whatever kept the uploads before this call from being completed.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError>;

    /// Completes what is unfinished and releases everything that the client holds.
    ///
    /// # Errors
    ///
    /// Whatever kept the uploads before this call from being completed; everything is released all the same.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError>;
}

/// A client that is shared: one handle for the exporter, others to look at what the client counts.
impl<C: MetricClient + ?Sized> MetricClient for Arc<C> {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        (**self).temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        (**self).aggregation(kind)
    }

    fn upload_metrics(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        (**self).upload_metrics(context, metrics)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        (**self).force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        (**self).shutdown(context)
    }
}
