//! The exporters of metrics that come with the crate.

mod fan_out;
mod memory;
mod stdout;
mod telemetry;

pub use fan_out::{FanOutMetricExporter, FanOutMetricExporterBuilder};
pub use memory::MemoryMetricExporter;
pub use stdout::{StdoutMetricExporter, StdoutMetricExporterBuilder, StdoutMetricFormat};
pub(crate) use telemetry::Metrics;
