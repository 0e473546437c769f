//! The account: at every quiet moment each span that was started is exported, dropped for one
//! reason, live, or buffered. Every test knows the numbers on its own and compares all of them.

mod common;

use common::{Account, By, Counter, Numbers, PATIENCE, assert_account, quiet_builder, until};
use nanospan::batch::{Batch, BatchView};
use nanospan::export::{Context, ExportError, ExportErrorKind};
use nanospan::testing::Recorder;
use nanospan::{FlushError, Tracer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

type Outcome = Result<(), ExportError>;

fn with(export: impl Fn(&Context, &Batch) -> Outcome + Send + Sync + 'static) -> Tracer {
    quiet_builder().max_batch_spans(10).exporter(By(export)).build().unwrap()
}

fn record(tracer: Tracer, spans: u64) {
    (0..spans).for_each(|_| tracer.span("s").start().end());
}

fn refused() -> ExportError {
    ExportError::new(ExportErrorKind::Rejected, "refused by the test")
}

fn lost_of(result: Result<(), FlushError>) -> u64 {
    match result {
        Err(FlushError::Export { lost_spans, .. }) => lost_spans,
        other => panic!("spans were lost, but the flush returned {other:?}"),
    }
}

#[test]
fn live_buffered_and_exported_spans_are_told_apart() {
    let memory = nanospan::export::MemoryExporter::new();
    let tracer = quiet_builder().exporter(memory.clone()).build().unwrap();
    assert_account(&tracer.stats(), &Account::default());
    let live: Vec<_> = (0..100).map(|_| tracer.span("live").start()).collect();
    assert_account(&tracer.stats(), &Account { started: 100, live: 100, ..Account::default() });
    let hold = memory.hold();
    record(tracer, 25);
    assert_eq!(tracer.flush(Duration::from_millis(100)), Err(FlushError::DeadlineExceeded));
    until("the drain has taken them", || tracer.stats().buffered == 25);
    assert_account(&tracer.stats(), &Account { started: 125, live: 100, buffered: 25, ..Account::default() });
    drop(hold);
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 125, live: 100, exported: 25, ..Account::default() });
    drop(live);
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 125, exported: 125, ..Account::default() });
}

#[test]
fn an_exporter_that_fails_loses_every_span_and_each_is_counted() {
    let tracer = with(|_, _| Err(refused()));
    record(tracer, 1000);
    assert_eq!(lost_of(tracer.flush(PATIENCE)), 1000);
    assert_account(&tracer.stats(), &Account { started: 1000, export_failed: 1000, ..Account::default() });
}

#[test]
fn an_exporter_that_loses_a_part_has_only_that_part_counted() {
    let delivered = Arc::new(AtomicU64::new(0));
    let in_export = Arc::clone(&delivered);
    let tracer = with(move |_, batch| {
        in_export.fetch_add(batch.span_count() as u64 - 3, Ordering::Relaxed);
        Err(refused().with_lost_spans(3))
    });
    // Batches of ten, so that each has three to lose.
    record(tracer, 500);
    let lost = lost_of(tracer.flush(PATIENCE));
    let exported = delivered.load(Ordering::Relaxed);
    assert_eq!(lost + exported, 500);
    assert!(lost >= 150, "{lost} spans of 50 or more batches");
    let expected = Account { started: 500, exported, export_failed: lost, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
}

#[test]
fn an_error_with_which_nothing_is_lost_is_told_and_counts_as_delivered() {
    let told = Arc::new(AtomicU64::new(0));
    let in_handler = Arc::clone(&told);
    let exporter = By(|_: &Context, _: &Batch| Err(refused().with_lost_spans(0)));
    let builder = quiet_builder().exporter(exporter);
    let handler = move |_: &ExportError| {
        in_handler.fetch_add(1, Ordering::Relaxed);
    };
    let tracer = builder.error_handler(handler).build().unwrap();
    record(tracer, 30);
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 30, exported: 30, ..Account::default() });
    assert!(told.load(Ordering::Relaxed) > 0);
}

#[test]
fn an_exporter_cannot_lose_more_than_it_was_given() {
    let tracer = with(|_, _| Err(refused().with_lost_spans(u32::MAX)));
    record(tracer, 30);
    assert_eq!(lost_of(tracer.flush(PATIENCE)), 30);
    assert_account(&tracer.stats(), &Account { started: 30, export_failed: 30, ..Account::default() });
}

