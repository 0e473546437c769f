//! Metrics: their data, and where they go.
//!
//! - [`data`]: what is measured, down to the points.
//! - [`MetricExporter`]: the contract of whatever takes metrics away, which `conformance::metric_exporter`
//!   (feature `conformance`) checks. [`StdoutMetricExporter`] writes text, [`MemoryMetricExporter`] keeps
//!   them for a test to look at, and [`FanOutMetricExporter`] exports to several destinations.
//!
//! The tracer counts what becomes of spans; these counts are the first metrics that there are.

pub mod data;
mod export;
mod exporter;
mod kind;
mod preferences;
mod temporality;

#[cfg(feature = "conformance")]
pub(crate) use export::Metrics;
pub use export::{
    FanOutMetricExporter, FanOutMetricExporterBuilder, MemoryMetricExporter, StdoutMetricExporter,
    StdoutMetricExporterBuilder, StdoutMetricFormat,
};
pub use exporter::MetricExporter;
pub use kind::{Aggregation, InstrumentKind};
#[cfg(feature = "otlp-client")]
pub(crate) use preferences::Preferences;
pub use temporality::TemporalityPreference;
