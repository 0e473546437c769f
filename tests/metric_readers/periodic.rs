//! The reader that collects and exports each interval.

use super::*;
#[cfg(unix)]
use crate::forked::{check, in_child};
use nanospan::metrics::data::{KeyValue, Resource};
use nanospan::metrics::{PeriodicReader, PeriodicReaderBuilder, PeriodicReaderStats};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// No interval of this length ends in a test.
const NEVER: Duration = Duration::from_secs(1 << 40);

/// A reader over `recorder` that collects only when it is told to; what nobody hears is written down.
fn idle(recorder: &Arc<Recorder>) -> (PeriodicReaderBuilder, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let handler = Arc::clone(&told);
    let builder = PeriodicReader::builder(Arc::clone(recorder))
        .interval(NEVER)
        .error_handler(move |error| handler.lock().unwrap().push(error.to_string()));
    (builder, told)
}

fn with_counting(recorder: &Arc<Recorder>) -> PeriodicReader {
    idle(recorder).0.producer(Counting::default()).start().unwrap()
}

fn kind(result: Result<(), ExportError>) -> ExportErrorKind {
    result.unwrap_err().kind()
}

fn is_export(call: &Call) -> bool {
    matches!(call, Call::Export(_))
}

#[test]
fn each_interval_what_there_is_is_exported() {
    let recorder = Recorder::new();
    let reader = idle(&recorder).0.producer(Counting::default()).interval(Duration::from_millis(1));
    let reader = reader.start().unwrap();
    recorder.wait_for_calls(3);
    reader.shutdown(&Context::new()).unwrap();
    let values: Vec<_> = recorder.exported().iter().map(value).collect();
    let expected: Vec<_> = (1..=values.len() as i64).map(|value| Some(value.into())).collect();
    assert_eq!(values, expected);
    assert_eq!(reader.stats().exported_data_points, values.len() as u64);
}

#[test]
fn a_flush_collects_exports_and_flushes_the_exporter() {
    let recorder = Recorder::new();
    let reader = with_counting(&recorder);
    for flushes in 1..=3 {
        reader.force_flush(&Context::new()).unwrap();
        let calls = recorder.calls();
        assert_eq!(calls.len(), 2 * flushes);
        assert!(is_export(&calls[2 * flushes - 2]));
        assert_eq!(calls[2 * flushes - 1], Call::ForceFlush);
    }
}

#[test]
fn each_collection_is_under_the_resource_that_was_set() {
    let resource =
        Resource { attributes: vec![KeyValue::new("service.name", "shop")].into(), ..Resource::default() };
    let recorder = Recorder::new();
    let reader = idle(&recorder).0.resource(resource.clone()).producer(Counting::default()).start().unwrap();
    reader.force_flush(&Context::new()).unwrap();
    reader.shutdown(&Context::new()).unwrap();
    let resources: Vec<_> = recorder.exported().into_iter().map(|metrics| metrics.resource).collect();
    assert_eq!(resources, [resource.clone(), resource]);
}

#[test]
fn a_shutdown_collects_for_the_last_time_and_shuts_the_exporter_down() {
    let recorder = Recorder::new();
    let reader = with_counting(&recorder);
    reader.shutdown(&Context::new()).unwrap();
    let calls = recorder.calls();
    assert!(is_export(&calls[0]));
    assert_eq!(calls[1..], [Call::Shutdown]);
}

#[test]
fn the_exporter_decides_what_producers_are_asked_for() {
    let recorder = Recorder::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&asked);
    let producer = By(move |collection: &Collection<'_>, _: &mut List<ScopeMetrics>| {
        let mut asked = into.lock().unwrap();
        for kind in InstrumentKind::ALL {
            asked.push((collection.temporality(kind), collection.aggregation(kind).clone()));
        }
        Ok(())
    });
    let reader = idle(&recorder).0.producer(producer).start().unwrap();
    reader.force_flush(&Context::new()).unwrap();
    let wanted: Vec<_> = InstrumentKind::ALL
        .iter()
        .map(|kind| (recorder.temporality(*kind), recorder.aggregation(*kind)))
        .collect();
    assert_eq!(*asked.lock().unwrap(), wanted);
}

