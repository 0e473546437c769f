//! Checks that an exporter keeps the contract of [`MetricExporter`].
//!
//! The contract has three sources: Go's `sdk/metric.Exporter`, the section "Push Metric Exporter" of
//! OpenTelemetry's Metrics SDK, and what the documentation of [`MetricExporter`] adds where these leave
//! things open. Each [`Case`] takes one clause of it, [cites](super::Citation) it, and tries it on an
//! exporter. The suite knows nothing of that exporter but the trait and a [`Subject`], which tells what has
//! reached the back-end. What an exporter of metrics owes as one of spans does, is checked by the same code.
//!
//! # Running it over an exporter
//!
//! Write a [`Subject`] around the exporter and a function that makes one, and assert in a test:
//!
//! ```
//! use nanospan::conformance::metric_exporter::{self, Subject};
//! use nanospan::export::Hold;
//! use nanospan::metrics::data::ResourceMetrics;
//! use nanospan::metrics::{MemoryMetricExporter, MetricExporter};
//! use std::sync::{Arc, Mutex};
//!
//! #[derive(Default)]
//! struct InMemory {
//!     exporter: MemoryMetricExporter,
//!     hold: Mutex<Option<Hold>>,
//! }
//!
//! impl Subject for InMemory {
//!     fn exporter(&self) -> Arc<dyn MetricExporter> {
//!         Arc::new(self.exporter.clone())
//!     }
//!
//!     fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
//!         // One back-end, so a list of one list.
//!         vec![self.exporter.exported()]
//!     }
//!
//!     fn set_unreachable(&self, unreachable: bool) -> bool {
//!         self.exporter.fail_next(if unreachable { u32::MAX } else { 0 });
//!         true
//!     }
//!
//!     fn set_hanging(&self, hanging: bool) -> bool {
//!         *self.hold.lock().unwrap() = hanging.then(|| self.exporter.hold());
//!         true
//!     }
//! }
//!
//! metric_exporter::run(&|| Box::new(InMemory::default())).assert_conformant();
//! ```
//!
//! A [`Report`] prints as a table. A single case runs by itself, to debug what it found:
//!
//! ```
//! # fn debug(make: &nanospan::conformance::metric_exporter::Factory<'_>) {
//! let cases = nanospan::conformance::metric_exporter::cases();
//! let whole = cases.into_iter().find(|case| case.id() == "metrics-are-delivered-whole").unwrap();
//! println!("{}\n{}", whole.citation(), whole.run(make));
//! # }
//! ```
//!
//! # The cases
//!
//! - What arrives: `export-succeeds`, `metrics-are-delivered-whole`, `point-is-delivered-once`,
//!   `empty-metrics-succeed`, `metrics-may-be-reused`, `no-call-panics`.
//! - Deadlines and cancellation: `export-honours-a-passed-deadline`, `export-honours-a-cancellation`,
//!   `ended-context-delivers-nothing`, `deadline-ends-a-hang`, `cancellation-ends-a-hang`.
//! - A back-end that refuses: `failure-is-reported`, `failure-counts-what-was-lost`,
//!   `what-is-lost-stays-lost`, `exports-go-on-after-a-failure`.
//! - Flush: `flush-delivers-what-is-unfinished`, `flush-succeeds`, `flush-honours-a-passed-deadline`,
//!   `flush-honours-a-cancellation`.
//! - Shutdown: `shutdown-succeeds`, `shutdown-delivers-what-is-unfinished`,
//!   `shutdown-honours-a-passed-deadline`, `shutdown-honours-a-cancellation`,
//!   `shutdown-releases-everything`, `late-shutdown-is-final`, `export-after-the-shutdown-is-refused`,
//!   `refused-export-delivers-nothing`, `flush-after-the-shutdown-is-refused`, `second-shutdown-is-refused`,
//!   `shutdown-error-comes-before-the-contexts`.
//! - Threads: `flush-beside-exports-is-safe`, `one-of-twenty-shutdowns-does-it`,
//!   `shutdown-ends-beside-a-hang`.
//! - Temporality and aggregation: `preferences-answer-beside-a-hang`, `preferences-answer-to-many-threads`,
//!   `preferences-outlast-the-shutdown`.
//!
//! # How they run
//!
//! As the cases of the suite over span exporters: see [there](super::exporter#how-they-run).
//!
//! # What it cannot check
//!
//! - What that suite [cannot](super::exporter#what-it-cannot-check), of points in place of spans; but that
//!   resource and scope are looked at here, for points mean nothing without them.
//! - That points are wanted over the time, and with the aggregation, that the back-end can take.
//! - Points of a kind, or of a temporality, that an exporter is right to refuse: the suite hands it all, and
//!   each has to arrive.
//!
//! [`MetricExporter`]: crate::metrics::MetricExporter

mod cases;
mod points;
mod samples;
mod subject;

use super::Report;

pub use cases::cases;
pub use subject::Subject;

/// The check of one clause of the contract of [`MetricExporter`](crate::metrics::MetricExporter).
pub type Case = super::Case<dyn Subject>;

/// Makes a subject, with a back-end of its own. Called on the thread that runs the suite, many times.
pub type Factory<'a> = dyn Fn() -> Box<dyn Subject> + 'a;

/// Runs every case over the subjects that `factory` makes.
///
/// # Panics
///
/// If `factory` does, or the operating system refuses a thread.
#[must_use = "the report says whether the exporter keeps the contract"]
pub fn run(factory: &Factory<'_>) -> Report {
    let outcomes = cases().map(|case| (case.id(), case.citation(), case.run(factory)));
    Report::new("the exporter breaks the contract of MetricExporter", outcomes.collect())
}
