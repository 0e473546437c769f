//! Handles: whose they are, how long they are good, and how many there may be.

use crate::notebook::{Notebook, builder_of, over, start};
use nanospan::plugin::bext_plugin_api::tracer::{SpanEvent, SpanHandle, SpanStatus, TracerPlugin};
use std::collections::HashSet;

/// Every call on a handle that must not lead anywhere.
fn all_calls(tracer: &dyn TracerPlugin, span: SpanHandle) {
    tracer.set_attribute(span, "k", 1_i64.into());
    tracer.set_status(span, SpanStatus::Ok);
    tracer.add_event(span, SpanEvent { name: "e", attributes: Vec::new(), time_unix_nanos: None });
    tracer.end_span(span, None);
}

#[test]
fn calls_on_what_is_not_live_reach_nobody_and_are_counted_by_kind() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let (tracer, other) = (over(&[&a, &b]), over(&[&Notebook::new("c")]));
    let ended = start(&tracer, "s");
    tracer.end_span(ended, None);
    let foreign = start(&other, "s");
    let (calls_a, calls_b) = (a.calls(), b.calls());
    all_calls(&tracer, ended);
    assert_eq!(tracer.stats().stale_calls, 4);
    all_calls(&tracer, SpanHandle::INVALID);
    assert_eq!(tracer.stats().invalid_calls, 4);
    all_calls(&tracer, foreign);
    all_calls(&tracer, a.handle(1));
    assert_eq!(tracer.stats().forged_calls, 8);
    assert_eq!((a.calls(), b.calls()), (calls_a, calls_b));
    assert_eq!((tracer.stats().stale_calls, tracer.stats().invalid_calls), (4, 4));
}

/// An entry's next life has another handle, and the old one does not lead to it.
#[test]
fn a_handle_is_stale_in_the_next_life_of_its_entry() {
    let a = Notebook::new("a");
    let tracer = builder_of(&[&a]).max_live_spans(1).build().unwrap();
    let mut seen = HashSet::new();
    for n in 1..=1_000 {
        let span = start(&tracer, "s");
        assert!(!span.is_invalid() && seen.insert(span), "span {n} has a handle that was there before");
        for old in seen.iter().filter(|old| **old != span).take(3) {
            all_calls(&tracer, *old);
        }
        tracer.end_span(span, None);
        assert_eq!(a.calls().len(), 2 * n, "a stale call went through");
    }
}

/// Each handle with one bit changed, whichever it is.
#[test]
fn a_handle_with_a_changed_bit_leads_nowhere() {
    let a = Notebook::new("a");
    let tracer = over(&[&a]);
    let spans: Vec<SpanHandle> = (0..50).map(|_| start(&tracer, "s")).collect();
    let calls = a.calls().len();
    for span in &spans {
        for bit in 0..192 {
            let mut forged = *span;
            match bit {
                0..128 => forged.trace_id[bit / 8] ^= 1 << (bit % 8),
                _ => forged.span_id[bit / 8 - 16] ^= 1 << (bit % 8),
            }
            tracer.set_attribute(forged, "k", 1_i64.into());
        }
    }
    assert_eq!(a.calls().len(), calls);
    let stats = tracer.stats();
    // One in a million passes the tag and is then found to be of another life.
    assert_eq!(stats.forged_calls + stats.stale_calls, 50 * 192);
    assert!(stats.stale_calls <= 2, "{} changed handles passed the tag", stats.stale_calls);
    spans.iter().for_each(|span| tracer.end_span(*span, None));
    assert_eq!(tracer.stats().live_spans, 0);
}

