//! What is recorded, seen in the JSON lines.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nanospan::plugin::StdoutTracer;
use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};

use crate::support::{Sink, event, json, json_builder, names, pairs, start, start_at};

/// Spans that stay known as parents after their end.
const RECENT: usize = 10_000;

#[test]
fn a_root_has_valid_ids_of_its_own_and_no_parent() {
    let (tracer, sink) = json();
    let mut traces = HashSet::new();
    let mut spans = HashSet::new();
    for _ in 0..1_000 {
        let handle = tracer.start_span(start("root", None));
        assert_ne!(handle.trace_id, [0; 16]);
        assert_ne!(handle.span_id, [0; 8]);
        assert!(traces.insert(handle.trace_id) && spans.insert(handle.span_id));
        tracer.end_span(handle, None);
    }
    tracer.flush().expect("the sink takes all");
    assert!(sink.take_spans().iter().all(|span| span.parent_span_id.is_none()));
}

#[test]
fn two_tracers_without_a_seed_draw_different_ids() {
    let draw = || StdoutTracer::human().start_span(start("root", None));
    let (one, other) = (draw(), draw());
    assert_ne!(one.trace_id, other.trace_id);
    assert_ne!(one.span_id, other.span_id);
}

#[test]
fn a_child_is_of_its_parents_trace_and_names_it() {
    let (tracer, sink) = json();
    let root = tracer.start_span(start("root", None));
    let child = tracer.start_span(start("child", Some(root)));
    let grandchild = tracer.start_span(start("grandchild", Some(child)));
    for span in [grandchild, child, root] {
        tracer.end_span(span, None);
    }
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(names(&spans), ["grandchild", "child", "root"]);
    assert_eq!(spans.iter().map(|span| span.handle()).collect::<Vec<_>>(), [grandchild, child, root]);
    assert!(spans.iter().all(|span| span.trace_id == root.trace_id));
    let parents: Vec<_> = spans.iter().map(|span| span.parent_span_id).collect();
    assert_eq!(parents, [Some(child.span_id), Some(root.span_id), None]);
}

#[test]
fn below_an_invalid_parent_nothing_is_recorded() {
    let (tracer, sink) = json();
    let child = tracer.start_span(start("child", Some(SpanHandle::INVALID)));
    assert_eq!(child, SpanHandle::INVALID);
    tracer.end_span(child, None);
    tracer.flush().expect("there is nothing to write");
    assert_eq!(sink.take(), b"");
    assert_eq!((tracer.stats().started, tracer.stats().unrecorded), (0, 1));
}

#[test]
fn a_tracer_that_does_not_record_gives_invalid_handles_only() {
    let sink = Sink::default();
    let tracer = json_builder().record(false).writer(sink.clone(), "a sink").build();
    let root = tracer.start_span(start("root", None));
    let child = tracer.start_span(start("child", Some(root)));
    assert_eq!((root, child), (SpanHandle::INVALID, SpanHandle::INVALID));
    tracer.end_span(root, None);
    tracer.flush().expect("there is nothing to write");
    assert_eq!(sink.take(), b"");
    assert_eq!((tracer.stats().started, tracer.stats().unrecorded), (0, 2));
}

#[test]
fn a_parent_that_is_not_known_makes_a_root_of_its_own_trace() {
    let (tracer, sink) = json();
    let own = tracer.start_span(start("own", None));
    let foreign = StdoutTracer::human().start_span(start("foreign", None));
    let unknown = [
        foreign,
        SpanHandle { span_id: [7; 8], ..own },
        SpanHandle { trace_id: [7; 16], ..own },
        SpanHandle { trace_id: [0; 16], ..own },
        SpanHandle { span_id: [0; 8], ..own },
    ];
    for parent in unknown {
        let span = tracer.start_span(start("root", Some(parent)));
        assert!(span.trace_id != parent.trace_id && span.trace_id != own.trace_id, "below {parent:?}");
        tracer.end_span(span, None);
    }
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(spans.len(), unknown.len());
    assert!(spans.iter().all(|span| span.parent_span_id.is_none()));
}

