//! Go's tests of the batch and the simple span processor (sdk/trace, `batch_span_processor_test.go` and
//! `simple_span_processor_test.go`), as far as what they are about is here: the tracer's drain and export
//! threads are its processor. `docs/go-tests.md` has the list, case by case, with the ones that other tests
//! hold already.

mod common;

use common::{Account, By, PATIENCE, assert_account, quiet_builder, until};
use nanospan::batch::Batch;
use nanospan::export::{Context, ContextError, ExportError, ExportErrorKind, MemoryExporter, SpanExporter};
use nanospan::{FlushError, Tracer, TracerBuilder};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// An hour: no test waits for it, so what takes effect by then took effect by other means.
const NEVER: Duration = Duration::from_secs(3600);

fn in_memory(settings: impl FnOnce(TracerBuilder) -> TracerBuilder) -> (Tracer, MemoryExporter) {
    let exporter = MemoryExporter::new();
    (settings(quiet_builder()).exporter(exporter.clone()).build().unwrap(), exporter)
}

fn generate(tracer: Tracer, spans: u64) {
    (0..spans).for_each(|_| tracer.span("foo").start().end());
}

fn generate_parallel(tracer: Tracer, spans: u64) {
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| generate(tracer, spans / 8)))));
}

/// `TestNewBatchSpanProcessorWithOptions`: each of its sets of options, and as many spans as it makes.
#[test]
fn with_each_set_of_options_every_span_arrives_in_batches_within_their_limits() {
    type Options = fn(TracerBuilder) -> TracerBuilder;
    let options: [(&str, Options, usize); 4] = [
        ("default", |builder| builder, usize::MAX),
        ("interval", |builder| builder.export_interval(Duration::from_millis(10)), usize::MAX),
        (
            "interval and queue",
            |builder| builder.export_interval(Duration::from_millis(10)).max_queue_size(3_000),
            3_000,
        ),
        (
            "interval, queue and batch",
            |builder| {
                builder.export_interval(Duration::from_millis(10)).max_queue_size(3_000).max_batch_spans(20)
            },
            20,
        ),
    ];
    for (name, options, most) in options {
        for generate in [generate, generate_parallel] {
            let largest = Arc::new(AtomicU64::new(0));
            let exported = Arc::new(AtomicU64::new(0));
            let counters = [Arc::clone(&largest), Arc::clone(&exported)];
            let count = move |_: &Context, batch: &Batch| {
                let spans = batch.span_count() as u64;
                counters[0].fetch_max(spans, Ordering::Relaxed);
                counters[1].fetch_add(spans, Ordering::Relaxed);
                Ok(())
            };
            let tracer = options(quiet_builder()).exporter(By(count)).build().unwrap();
            generate(tracer, 2_048);
            tracer.shutdown(PATIENCE).unwrap();
            assert_eq!(exported.load(Ordering::Relaxed), 2_048, "{name}");
            let largest = largest.load(Ordering::Relaxed) as usize;
            assert!(largest > 0 && largest <= most, "{name}: a batch of {largest} spans");
        }
    }
}

/// `TestBatchSpanProcessorExportTimeout`.
#[test]
fn an_export_is_given_the_export_timeout_as_its_deadline() {
    let (told, hears) = mpsc::channel();
    let told = Mutex::new(told);
    let stuck = move |context: &Context, _: &Batch| {
        let over = context.wait(NEVER).expect_err("it does not last an hour");
        told.lock().unwrap().send(over).expect("the test listens");
        Err(over.into())
    };
    let timeout = Duration::from_millis(20);
    let tracer = quiet_builder().export_timeout(timeout).exporter(By(stuck)).build().unwrap();
    generate(tracer, 1);
    let _ = tracer.flush(PATIENCE);
    // One whose deadline has passed before it begins is not begun, which is all the same to the account.
    match hears.try_recv() {
        Ok(over) => assert_eq!(over, ContextError::DeadlineExceeded),
        Err(_) => assert_eq!(tracer.stats().dropped.export_failed, 1),
    }
    assert_account(&tracer.stats(), &Account { started: 1, export_failed: 1, ..Account::default() });
}

/// `TestBatchSpanProcessorPostShutdown`.
#[test]
fn after_the_shutdown_neither_spans_nor_a_flush_have_an_effect() {
    let (tracer, exporter) = in_memory(|builder| builder.max_batch_spans(50));
    generate_parallel(tracer, 64);
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 64);
    generate(tracer, 1);
    assert_eq!(tracer.flush(PATIENCE), Err(FlushError::Shutdown));
    assert_eq!((exporter.spans().len(), exporter.flush_count()), (64, 1));
}

/// `TestBatchSpanProcessorForceFlushSucceeds`.
#[test]
fn a_flush_exports_what_waits_for_a_batch_to_be_full() {
    let (tracer, exporter) = in_memory(|builder| builder.export_interval(NEVER).max_batch_spans(3_000));
    generate(tracer, 2_053);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 2_053);
    assert_eq!(exporter.flush_count(), 1);
}

