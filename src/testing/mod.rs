//! For tests of code that is traced: a tracer whose spans can be looked at, and trees to compare
//! them with.
//!
//! ```
//! use nanospan::testing::Recorder;
//!
//! let recorder = Recorder::new();
//! let request = recorder.tracer().span("GET /cart").start();
//! request.child("SELECT").start().end();
//! request.child("render").start().end();
//! request.end();
//!
//! recorder.assert_tree("GET /cart > [SELECT, render]");
//! ```
//!
//! A [`Recorder`] is a tracer of its own, so tests that run at the same time do not see each other's
//! spans. Ids and times can be made the same in each run by
//! [`TracerBuilder::id_seed`](crate::TracerBuilder::id_seed) and [`ManualClock`]; see
//! [`Recorder::with`].

mod tree;

pub use crate::export::{FinishedEvent, FinishedLink, FinishedSpan, Hold, MemoryExporter};
pub use crate::tracer::ManualClock;
pub use tree::{ParseTreeError, TraceTree, TreeNode, assert_tree};

use crate::{Tracer, TracerBuilder};
use std::time::Duration;

/// How long a recorder waits for its own tracer: longer than any machine takes for what a test
/// records, short enough that a test which hangs is seen to.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a recorder's tracer may use, in bytes. Tests make many tracers and record little.
const MEMORY: usize = 8 << 20;

/// A tracer and what it delivered. Dropping it shuts the tracer down.
#[derive(Debug)]
pub struct Recorder {
    tracer: Tracer,
    exporter: MemoryExporter,
}

impl Recorder {
    /// A recorder that keeps every span.
    ///
    /// # Panics
    ///
    /// If the operating system refuses the tracer its threads.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A recorder whose tracer is built with other settings.
    ///
    /// ```
    /// use nanospan::ClockSource;
    /// use nanospan::testing::{ManualClock, Recorder};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::at(1_000_000);
    /// let recorder = Recorder::with(|builder| {
    ///     builder.id_seed(7).clock(ClockSource::Manual(clock.clone()))
    /// });
    /// let span = recorder.tracer().span("step").start();
    /// clock.advance(Duration::from_nanos(250));
    /// span.end();
    ///
    /// let step = &recorder.spans()[0];
    /// assert_eq!(step.end_unix_nanos - step.start_unix_nanos, 250);
    /// ```
    ///
    /// # Panics
    ///
    /// If the settings do not make a tracer; see [`BuildError`](crate::BuildError).
    #[must_use]
    pub fn with(settings: impl FnOnce(TracerBuilder) -> TracerBuilder) -> Self {
        let exporter = MemoryExporter::new();
        let builder = Tracer::builder("test").memory_budget(MEMORY);
        let tracer = settings(builder).exporter(exporter.clone()).build();
        let tracer = tracer.unwrap_or_else(|error| panic!("the recorder's tracer: {error}"));
        Self { tracer, exporter }
    }

    /// The tracer to record with.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.tracer
    }

    /// The exporter that the tracer delivers to, to make it fail or stall.
    #[must_use]
    pub fn exporter(&self) -> &MemoryExporter {
        &self.exporter
    }

    /// Flushes, and returns every span delivered since the recorder was made or
    /// [cleared](MemoryExporter::clear), in the order in which they were gathered.
    ///
    /// # Panics
    ///
    /// If the flush fails: the spans would not be all there are.
    #[must_use]
    pub fn spans(&self) -> Vec<FinishedSpan> {
        if let Err(error) = self.tracer.flush(PATIENCE) {
            panic!("the recorder's flush: {error}");
        }
        self.exporter.spans()
    }

    /// The only span called `name`.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one; and as [`spans`](Recorder::spans).
    #[must_use]
    #[track_caller]
    pub fn span(&self, name: &str) -> FinishedSpan {
        let spans = self.spans();
        let mut found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        match (found.pop(), found.len()) {
            (Some(span), 0) => span.clone(),
            (last, others) => {
                let count = others + usize::from(last.is_some());
                panic!("{count} spans are called {name:?} among these:\n{}", TraceTree::of(&spans))
            }
        }
    }

    /// Flushes, and compares every span delivered with `expected`; see [`assert_tree`].
    ///
    /// # Panics
    ///
    /// As [`assert_tree`] and [`spans`](Recorder::spans).
    #[track_caller]
    pub fn assert_tree(&self, expected: &str) {
        assert_tree(&self.spans(), expected);
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // A test that shut the tracer down itself, or made its exporter fail, knows.
        let _ = self.tracer.shutdown(PATIENCE);
    }
}
