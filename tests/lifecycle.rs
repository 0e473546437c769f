//! Flush and shutdown: what they promise to callers, to each other and to the exporter.

mod common;

use common::{Account, By, Counter, PATIENCE, assert_account, quiet_builder, until};
use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, ExportErrorKind, MemoryExporter, SpanExporter};
use nanospan::testing::Recorder;
use nanospan::{BuildError, FlushError, Status, Text, Tracer, Value, attributes};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

/// An hour: no test waits for it, so what takes effect by then took effect by other means.
const NEVER: Duration = Duration::from_secs(3600);

fn refuse() -> Result<(), ExportError> {
    Err(ExportError::new(ExportErrorKind::Rejected, "refused by the test"))
}

fn in_memory(
    settings: impl FnOnce(nanospan::TracerBuilder) -> nanospan::TracerBuilder,
) -> (Tracer, MemoryExporter) {
    let exporter = MemoryExporter::new();
    (settings(quiet_builder()).exporter(exporter.clone()).build().unwrap(), exporter)
}

#[test]
fn spans_arrive_by_themselves_after_the_export_interval() {
    let (tracer, exporter) = in_memory(|b| b.export_interval(Duration::from_millis(10)));
    tracer.span("s").start().end();
    until("the span is exported", || exporter.spans().len() == 1);
}

#[test]
fn a_full_batch_does_not_wait_for_the_export_interval() {
    let (tracer, exporter) = in_memory(|b| b.export_interval(NEVER).max_batch_spans(3));
    (0..7).for_each(|_| tracer.span("s").start().end());
    until("two full batches are exported", || exporter.spans().len() == 6);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 7);
}

#[test]
fn with_export_on_flush_nothing_is_exported_before_a_flush() {
    let (tracer, exporter) =
        in_memory(|b| b.export_on_flush(true).max_batch_spans(3).export_interval(Duration::ZERO));
    for round in 1..=3 {
        (0..7).for_each(|_| tracer.span("s").start().end());
        until("the spans are gathered", || tracer.stats().buffered == 7);
        assert_eq!(exporter.spans().len(), 7 * (round - 1));
        tracer.flush(PATIENCE).unwrap();
        assert_eq!(exporter.spans().len(), 7 * round);
    }
    (0..7).for_each(|_| tracer.span("s").start().end());
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 28, "a shutdown exports what waits for a flush");
}

#[test]
fn with_export_on_flush_half_a_buffer_is_exported_without_one_and_no_span_is_lost() {
    let (tracer, exporter) = in_memory(|b| b.export_on_flush(true).memory_budget(8 << 20));
    let long = "x".repeat(1024);
    let mut started = 0;
    until("something is exported without a flush", || {
        // Far below what the logs hold, so that what fills up is the buffer of batches.
        for _ in 0..50 {
            let span = tracer.span("s").start();
            span.set_attribute("long", &long);
            started += 1;
        }
        let recorded = tracer.stats();
        until("the spans are gathered", || tracer.stats().live == 0);
        assert_eq!(recorded.dropped.total(), 0);
        !exporter.spans().is_empty()
    });
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), started);
    assert_eq!(tracer.stats().lost_attributes, 0);
}

#[test]
fn a_flush_delivers_what_ended_before_it_whoever_else_flushes() {
    let (tracer, exporter) = in_memory(|b| b.export_interval(NEVER));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let exporter = &exporter;
            scope.spawn(move || {
                for round in 0..40 {
                    let name = format!("{thread}/{round}");
                    tracer.span(Text::Copied(&name)).start().end();
                    tracer.flush(PATIENCE).unwrap();
                    assert_eq!(exporter.spans_named(&name).len(), 1, "{name} after its flush");
                }
            });
        }
    });
    assert!(!exporter.exports_overlapped());
    assert_account(&tracer.stats(), &Account { started: 320, exported: 320, ..Account::default() });
}

#[test]
fn a_flush_without_spans_succeeds_and_reaches_the_exporter() {
    let (tracer, exporter) = in_memory(|b| b);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!((exporter.flush_count(), exporter.batches().len()), (1, 0));
}

