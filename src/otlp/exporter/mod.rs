//! The exporter that sends batches over OTLP.

mod stats;

pub use stats::OtlpStats;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::OtlpExporterBuilder;
use super::delivery::{Delivery, Source};
use super::encode::{encode_json_within, encode_protobuf_within};
use super::settings::Protocol;
use crate::batch::{Batch, BatchView};
use crate::export::{Component, Context, ExportError, SpanExporter};

/// Sends batches to an OpenTelemetry collector or back-end.
///
/// The [module documentation](crate::otlp) says what becomes of which answer, and what a context
/// interrupts: every wait, the resolver's included. Encoding and compressing a request, which take
/// milliseconds, are not interrupted.
///
/// A clone is the same exporter: hand one to the tracer, and ask the other for its
/// [`stats`](OtlpExporter::stats). Dropping the last without a shutdown closes the connection and waits
/// for nothing.
#[derive(Clone)]
pub struct OtlpExporter {
    delivery: Arc<Delivery>,
}

impl OtlpExporter {
    /// An exporter with the defaults, to be changed: HTTP with protobuf to `http://localhost:4318`.
    pub fn builder() -> OtlpExporterBuilder {
        OtlpExporterBuilder::new()
    }

    /// An exporter as the environment's variables `OTEL_EXPORTER_OTLP_*` say. A value that is ignored is
    /// told on standard error; [`OtlpExporterBuilder::environment`] tells it elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`OtlpExporterBuilder::build`].
    pub fn from_env() -> Result<Self, ExportError> {
        Self::builder().environment(|warning| eprintln!("nanospan: {warning}")).build()
    }

    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery: Arc::new(delivery) }
    }

    /// What the exporter has done so far. It may be asked at any time, also after the shutdown.
    #[must_use]
    pub fn stats(&self) -> OtlpStats {
        self.delivery.counters().read().into()
    }
}

/// A batch, of which each span is a part.
struct Spans<'a> {
    batch: BatchView<'a>,
    protocol: Protocol,
}

impl Source for Spans<'_> {
    fn parts(&self) -> usize {
        self.batch.span_count()
    }

    fn items(&self, range: Range<usize>) -> u64 {
        range.len() as u64
    }

    fn encode(&self, range: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize {
        let encode = match self.protocol {
            Protocol::Grpc | Protocol::HttpProtobuf => encode_protobuf_within,
            Protocol::HttpJson => encode_json_within,
        };
        encode(&self.batch, range, limit, into)
    }
}

impl SpanExporter for OtlpExporter {
    /// Sends the batch and waits until it is answered for good. A batch without spans is not sent.
    ///
    /// # Errors
    ///
    /// - [`Rejected`](crate::export::ExportErrorKind::Rejected) if the receiver refused spans;
    ///   [`lost_spans`](ExportError::lost_spans) says how many.
    /// - [`Full`](crate::export::ExportErrorKind::Full) if a span alone makes too large a request.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if there was no connection, or it broke.
    /// - [`Other`](crate::export::ExportErrorKind::Other) if the answer broke the protocol, if it was too
    ///   large, and, with no span lost, if the receiver took everything and had something to say.
    /// - [`DeadlineExceeded`](crate::export::ExportErrorKind::DeadlineExceeded) and
    ///   [`Cancelled`](crate::export::ExportErrorKind::Cancelled), the latter also when a shutdown has
    ///   called the export off.
    /// - [`ExporterShutdown`](crate::export::ExportErrorKind::ExporterShutdown) and
    ///   [`Forked`](crate::export::ExportErrorKind::Forked).
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        let context = self.delivery.begin(context)?;
        let spans = Spans { batch: batch.view(), protocol: self.delivery.protocol() };
        self.delivery.deliver(&context, &spans)
    }

    /// Succeeds at once: nothing is unfinished when an export has returned.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.delivery.begin(context).map(drop)
    }

    /// Waits for an export under way in another thread, and calls it off when the context ends.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.delivery.shutdown(context)
    }

    fn component(&self) -> Component {
        self.delivery.component().clone()
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtlpExporter").field(&self.delivery).finish()
    }
}
