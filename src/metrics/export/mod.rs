//! The exporters of metrics that come with the crate.

mod memory;

pub use memory::MemoryMetricExporter;
