//! Metrics: their data, and where they go.
//!
//! - [`data`]: what is measured, down to the points.
//! - [`MetricExporter`]: the contract of whatever takes metrics away.
//!
//! The tracer counts what becomes of spans; these counts are the first metrics that there are.

pub mod data;
mod exporter;
mod kind;

pub use exporter::MetricExporter;
pub use kind::{Aggregation, InstrumentKind};
