//! What happens beyond the bounds.

use nanospan::plugin::StdoutTracer;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, TracerPlugin};

use crate::support::{Sink, failure, json_builder, names, record, start};

fn bounded(max_live: usize, max_finished: usize) -> (StdoutTracer, Sink) {
    let sink = Sink::default();
    let builder = json_builder().max_live(max_live).max_finished(max_finished);
    (builder.writer(sink.clone(), "a sink").build(), sink)
}

#[test]
fn a_start_beyond_the_live_spans_is_refused_counted_and_said_once() {
    let (tracer, sink) = bounded(2, 10);
    let [a, b] = ["a", "b"].map(|name| tracer.start_span(start(name, None)));
    let refused = tracer.start_span(start("c", Some(a)));
    assert_eq!(refused, SpanHandle::INVALID);
    let below = tracer.start_span(start("below c", Some(refused)));
    assert_eq!(below, SpanHandle::INVALID);
    tracer.end_span(a, None);
    let d = tracer.start_span(start("d", Some(a)));
    assert_eq!(d.trace_id, a.trace_id, "there is room again");
    tracer.end_span(d, None);
    tracer.end_span(b, None);
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.refused, stats.unrecorded, stats.waiting), (3, 1, 1, 3));
    assert_eq!(failure(&tracer), "tracer-stdout: 1 span was refused at the start because 2 were live");
    assert_eq!(names(&sink.take_spans()), ["a", "d", "b"]);
    assert_eq!(tracer.flush(), Ok(()));
    assert!(tracer.stats().is_balanced());
}

#[test]
fn the_oldest_ended_spans_are_dropped_beyond_the_bound_counted_and_said_once() {
    let (tracer, sink) = bounded(10, 2);
    record(&tracer, &["a", "b", "c", "d", "e"]);
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.waiting, stats.dropped), (5, 2, 3));
    assert_eq!(failure(&tracer), "tracer-stdout: the oldest 3 spans were dropped because 2 waited");
    assert_eq!(names(&sink.take_spans()), ["d", "e"]);
    record(&tracer, &["f", "g"]);
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["f", "g"]);
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.written, stats.dropped), (7, 4, 3));
    assert!(stats.is_balanced());
}

#[test]
fn losses_are_counted_anew_for_each_flush() {
    let (tracer, _) = bounded(1, 1);
    let live = tracer.start_span(start("live", None));
    for _ in 0..2 {
        assert_eq!(tracer.start_span(start("refused", None)), SpanHandle::INVALID);
    }
    tracer.end_span(live, None);
    record(&tracer, &["a"]);
    let both = "tracer-stdout: 2 spans were refused at the start because 1 were live; \
                the oldest 1 span was dropped because 1 waited";
    assert_eq!(failure(&tracer), both);
    record(&tracer, &["b", "c"]);
    assert_eq!(failure(&tracer), "tracer-stdout: the oldest 1 span was dropped because 1 waited");
}

#[test]
fn bounds_of_zero_refuse_or_drop_everything() {
    let (tracer, sink) = bounded(0, 10);
    assert_eq!(tracer.start_span(start("a", None)), SpanHandle::INVALID);
    assert!(tracer.flush().is_err());
    let (keeps_none, other) = bounded(10, 0);
    record(&keeps_none, &["a", "b"]);
    assert!(keeps_none.flush().is_err());
    assert_eq!((sink.take(), other.take()), (vec![], vec![]));
    assert_eq!((tracer.stats().refused, keeps_none.stats().dropped), (1, 2));
}

#[test]
fn ten_thousand_spans_of_each_sort_are_kept_by_default() {
    let sink = Sink::default();
    let tracer = json_builder().writer(sink.clone(), "a sink").build();
    let mut live: Vec<SpanHandle> = (0..10_000).map(|_| tracer.start_span(start("x", None))).collect();
    assert!(!live.contains(&SpanHandle::INVALID));
    assert_eq!(tracer.start_span(start("x", None)), SpanHandle::INVALID);
    for span in live.drain(..) {
        tracer.end_span(span, None);
    }
    assert_eq!(tracer.stats().waiting, 10_000);
    record(&tracer, &["last"]);
    let stats = tracer.stats();
    assert_eq!((stats.waiting, stats.dropped, stats.refused), (10_000, 1, 1));
    assert!(stats.is_balanced());
}