#[test]
fn a_flush_says_how_many_spans_were_lost_since_the_one_before() {
    let (tracer, exporter) = in_memory(|b| b.max_batch_spans(2));
    exporter.fail_next(2);
    (0..5).for_each(|_| tracer.span("s").start().end());
    let Err(FlushError::Export { message, lost_spans }) = tracer.flush(PATIENCE) else {
        panic!("two of three batches were lost")
    };
    assert_eq!(lost_spans, 4);
    assert!(message.contains("told to fail"), "{message}");
    tracer.span("s").start().end();
    assert_eq!(tracer.flush(PATIENCE), Ok(()));
}

/// Two flushes, the second begun while the first one's export is under way. Only the first has a
/// span; that the second loses nothing must not hide what the first has lost.
#[test]
fn a_flush_whose_spans_were_lost_says_so_also_when_the_next_flush_succeeds_at_once() {
    const ROUNDS: u64 = 300;
    let (exporting, flushing) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let exporter = {
        let (exporting, flushing) = (Arc::clone(&exporting), Arc::clone(&flushing));
        By(move |_: &Context, _: &Batch| {
            let round = exporting.fetch_add(1, Ordering::SeqCst) + 1;
            until("the second flush is about to begin", || flushing.load(Ordering::SeqCst) >= round);
            // Time for it to begin: a round in which it has not is no test, but no failure either.
            std::thread::sleep(Duration::from_micros(500));
            refuse()
        })
    };
    let tracer = quiet_builder().export_interval(NEVER).exporter(exporter).build().unwrap();
    let flushed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                until("the export is under way", || exporting.load(Ordering::SeqCst) >= round);
                flushing.store(round, Ordering::SeqCst);
                // Without spans of its own, so either answer is right.
                let _ = tracer.flush(PATIENCE);
                flushed.store(round, Ordering::SeqCst);
            }
        });
        for round in 1..=ROUNDS {
            tracer.span("s").start().end();
            let result = tracer.flush(PATIENCE);
            // The second flush must not meet the next round's span.
            until("the second flush has returned", || flushed.load(Ordering::SeqCst) == round);
            if !matches!(result, Err(FlushError::Export { lost_spans: 1, .. })) {
                exporting.store(ROUNDS, Ordering::SeqCst);
                flushing.store(ROUNDS, Ordering::SeqCst);
                panic!("round {round}: the span before this flush was lost, but it returned {result:?}");
            }
        }
    });
    let lost = Account { started: ROUNDS, export_failed: ROUNDS, ..Account::default() };
    assert_account(&tracer.stats(), &lost);
}

#[test]
fn a_flush_that_is_late_returns_and_goes_on_behind() {
    let (tracer, exporter) = in_memory(|b| b);
    let hold = exporter.hold();
    tracer.span("s").start().end();
    assert_eq!(tracer.flush(Duration::from_millis(20)), Err(FlushError::DeadlineExceeded));
    assert_eq!(tracer.flush(Duration::ZERO), Err(FlushError::DeadlineExceeded));
    until("the span is gathered", || tracer.stats().live == 0);
    assert_account(&tracer.stats(), &Account { started: 1, buffered: 1, ..Account::default() });
    drop(hold);
    until("the span is exported", || exporter.spans().len() == 1);
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 1, exported: 1, ..Account::default() });
}

#[test]
fn a_flush_may_be_made_while_a_panic_unwinds() {
    struct FlushOnDrop(Tracer);
    impl Drop for FlushOnDrop {
        fn drop(&mut self) {
            self.0.flush(PATIENCE).unwrap();
        }
    }
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let unwound = catch_unwind(|| {
        let _flush = FlushOnDrop(tracer);
        let _span = tracer.span("unwound").start();
        resume_unwind(Box::new("a test's own panic"));
    });
    assert!(unwound.is_err());
    assert_eq!(recorder.exporter().spans_named("unwound").len(), 1, "before any other flush");
}

#[test]
fn after_a_shutdown_starts_are_refused_and_counted() {
    let (tracer, exporter) = in_memory(|b| b);
    let live = tracer.span("live").start();
    let handle = tracer.span("live too").start_handle();
    tracer.span("ended").start().end();
    tracer.shutdown(PATIENCE).unwrap();
    assert!(exporter.is_shut_down());
    let late = tracer.span("late").start();
    assert!(!late.is_recording() && late.handle().is_invalid());
    live.set_attribute("late", 1);
    live.add_event("late", &[]);
    tracer.set_attribute(handle, "late", 1);
    tracer.end_span(handle, None);
    drop((late, live));
    assert_eq!(tracer.flush(PATIENCE), Err(FlushError::Shutdown));
    assert_eq!(exporter.spans().len(), 1);
    assert_account(&tracer.stats(), &Account { started: 4, exported: 1, shutdown: 3, ..Account::default() });
}