#[test]
fn an_exporter_that_panics_loses_its_batch_and_goes_on() {
    let calls = AtomicU64::new(0);
    let exported = Arc::new(AtomicU64::new(0));
    let in_export = Arc::clone(&exported);
    let tracer = with(move |_, batch| {
        if calls.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            std::panic::resume_unwind(Box::new("a test's own panic"));
        }
        in_export.fetch_add(batch.span_count() as u64, Ordering::Relaxed);
        Ok(())
    });
    record(tracer, 100);
    let failed = lost_of(tracer.flush(PATIENCE));
    let exported = exported.load(Ordering::Relaxed);
    assert!(exported > 0 && failed > 0 && exported + failed == 100, "{exported} and {failed}");
    let expected = Account { started: 100, exported, export_failed: failed, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
    assert!(tracer.stats().exporter_panics > 0, "{:?}", tracer.stats());
}

#[test]
fn an_error_handler_that_panics_is_counted_and_the_exports_go_on() {
    let recorder = Recorder::with(|builder| {
        builder.error_handler(|_| std::panic::resume_unwind(Box::new("a test's own panic")))
    });
    let (tracer, memory) = (recorder.tracer(), recorder.exporter());
    memory.fail_next(1);
    record(tracer, 1);
    assert_eq!(lost_of(tracer.flush(PATIENCE)), 1);
    record(tracer, 1);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(tracer.stats().exporter_panics, 1);
}

#[test]
fn batches_beyond_the_queue_size_are_dropped_and_counted_while_the_exporter_hangs() {
    let recorder = Recorder::with(|builder| {
        builder.max_batch_spans(10).max_queue_size(25).export_interval(Duration::from_secs(3600))
    });
    let (tracer, memory) = (recorder.tracer(), recorder.exporter());
    let hold = memory.hold();
    record(tracer, 10);
    until("a batch is being exported", || tracer.stats().buffered == 10);
    memory.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
    // Two batches find room, the others do not.
    record(tracer, 100);
    until("all are told what becomes of them", || tracer.stats().live == 0);
    let expected = Account { started: 110, buffered: 30, queue_full: 80, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
    drop(hold);
    tracer.flush(PATIENCE).unwrap();
    let expected = Account { started: 110, exported: 30, queue_full: 80, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
}

#[test]
fn a_flush_waits_for_room_in_the_queue_and_drops_nothing() {
    let recorder = Recorder::with(|builder| {
        builder.max_batch_spans(10).max_queue_size(10).drain_interval(Duration::from_secs(3600))
    });
    let (tracer, memory) = (recorder.tracer(), recorder.exporter());
    record(tracer, 95);
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 95, exported: 95, ..Account::default() });
    assert_eq!(memory.spans().len(), 95);
}

#[test]
fn a_batch_is_no_larger_than_the_queue() {
    let recorder = Recorder::with(|builder| builder.max_queue_size(7));
    record(recorder.tracer(), 70);
    recorder.tracer().flush(PATIENCE).unwrap();
    for bytes in recorder.exporter().batches() {
        assert!(BatchView::parse(&bytes).unwrap().span_count() <= 7);
    }
}

