//! What the exporters promise.

mod common {
    pub(crate) mod batches;
    #[cfg(unix)]
    pub(crate) mod scratch;
    #[cfg(unix)]
    pub(crate) mod segments;
}
mod memory;
#[cfg(unix)]
mod segment_access;
#[cfg(unix)]
mod segment_files;
#[cfg(unix)]
mod segment_processes;
#[cfg(unix)]
mod segment_recovery;
