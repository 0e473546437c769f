//! Checks that an implementation of the host's [`TracerPlugin`] keeps the trait's contract.
//!
//! The trait's documentation promises its callers a good deal: that the parent of another tracer
//! makes a root, that the last status counts, that a flush which cannot reach its back-end says so.
//! Each [`Case`] here takes one clause of it, cites it, and tries it on an implementation. The suite
//! knows nothing of that implementation but the trait and a [`Subject`], which tells what has
//! reached the back-end.
//!
//! # Running it over a tracer
//!
//! Write a [`Subject`] around the tracer and a function that makes one, and assert in a test:
//!
//! ```
//! use nanospan::Tracer;
//! use nanospan::conformance::tracer::{self, Delivered, Setup, Subject};
//! use nanospan::export::MemoryExporter;
//! use nanospan::plugin::Plugin;
//! use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
//! use nanospan::sampling::Sampler;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! struct InMemory {
//!     tracer: Tracer,
//!     exporter: MemoryExporter,
//! }
//!
//! impl Subject for InMemory {
//!     fn tracer(&self) -> Arc<dyn TracerPlugin> {
//!         Arc::new(Plugin::over("tracer-nanospan", self.tracer))
//!     }
//!
//!     fn delivered(&self) -> Vec<Vec<Delivered>> {
//!         // One back-end, so a list of one list.
//!         vec![self.exporter.spans().into_iter().map(Delivered::from).collect()]
//!     }
//!
//!     fn set_unreachable(&self, unreachable: bool) -> bool {
//!         self.exporter.fail_next(if unreachable { u32::MAX } else { 0 });
//!         true
//!     }
//! }
//!
//! impl Drop for InMemory {
//!     fn drop(&mut self) {
//!         let _ = self.tracer.shutdown(Duration::from_secs(5));
//!     }
//! }
//!
//! fn make(setup: &Setup) -> Option<Box<dyn Subject>> {
//!     let exporter = MemoryExporter::new();
//!     let sampler = if setup.sampled { Sampler::always_on() } else { Sampler::always_off() };
//!     let builder = Tracer::builder("conformance").sampler(sampler).memory_budget(8 << 20);
//!     // The suite makes exports fail on purpose; without a handler each would be printed.
//!     let builder = builder.exporter(exporter.clone()).error_handler(|_| {});
//!     let tracer = builder.build().expect("the settings make a tracer");
//!     Some(Box::new(InMemory { tracer, exporter }))
//! }
//!
//! tracer::run(&make).assert_conformant();
//! ```
//!
//! A [`Report`] prints as a table. A single case runs by itself, to debug what it found:
//!
//! ```
//! # use nanospan::conformance::tracer::{Setup, Subject};
//! # fn make(_: &Setup) -> Option<Box<dyn Subject>> { None }
//! let kinds = nanospan::conformance::tracer::cases().find(|case| case.id() == "kind-is-kept").unwrap();
//! println!("{}\n{}", kinds.citation(), kinds.run(&make));
//! ```
//!
//! # The cases
//!
//! - Names, ids and kinds: `plugin-name-is-stable`, `handles-of-live-spans-differ`,
//!   `handles-of-two-tracers-differ`, `handle-is-on-the-wire`, `ids-are-valid`, `span-name-is-kept`,
//!   `kind-is-kept`, `rejected-span-is-invalid`.
//! - Parents: `root-has-no-parent`, `parent-is-explicit`, `child-joins-its-parent`,
//!   `foreign-parent-is-rooted`, `unknown-parent-is-rooted`, `invalid-parent-is-passed-on`,
//!   `ended-parent-does-not-cost-the-child`, `child-outlives-its-parent`.
//! - Attributes: `initial-attributes-are-attached`, `set-attribute-attaches`,
//!   `set-attribute-overwrites`, `attribute-keys-are-kept`, `attribute-values-are-kept`.
//! - Events: `event-is-recorded`, `event-name-is-kept`, `event-attributes-are-kept`,
//!   `events-accumulate`, `events-keep-their-order`.
//! - Status: `status-is-unset-at-first`, `status-is-set`, `last-status-counts`,
//!   `error-description-is-kept`.
//! - Time: `start-time-override-is-kept`, `start-time-is-the-clocks`, `end-time-override-is-kept`,
//!   `end-time-is-the-clocks`, `end-is-not-before-start`, `event-time-override-is-kept`,
//!   `event-time-is-the-clocks`.
//! - From start to end: `live-span-is-not-delivered`, `records-go-to-their-span`,
//!   `recording-never-panics`.
//! - Calls without effect: `set-attribute-on-invalid-is-a-no-op`,
//!   `set-attribute-on-unknown-is-a-no-op`, `set-attribute-on-ended-is-a-no-op`,
//!   `set-status-on-invalid-is-a-no-op`, `set-status-on-unknown-is-a-no-op`,
//!   `set-status-on-ended-is-a-no-op`, `add-event-on-invalid-is-a-no-op`,
//!   `add-event-on-unknown-is-a-no-op`, `add-event-on-ended-is-a-no-op`,
//!   `end-span-on-invalid-is-a-no-op`, `end-span-on-unknown-is-a-no-op`,
//!   `end-span-on-ended-is-a-no-op`.
//! - Flush: `flush-delivers-what-has-ended`, `flush-succeeds`, `flush-of-nothing-succeeds`,
//!   `flush-delivers-once`, `live-span-survives-a-flush`.
//! - A back-end out of reach: `flush-reports-an-outage`, `recording-goes-on-during-an-outage`,
//!   `spans-after-an-outage-are-delivered`, `flush-succeeds-after-an-outage`,
//!   `outage-delivers-nothing-twice`.
//! - Threads: `span-crosses-threads`, `threads-record-while-others-flush`.
//!
//! # How they run
//!
//! - A case gets new subjects, as many as it asks for, and shares none with another case.
//! - It runs on a thread of its own. A panic in the tracer becomes the case's failure, and so does
//!   a call that does not return within [`PATIENCE`]; the thread that hangs is left behind.
//! - It judges its own clause only. Where the tracer breaks another clause, that clause's case
//!   fails and this one looks past it where it can: a span whose ids are wrong is still found by its
//!   name, a span that is delivered twice is looked at once. One defect is one failed case, as far
//!   as that can be. A tracer that delivers nothing fails nearly all of them.
//!
//! # What it holds an implementation to
//!
//! Where the trait is silent, or says a thing that can be read in two ways, the case's [`Citation`]
//! names the [reading](super::Citation::reading) that it checks. The ones that an implementer is most likely
//! to dispute: [`SpanHandle::INVALID`] as a parent gives `INVALID`, not a root; a handle of a span that
//! has ended is without effect; an end before the start makes a span of no negative length; and the
//! tracer's clock agrees with [`SystemTime`] to within 25 milliseconds, so it must not be a clock that
//! stands still for a test.
//!
//! # What it cannot check
//!
//! - That recording is cheap, or does no input and output: it sees that calls return.
//! - That the spans are right in the back-end's own format. [`Subject::delivered`] is believed, so it
//!   should read what was written, not what was to be written.
//! - What becomes of spans that are ended while the back-end cannot be reached. Dropping, retrying and
//!   spilling are all allowed; the suite sees that none is delivered twice.
//! - Limits. A span has fewer than 128 attributes and events, OpenTelemetry's defaults; a name has at
//!   most 1,000 bytes and a value 64 KiB; 512 spans are live at most, and 2,000 wait for a flush. Of more
//!   it only sees that it does not panic.
//! - How it gets on inside an async runtime: the suite's threads are plain ones.
//! - Races in general. It records from eight threads while two flush; that finds what is often
//!   wrong, and proves nothing.
//! - A `name` being unique, and semantic conventions being followed: both are beyond one tracer.
//!
//! [`PATIENCE`]: super::PATIENCE
//! [`Citation`]: super::Citation
//! [`TracerPlugin`]: bext_plugin_api::tracer::TracerPlugin
//! [`SpanHandle::INVALID`]: bext_plugin_api::tracer::SpanHandle::INVALID
//! [`SystemTime`]: std::time::SystemTime

mod case;
mod cases;
mod delivered;
mod probe;
mod subject;

use super::Report;

pub use case::Case;
pub use cases::cases;
pub use delivered::{Delivered, DeliveredEvent};
pub use subject::{Setup, Subject};

/// Makes a subject as a case needs it, or `None` if it cannot make that one.
///
/// Called on the thread that runs the suite, many times. Subjects that it makes are of one kind of
/// tracer, and each has a back-end of its own.
pub type Factory<'a> = dyn Fn(&Setup) -> Option<Box<dyn Subject>> + 'a;

/// Runs every case over the subjects that `factory` makes.
///
/// # Panics
///
/// If `factory` does, or the operating system refuses a thread.
#[must_use = "the report says whether the tracer keeps the contract"]
pub fn run(factory: &Factory<'_>) -> Report {
    let outcomes = cases().map(|case| (case.id(), case.citation(), case.run(factory)));
    Report::new("the tracer breaks the contract of TracerPlugin", outcomes.collect())
}