/// Counts what is called on it.
#[derive(Clone, Default)]
struct Calls {
    shutdowns: Arc<AtomicU64>,
}

impl SpanExporter for Calls {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        self.shutdowns.fetch_add(1, Ordering::Relaxed);
        refuse()
    }
}

/// More than a log has room for without another chunk, in every way that a span can be recorded on.
#[test]
fn after_a_shutdown_calls_on_a_live_span_take_no_memory_and_change_no_count() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let mut span = tracer.span("live").start();
    span.set_attribute("before", 1);
    tracer.shutdown(PATIENCE).unwrap();
    let before = tracer.stats();
    for n in 0..10_000_i64 {
        span.set_attribute("n", n);
        span.set_attribute("text", "copied");
        span.set_attributes(&attributes!["n" => n, "text" => "copied"]);
        span.set_attributes(&attributes!["n" => n, "static" => Value::StaticStr("text")]);
        span.add_event("event", &attributes!["n" => n]);
        span.set_status(Status::Ok);
    }
    span.end();
    assert_eq!(tracer.stats(), before);
    assert_eq!(before.dropped.shutdown, 1);
}

#[test]
fn every_shutdown_returns_the_result_of_the_first_and_the_exporter_sees_one() {
    let calls = Calls::default();
    let tracer = quiet_builder().exporter(calls.clone()).build().unwrap();
    let barrier = Barrier::new(8);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    tracer.shutdown(PATIENCE)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let Err(FlushError::Export { message, lost_spans: 0 }) = &results[0] else { panic!("{results:?}") };
    assert!(message.contains("refused by the test"), "{message}");
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    assert_eq!(tracer.shutdown(PATIENCE), results[0], "long after");
    assert_eq!(calls.shutdowns.load(Ordering::Relaxed), 1);
}

/// Refuses each flush, and starts a span of its own tracer in each call.
struct Reentrant {
    tracer: Arc<OnceLock<Tracer>>,
    refused_starts: Arc<AtomicU64>,
}

impl Reentrant {
    fn start(&self) {
        let span = self.tracer.get().expect("set before the first call").span("own").start();
        self.refused_starts.fetch_add(u64::from(!span.is_recording()), Ordering::Relaxed);
    }
}

impl SpanExporter for Reentrant {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        self.start();
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        self.start();
        refuse()
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        self.start();
        Ok(())
    }
}

#[test]
fn an_exporter_may_use_its_own_tracer_in_each_call_and_a_flush_returns_its_error() {
    let (own, refused_starts) = (Arc::new(OnceLock::new()), Arc::new(AtomicU64::new(0)));
    let exporter = Reentrant { tracer: Arc::clone(&own), refused_starts: Arc::clone(&refused_starts) };
    let tracer = quiet_builder().export_interval(NEVER).exporter(exporter).build().unwrap();
    own.set(tracer).expect("set here alone");
    tracer.span("s").start().end();
    let Err(FlushError::Export { message, lost_spans: 0 }) = tracer.flush(PATIENCE) else {
        panic!("the exporter refuses a flush, and loses nothing")
    };
    assert!(message.contains("refused by the test"), "{message}");
    assert_eq!(refused_starts.load(Ordering::Relaxed), 2, "in the export and in the flush");
    // It flushes the exporter, too, and says what that says.
    assert!(matches!(tracer.shutdown(PATIENCE), Err(FlushError::Export { lost_spans: 0, .. })));
    assert_eq!(refused_starts.load(Ordering::Relaxed), 4, "in the last flush and in the shutdown");
    assert_account(&tracer.stats(), &Account { started: 1, exported: 1, ..Account::default() });
}

#[test]
fn a_guard_shuts_the_tracer_down() {
    let (tracer, exporter) = in_memory(|b| b);
    let guard = tracer.guard();
    tracer.span("s").start().end();
    drop(guard);
    assert!(exporter.is_shut_down());
    assert_eq!(exporter.spans().len(), 1);
}

/// Released in the end, so that no thread is left behind.
struct Deaf {
    release: Arc<AtomicBool>,
}

