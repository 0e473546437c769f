//! Metrics as text: the formats, and the exporter that writes them to standard output.

mod format;
mod human;
#[cfg(feature = "otlp")]
mod otlp;

use std::fmt;
use std::io::Write;

use crate::export::stdout::{Console, ConsoleSetup};
use crate::export::{Component, Context, ExportError};
use crate::metrics::data::{ResourceMetrics, Temporality};
use crate::metrics::preferences::Preferences;
use crate::metrics::{Aggregation, InstrumentKind, MetricExporter};

pub use format::StdoutMetricFormat;

/// Writes metrics as text to standard output, or to any writer: what OpenTelemetry calls the *console*
/// exporter. It is made for development, and for programs whose output another one collects.
///
/// ```
/// use nanospan::export::Context;
/// use nanospan::metrics::data::{ResourceMetrics, Temporality};
/// use nanospan::metrics::{MetricExporter, StdoutMetricExporter};
///
/// let exporter = StdoutMetricExporter::builder().temporality(|_| Temporality::Delta).build();
/// let mut metrics = ResourceMetrics::default();
/// let metric = metrics.scopes.push().metrics.push();
/// metric.name = "shop.orders".into();
/// metric.data.gauge().points.push().value = Some(7.into());
/// exporter.export(&Context::new(), &metrics)?;
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
///
/// `export` writes; `force_flush` and `shutdown` flush the writer as well, which only one with a buffer
/// of its own needs, and the shutdown drops it. Metrics without points are not written.
///
/// When the writer fails or blocks it does as the [`StdoutExporter`](crate::export::StdoutExporter) of spans:
/// points whose text was taken to the end have arrived, the others are
/// [lost](ExportError::lost_data_points).
pub struct StdoutMetricExporter {
    format: StdoutMetricFormat,
    preferences: Preferences,
    console: Console,
}

impl StdoutMetricExporter {
    /// An exporter that writes for the eye, to standard output.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins to make an exporter.
    pub fn builder() -> StdoutMetricExporterBuilder {
        StdoutMetricExporterBuilder {
            format: StdoutMetricFormat::default(),
            preferences: Preferences::default(),
            setup: ConsoleSetup::default(),
        }
    }
}

impl Default for StdoutMetricExporter {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricExporter for StdoutMetricExporter {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.preferences.aggregation(kind)
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.console.write(context, || match self.format {
            StdoutMetricFormat::Human => human::render(metrics),
            #[cfg(feature = "otlp")]
            StdoutMetricFormat::OtlpJson => otlp::render(metrics),
        })
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.console.flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.console.shut_down(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::metrics::StdoutMetricExporter")
    }
}

impl fmt::Debug for StdoutMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutMetricExporter")
            .field("format", &self.format)
            .field("destination", &self.console.destination())
            .finish_non_exhaustive()
    }
}

/// Makes a [`StdoutMetricExporter`]; see [`StdoutMetricExporter::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct StdoutMetricExporterBuilder {
    format: StdoutMetricFormat,
    preferences: Preferences,
    setup: ConsoleSetup,
}

impl StdoutMetricExporterBuilder {
    /// Sets how metrics are written; [`StdoutMetricFormat::Human`] by default.
    pub fn format(mut self, format: StdoutMetricFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets where metrics are written; to standard output by default. `description` names it in errors.
    pub fn writer(mut self, writer: impl Write + Send + 'static, description: impl Into<String>) -> Self {
        self.setup = ConsoleSetup { writer: Box::new(writer), destination: description.into() };
        self
    }

    /// Sets over which time points are wanted; cumulative by default. `wanted` is asked once for each kind
    /// of instrument, here.
    pub fn temporality(mut self, wanted: impl Fn(InstrumentKind) -> Temporality) -> Self {
        self.preferences.set_temporality(wanted);
        self
    }

    /// Sets what is to become of measurements; [`Aggregation::Default`] by default. `wanted` is asked once
    /// for each kind of instrument, here.
    pub fn aggregation(mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) -> Self {
        self.preferences.set_aggregation(wanted);
        self
    }

    /// Makes the exporter.
    #[must_use]
    pub fn build(self) -> StdoutMetricExporter {
        let Self { format, preferences, setup } = self;
        StdoutMetricExporter { format, preferences, console: setup.build() }
    }
}

impl fmt::Debug for StdoutMetricExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdoutMetricExporterBuilder")
            .field("format", &self.format)
            .field("destination", &self.setup.destination)
            .finish_non_exhaustive()
    }
}