/// `TestBatchSpanProcessorDropBatchIfFailed`.
#[test]
fn a_batch_that_failed_is_dropped_the_flush_says_why_and_the_next_arrives() {
    let (tracer, exporter) = in_memory(|builder| builder.export_interval(NEVER));
    exporter.fail_next(1);
    generate(tracer, 1_000);
    let Err(FlushError::Export { message, lost_spans: 1_000 }) = tracer.flush(PATIENCE) else {
        panic!("the flush tells of a thousand lost spans")
    };
    assert_eq!(message, "the memory exporter was told to fail");
    assert!(exporter.spans().is_empty());
    generate(tracer, 1_000);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 1_000);
    let account = Account { started: 2_000, exported: 1_000, export_failed: 1_000, ..Account::default() };
    assert_account(&tracer.stats(), &account);
}

/// `TestBatchSpanProcessorForceFlushTimeout`.
#[test]
fn a_flush_beside_an_export_that_does_not_end_ends_with_its_timeout() {
    let (tracer, exporter) = in_memory(|builder| builder);
    let _hold = exporter.hold();
    generate(tracer, 1);
    assert_eq!(tracer.flush(Duration::from_millis(1)), Err(FlushError::DeadlineExceeded));
}

/// `TestBatchSpanProcessorForceFlushQueuedSpans`.
#[test]
fn each_of_ten_flushes_exports_the_span_before_it() {
    let (tracer, exporter) = in_memory(|builder| builder.export_interval(NEVER));
    for spans in 1..=10 {
        generate(tracer, 1);
        tracer.flush(PATIENCE).unwrap();
        assert_eq!(exporter.spans().len(), spans);
    }
}

/// `TestBatchSpanProcessorConcurrentSafe`, `TestSimpleSpanProcessorShutdownOnEndConcurrentSafe` and its
/// second.
#[test]
fn ends_flushes_and_shutdowns_may_come_together() {
    for _ in 0..20 {
        let (tracer, exporter) = in_memory(|builder| builder);
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for caller in 0..6 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    match caller % 3 {
                        0 => generate(tracer, 100),
                        1 => drop(tracer.flush(PATIENCE)),
                        _ => tracer.shutdown(PATIENCE).unwrap(),
                    }
                });
            }
        });
        let stats = tracer.stats();
        assert!(stats.is_balanced() && stats.buffered == 0, "{stats:?}");
        assert_eq!(stats.started, 200);
        assert_eq!(stats.exported, exporter.spans().len() as u64);
        assert!(!exporter.exports_overlapped() && exporter.is_shut_down());
    }
}

/// Says what context each of its calls is given.
struct Witness(mpsc::Sender<(&'static str, Option<Duration>)>);

impl SpanExporter for Witness {
    fn export(&self, context: &Context, _: &Batch) -> Result<(), ExportError> {
        self.tell("export", context)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.tell("force_flush", context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.tell("shutdown", context)
    }
}

impl Witness {
    fn tell(&self, call: &'static str, context: &Context) -> Result<(), ExportError> {
        let gone = |_| ExportError::new(ExportErrorKind::Other, "the test is over");
        self.0.send((call, context.remaining())).map_err(gone)
    }
}

/// `TestSimpleSpanProcessorShutdown` and `TestSimpleSpanProcessorShutdownHonorsContextDeadline`: the exporter is
/// shut down, after a flush, within the time that the shutdown has.
#[test]
fn a_shutdown_exports_flushes_and_shuts_the_exporter_down_each_within_its_deadline() {
    let (told, hears) = mpsc::channel();
    let builder = quiet_builder().export_timeout(Duration::ZERO).export_interval(NEVER);
    let tracer = builder.exporter(Witness(told)).build().unwrap();
    generate(tracer, 1);
    tracer.shutdown(PATIENCE).unwrap();
    let calls: Vec<_> = hears.try_iter().collect();
    let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["export", "force_flush", "shutdown"]);
    assert!(calls.iter().all(|(_, remaining)| remaining.is_some_and(|left| left <= PATIENCE)), "{calls:?}");
}

/// `TestSimpleSpanProcessorShutdownHonorsContextCancel`: a shutdown has no cancellation but its end.
#[test]
fn a_shutdown_without_time_returns_at_once_and_cancels_the_export() {
    let (tracer, exporter) = in_memory(|builder| builder.export_timeout(Duration::ZERO));
    let _hold = exporter.hold();
    generate(tracer, 1);
    let _ = tracer.flush(Duration::from_millis(1));
    exporter.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
    assert_eq!(tracer.shutdown(Duration::ZERO), Err(FlushError::DeadlineExceeded));
    until("the exporter is shut down", || exporter.is_shut_down());
}

/// `TestSimpleSpanProcessorOnEnd`, for the drain's shortest way.
#[test]
fn with_batches_of_one_span_each_span_is_exported_by_itself() {
    let (tracer, exporter) = in_memory(|builder| builder.max_batch_spans(1).export_interval(NEVER));
    generate(tracer, 5);
    until("all are exported", || exporter.batches().len() == 5);
    assert_eq!(exporter.spans().len(), 5);
}