impl SpanExporter for Deaf {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        while !self.release.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn a_shutdown_keeps_its_deadline_with_an_exporter_that_ignores_its_context() {
    let release = Arc::new(AtomicBool::new(false));
    let tracer = quiet_builder().exporter(Deaf { release: release.clone() }).build().unwrap();
    (0..3).for_each(|_| tracer.span("s").start().end());
    assert_eq!(tracer.flush(Duration::from_millis(50)), Err(FlushError::DeadlineExceeded));
    let begun = Instant::now();
    assert_eq!(tracer.shutdown(Duration::from_millis(100)), Err(FlushError::DeadlineExceeded));
    assert!(begun.elapsed() < PATIENCE / 2, "{:?} for a shutdown of 100 ms", begun.elapsed());
    until("the spans are gathered", || tracer.stats().buffered == 3);
    assert_account(&tracer.stats(), &Account { started: 3, buffered: 3, ..Account::default() });
    release.store(true, Ordering::Relaxed);
    until("the export has returned", || tracer.stats().buffered == 0);
    assert_account(&tracer.stats(), &Account { started: 3, exported: 3, ..Account::default() });
}

/// The exporter never comes back while the drain has to see this through.
#[test]
fn a_late_shutdown_gives_up_the_batch_that_finds_the_queue_full_and_counts_it() {
    let (exports, release) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let exporter = {
        let (exports, release) = (Arc::clone(&exports), Arc::clone(&release));
        By(move |_: &Context, _: &Batch| {
            exports.fetch_add(1, Ordering::SeqCst);
            until("the test is over", || release.load(Ordering::SeqCst));
            Ok(())
        })
    };
    // The queue takes 8 % of it, beside what is being exported: 168 kB.
    let builder = quiet_builder().memory_budget(2 << 20).max_batch_spans(1);
    let tracer = builder.exporter(exporter).build().unwrap();
    tracer.span("being exported").start().end();
    until("the export is under way", || exports.load(Ordering::SeqCst) == 1);
    let _live = tracer.span("live").start();
    tracer.span("in the queue").start().end();
    let large = tracer.span("too large").start();
    let text = "x".repeat(60_000);
    for key in ["a", "b", "c", "d"] {
        large.set_attribute(key, &text);
    }
    large.end();
    assert_eq!(tracer.shutdown(Duration::ZERO), Err(FlushError::DeadlineExceeded));
    until("the drain has come to its end", || tracer.stats().dropped.shutdown == 1);
    let account = Account { started: 4, shutdown: 1, ..Account::default() };
    assert_account(&tracer.stats(), &Account { export_failed: 1, buffered: 2, ..account });
    release.store(true, Ordering::SeqCst);
    until("the queue is empty", || tracer.stats().buffered == 0);
    assert_account(&tracer.stats(), &Account { exported: 1, export_failed: 2, ..account });
    assert_eq!(exports.load(Ordering::SeqCst), 1, "what is late is not begun");
    match tracer.shutdown(PATIENCE) {
        Err(FlushError::Export { lost_spans: 2, .. }) => {}
        other => panic!("two spans were lost, but a later shutdown returned {other:?}"),
    }
}

#[test]
fn a_shutdown_that_is_late_calls_the_export_off() {
    let (tracer, exporter) = in_memory(|b| b.export_timeout(Duration::ZERO));
    let _hold = exporter.hold();
    (0..3).for_each(|_| tracer.span("s").start().end());
    assert_eq!(tracer.flush(Duration::from_millis(20)), Err(FlushError::DeadlineExceeded));
    assert_eq!(tracer.shutdown(Duration::from_millis(20)), Err(FlushError::DeadlineExceeded));
    // The hold is never released: only the cancelled context ends the export.
    until("the exporter is shut down", || exporter.is_shut_down());
    assert_account(&tracer.stats(), &Account { started: 3, export_failed: 3, ..Account::default() });
    // The flush during which they were lost had left before.
    match tracer.shutdown(PATIENCE) {
        Err(FlushError::Export { lost_spans: 3, .. }) => {}
        other => panic!("three spans were lost, but a later shutdown returned {other:?}"),
    }
}

#[test]
fn a_shutdown_whose_deadline_ends_the_export_says_so_and_a_later_one_what_was_lost() {
    // Whichever of the two notices the deadline first, the export thread or the caller.
    for _ in 0..20 {
        let exporter = By(|context: &Context, _: &Batch| {
            let over = context.wait(PATIENCE).expect_err("the deadline comes first");
            Err(over.into())
        });
        let tracer = quiet_builder().exporter(exporter).build().unwrap();
        tracer.span("s").start().end();
        assert_eq!(tracer.shutdown(Duration::from_millis(5)), Err(FlushError::DeadlineExceeded));
        match tracer.shutdown(PATIENCE) {
            Err(FlushError::Export { lost_spans: 1, .. }) => {}
            other => panic!("a span was lost, but a later shutdown returned {other:?}"),
        }
    }
}

#[test]
fn an_impatient_shutdown_does_not_call_off_a_patient_one() {
    let (tracer, exporter) = in_memory(|b| b.export_timeout(Duration::ZERO).export_interval(NEVER));
    let hold = exporter.hold();
    tracer.span("s").start().end();
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| tracer.shutdown(PATIENCE));
        exporter.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
        assert_eq!(tracer.shutdown(Duration::ZERO), Err(FlushError::DeadlineExceeded));
        drop(hold);
        assert_eq!(patient.join().unwrap(), Ok(()));
    });
    assert_eq!(exporter.spans().len(), 1);
    assert_account(&tracer.stats(), &Account { started: 1, exported: 1, ..Account::default() });
}