#[test]
fn an_exporter_that_hangs_leaves_spans_buffered_until_the_budget_refuses_new_ones() {
    let (release, exported) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let exporter = {
        let (release, exported) = (Arc::clone(&release), Arc::clone(&exported));
        By(move |_: &Context, batch: &Batch| {
            while !release.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            exported.fetch_add(batch.span_count() as u64, Ordering::Relaxed);
            Ok(())
        })
    };
    let builder = quiet_builder().memory_budget(1 << 20).export_timeout(Duration::ZERO);
    let tracer = builder.exporter(exporter).build().unwrap();
    let mut started = 0;
    let mut refused = 0;
    while refused < 1000 {
        started += 1;
        let span = tracer.span("s").start();
        refused += u64::from(!span.is_recording());
    }
    until("the drain has queued some", || tracer.stats().buffered > 0);
    let stats = tracer.stats();
    assert_eq!(stats.dropped.overload, refused);
    assert_eq!((stats.started, stats.exported), (started, 0));
    assert_eq!(stats.live + stats.buffered, started - refused);
    release.store(true, Ordering::Relaxed);
    tracer.flush(PATIENCE).unwrap();
    let exported = exported.load(Ordering::Relaxed);
    let expected = Account { started, exported, overload: refused, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
    record(tracer, 10);
    tracer.flush(PATIENCE).unwrap();
    let after = Account { started: started + 10, exported: exported + 10, ..expected };
    assert_account(&tracer.stats(), &after);
}

#[test]
fn overload_is_counted_span_by_span_and_the_rest_arrive() {
    let counter = Counter::default();
    let builder = quiet_builder().memory_budget(256 << 10).exporter(counter.clone());
    let tracer = builder.build().unwrap();
    let (started, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..30_000 {
                    let span = tracer.span("s").start();
                    started.fetch_add(1, Ordering::Relaxed);
                    refused.fetch_add(u64::from(!span.is_recording()), Ordering::Relaxed);
                }
            });
        }
    });
    tracer.flush(PATIENCE).unwrap();
    let (started, overload) = (started.into_inner(), refused.into_inner());
    assert!(overload > 0, "a budget of 256 KiB is meant to be too small for this");
    let expected = Account { started, exported: counter.spans(), overload, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
}

#[test]
fn a_shutdown_amid_recording_accounts_for_every_span() {
    for round in 0..8 {
        let counter = Counter::default();
        let builder = quiet_builder().memory_budget(8 << 20).exporter(counter.clone());
        let tracer = builder.build().unwrap();
        let (running, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        let (started, accepted) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (running, stopped) = (&running, &stopped);
                let (started, accepted) = (&started, &accepted);
                scope.spawn(move || {
                    let mut numbers = Numbers(round << 8 | thread);
                    let (mut mine, mut taken) = (0, 0);
                    let mut kept = Vec::new();
                    let mut after = 0;
                    while after < 50 {
                        after += u64::from(stopped.load(Ordering::Relaxed));
                        let span = tracer.span("s").start();
                        mine += 1;
                        taken += u64::from(span.is_recording());
                        if mine == 100 {
                            running.fetch_add(1, Ordering::Relaxed);
                        }
                        span.set_attribute("n", mine as i64);
                        // Some stay open across the shutdown, some for a while.
                        match numbers.below(16) {
                            0 => kept.push(span),
                            1 => kept.truncate(kept.len() / 2),
                            _ => drop(span),
                        }
                    }
                    started.fetch_add(mine, Ordering::Relaxed);
                    accepted.fetch_add(taken, Ordering::Relaxed);
                });
            }
            until("all threads record", || running.load(Ordering::Relaxed) == 8);
            tracer.shutdown(PATIENCE).unwrap();
            stopped.store(true, Ordering::Relaxed);
        });
        let stats = tracer.stats();
        let (started, accepted) = (started.into_inner(), accepted.into_inner());
        assert_eq!(stats.started, started);
        assert_eq!(stats.exported, counter.spans());
        assert_eq!((stats.live, stats.buffered), (0, 0), "{stats:?}");
        assert!(stats.is_balanced(), "{stats:?}");
        // Refused before, by a drain that was late; refused after; or live at the shutdown.
        let not_delivered = stats.dropped.overload + stats.dropped.shutdown;
        assert_eq!(not_delivered, started - counter.spans(), "{stats:?}");
        assert!(not_delivered >= started - accepted, "{stats:?}");
        assert!(stats.dropped.shutdown >= 8 * 50, "{stats:?}");
    }
}

#[test]
fn starts_that_are_not_sampled_are_no_part_of_it() {
    let sampler = nanospan::sampling::Sampler::trace_id_ratio(0.5).unwrap();
    let counter = Counter::default();
    let tracer = quiet_builder().sampler(sampler).exporter(counter.clone()).build().unwrap();
    let mut sampled = 0;
    for _ in 0..2000 {
        sampled += u64::from(tracer.span("s").start().is_recording());
    }
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert_eq!(stats.not_sampled, 2000 - sampled);
    assert_account(&stats, &Account { started: sampled, exported: sampled, ..Account::default() });
    assert!((700..1300).contains(&sampled), "{sampled} of 2000 at a ratio of one half");
}
