//! What the fan-out exporter owes each of its destinations.
//!
//! No test measures time. Waits that must end early are an hour long, so a broken one hangs instead of
//! passing by luck.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::batches::batch;
use nanospan::batch::Batch;
use nanospan::export::{
    Context, DestinationStats, ExportError, ExportErrorKind, FanOutExporter, FanOutExporterBuilder,
    MemoryExporter, SpanExporter,
};

const HOUR: Duration = Duration::from_secs(3600);

fn hour() -> Context {
    Context::with_timeout(HOUR)
}

fn soon() -> Context {
    Context::with_timeout(Duration::from_millis(20))
}

/// Polls until `done` says so.
#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn build(builder: FanOutExporterBuilder) -> FanOutExporter {
    builder.build().expect("the settings are right")
}

/// A fan-out to `first` and `second`.
fn pair() -> (FanOutExporter, MemoryExporter, MemoryExporter) {
    let (first, second) = (MemoryExporter::new(), MemoryExporter::new());
    let builder = FanOutExporter::builder();
    let builder = builder.destination("first", first.clone()).destination("second", second.clone());
    (build(builder), first, second)
}

fn stats(exporter: &FanOutExporter, name: &str) -> DestinationStats {
    exporter.stats().into_iter().find(|one| one.name == name).expect("a destination of that name")
}

/// What became of the spans at a destination: delivered, failed, refused, queued.
fn account(exporter: &FanOutExporter, name: &str) -> [u64; 4] {
    let stats = stats(exporter, name);
    [stats.delivered, stats.failed, stats.refused, stats.queued]
}

#[test]
fn every_destination_gets_every_batch_byte_for_byte_and_in_order() {
    let (exporter, first, second) = pair();
    for sequence in 0..5 {
        exporter.export(&hour(), &batch(sequence, 3)).expect("both take it");
    }
    exporter.force_flush(&hour()).expect("both are done");
    let expected: Vec<_> = (0..5).map(|sequence| batch(sequence, 3).as_bytes().to_vec()).collect();
    assert_eq!(first.batches(), expected);
    assert_eq!(second.batches(), expected);
    assert_eq!(account(&exporter, "first"), [15, 0, 0, 0]);
    assert_eq!(account(&exporter, "second"), [15, 0, 0, 0]);
    assert!(!first.exports_overlapped() && !second.exports_overlapped());
    assert_eq!((first.flush_count(), second.flush_count()), (1, 1));
}

#[test]
fn a_destination_that_hangs_holds_up_no_other() {
    let (exporter, first, second) = pair();
    let hold = first.hold();
    for sequence in 0..20 {
        exporter.export(&hour(), &batch(sequence, 1)).expect("the second one takes it");
        assert_eq!(second.batches().len() as u64, sequence + 1);
    }
    assert_eq!(account(&exporter, "first"), [0, 0, 0, 20]);
    assert_eq!(account(&exporter, "second"), [20, 0, 0, 0]);
    drop(hold);
    exporter.force_flush(&hour()).expect("the first one goes on");
    assert_eq!(first.batches(), second.batches());
}

#[test]
fn what_a_full_queue_refuses_is_counted_and_told_with_the_name_and_has_lost_no_span_of_the_whole() {
    let (first, second) = (MemoryExporter::new(), MemoryExporter::new());
    let builder = FanOutExporter::builder().max_queue_bytes(batch(0, 1).as_bytes().len() * 5 / 2);
    let exporter = build(builder.destination("slow", first.clone()).destination("fast", second.clone()));
    let hold = first.hold();
    for sequence in 0..2 {
        exporter.export(&hour(), &batch(sequence, 1)).expect("there is room");
    }
    let error = exporter.export(&hour(), &batch(2, 1)).expect_err("one queue is full");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Full, Some(0)));
    assert!(error.to_string().contains("destination `slow`"), "{error}");
    assert!(!error.to_string().contains("fast"), "{error}");
    assert_eq!(account(&exporter, "slow"), [0, 0, 1, 2]);
    assert_eq!(account(&exporter, "fast"), [3, 0, 0, 0]);
    drop(hold);
    exporter.force_flush(&hour()).expect("all is delivered");
    assert_eq!(account(&exporter, "slow"), [2, 0, 1, 0]);
    assert_eq!(second.batches().len(), 3);
}

/// Overlooks its context: it says that it begins, and ends when it is told to.
struct Deaf {
    begins: Sender<()>,
    ends: Mutex<Receiver<()>>,
}

