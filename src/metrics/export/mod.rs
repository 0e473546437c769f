//! The exporters of metrics that come with the crate.

mod fan_out;
mod memory;
mod telemetry;

pub use fan_out::{FanOutMetricExporter, FanOutMetricExporterBuilder};
pub use memory::MemoryMetricExporter;
pub(crate) use telemetry::Metrics;
