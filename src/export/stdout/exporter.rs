//! The exporter that writes text, and how it is set up.

use std::fmt;
use std::io::Write;

use super::{Console, ConsoleSetup, StdoutFormat, render_batch};
use crate::batch::Batch;
use crate::export::{Component, Context, ExportError, SpanExporter};

/// Writes spans as text to standard output, or to any writer: what OpenTelemetry calls the *console*
/// exporter. It is made for development, and for programs whose output another one collects.
///
/// ```
/// use nanospan::export::{StdoutExporter, StdoutFormat};
/// use nanospan::Tracer;
///
/// let exporter = StdoutExporter::builder().format(StdoutFormat::Json).build();
/// let tracer = Tracer::builder("shop").memory_budget(8 << 20).exporter(exporter).build()?;
/// tracer.span("GET /cart").start().end();
/// tracer.shutdown(std::time::Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `export` writes; `force_flush` and `shutdown` flush the writer as well, which only one with a buffer
/// of its own needs, and the shutdown drops it. Only one of the [formats](StdoutFormat) has the resource and
/// the scope of a batch.
///
/// # When the writer fails or blocks
///
/// - What it refuses is an error of kind [`Io`](crate::export::ExportErrorKind::Io), a closed pipe included. Spans whose
///   text it took to the end have arrived, the others are [lost](ExportError::lost_spans). If it stopped
///   within a line, that line stays torn and the next export begins a new one.
/// - One that does not block and has no room ([`WouldBlock`](std::io::ErrorKind::WouldBlock)) is asked again
///   until the context ends.
/// - A write that blocks cannot be interrupted. The context is looked at between two of them, which is
///   about every 8 KiB, and every line of OTLP; other calls leave with their own context meanwhile, and the
///   tracer's shutdown keeps its deadline. Behind a [`FanOutExporter`](crate::export::FanOutExporter) `export`
///   does, too.
///
/// In a forked child every call returns an error of kind [`Forked`](crate::export::ExportErrorKind::Forked).
pub struct StdoutExporter {
    format: StdoutFormat,
    console: Console,
}

impl StdoutExporter {
    /// An exporter that writes for the eye, to standard output.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins to make an exporter.
    pub fn builder() -> StdoutExporterBuilder {
        StdoutExporterBuilder { format: StdoutFormat::default(), setup: ConsoleSetup::default() }
    }
}

impl Default for StdoutExporter {
    fn default() -> Self {
        Self::new()
    }
}

impl SpanExporter for StdoutExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.console.write(context, || render_batch(self.format, &batch.view()))
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.console.flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.console.shut_down(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::export::StdoutExporter")
    }
}

impl fmt::Debug for StdoutExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutExporter")
            .field("format", &self.format)
            .field("destination", &self.console.destination())
            .finish_non_exhaustive()
    }
}

/// Makes a [`StdoutExporter`]; see [`StdoutExporter::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct StdoutExporterBuilder {
    format: StdoutFormat,
    setup: ConsoleSetup,
}

impl StdoutExporterBuilder {
    /// Sets how spans are written; [`StdoutFormat::Human`] by default.
    pub fn format(mut self, format: StdoutFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets where spans are written; to standard output by default. `description` names it in errors.
    pub fn writer(mut self, writer: impl Write + Send + 'static, description: impl Into<String>) -> Self {
        self.setup = ConsoleSetup { writer: Box::new(writer), destination: description.into() };
        self
    }

    /// Makes the exporter.
    #[must_use]
    pub fn build(self) -> StdoutExporter {
        StdoutExporter { format: self.format, console: self.setup.build() }
    }
}

impl fmt::Debug for StdoutExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutExporterBuilder")
            .field("format", &self.format)
            .field("destination", &self.setup.destination)
            .finish_non_exhaustive()
    }
}
