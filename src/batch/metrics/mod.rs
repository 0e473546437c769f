//! Batches of metrics, beside those of spans: clauses 4 to 6 of `docs/batch-format.md`, section 9.
//!
//! What a batch of spans has as well (texts, attributes, the table, the rules about them) is the code of
//! the modules beside this one.

mod builder;
mod decode;
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_imports,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unnecessary_safety_comment,
    reason = "made by the FlatBuffers compiler: see scripts/generate-schema"
)]
#[rustfmt::skip]
mod generated;
#[cfg(test)]
mod tests;
mod verify;
mod view;

pub use builder::MetricsBatchBuilder;
pub(crate) use generated::nanospan as schema;
pub use view::MetricsView;

/// The major version of the batches of metrics that this library writes and reads.
pub const METRICS_FORMAT_MAJOR: u16 = 1;

/// The minor version of the batches of metrics that this library writes. It reads every minor version.
pub const METRICS_FORMAT_MINOR: u16 = 0;

/// Bits of the field `present`: which statistics of a histogram there are.
mod present {
    pub(super) const SUM: u8 = 1;
    pub(super) const MIN: u8 = 2;
    pub(super) const MAX: u8 = 4;
}
