//! Metrics: their data, and where they go.
//!
//! - [`data`]: what is measured, down to the points.
//! - [`MetricExporter`]: the contract of whatever takes metrics away, which `conformance::metric_exporter`
//!   (feature `conformance`) checks. [`StdoutMetricExporter`] writes text, [`SegmentMetricExporter`]
//!   files, [`MemoryMetricExporter`] keeps them for a test to look at, and [`FanOutMetricExporter`] exports to
//!   several destinations.
//!
//! - [`MetricProducer`], and the readers that collect: [`ManualReader`], [`PeriodicReader`].
//!
//! The tracer counts what becomes of spans, and a reader what becomes of metrics; an [`AccountProducer`] makes metrics
//! of these counts.

mod account;
pub mod data;
mod export;
mod exporter;
mod kind;
mod named;
mod preferences;
mod reader;
mod temporality;

pub use account::AccountProducer;
#[cfg(feature = "conformance")]
pub(crate) use export::Metrics;
pub use export::{
    FanOutMetricExporter, FanOutMetricExporterBuilder, MemoryMetricExporter, StdoutMetricExporter,
    StdoutMetricExporterBuilder, StdoutMetricFormat,
};
#[cfg(unix)]
pub use export::{SegmentMetricExporter, SegmentMetricExporterBuilder};
pub use exporter::MetricExporter;
pub use kind::{Aggregation, InstrumentKind};
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub(crate) use preferences::Preferences;
pub use reader::{
    Collection, ManualReader, ManualReaderBuilder, MetricProducer, PeriodicReader, PeriodicReaderBuilder,
    PeriodicReaderStats,
};
pub use temporality::TemporalityPreference;