impl SpanExporter for Deaf {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        // The test may have heard enough.
        let _ = self.begins.send(());
        self.ends.lock().expect("no panic").recv().expect("the test goes on");
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn while_all_queues_are_full_an_export_waits_for_room() {
    let (begins, begun) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let builder = FanOutExporter::builder().max_queue_bytes(1);
    let exporter = build(builder.destination("deaf", Deaf { begins, ends: Mutex::new(ends) }));
    let context = hour();
    let error = thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&context, &batch(0, 1)));
        begun.recv().expect("the export begins");
        context.cancellation().cancel();
        export.join().expect("no panic").expect_err("it was cancelled")
    });
    assert_eq!(error.kind(), ExportErrorKind::Cancelled);
    let error = exporter.export(&soon(), &batch(1, 1)).expect_err("there is no room");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::DeadlineExceeded, None));
    assert_eq!(account(&exporter, "deaf"), [0, 0, 0, 1], "a batch that never got in is nobody's");
    for _ in 0..2 {
        end.send(()).expect("the destination listens");
    }
    exporter.export(&hour(), &batch(2, 1)).expect("there is room again");
    assert_eq!(account(&exporter, "deaf"), [2, 0, 0, 0]);
}

#[test]
fn a_batch_that_one_destination_has_is_not_lost_and_the_others_failure_is_told_with_its_name() {
    let (exporter, first, second) = pair();
    first.fail_next(1);
    // By this export, or by the flush after it: whichever comes behind the failure.
    let exported = exporter.export(&hour(), &batch(0, 3));
    let flushed = exporter.force_flush(&hour());
    let errors: Vec<_> = [exported, flushed].into_iter().filter_map(Result::err).collect();
    let [error] = errors.as_slice() else { panic!("one error tells of it: {errors:?}") };
    assert_eq!(error.kind(), ExportErrorKind::Other);
    assert!(error.to_string().contains("destination `first`"), "{error}");
    assert_ne!(error.lost_spans(), Some(3));
    assert_eq!(account(&exporter, "first"), [0, 3, 0, 0]);
    assert_eq!(account(&exporter, "second"), [3, 0, 0, 0]);
    assert_eq!(second.spans().len(), 3);
    exporter.force_flush(&hour()).expect("it is told once");
}

#[test]
fn a_batch_that_no_destination_has_is_lost_and_every_name_is_told() {
    let (exporter, first, second) = pair();
    first.fail_next(1);
    second.fail_next(1);
    let error = exporter.export(&hour(), &batch(0, 3)).expect_err("both fail");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Other, Some(3)));
    for name in ["`first`", "`second`"] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Loses so many spans of each batch.
struct Losing(u32);

impl SpanExporter for Losing {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Err(ExportError::new(ExportErrorKind::Rejected, "some are not wanted").with_lost_spans(self.0))
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn of_parts_the_largest_that_a_destination_has_counts() {
    let builder = FanOutExporter::builder().destination("five", Losing(5)).destination("two", Losing(2));
    let exporter = build(builder);
    let error = exporter.export(&hour(), &batch(0, 10)).expect_err("both lose some");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, Some(2)));
    assert_eq!(account(&exporter, "five"), [5, 5, 0, 0]);
    assert_eq!(account(&exporter, "two"), [8, 2, 0, 0]);
}

#[test]
fn an_export_that_is_ended_before_any_delivery_is_taken_back_everywhere() {
    let (exporter, first, second) = pair();
    let holds = [first.hold(), second.hold()];
    let context = hour();
    let result = thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&context, &batch(0, 3)));
        first.wait_for_export(&hour()).expect("it starts");
        context.cancellation().cancel();
        export.join().expect("no panic")
    });
    let error = result.expect_err("it was cancelled");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Cancelled, Some(3)));
    // The holds are still there: what ends their exports is the cancellation.
    until("both are free", || exporter.stats().iter().all(|one| one.queued == 0));
    drop(holds);
    exporter.force_flush(&hour()).expect("it was told already");
    assert!(first.batches().is_empty() && second.batches().is_empty());
    assert_eq!(account(&exporter, "first"), [0, 3, 0, 0]);
}

#[test]
fn an_export_that_is_ended_is_taken_out_of_the_queues_in_which_it_waits() {
    let (exporter, first, second) = pair();
    let hold = first.hold();
    exporter.export(&hour(), &batch(0, 2)).expect("the second one takes it");
    // The first still has that one, so the next can but wait there.
    let other = second.hold();
    let context = hour();
    let result = thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&context, &batch(1, 3)));
        second.wait_for_export(&hour()).expect("it starts");
        context.cancellation().cancel();
        export.join().expect("no panic")
    });
    let error = result.expect_err("it was cancelled");
    assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Cancelled, Some(3)));
    assert_eq!(account(&exporter, "first"), [0, 3, 0, 2]);
    drop((hold, other));
    exporter.force_flush(&hour()).expect("it was told already");
    assert_eq!([first.batches(), second.batches()], [[batch(0, 2).as_bytes()]; 2]);
}

