//! Metrics: their data, and where they go.
//!
//! - [`data`]: what is measured, down to the points.
//! - [`MetricExporter`]: the contract of whatever takes metrics away.
//!
//! - [`MetricProducer`], and the readers that collect: [`ManualReader`], [`PeriodicReader`].
//!
//! The tracer counts what becomes of spans; an [`AccountProducer`] makes metrics of these counts.

mod account;
pub mod data;
mod exporter;
mod kind;
mod reader;

pub use account::AccountProducer;
pub use exporter::MetricExporter;
pub use kind::{Aggregation, InstrumentKind};
pub use reader::{
    Collection, ManualReader, ManualReaderBuilder, MetricProducer, PeriodicReader, PeriodicReaderBuilder,
    PeriodicReaderStats,
};