#[test]
fn a_producer_that_hangs_ends_with_the_callers_deadline_and_the_exporter_is_called_all_the_same() {
    let recorder = Recorder::new();
    let reader = idle(&recorder).0.producer(hanging()).start().unwrap();
    let soon = || Context::with_timeout(Duration::from_millis(20));
    assert_eq!(kind(reader.force_flush(&soon())), ExportErrorKind::DeadlineExceeded);
    recorder.wait_for_calls(1);
    assert_eq!(recorder.calls(), [Call::ForceFlush]);
    assert_eq!(kind(reader.shutdown(&soon())), ExportErrorKind::DeadlineExceeded);
    recorder.wait_for_calls(2);
    assert_eq!(recorder.calls(), [Call::ForceFlush, Call::Shutdown]);
    assert_eq!(reader.stats().failed_collections, 2);
}

#[test]
fn an_export_that_hangs_ends_with_the_callers_context() {
    let recorder = Recorder::new();
    let reader = with_counting(&recorder);
    recorder.will(Deed::Hang);
    let soon = Context::with_timeout(Duration::from_millis(20));
    assert_eq!(kind(reader.force_flush(&soon)), ExportErrorKind::DeadlineExceeded);

    recorder.will(Deed::Hang);
    let context = Context::new();
    thread::scope(|scope| {
        let flushing = scope.spawn(|| kind(reader.force_flush(&context)));
        recorder.wait_for_the_hang();
        context.cancellation().cancel();
        assert_eq!(flushing.join().unwrap(), ExportErrorKind::Cancelled);
    });
    reader.force_flush(&Context::new()).unwrap();
}

#[test]
fn without_a_deadline_a_call_has_the_readers_timeout() {
    let recorder = Recorder::new();
    let reader = idle(&recorder).0.producer(hanging()).timeout(Duration::from_millis(20)).start().unwrap();
    assert_eq!(kind(reader.force_flush(&Context::new())), ExportErrorKind::DeadlineExceeded);
    assert_eq!(kind(reader.shutdown(&Context::new())), ExportErrorKind::DeadlineExceeded);
}

#[test]
fn an_interval_whose_export_hangs_ends_with_the_timeout_and_is_told_to_the_error_handler() {
    let recorder = Recorder::new();
    recorder.will(Deed::Hang);
    let (builder, told) = idle(&recorder);
    let reader = builder
        .producer(Counting::default())
        .interval(Duration::from_millis(1))
        .timeout(Duration::from_millis(20))
        .start()
        .unwrap();
    recorder.wait_for_calls(2);
    assert_eq!(told.lock().unwrap()[..], ["the deadline has passed"]);
    assert_eq!(reader.stats().lost_data_points, 1);
}

#[test]
fn a_shutdown_calls_off_an_export_that_hangs_when_its_deadline_has_passed() {
    let recorder = Recorder::new();
    recorder.will(Deed::Hang);
    let (builder, _) = idle(&recorder);
    let reader = builder
        .producer(Counting::default())
        .interval(Duration::from_millis(1))
        .timeout(Duration::ZERO)
        .start()
        .unwrap();
    recorder.wait_for_calls(1);
    let soon = Context::with_timeout(Duration::from_millis(20));
    assert_eq!(kind(reader.shutdown(&soon)), ExportErrorKind::DeadlineExceeded);
    recorder.wait_for_calls(2);
    assert_eq!(recorder.calls()[1..], [Call::Shutdown]);
}

