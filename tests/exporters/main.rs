//! What the exporters promise.

mod common {
    pub(crate) mod batches;
    #[cfg(unix)]
    pub(crate) mod scratch;
    #[cfg(unix)]
    pub(crate) mod segments;
}
mod fan_out;
#[path = "../common/finished_lines.rs"]
mod finished_lines;
mod memory;
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