#[test]
fn an_ended_span_is_a_parent_until_10_000_others_have_ended() {
    let (tracer, sink) = json();
    let parent = tracer.start_span(start("parent", None));
    tracer.end_span(parent, None);
    let child = tracer.start_span(start("child", Some(parent)));
    tracer.flush().expect("the sink takes all");
    for _ in 1..RECENT {
        let span = tracer.start_span(start("other", None));
        tracer.end_span(span, None);
    }
    let late = tracer.start_span(start("late", Some(parent)));
    tracer.end_span(child, None);
    let too_late = tracer.start_span(start("too late", Some(parent)));
    assert_eq!([child.trace_id, late.trace_id], [parent.trace_id; 2]);
    assert_ne!(too_late.trace_id, parent.trace_id);
    tracer.end_span(late, None);
    tracer.end_span(too_late, None);
    assert!(tracer.flush().is_err(), "more than 10,000 spans waited");
    let spans = sink.take_spans();
    let parent_of = |name| spans.iter().rfind(|span| span.name == name).map(|span| span.parent_span_id);
    assert_eq!(parent_of("child"), Some(Some(parent.span_id)));
    assert_eq!(parent_of("late"), Some(Some(parent.span_id)));
    assert_eq!(parent_of("too late"), Some(None));
}

#[test]
fn calls_with_an_unknown_an_invalid_or_an_ended_handle_change_nothing() {
    let (tracer, sink) = json();
    let live = tracer.start_span(start("live", None));
    let ended = tracer.start_span(start("ended", None));
    tracer.end_span(ended, Some(1_000_001));
    let foreign = StdoutTracer::human().start_span(start("foreign", None));
    let mixed = SpanHandle { trace_id: live.trace_id, span_id: ended.span_id };
    for handle in [ended, foreign, mixed, SpanHandle::INVALID] {
        tracer.set_attribute(handle, "key", true.into());
        tracer.set_status(handle, SpanStatus::Ok);
        tracer.add_event(handle, event("event", 5, &[]));
        tracer.end_span(handle, Some(9_000_000));
    }
    assert_eq!((tracer.stats().live, tracer.stats().waiting), (1, 1));
    tracer.end_span(live, Some(1_000_002));
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(names(&spans), ["ended", "live"]);
    for span in spans {
        assert_eq!(span.status, SpanStatus::Unset);
        assert!(span.attributes.is_empty() && span.events.is_empty());
        assert!(span.end_unix_nanos < 2_000_000);
    }
}

#[test]
fn an_attribute_set_again_keeps_its_place_and_takes_the_new_value_and_type() {
    let (tracer, sink) = json();
    let span = tracer.start_span(start("span", None));
    for (key, value) in
        pairs(&[("a", 1_i64.into()), ("b", 2_i64.into()), ("a", "x".into()), ("c", 3_i64.into())])
    {
        tracer.set_attribute(span, &key, value);
    }
    tracer.end_span(span, None);
    tracer.flush().expect("the sink takes all");
    let expected = pairs(&[("a", "x".into()), ("b", 2_i64.into()), ("c", 3_i64.into())]);
    assert_eq!(sink.take_spans()[0].attributes, expected);
}

#[test]
fn initial_attributes_are_as_if_they_had_been_set_afterwards() {
    let (tracer, sink) = json();
    let attributes = pairs(&[("a", 1_i64.into()), ("b", 2_i64.into()), ("a", 3_i64.into())]);
    let initial = tracer.start_span(SpanStart { attributes: attributes.clone(), ..start("initial", None) });
    let later = tracer.start_span(start("later", None));
    for (key, value) in attributes {
        tracer.set_attribute(later, &key, value);
    }
    for span in [initial, later] {
        tracer.set_attribute(span, "b", 4_i64.into());
        tracer.end_span(span, None);
    }
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(spans[0].attributes, pairs(&[("a", 3_i64.into()), ("b", 4_i64.into())]));
    assert_eq!(spans[0].attributes, spans[1].attributes);
}