#[test]
fn a_shutdown_calls_off_a_flush_that_hangs_when_its_deadline_has_passed() {
    let recorder = Recorder::new();
    recorder.will(Deed::Hang);
    let reader = idle(&recorder).0.producer(Counting::default()).timeout(Duration::ZERO).start().unwrap();
    thread::scope(|scope| {
        // Nobody but the shutdown ends it.
        let flushing = scope.spawn(|| kind(reader.force_flush(&Context::new())));
        recorder.wait_for_the_hang();
        let soon = Context::with_timeout(Duration::from_millis(20));
        assert_eq!(kind(reader.shutdown(&soon)), ExportErrorKind::DeadlineExceeded);
        assert_eq!(flushing.join().unwrap(), ExportErrorKind::Cancelled);
    });
    recorder.wait_for_calls(3);
    assert_eq!(recorder.calls()[1..], [Call::ForceFlush, Call::Shutdown]);
}

#[test]
fn a_flush_that_comes_behind_one_that_a_shutdown_called_off_ends_as_well() {
    let recorder = Recorder::new();
    recorder.will(Deed::Hang);
    let reader = idle(&recorder).0.producer(Counting::default()).timeout(Duration::ZERO).start().unwrap();
    thread::scope(|scope| {
        let flushing: Vec<_> =
            (0..4).map(|_| scope.spawn(|| kind(reader.force_flush(&Context::new())))).collect();
        recorder.wait_for_the_hang();
        reader.shutdown(&Context::with_timeout(Duration::from_millis(20))).unwrap_err();
        for flush in flushing {
            // One that begins when the shutdown is over is refused.
            let ended = flush.join().unwrap();
            assert!(
                matches!(ended, ExportErrorKind::Cancelled | ExportErrorKind::ReaderShutdown),
                "{ended:?}"
            );
        }
    });
}

#[test]
fn data_points_of_a_collection_that_ran_out_of_time_are_counted_and_not_exported() {
    let recorder = Recorder::new();
    let (builder, told) = idle(&recorder);
    let reader = builder.producer(Counting::default()).producer(hanging()).start().unwrap();
    let context = Context::new();
    context.cancellation().cancel();
    // Over before the first producer is asked: there are no points.
    assert_eq!(kind(reader.force_flush(&context)), ExportErrorKind::Cancelled);
    recorder.wait_for_calls(1);
    assert_eq!(reader.stats().abandoned_data_points, 0);
    let soon = Context::with_timeout(Duration::from_millis(20));
    assert_eq!(kind(reader.force_flush(&soon)), ExportErrorKind::DeadlineExceeded);
    recorder.wait_for_calls(2);
    let PeriodicReaderStats {
        failed_collections,
        abandoned_data_points,
        exported_data_points,
        lost_data_points,
        ..
    } = reader.stats();
    assert_eq!((failed_collections, abandoned_data_points), (2, 1));
    assert_eq!((exported_data_points, lost_data_points), (0, 0), "the exporter was not called");
    assert_eq!(recorder.exported(), []);
    assert!(told.lock().unwrap().iter().any(|error| error.starts_with("a metric producer failed")));
}

/// It would wait for itself, and without a timeout for good.
#[test]
fn on_its_own_thread_a_reader_refuses_to_wait_and_a_shutdown_is_done_later() {
    let recorder = Recorder::new();
    let place: Arc<OnceLock<PeriodicReader>> = Arc::default();
    let (inside, kinds) = (Arc::clone(&place), Arc::new(Mutex::new(Vec::new())));
    let into = Arc::clone(&kinds);
    let calling = By(move |_: &Collection<'_>, _: &mut List<ScopeMetrics>| {
        let Some(reader) = inside.get() else { return Ok(()) };
        let results = [reader.force_flush(&Context::new()), reader.shutdown(&Context::new())];
        into.lock().unwrap().extend(results.map(kind));
        Ok(())
    });
    let builder = idle(&recorder).0.producer(calling).producer(Counting::default());
    let reader = place.get_or_init(|| builder.timeout(Duration::ZERO).start().unwrap());
    reader.force_flush(&Context::new()).unwrap();
    recorder.wait_for_calls(4);
    assert_eq!(kinds.lock().unwrap()[..2], [ExportErrorKind::Other; 2]);
    let calls = recorder.calls();
    assert!(is_export(&calls[0]) && is_export(&calls[2]));
    assert_eq!((&calls[1], &calls[3]), (&Call::ForceFlush, &Call::Shutdown));
    assert_eq!(kind(reader.shutdown(&Context::new())), ExportErrorKind::ReaderShutdown);
}

