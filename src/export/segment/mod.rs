//! Segment files: batches on disk, in a directory that one writer owns.
//!
//! [`SegmentExporter`] appends each batch as one frame to the active segment, and begins a new
//! segment when that one is large or old enough;
//! [`SegmentMetricExporter`](crate::metrics::SegmentMetricExporter) does so with metrics. [`segments_in`] and [`SegmentFile`] read them
//! back, also while they are being written.
//!
//! ```no_run
//! use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
//! use nanospan::export::{Context, SpanExporter};
//!
//! let exporter = SegmentExporter::builder("/var/spool/shop/spans")
//!     .max_segment_bytes(16 << 20)
//!     .build()?;
//! for segment in &exporter.recovery().sealed {
//!     eprintln!("{segment}");
//! }
//! // ... a tracer exports to it ...
//! exporter.shutdown(&Context::new())?;
//!
//! for path in segments_in("/var/spool/shop/spans")? {
//!     for frame in SegmentFile::open(path)?.reader()? {
//!         println!("{} spans", frame?.view().span_count());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("../../../docs/segment-files.md")]

#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod exporter;
#[cfg(unix)]
pub(crate) mod files;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod log;
mod name;
mod read;
#[cfg(unix)]
mod recovery;
#[cfg(all(test, unix))]
mod tests;
#[cfg(unix)]
mod writer;

#[cfg(unix)]
pub use exporter::{SegmentExporter, SegmentExporterBuilder};
#[cfg(unix)]
pub(crate) use name::Signal;
pub use name::segments_in;
pub use read::SegmentFile;
#[cfg(unix)]
pub use recovery::{LeftAlone, Recovery, SealedLeftover};
