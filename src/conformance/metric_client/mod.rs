//! Checks that a client keeps the contract of [`MetricClient`].
//!
//! The contract has two sources: Go's interface `otlpmetric.Client`, and what the documentation of
//! [`MetricClient`] adds where it leaves things open. Each [`Case`] takes one clause of it,
//! [cites](super::Citation) it, and tries it on a client. The suite knows nothing of that client but the trait
//! and a [`Subject`], which sets what the receiver answers and tells what has reached it. What a client owes as
//! an exporter does is checked by the same code.
//!
//! # Running it over a client
//!
//! Write a [`Subject`] around the client and a function that makes one, and assert in a test:
//!
//! ```
//! use nanospan::conformance::metric_client::{self, Answer, Subject};
//! use nanospan::export::{Context, ExportError};
//! use nanospan::otlp::{MetricClient, proto::ResourceMetrics};
//! use std::sync::{Arc, Mutex};
//!
//! /// A client with its receiver, which takes everything.
//! #[derive(Default)]
//! struct Direct(Mutex<Vec<ResourceMetrics>>);
//!
//! impl MetricClient for Direct {
//!     fn upload_metrics(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
//!         context.check()?;
//!         if metrics.data_point_count() != Ok(0) {
//!             self.0.lock().unwrap().push(metrics.clone());
//!         }
//!         Ok(())
//!     }
//!
//!     fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
//!         Ok(context.check()?)
//!     }
//!
//!     fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
//!         Ok(context.check()?)
//!     }
//! }
//!
//! struct DirectSubject(Arc<Direct>);
//!
//! impl Subject for DirectSubject {
//!     fn client(&self) -> Arc<dyn MetricClient> {
//!         Arc::clone(&self.0) as _
//!     }
//!
//!     fn delivered(&self) -> Vec<ResourceMetrics> {
//!         self.0.0.lock().unwrap().clone()
//!     }
//!
//!     fn answer(&self, next: &[Answer], then: Answer) -> bool {
//!         // The cases about other answers do not apply.
//!         next.is_empty() && then == Answer::Accept
//!     }
//! }
//!
//! metric_client::run(&|| Box::new(DirectSubject(Arc::default()))).assert_conformant();
//! ```
//!
//! # The cases
//!
//! - Those of Go's suite over its clients, by their names there, those about contexts first:
//!   `ClientHonorsContextErrors/Shutdown/DeadlineExceeded`, `ClientHonorsContextErrors/Shutdown/Canceled`,
//!   `ClientHonorsContextErrors/ForceFlush/DeadlineExceeded`, `ClientHonorsContextErrors/ForceFlush/Canceled`,
//!   `ClientHonorsContextErrors/UploadMetrics/DeadlineExceeded`,
//!   `ClientHonorsContextErrors/UploadMetrics/Canceled`, `ForceFlushFlushes`, `UploadMetrics`,
//!   `PartialSuccess`.
//! - What arrives: `upload-succeeds`, `message-is-delivered-once`, `message-without-points-sends-nothing`,
//!   `message-may-be-reused`, `no-call-panics`.
//! - Failures and retries: `transient-failure-is-retried`, `retries-end-with-the-context`,
//!   `refusal-is-not-retried`, `failure-is-reported`, `failure-counts-what-was-lost`,
//!   `what-is-lost-stays-lost`, `uploads-go-on-after-a-failure`, `partial-success-is-not-sent-again`,
//!   `words-alone-lose-nothing`.
//! - Deadlines and cancellation: `ended-context-delivers-nothing`, `deadline-ends-a-hang`,
//!   `cancellation-ends-a-hang`.
//! - Flush and shutdown: `flush-succeeds`, `shutdown-succeeds`, `shutdown-delivers-what-is-unfinished`,
//!   `shutdown-releases-everything`, `shutdown-ends-beside-a-hang`.
//! - Temporality and aggregation: `preferences-answer-beside-a-hang`, `preferences-stay`.
//!
//! # How they run
//!
//! As the cases of the suite over span exporters: see [there](super::exporter#how-they-run). The calls on a
//! client never overlap, its shutdown comes once, and nothing comes after it, as the trait has its caller
//! promise.
//!
//! # What it cannot check
//!
//! - That the contract is kept in time: a deadline that is honoured late is honoured here.
//! - That everything is released, where [`Subject::is_released`] cannot tell.
//! - What becomes of a message whose upload was ended while the receiver did not answer: it may have been
//!   taken.
//!
//! [`MetricClient`]: crate::otlp::MetricClient

mod cases;
mod messages;
mod subject;

use super::Report;

pub use cases::cases;
pub use subject::{Answer, Subject};

/// The check of one clause of the contract of [`MetricClient`](crate::otlp::MetricClient).
pub type Case = super::Case<dyn Subject>;

/// Makes a subject, with a receiver of its own. Called on the thread that runs the suite, many times.
pub type Factory<'a> = dyn Fn() -> Box<dyn Subject> + 'a;

/// Runs every case over the subjects that `factory` makes.
///
/// # Panics
///
/// If `factory` does, or the operating system refuses a thread.
#[must_use = "the report says whether the client keeps the contract"]
pub fn run(factory: &Factory<'_>) -> Report {
    let outcomes = cases().map(|case| (case.id(), case.citation(), case.run(factory)));
    Report::new("the client breaks the contract of MetricClient", outcomes.collect())
}