#[test]
fn without_a_limit_an_interval_takes_as_long_as_it_takes() {
    let recorder = Recorder::new();
    let released = Context::new();
    let release = released.cancellation();
    let slow = By(move |collection: &Collection<'_>, _: &mut List<ScopeMetrics>| {
        assert_eq!(collection.context().deadline(), None);
        let _ = released.wait(Duration::MAX);
        Ok(())
    });
    let builder = idle(&recorder).0.interval(Duration::from_millis(1)).timeout(Duration::ZERO);
    let reader = builder.producer(slow).producer(Counting::default()).start().unwrap();
    release.cancel();
    recorder.wait_for_calls(1);
    reader.shutdown(&Context::new()).unwrap();
    let stats = reader.stats();
    assert_eq!((stats.failed_collections, stats.panics), (0, 0), "{stats:?}");
}

#[test]
fn what_an_export_loses_is_counted_and_the_flush_says_why() {
    let recorder = Recorder::new();
    let two = idle(&recorder).0.producer(Counting::default()).producer(Counting::default());
    let reader = two.start().unwrap();
    recorder.will(Deed::Fail(None));
    let error = reader.force_flush(&Context::new()).unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ExportErrorKind::Io, "told to fail".to_owned()));
    recorder.will(Deed::Fail(Some(1)));
    reader.force_flush(&Context::new()).unwrap_err();
    reader.force_flush(&Context::new()).unwrap();
    let PeriodicReaderStats { collections, exported_data_points, lost_data_points, .. } = reader.stats();
    assert_eq!((collections, exported_data_points, lost_data_points), (3, 3, 3));
}

#[test]
fn an_error_with_which_no_point_is_lost_is_a_warning_to_the_handler_and_the_flush_succeeds() {
    let recorder = Recorder::new();
    let (builder, told) = idle(&recorder);
    let reader = builder.producer(Counting::default()).start().unwrap();
    recorder.will(Deed::Fail(Some(0)));
    reader.force_flush(&Context::new()).unwrap();
    assert_eq!(told.lock().unwrap()[..], ["told to fail"]);
    assert_eq!((reader.stats().exported_data_points, reader.stats().lost_data_points), (1, 0));
}

#[test]
fn an_error_of_the_exporters_flush_or_shutdown_is_the_callers_unless_its_export_failed_before() {
    let recorder = Recorder::new();
    recorder.fails_to_end.store(true, Ordering::SeqCst);
    let (builder, told) = idle(&recorder);
    let reader = builder.producer(Counting::default()).start().unwrap();
    let error = reader.force_flush(&Context::new()).unwrap_err();
    assert_eq!(error.to_string(), "told to fail in the flush");
    recorder.will(Deed::Fail(None));
    assert_eq!(reader.force_flush(&Context::new()).unwrap_err().to_string(), "told to fail");
    // Whoever called has one error; the other is not lost.
    assert_eq!(told.lock().unwrap()[..], ["told to fail in the flush"]);
    let error = reader.shutdown(&Context::new()).unwrap_err();
    assert_eq!(error.to_string(), "told to fail in the shutdown");
}

#[test]
fn a_panic_of_producer_exporter_or_handler_is_counted_and_the_reader_goes_on() {
    let recorder = Recorder::new();
    let panicking = By(|_: &Collection<'_>, _: &mut List<ScopeMetrics>| panic!("told to"));
    let reader = idle(&recorder)
        .0
        .producer(panicking)
        .producer(Counting::default())
        .error_handler(|_| panic!("told to"))
        .start()
        .unwrap();
    reader.force_flush(&Context::new()).unwrap();
    assert_eq!(reader.stats().panics, 2);
    recorder.will(Deed::Panic);
    let error = reader.force_flush(&Context::new()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ExportErrorKind::Other, "the metric exporter panicked".into())
    );
    assert_eq!(reader.stats().panics, 5);
    reader.shutdown(&Context::new()).unwrap();
    assert_eq!(recorder.exported().len(), 3);
}

