//! The exporter that sends batches over OTLP.

mod body;
mod builder;
mod outcome;
mod stats;

pub use builder::OtlpExporterBuilder;
pub use stats::OtlpStats;

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::body::{Buffers, Fitted};
use self::outcome::Outcome;
use crate::batch::{Batch, BatchView};
use crate::export::{Context, ExportError, SpanExporter};
use crate::otlp::client::Client;
use crate::otlp::settings::{Compression, Protocol};

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
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    form: Form,
    /// Taken by the export that uses them.
    buffers: Mutex<Buffers>,
    counters: Counters,
}

/// How spans become requests.
#[derive(Debug, Clone, Copy)]
struct Form {
    protocol: Protocol,
    compression: Compression,
    /// Of a request, before and after compression.
    max_bytes: usize,
}

/// What the exporter counts besides its client. Each is a sum of its own, in order with no other.
#[derive(Debug, Default)]
struct Counters {
    rejected_spans: AtomicU64,
    split_batches: AtomicU64,
    oversized_spans: AtomicU64,
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

    fn new(client: Client, form: Form) -> Self {
        let (buffers, counters) = (Mutex::default(), Counters::default());
        Self { shared: Arc::new(Shared { client, form, buffers, counters }) }
    }

    /// What the exporter has done so far. It may be asked at any time, also after the shutdown.
    #[must_use]
    pub fn stats(&self) -> OtlpStats {
        // Relaxed: sums of their own.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let client = self.shared.client.counters();
        OtlpStats {
            requests: read(&client.requests),
            request_bytes: read(&client.request_bytes),
            retries: read(&client.retries),
            rejected_spans: read(&self.shared.counters.rejected_spans),
            split_batches: read(&self.shared.counters.split_batches),
            oversized_spans: read(&self.shared.counters.oversized_spans),
            panics: read(&client.panics),
            restarts: read(&client.restarts),
        }
    }
}

impl Shared {
    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all of `batch`, in parts if need be.
    fn deliver(&self, context: &Context, batch: &BatchView<'_>, buffers: &mut Buffers) -> Outcome {
        let mut outcome = Outcome::default();
        let spans = batch.span_count();
        let mut is_split = false;
        let mut sent = 0;
        while sent < spans && !outcome.is_over() {
            let part = match body::fitted(&self.form, batch, sent..spans, buffers) {
                Ok(Some(Fitted { content, spans })) => {
                    let answer = self.client.upload(context, content.clone());
                    buffers.reuse(content);
                    outcome.uploaded(spans as u64, answer);
                    spans
                }
                Ok(None) => {
                    count(&self.counters.oversized_spans, 1);
                    outcome.oversized(self.form.max_bytes);
                    1
                }
                Err(error) => {
                    outcome.failed((spans - sent) as u64, error);
                    spans - sent
                }
            };
            is_split |= part < spans;
            sent += part;
        }
        outcome.skipped((spans - sent) as u64);
        count(&self.counters.split_batches, is_split.into());
        count(&self.counters.rejected_spans, outcome.rejected());
        outcome
    }
}

/// Relaxed: sums of their own.
fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
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
        let context = self.shared.client.begin(context)?;
        if batch.span_count() == 0 {
            return Ok(());
        }
        // Taken out, and not locked for as long as it takes: exports that overlap have their own.
        let mut buffers = mem::take(&mut *self.shared.buffers());
        let outcome = self.shared.deliver(&context, &batch.view(), &mut buffers);
        *self.shared.buffers() = buffers;
        outcome.into_result(batch.span_count())
    }

    /// Succeeds at once: nothing is unfinished when an export has returned.
    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.client.begin(context).map(drop)
    }

    /// Waits for an export under way in another thread, and calls it off when the context ends.
    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.client.shutdown(context)
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("client", &self.shared.client)
            .field("form", &self.shared.form)
            .finish_non_exhaustive()
    }
}
