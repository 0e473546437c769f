//! Checks that an exporter keeps the contract of [`SpanExporter`].
//!
//! The contract has three sources: Go's `sdk/trace.SpanExporter`, the section "Span Exporter" of
//! OpenTelemetry's Trace SDK, and what the documentation of [`SpanExporter`] adds where these leave things
//! open. Each [`Case`] takes one clause of it, [cites](super::Citation) it, and tries it on an exporter. The
//! suite knows nothing of that exporter but the trait and a [`Subject`], which tells what has reached the
//! back-end.
//!
//! # Running it over an exporter
//!
//! Write a [`Subject`] around the exporter and a function that makes one, and assert in a test:
//!
//! ```
//! use nanospan::conformance::exporter::{self, Subject};
//! use nanospan::export::{FinishedSpan, Hold, MemoryExporter, SpanExporter};
//! use std::sync::{Arc, Mutex};
//!
//! #[derive(Default)]
//! struct InMemory {
//!     exporter: MemoryExporter,
//!     hold: Mutex<Option<Hold>>,
//! }
//!
//! impl Subject for InMemory {
//!     fn exporter(&self) -> Arc<dyn SpanExporter> {
//!         Arc::new(self.exporter.clone())
//!     }
//!
//!     fn delivered(&self) -> Vec<Vec<FinishedSpan>> {
//!         // One back-end, so a list of one list.
//!         vec![self.exporter.spans()]
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
//! exporter::run(&|| Box::new(InMemory::default())).assert_conformant();
//! ```
//!
//! A [`Report`] prints as a table. A single case runs by itself, to debug what it found:
//!
//! ```
//! # fn debug(make: &nanospan::conformance::exporter::Factory<'_>) {
//! let cases = nanospan::conformance::exporter::cases();
//! let whole = cases.into_iter().find(|case| case.id() == "batch-is-delivered-whole").unwrap();
//! println!("{}\n{}", whole.citation(), whole.run(make));
//! # }
//! ```
//!
//! # The cases
//!
//! - What arrives: `export-succeeds`, `batch-is-delivered-whole`, `span-is-delivered-once`,
//!   `empty-batch-succeeds`, `batch-may-be-reused`, `no-call-panics`.
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
//!
//! # How they run
//!
//! - A case gets new subjects, as many as it asks for, and shares none with another case.
//! - It runs on a thread of its own. A panic in the exporter becomes the case's failure, and so does
//!   a call that does not return within [`PATIENCE`](super::PATIENCE); the thread that hangs is left behind.
//! - It judges its own clause only. Where the exporter breaks another clause, that clause's case fails and
//!   this one looks past it where it can, often by comparing two runs. One defect is one failed case, as far
//!   as that can be. An exporter that delivers nothing fails many of them.
//!
//! # What it cannot check
//!
//! - That the contract is kept in time: a deadline that is honoured late is honoured here.
//! - That the spans are right in the back-end's own format. [`Subject::delivered`] is believed, so it should
//!   read what was written. Resource and scope of a batch are not looked at.
//! - What becomes of a batch whose export was ended while the back-end hung: it may have been sent.
//! - A failure of a part of a batch, of one destination among several, or of a flush: no two back-ends
//!   have the same.
//! - Races in general. Two threads flush beside one that exports; that finds what is often wrong, and proves
//!   nothing.
//! - That `export` is never called beside itself: that is the caller's promise, and the suite keeps it.
//!
//! [`SpanExporter`]: crate::export::SpanExporter

mod cases;
mod samples;
mod spans;
mod subject;

use super::Report;

pub use cases::cases;
pub use subject::Subject;

/// The check of one clause of the contract of [`SpanExporter`](crate::export::SpanExporter).
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
    Report::new("the exporter breaks the contract of SpanExporter", outcomes.collect())
}