#[test]
fn events_keep_order_time_and_the_last_value_of_each_key() {
    let (tracer, sink) = json();
    let span = tracer.start_span(start("span", None));
    let twice = [("a", AttrValue::from(1_i64)), ("b", true.into()), ("a", 2_i64.into())];
    tracer.add_event(span, event("second in time", 1_000_900, &twice));
    tracer.add_event(span, event("before the span", 3, &[]));
    tracer.end_span(span, Some(1_000_500));
    tracer.flush().expect("the sink takes all");
    let events = &sink.take_spans()[0].events;
    let seen: Vec<_> = events.iter().map(|event| (event.name.as_str(), event.time_unix_nanos)).collect();
    assert_eq!(seen, [("second in time", 1_000_900), ("before the span", 3)]);
    assert_eq!(events[0].attributes, pairs(&[("a", 2_i64.into()), ("b", true.into())]));
}

#[test]
fn the_last_status_before_the_end_counts() {
    let failed = |why: &str| SpanStatus::Error { description: why.to_owned() };
    let orders = [
        vec![SpanStatus::Ok, failed("late")],
        vec![failed("early"), SpanStatus::Ok],
        vec![failed("early"), failed("late")],
        vec![SpanStatus::Ok, SpanStatus::Unset],
        vec![],
    ];
    for order in orders {
        let (tracer, sink) = json();
        let span = tracer.start_span(start("span", None));
        for status in &order {
            tracer.set_status(span, status.clone());
        }
        tracer.end_span(span, None);
        tracer.flush().expect("the sink takes all");
        assert_eq!(sink.take_spans()[0].status, order.last().cloned().unwrap_or_default(), "{order:?}");
    }
}

#[test]
fn every_kind_is_kept() {
    let (tracer, sink) = json();
    let kinds =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    for kind in kinds {
        let span = tracer.start_span(SpanStart { kind, ..start("span", None) });
        tracer.end_span(span, None);
    }
    tracer.flush().expect("the sink takes all");
    assert_eq!(sink.take_spans().iter().map(|span| span.kind).collect::<Vec<_>>(), kinds);
}

#[test]
fn times_given_are_kept_and_an_end_before_the_start_becomes_the_start() {
    let cases = [(0, 0, 0), (5, 9, 9), (9, 5, 9), (u64::MAX, 1, u64::MAX), (1, u64::MAX, u64::MAX)];
    let (tracer, sink) = json();
    for (start, end, _) in cases {
        let span = tracer.start_span(start_at("span", None, start));
        tracer.end_span(span, Some(end));
    }
    tracer.flush().expect("the sink takes all");
    let written: Vec<_> =
        sink.take_spans().iter().map(|span| (span.start_unix_nanos, span.end_unix_nanos)).collect();
    assert_eq!(written, cases.map(|(start, _, end)| (start, end)));
}

#[test]
fn times_not_given_are_those_of_the_systems_clock() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos() as u64;
    let (tracer, sink) = json();
    let before = now();
    let span = tracer.start_span(SpanStart { name: "span", ..SpanStart::default() });
    let mut happened = event("event", 0, &[]);
    happened.time_unix_nanos = None;
    tracer.add_event(span, happened);
    tracer.end_span(span, None);
    let after = now();
    tracer.flush().expect("the sink takes all");
    let span = &sink.take_spans()[0];
    let times = [before, span.start_unix_nanos, span.events[0].time_unix_nanos, span.end_unix_nanos, after];
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn it_is_called_tracer_stdout_unless_told_otherwise_also_behind_the_trait() {
    let tracers: [Arc<dyn TracerPlugin>; 3] = [
        Arc::new(StdoutTracer::human()),
        Arc::new(StdoutTracer::json()),
        Arc::new(StdoutTracer::builder().name("mine").build()),
    ];
    assert_eq!(tracers.map(|tracer| tracer.name().to_owned()), ["tracer-stdout", "tracer-stdout", "mine"]);
}

#[test]
fn one_seed_gives_the_same_ids_again() {
    let ids = |seed| {
        let tracer = StdoutTracer::builder().id_seed(seed).build();
        let root = tracer.start_span(start("root", None));
        (root, tracer.start_span(start("child", Some(root))))
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}