#[test]
fn after_the_shutdown_each_call_says_so_and_nothing_is_exported() {
    let recorder = Recorder::new();
    let reader = with_counting(&recorder);
    reader.shutdown(&Context::new()).unwrap();
    let calls = recorder.calls();
    for context in [Context::new(), Context::with_timeout(Duration::ZERO)] {
        assert_eq!(kind(reader.force_flush(&context)), ExportErrorKind::ReaderShutdown);
        assert_eq!(kind(reader.shutdown(&context)), ExportErrorKind::ReaderShutdown);
    }
    assert_eq!(recorder.calls(), calls);
}

#[test]
fn a_reader_that_is_dropped_exports_for_the_last_time() {
    let recorder = Recorder::new();
    drop(with_counting(&recorder));
    recorder.wait_for_calls(2);
    let calls = recorder.calls();
    assert!(is_export(&calls[0]));
    assert_eq!(calls[1..], [Call::Shutdown]);
}

#[test]
fn exports_never_overlap_however_many_call() {
    let recorder = Recorder::new();
    let reader = idle(&recorder).0.producer(Counting::default()).interval(Duration::from_nanos(1));
    let reader = reader.start().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    reader.force_flush(&Context::new()).unwrap();
                }
            });
        }
    });
    let shut_down = thread::scope(|scope| {
        let all: Vec<_> = (0..20).map(|_| scope.spawn(|| reader.shutdown(&Context::new()).is_ok())).collect();
        all.into_iter().map(|thread| u32::from(thread.join().unwrap())).sum::<u32>()
    });
    assert_eq!(shut_down, 1);
    assert_eq!(recorder.overlaps.load(Ordering::SeqCst), 0);
    let values: Vec<_> = recorder.exported().iter().map(value).collect();
    let expected: Vec<_> = (1..=values.len() as i64).map(|value| Some(value.into())).collect();
    assert_eq!(values, expected);
}

#[test]
fn no_time_between_two_collections_is_refused() {
    let error = idle(&Recorder::new()).0.interval(Duration::ZERO).start().unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    assert!(error.to_string().starts_with("interval: 0"), "{error}");
}

#[test]
fn what_runs_on_the_readers_thread_starts_no_spans() {
    let tracer = nanospan::Tracer::builder("test")
        .memory_budget(8 << 20)
        .exporter(nanospan::export::MemoryExporter::new())
        .build()
        .unwrap();
    let traced = {
        By(move |_: &Collection<'_>, _: &mut List<ScopeMetrics>| {
            assert!(!tracer.span("produce").start().is_recording());
            Ok(())
        })
    };
    let reader = idle(&Recorder::new()).0.producer(traced).start().unwrap();
    reader.force_flush(&Context::new()).unwrap();
    assert_eq!(reader.stats().panics, 0);
    assert_eq!(tracer.stats().suppressed, 1);
}

/// In a child there is neither the thread nor anything to wait for.
#[cfg(unix)]
#[test]
fn a_forked_child_is_refused_at_once_and_may_drop_the_reader_that_goes_on_in_the_parent() {
    let recorder = Recorder::new();
    let mut reader = Some(with_counting(&recorder));
    let code = in_child(|| {
        let forked = |result: Result<(), ExportError>| kind(result) == ExportErrorKind::Forked;
        let hour = || Context::with_timeout(Duration::from_secs(3600));
        let own = reader.take().ok_or(1)?;
        check(2, forked(own.force_flush(&hour())))?;
        check(3, forked(own.shutdown(&hour())))?;
        check(4, own.stats() == PeriodicReaderStats::default())?;
        drop(own);
        check(5, recorder.calls().is_empty())
    });
    assert_eq!(code, 0);
    let reader = reader.unwrap();
    reader.force_flush(&Context::new()).unwrap();
    reader.shutdown(&Context::new()).unwrap();
    assert_eq!(recorder.exported().len(), 2);
}
