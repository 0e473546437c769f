//! What exporters have in common, whether they take spans or metrics.

use super::{Context, ExportError, SpanExporter};
use crate::batch::Batch;

/// One sort of telemetry, and its exporters.
pub(crate) trait Telemetry: 'static {
    /// What one export takes.
    type Batch: Clone + Send + Sync;
    /// The trait of the exporters, as an object.
    type Exporter: ?Sized + Send + Sync;

    /// What a batch consists of, in errors.
    const ITEMS: &'static str;
    /// What an exporter is called in errors, behind a word that says which one.
    const EXPORTER: &'static str;

    /// How many items `batch` has.
    fn count(batch: &Self::Batch) -> usize;

    /// About how much memory a copy of `batch` takes.
    fn bytes(batch: &Self::Batch) -> usize;

    fn export(exporter: &Self::Exporter, context: &Context, batch: &Self::Batch) -> Result<(), ExportError>;

    fn force_flush(exporter: &Self::Exporter, context: &Context) -> Result<(), ExportError>;

    fn shutdown(exporter: &Self::Exporter, context: &Context) -> Result<(), ExportError>;
}

/// Finished spans.
#[derive(Debug)]
pub(crate) enum Spans {}

impl Telemetry for Spans {
    type Batch = Batch;
    type Exporter = dyn SpanExporter;

    const ITEMS: &'static str = "spans";
    const EXPORTER: &'static str = "exporter";

    fn count(batch: &Batch) -> usize {
        batch.span_count()
    }

    fn bytes(batch: &Batch) -> usize {
        batch.as_bytes().len()
    }

    fn export(exporter: &dyn SpanExporter, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        exporter.export(context, batch)
    }

    fn force_flush(exporter: &dyn SpanExporter, context: &Context) -> Result<(), ExportError> {
        exporter.force_flush(context)
    }

    fn shutdown(exporter: &dyn SpanExporter, context: &Context) -> Result<(), ExportError> {
        exporter.shutdown(context)
    }
}
