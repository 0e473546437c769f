//! What the tests of the tracer share.
#![allow(dead_code, reason = "no test binary uses all of it")]

use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, SpanExporter};
use nanospan::{Stats, Tracer, TracerBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen: a failure after that, not a measure of anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `done` says so.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < give_up, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Steele, Lea and Flood's SplitMix64: fixed numbers that look random.
#[derive(Debug, Clone)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// The value of an environment variable that sizes a test, or the size of the normal run.
pub(crate) fn size(variable: &str, normal: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text:?}")),
        Err(_) => normal,
    }
}

/// An exporter that keeps numbers instead of spans, for runs too large to keep.
#[derive(Clone, Default)]
pub(crate) struct Counter {
    inner: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    spans: AtomicU64,
    batches: AtomicU64,
    attributes: AtomicU64,
    dropped_attributes: AtomicU64,
    busy: AtomicBool,
    overlapped: AtomicBool,
}

impl Counter {
    pub(crate) fn spans(&self) -> u64 {
        self.inner.spans.load(Ordering::SeqCst)
    }

    pub(crate) fn batches(&self) -> u64 {
        self.inner.batches.load(Ordering::SeqCst)
    }

    pub(crate) fn attributes(&self) -> u64 {
        self.inner.attributes.load(Ordering::SeqCst)
    }

    /// The sum of the spans' own dropped counts.
    pub(crate) fn dropped_attributes(&self) -> u64 {
        self.inner.dropped_attributes.load(Ordering::SeqCst)
    }

    /// Whether two exports ever ran at the same time.
    pub(crate) fn overlapped(&self) -> bool {
        self.inner.overlapped.load(Ordering::SeqCst)
    }
}

impl SpanExporter for Counter {
    fn export(&self, _: &Context, batch: &Batch) -> Result<(), ExportError> {
        let counted = &self.inner;
        if counted.busy.swap(true, Ordering::SeqCst) {
            counted.overlapped.store(true, Ordering::SeqCst);
        }
        for span in batch.view().spans() {
            counted.spans.fetch_add(1, Ordering::SeqCst);
            counted.attributes.fetch_add(span.attributes().count() as u64, Ordering::SeqCst);
            let dropped = u64::from(span.dropped_attributes_count());
            counted.dropped_attributes.fetch_add(dropped, Ordering::SeqCst);
        }
        counted.batches.fetch_add(1, Ordering::SeqCst);
        counted.busy.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// An exporter that does what a closure says.
pub(crate) struct By<F>(pub F);

impl<F> SpanExporter for By<F>
where
    F: Fn(&Context, &Batch) -> Result<(), ExportError> + Send + Sync,
{
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        (self.0)(context, batch)
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// A builder that keeps its exporter's errors to itself.
pub(crate) fn quiet_builder() -> TracerBuilder {
    Tracer::builder("test").error_handler(|_| {})
}

/// Asserts the account against what the test knows of it: how many spans it started, and where they
/// must be.
#[track_caller]
pub(crate) fn assert_account(stats: &Stats, expected: &Account) {
    let actual = Account {
        started: stats.started,
        exported: stats.exported,
        live: stats.live,
        buffered: stats.buffered,
        overload: stats.dropped.overload,
        shutdown: stats.dropped.shutdown,
        export_failed: stats.dropped.export_failed,
        encode_failed: stats.dropped.encode_failed,
        queue_full: stats.dropped.queue_full,
        fork: stats.dropped.fork,
        thread_exit: stats.dropped.thread_exit,
    };
    assert_eq!(actual, *expected);
    assert!(stats.is_balanced(), "{stats:?}");
}

/// The terms of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Account {
    pub(crate) started: u64,
    pub(crate) exported: u64,
    pub(crate) live: u64,
    pub(crate) buffered: u64,
    pub(crate) overload: u64,
    pub(crate) shutdown: u64,
    pub(crate) export_failed: u64,
    pub(crate) encode_failed: u64,
    pub(crate) queue_full: u64,
    pub(crate) fork: u64,
    pub(crate) thread_exit: u64,
}