#[test]
fn a_flush_beside_a_hang_ends_with_its_context_and_names_who_is_not_done() {
    let (exporter, first, _) = pair();
    let hold = first.hold();
    exporter.export(&hour(), &batch(0, 1)).expect("the second one takes it");
    let error = exporter.force_flush(&soon()).expect_err("the first one hangs");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    assert!(error.to_string().contains("`first`") && !error.to_string().contains("`second`"), "{error}");
    let context = hour();
    let error = thread::scope(|scope| {
        let flush = scope.spawn(|| exporter.force_flush(&context));
        context.cancellation().cancel();
        flush.join().expect("no panic").expect_err("cancelled")
    });
    assert_eq!(error.kind(), ExportErrorKind::Cancelled);
    drop(hold);
    exporter.force_flush(&hour()).expect("it goes on");
    assert_eq!(first.batches().len(), 1);
}

#[test]
fn a_shutdown_beside_a_hang_ends_with_its_context_and_every_destination_is_shut_down_behind_it() {
    let (exporter, first, second) = pair();
    let _hold = first.hold();
    for sequence in 0..3 {
        exporter.export(&hour(), &batch(sequence, 1)).expect("the second one takes it");
    }
    first.wait_for_export(&hour()).expect("the first one has begun");
    let error = exporter.shutdown(&soon()).expect_err("the first one hangs");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    assert!(error.to_string().contains("`first`"), "{error}");
    // The hold is still there: what ends the export is the cancellation.
    until("both are shut down", || first.is_shut_down() && second.is_shut_down());
    until("all is accounted for", || account(&exporter, "first") == [0, 3, 0, 0]);
    assert_eq!(account(&exporter, "second"), [3, 0, 0, 0]);
}

#[test]
fn a_shutdown_with_time_delivers_what_is_queued_and_shuts_every_destination_down() {
    let (exporter, first, second) = pair();
    let hold = first.hold();
    for sequence in 0..3 {
        exporter.export(&hour(), &batch(sequence, 1)).expect("the second one takes it");
    }
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| exporter.shutdown(&hour()));
        until("it has begun", || {
            let result = exporter.export(&hour(), &batch(9, 0));
            result.is_err_and(|error| error.kind() == ExportErrorKind::ExporterShutdown)
        });
        drop(hold);
        shutdown.join().expect("no panic").expect("all is delivered");
    });
    assert_eq!(first.batches().len(), 3);
    assert!(first.is_shut_down() && second.is_shut_down());
}

/// Refuses to flush and to shut down.
struct Refusing {
    name: &'static str,
    calls: Arc<AtomicU64>,
}

impl Refusing {
    fn refuse(&self, call: &str) -> Result<(), ExportError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Err(ExportError::new(ExportErrorKind::Rejected, format!("{} refuses {call}", self.name)))
    }
}

impl SpanExporter for Refusing {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        self.refuse("a flush")
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        self.refuse("a shutdown")
    }
}

#[test]
fn a_flush_and_a_shutdown_reach_every_destination_and_tell_every_error() {
    let calls = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let memory = MemoryExporter::new();
    let refusing = |name, calls| Refusing { name, calls: Arc::clone(calls) };
    let builder = FanOutExporter::builder().destination("one", refusing("the first", &calls[0]));
    let builder = builder.destination("two", refusing("the second", &calls[1]));
    let exporter = build(builder.destination("three", memory.clone()));
    let flushed = exporter.force_flush(&hour()).expect_err("two refuse").to_string();
    assert!(flushed.contains("the first refuses a flush"), "{flushed}");
    assert!(flushed.contains("the second refuses a flush"), "{flushed}");
    assert_eq!(memory.flush_count(), 1);
    let shut_down = exporter.shutdown(&hour()).expect_err("two refuse").to_string();
    assert!(shut_down.contains("the first refuses a shutdown"), "{shut_down}");
    assert!(shut_down.contains("the second refuses a shutdown"), "{shut_down}");
    assert!(memory.is_shut_down());
    assert_eq!(calls.map(|calls| calls.load(Ordering::Relaxed) >= 2), [true; 2]);
}