#[test]
fn an_export_is_called_off_after_the_export_timeout() {
    let (tracer, exporter) = in_memory(|b| b.export_timeout(Duration::from_millis(20)));
    let hold = exporter.hold();
    tracer.span("s").start().end();
    let result = tracer.flush(PATIENCE);
    assert!(matches!(result, Err(FlushError::Export { lost_spans: 1, .. })), "{result:?}");
    drop(hold);
    tracer.span("s").start().end();
    tracer.flush(PATIENCE).unwrap();
    assert_account(
        &tracer.stats(),
        &Account { started: 2, exported: 1, export_failed: 1, ..Account::default() },
    );
}

#[test]
fn exports_never_overlap_under_flushes_full_batches_and_a_shutdown() {
    let counter = Counter::default();
    let tracer = quiet_builder().max_batch_spans(7).exporter(counter.clone()).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    (0..20).for_each(|_| tracer.span("s").start().end());
                    tracer.flush(PATIENCE).unwrap();
                }
            });
        }
    });
    tracer.span("last").start().end();
    tracer.shutdown(PATIENCE).unwrap();
    assert!(!counter.overlapped());
    assert!(counter.batches() > 8_000 / 7, "{} batches", counter.batches());
    assert_eq!(counter.spans(), 8_001);
}

#[test]
fn an_error_handler_that_panics_takes_nothing_along() {
    let exporter = MemoryExporter::new();
    let handled = Arc::new(AtomicU64::new(0));
    let in_handler = Arc::clone(&handled);
    let builder = Tracer::builder("test").exporter(exporter.clone()).error_handler(move |error| {
        in_handler.fetch_add(1, Ordering::Relaxed);
        resume_unwind(Box::new(error.to_string()));
    });
    let tracer = builder.build().unwrap();
    exporter.fail_next(1);
    tracer.span("lost").start().end();
    assert!(matches!(tracer.flush(PATIENCE), Err(FlushError::Export { lost_spans: 1, .. })));
    tracer.span("arrives").start().end();
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(handled.load(Ordering::Relaxed), 1);
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn a_budget_too_small_is_refused_with_the_least_that_works() {
    let build = |bytes| {
        let builder = quiet_builder().exporter(Counter::default());
        builder.memory_budget(bytes).build()
    };
    let Err(BuildError::MemoryBudget { bytes: 1000, minimum }) = build(1000) else {
        panic!("a thousand bytes are too few")
    };
    assert!(matches!(build(minimum - 1), Err(BuildError::MemoryBudget { .. })));
    assert!(build(minimum).is_ok());
}

#[test]
fn a_call_that_panics_halfway_leaves_the_tracer_whole() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    struct Bad;
    impl From<Bad> for Text<'_> {
        fn from(_: Bad) -> Self {
            resume_unwind(Box::new("a test's own panic"))
        }
    }
    let span = tracer.span("s").start();
    let panicked = catch_unwind(AssertUnwindSafe(|| span.set_attribute(Bad, 1)));
    assert!(panicked.is_err());
    span.set_attribute("good", 2);
    span.end();
    assert_eq!(recorder.span("s").attributes, [("good".to_owned(), 2.into())]);
}
