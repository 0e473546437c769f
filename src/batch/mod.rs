//! Batches: finished spans or metrics in one FlatBuffers buffer each, and the segment files that hold them.
//!
//! - [`BatchBuilder`] makes a [`Batch`] of spans, [`BatchView`] reads one where it lies.
//! - [`MetricsBatchBuilder`] and [`MetricsView`] are the same for metrics.
//! - [`segment`] frames batches in a file, so that a torn or damaged part is found and skipped.
//!
//! The format is specified in `docs/batch-format.md`. Reading is safe code throughout and takes
//! any bytes: they are checked in full before anything is handed out.

mod attributes;
mod builder;
mod encode;
mod error;
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unnecessary_safety_comment,
    reason = "made by the FlatBuffers compiler: see scripts/generate-schema"
)]
#[rustfmt::skip]
mod generated;
mod intern;
mod metrics;
mod owned;
pub mod segment;
mod span;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod view;

#[cfg(feature = "otlp")]
pub(crate) use attributes::array_range;
pub use attributes::{Attributes, BoolArray, F64Array, I64Array, StrArray, ValueView};
pub use builder::{BatchBuilder, LinkHead, SpanHead};
pub use error::BatchError;
#[cfg(feature = "otlp")]
pub(crate) use generated::nanospan as schema;
pub(crate) use generated::nanospan::ValueType;
pub use metrics::{METRICS_FORMAT_MAJOR, METRICS_FORMAT_MINOR, MetricsBatchBuilder, MetricsView};
pub use owned::Batch;
#[cfg(feature = "otlp")]
pub(crate) use span::ids;
pub use span::{EventView, Events, LinkView, Links, SpanView, Spans};
#[cfg(feature = "otlp")]
pub(crate) use table::Column;
pub use view::{BatchView, FORMAT_MAJOR, FORMAT_MINOR, Scope};