#[test]
fn dropping_the_exporter_shuts_every_destination_down() {
    let (exporter, first, second) = pair();
    let _hold = first.hold();
    exporter.export(&hour(), &batch(0, 1)).expect("the second one takes it");
    drop(exporter);
    until("both are shut down", || first.is_shut_down() && second.is_shut_down());
}

/// Panics in every other export, and in each flush.
#[derive(Clone, Default)]
struct Panicking {
    calls: Arc<AtomicU64>,
    kept: MemoryExporter,
}

impl SpanExporter for Panicking {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            std::panic::resume_unwind(Box::new("a test's own panic"));
        }
        self.kept.export(context, batch)
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        std::panic::resume_unwind(Box::new(String::from("another one")));
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.kept.shutdown(context)
    }
}

#[test]
fn a_destination_that_panics_is_counted_told_with_its_name_and_goes_on() {
    let (panicking, second) = (Panicking::default(), MemoryExporter::new());
    let builder = FanOutExporter::builder().destination("panics", panicking.clone());
    let exporter = build(builder.destination("second", second.clone()));
    let mut told = String::new();
    for sequence in 0..4 {
        let exported = exporter.export(&hour(), &batch(sequence, 1));
        told += &exported.err().map(|error| error.to_string()).unwrap_or_default();
    }
    let error = exporter.force_flush(&hour()).expect_err("it panics");
    assert!(
        error.to_string().contains("destination `panics`: the exporter panicked: another one"),
        "{error}"
    );
    told += &error.to_string();
    assert!(told.contains("the exporter panicked: a test's own panic"), "{told}");
    assert_eq!(stats(&exporter, "panics").panics, 3);
    assert_eq!(account(&exporter, "panics"), [2, 2, 0, 0]);
    assert_eq!(account(&exporter, "second"), [4, 0, 0, 0]);
    exporter.shutdown(&hour()).expect("that does not panic");
    assert_eq!(panicking.kept.batches().len(), 2);
}

/// Traces its own exports.
struct Traced(nanospan::Tracer);

impl SpanExporter for Traced {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        self.0.span("export").start().end();
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn a_destinations_thread_starts_no_spans() {
    let memory = MemoryExporter::new();
    let builder = nanospan::Tracer::builder("traced").memory_budget(8 << 20).exporter(memory.clone());
    let tracer = builder.build().expect("the settings are right");
    let exporter = build(FanOutExporter::builder().destination("traced", Traced(tracer)));
    exporter.export(&hour(), &batch(0, 1)).expect("it takes it");
    assert_eq!((tracer.stats().started, tracer.stats().suppressed), (0, 1));
    tracer.shutdown(HOUR).expect("nothing is in the way");
}

#[test]
fn settings_that_cannot_work_are_refused_with_what_is_wrong() {
    let memory = MemoryExporter::new;
    for (builder, message) in [
        (FanOutExporter::builder(), "a fan-out exporter needs a destination"),
        (
            FanOutExporter::builder().destination("one", memory()).destination("one", memory()),
            "there are two destinations called `one`",
        ),
        (
            FanOutExporter::builder().destination("", memory()),
            "destination 0, counted from 0, has an empty name",
        ),
        (
            FanOutExporter::builder().destination("one", memory()).max_queue_bytes(0),
            "a queue of zero bytes has room for no batch",
        ),
    ] {
        let error = builder.build().expect_err(message);
        assert_eq!((error.kind(), error.to_string()), (ExportErrorKind::InvalidConfig, message.to_owned()));
    }
}

#[test]
fn the_tracers_account_counts_as_exported_what_one_destination_has() {
    let (exporter, first, second) = pair();
    let exporter = Arc::new(exporter);
    let builder = nanospan::Tracer::builder("account").memory_budget(8 << 20).error_handler(|_| {});
    let tracer = builder.exporter(Arc::clone(&exporter)).build().expect("the settings are right");
    let record = |spans: u64| (0..spans).for_each(|_| tracer.span("s").start().end());
    first.fail_next(u32::MAX);
    record(100);
    let _ = tracer.flush(HOUR);
    assert_eq!((tracer.stats().exported, tracer.stats().dropped.export_failed), (100, 0));
    second.fail_next(u32::MAX);
    record(50);
    let _ = tracer.flush(HOUR);
    assert_eq!((tracer.stats().exported, tracer.stats().dropped.export_failed), (100, 50));
    assert!(tracer.stats().is_balanced());
    assert_eq!(account(&exporter, "first"), [0, 150, 0, 0]);
    assert_eq!(account(&exporter, "second"), [100, 50, 0, 0]);
    let _ = tracer.shutdown(HOUR);
}