/// A child that calls all its spans the same, one without a trace id, and one that gives another's
/// handles: the last child is told of each span by its own name.
#[test]
fn a_child_that_misuses_ids_harms_no_other() {
    let same = Notebook::on_handle("same", |_, _| SpanHandle { trace_id: [7; 16], span_id: [7; 8] });
    let traceless = Notebook::on_handle("traceless", |_, handle| SpanHandle { trace_id: [0; 16], ..handle });
    let good = Notebook::new("good");
    let others = good.clone();
    let thief = Notebook::on_handle("thief", move |n, _| others.handle(n));
    for bad in [same, traceless, thief] {
        let (good, before) = (&good, good.calls().len());
        let tracer = over(&[&bad, good]);
        let spans = [start(&tracer, "a"), start(&tracer, "b")];
        assert_ne!(spans[0], spans[1]);
        let mine = spans.map(|span| tracer.child_handle(span, 1).unwrap());
        assert_ne!(mine[0], mine[1]);
        tracer.end_span(spans[1], None);
        tracer.set_attribute(spans[1], "k", true.into());
        tracer.set_attribute(spans[0], "k", true.into());
        tracer.end_span(spans[0], None);
        assert_eq!(good.calls().len(), before + 5, "two starts, two ends and one attribute");
        assert_eq!(tracer.stats().stale_calls, 1);
    }
}

/// When no child at all has a trace id, the handles still work.
#[test]
fn children_without_trace_ids_are_served() {
    let a = Notebook::on_handle("a", |_, handle| SpanHandle { trace_id: [0; 16], ..handle });
    let tracer = over(&[&a]);
    let spans = [start(&tracer, "a"), start(&tracer, "b")];
    assert!(spans.iter().all(|span| !span.is_invalid()) && spans[0] != spans[1]);
    spans.iter().for_each(|span| tracer.end_span(*span, None));
    assert_eq!((a.calls().len(), tracer.stats().live_spans), (4, 0));
}

#[test]
fn a_handle_has_the_trace_id_of_the_first_child_that_gave_one() {
    let silent = Notebook::on_handle("silent", |_, _| SpanHandle::INVALID);
    let traceless = Notebook::on_handle("traceless", |_, handle| SpanHandle { trace_id: [0; 16], ..handle });
    let (c, d) = (Notebook::new("c"), Notebook::new("d"));
    let tracer = over(&[&silent, &traceless, &c, &d]);
    let span = start(&tracer, "s");
    assert_eq!(span.trace_id, c.handle(1).trace_id);
    let of_children = [0, 1, 2, 3, 4, usize::MAX].map(|at| tracer.child_handle(span, at));
    let traceless = SpanHandle { trace_id: [0; 16], ..traceless.handle(1) };
    assert_eq!(of_children, [None, Some(traceless), Some(c.handle(1)), Some(d.handle(1)), None, None]);
    assert_eq!(tracer.child_handle(c.handle(1), 2), None);
    assert_eq!(tracer.child_handle(SpanHandle::INVALID, 2), None);
}

#[test]
fn a_span_too_many_is_refused_counted_told_once_and_room_comes_back() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    for max in [1, 10, 1_000, 5_000] {
        let tracer = builder_of(&[&a, &b]).max_live_spans(max).build().unwrap();
        for round in 1..=3 {
            let before = a.starts().len();
            let spans: Vec<SpanHandle> = (0..max).map(|_| start(&tracer, "s")).collect();
            assert!(spans.iter().all(|span| !span.is_invalid()));
            assert!((0..7).all(|_| start(&tracer, "too many").is_invalid()));
            assert_eq!(a.starts().len() - before, max, "a child was told of a span that was refused");
            let stats = tracer.stats();
            assert_eq!((stats.live_spans, stats.refused_capacity), (max as u64, 7 * round));
            let told = tracer.flush().unwrap_err();
            assert_eq!(told, "fan-out: 7 spans were refused, too many were live");
            assert_eq!(tracer.flush(), Ok(()), "told twice");
            spans.iter().for_each(|span| tracer.end_span(*span, None));
            assert_eq!(tracer.stats().live_spans, 0);
        }
        assert_eq!(tracer.stats().started, 3 * max as u64);
    }
}
