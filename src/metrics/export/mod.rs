//! The exporters of metrics that come with the crate.

mod fan_out;
mod memory;
#[cfg(unix)]
mod segment;
mod stdout;
mod telemetry;

pub use fan_out::{FanOutMetricExporter, FanOutMetricExporterBuilder};
pub use memory::MemoryMetricExporter;
#[cfg(unix)]
pub use segment::{SegmentMetricExporter, SegmentMetricExporterBuilder};
pub use stdout::{StdoutMetricExporter, StdoutMetricExporterBuilder, StdoutMetricFormat};
pub(crate) use telemetry::Metrics;
