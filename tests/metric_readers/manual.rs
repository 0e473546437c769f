//! The reader that collects when it is told to.

use super::*;
use nanospan::metrics::ManualReader;
use nanospan::metrics::data::{KeyValue, Resource};
use std::thread;
use std::time::Duration;

fn resource() -> Resource {
    Resource { attributes: vec![KeyValue::new("service.name", "shop")].into(), ..Resource::default() }
}

#[test]
fn what_all_producers_have_is_there_in_order_under_the_resource() {
    let reader = ManualReader::builder()
        .resource(resource())
        .producer(Counting { so_far: 10 })
        .producer(Counting::default())
        .build();
    let mut metrics = ResourceMetrics::default();
    reader.collect(&Context::new(), &mut metrics).unwrap();
    assert_eq!(metrics.resource, resource());
    assert_eq!(metrics.scopes.len(), 2);
    assert_eq!(value(&metrics), Some(11.into()));
    assert_eq!(metrics.data_point_count(), 2);
}

#[test]
fn a_collection_replaces_what_was_there() {
    let reader = ManualReader::builder().producer(Counting::default()).build();
    let mut metrics = ResourceMetrics { resource: resource(), ..ResourceMetrics::default() };
    metrics.scopes.push();
    for time in 1..=3 {
        reader.collect(&Context::new(), &mut metrics).unwrap();
        assert_eq!((metrics.scopes.len(), value(&metrics)), (1, Some(time.into())));
        assert_eq!(metrics.resource, Resource::default());
    }
}

#[test]
fn what_one_producer_lacks_keeps_nothing_of_the_others_away() {
    let failing = || {
        By(|_: &Collection<'_>, into: &mut List<ScopeMetrics>| {
            into.push().scope.name = "half".into();
            Err("no more".into())
        })
    };
    let panicking = By(|_: &Collection<'_>, _: &mut List<ScopeMetrics>| panic!("told to"));
    let reader =
        ManualReader::builder().producer(failing()).producer(panicking).producer(Counting::default()).build();
    let mut metrics = ResourceMetrics::default();
    let error = reader.collect(&Context::new(), &mut metrics).unwrap_err();
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Other, Some(0)));
    assert_eq!(error.to_string(), "a metric producer failed: no more");
    let names: Vec<_> = metrics.scopes.iter().map(|scope| &*scope.scope.name).collect();
    assert_eq!(names, ["half", "counting"]);
}

#[test]
fn a_producer_is_asked_for_what_was_selected() {
    for kind in InstrumentKind::ALL {
        let temporality =
            move |asked| if asked == kind { Temporality::Delta } else { Temporality::Cumulative };
        let aggregation = move |asked| if asked == kind { Aggregation::Drop } else { Aggregation::Sum };
        let producer = By(move |collection: &Collection<'_>, _: &mut List<ScopeMetrics>| {
            for asked in InstrumentKind::ALL {
                assert_eq!(collection.temporality(asked), temporality(asked));
                assert_eq!(collection.aggregation(asked), &aggregation(asked));
            }
            Ok(())
        });
        let reader = ManualReader::builder().producer(producer).select(temporality, aggregation).build();
        reader.collect(&Context::new(), &mut ResourceMetrics::default()).unwrap();
    }
}

#[test]
fn a_context_that_is_over_or_ends_is_the_error() {
    let reader = ManualReader::builder().producer(hanging()).build();
    let mut metrics = ResourceMetrics::default();
    let over = Context::with_timeout(Duration::ZERO);
    let kind = |result: Result<(), ExportError>| result.unwrap_err().kind();
    assert_eq!(kind(reader.collect(&over, &mut metrics)), ExportErrorKind::DeadlineExceeded);
    let soon = Context::with_timeout(Duration::from_millis(20));
    assert_eq!(kind(reader.collect(&soon, &mut metrics)), ExportErrorKind::DeadlineExceeded);

    let context = Context::new();
    let cancellation = context.cancellation();
    let collecting = thread::spawn(move || {
        let result = reader.collect(&context, &mut metrics);
        (reader, result)
    });
    cancellation.cancel();
    assert_eq!(kind(collecting.join().unwrap().1), ExportErrorKind::Cancelled);
}

#[test]
fn after_the_shutdown_nothing_is_collected() {
    let reader = ManualReader::builder().producer(Counting::default()).build();
    reader.shutdown(&Context::new()).unwrap();
    let mut metrics = ResourceMetrics::default();
    for context in [Context::new(), Context::with_timeout(Duration::ZERO)] {
        let error = reader.collect(&context, &mut metrics).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::ReaderShutdown);
        assert_eq!(reader.shutdown(&context).unwrap_err().kind(), ExportErrorKind::ReaderShutdown);
    }
    assert_eq!(metrics, ResourceMetrics::default());
}

#[test]
fn a_shutdown_that_cannot_wait_leaves_the_collection_to_let_go_of_the_producers() {
    let (held, released) = (Arc::new(()), Context::new());
    let (producer, end) = (Arc::clone(&held), released.clone());
    let begun = Context::new();
    let begin = begun.cancellation();
    let reader =
        ManualReader::builder().producer(By(move |_: &Collection<'_>, _: &mut List<ScopeMetrics>| {
            let _ = &producer;
            begin.cancel();
            let _ = end.wait(Duration::MAX);
            Ok(())
        }));
    let reader = reader.build();
    thread::scope(|scope| {
        let collecting = scope.spawn(|| reader.collect(&Context::new(), &mut ResourceMetrics::default()));
        let _ = begun.wait(Duration::MAX);
        let error = reader.shutdown(&Context::with_timeout(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        assert_eq!(Arc::strong_count(&held), 2, "the collection still has them");
        released.cancellation().cancel();
        collecting.join().unwrap().unwrap();
    });
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn any_threads_may_call_at_any_time() {
    let reader = ManualReader::builder().producer(Counting::default()).build();
    let collected = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut metrics = ResourceMetrics::default();
                while reader.collect(&Context::new(), &mut metrics).is_ok() {
                    assert_eq!(metrics.data_point_count(), 1);
                    collected.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while collected.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        let shutdowns: Vec<_> =
            (0..20).map(|_| scope.spawn(|| reader.shutdown(&Context::new()).is_ok())).collect();
        let done = shutdowns.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(done.filter(|is_done| *is_done).count(), 1);
    });
}
