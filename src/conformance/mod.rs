//! Checks that implementations of other people's keep a contract of this crate.
//!
//! - [`exporter`]: whether a [`SpanExporter`](crate::export::SpanExporter) keeps what that trait promises.
//! - [`metric_exporter`]: whether a [`MetricExporter`](crate::metrics::MetricExporter) does.
//! - `tracer` (with feature `bext`): whether a `TracerPlugin` keeps the contract of the host's trait.
//!
//! Each suite is a list of cases. A case takes one clause, cites it, and tries it on a subject, which is an
//! implementation together with sight of its back-end. So a test of an implementation is one line that
//! runs a suite, behind a description of the subject; each suite's page has an example.

mod case;
pub mod exporter;
mod exporting;
pub mod metric_exporter;
mod report;
mod runner;
#[cfg(feature = "bext")]
pub mod tracer;

pub use case::Citation;
pub use exporting::Case;
pub use report::{Outcome, Report};
pub use runner::PATIENCE;
