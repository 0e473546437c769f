//! What the exporters promise.

mod common {
    pub(crate) mod batches;
    pub(crate) mod metrics;
    #[cfg(unix)]
    pub(crate) mod scratch;
    #[cfg(unix)]
    pub(crate) mod segments;
}
mod fan_out;
#[path = "../common/finished_lines.rs"]
mod finished_lines;
mod memory;
mod metric_fan_out;
#[cfg(feature = "otlp")]
#[path = "../common/metric_lines.rs"]
mod metric_lines;
mod metric_memory;
#[cfg(feature = "otlp")]
mod metric_otlp_stdout;
#[cfg(unix)]
mod metric_segments;
mod metric_stdout;
#[cfg(feature = "otlp")]
#[path = "../common/otlp_lines.rs"]
mod otlp_lines;
#[cfg(feature = "otlp")]
mod otlp_stdout;
#[cfg(unix)]
mod segment_access;
#[cfg(unix)]
mod segment_files;
#[cfg(unix)]
mod segment_processes;
#[cfg(unix)]
mod segment_recovery;
#[path = "../common/sink.rs"]
mod sink;
mod stdout;
