//! The client over gRPC and HTTP.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use super::source::{Decoded, Encoded};
use super::{MetricClient, OtlpMetricStats};
use crate::export::{Component, Context, ExportError, ExportErrorKind};
use crate::metrics::data::{self, Temporality};
use crate::metrics::{Aggregation, InstrumentKind, Preferences};
use crate::otlp::delivery::{Counters, Delivery};
use crate::otlp::proto::{DecodeError, ResourceMetrics};
use crate::otlp::settings::Protocol;

/// Sends metrics to an OpenTelemetry collector or back-end: by gRPC, by HTTP with protobuf or by HTTP with
/// JSON.
///
/// Transport, retry, TLS, limits and settings are those of [`OtlpExporter`](crate::otlp::OtlpExporter). It is
/// made by [`build_client`](crate::otlp::OtlpMetricExporterBuilder::build_client). An
/// [`OtlpMetricExporter`](crate::otlp::OtlpMetricExporter) has one of its own, so it is needed by itself only
/// where something else is to come between the two.
///
/// A clone is the same client. Dropping the last without a shutdown closes the connection and waits for
/// nothing.
#[derive(Clone)]
pub struct OtlpMetricClient {
    shared: Arc<Shared>,
}

struct Shared {
    delivery: Delivery,
    preferences: Preferences,
    /// What messages are read into that are sent in JSON; taken by the upload that does.
    decoded: Mutex<data::ResourceMetrics>,
}

impl OtlpMetricClient {
    pub(in crate::otlp) fn new(delivery: Delivery, preferences: Preferences) -> Self {
        Self { shared: Arc::new(Shared { delivery, preferences, decoded: Mutex::default() }) }
    }

    /// What the client has done so far. It may be asked at any time, also after the shutdown.
    #[must_use]
    pub fn stats(&self) -> OtlpMetricStats {
        self.counters().read().into()
    }

    /// What an exporter over it is called in metrics about it.
    pub(super) fn component(&self) -> &Component {
        self.shared.delivery.component()
    }

    /// What is counted, and can be looked at when the client is gone.
    pub(super) fn counters(&self) -> &Arc<Counters> {
        self.shared.delivery.counters()
    }
}

impl Shared {
    fn upload_json(&self, context: &Context, message: &ResourceMetrics) -> Result<(), ExportError> {
        let place = || self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut metrics = mem::take(&mut *place());
        let result = match message.decode(&mut metrics) {
            Ok(()) => self.delivery.deliver(context, &Decoded::of(&metrics)),
            Err(error) => Err(malformed(error)),
        };
        *place() = metrics;
        result
    }
}

fn malformed(error: DecodeError) -> ExportError {
    ExportError::new(ExportErrorKind::Other, "cannot send the message").with_source(error)
}

impl MetricClient for OtlpMetricClient {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.shared.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.shared.preferences.aggregation(kind)
    }

    /// Sends the message and waits until it is answered for good: in one request, or cut between its metrics
    /// if that is too large. A message without points is not sent.
    ///
    /// # Errors
    ///
    /// - [`Rejected`](crate::export::ExportErrorKind::Rejected) if the receiver refused points;
    ///   [`lost_data_points`](ExportError::lost_data_points) says how many.
    /// - [`Full`](crate::export::ExportErrorKind::Full) if a metric alone makes too large a request.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if there was no connection, or it broke.
    /// - [`Other`](crate::export::ExportErrorKind::Other) if the message is none, if the answer broke the
    ///   protocol, if it was too large, and, with no point lost, if the receiver took everything and had
    ///   something to say.
    /// - [`DeadlineExceeded`](crate::export::ExportErrorKind::DeadlineExceeded) and
    ///   [`Cancelled`](crate::export::ExportErrorKind::Cancelled), the latter also when a shutdown has
    ///   called the upload off.
    /// - [`ExporterShutdown`](crate::export::ExportErrorKind::ExporterShutdown) and
    ///   [`Forked`](crate::export::ExportErrorKind::Forked).
    fn upload_metrics(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        let delivery = &self.shared.delivery;
        let context = delivery.begin(context)?;
        match delivery.protocol() {
            Protocol::HttpJson => self.shared.upload_json(&context, metrics),
            Protocol::Grpc | Protocol::HttpProtobuf => {
                delivery.deliver(&context, &Encoded::of(metrics).map_err(malformed)?)
            }
        }
    }

    /// Succeeds at once: nothing is unfinished when an upload has returned.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.delivery.begin(context).map(drop)
    }

    /// Ends the thread and closes the connection. An upload under way in another thread is waited for, and
    /// called off when the context ends.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.delivery.shutdown(context)
    }
}

impl fmt::Debug for OtlpMetricClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtlpMetricClient").field(&self.shared.delivery).finish()
    }
}
