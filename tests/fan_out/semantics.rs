//! What the children are told, by whom, and in which order.

use crate::common::PATIENCE;
use crate::notebook::{
    Call, Notebook, Started, attributes, builder_of, over, start, start_below, whole_span,
};
use nanospan::export::MemoryExporter;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanKind, SpanStatus, TracerPlugin};
use nanospan::plugin::{FanOut, FanOutBuildError, Plugin};
use nanospan::{ClockSource, ManualClock, Tracer};
use std::sync::{Arc, Mutex};

/// What `whole_span` comes to.
fn whole_span_calls() -> Vec<Call> {
    let started = Started {
        name: "GET /cart".to_owned(),
        kind: SpanKind::Server,
        parent: None,
        attributes: attributes(),
        time: Some(1_000),
    };
    let mut calls = vec![Call::Start(1, started)];
    calls.extend(attributes().into_iter().map(|(key, value)| Call::Attribute(1, key, value)));
    calls.push(Call::Status(1, SpanStatus::Error { description: "no stock".to_owned() }));
    calls.push(Call::Event(1, "cache.miss".to_owned(), attributes(), Some(1_500)));
    calls.push(Call::End(1, Some(2_000)));
    calls
}

#[test]
fn every_child_gets_every_call_whole_however_many_there_are() {
    for count in [1, 2, 3, 8, 9, 64] {
        let children: Vec<Notebook> = (0..count).map(|n| Notebook::new(&format!("child-{n}"))).collect();
        let tracer = over(&children.iter().collect::<Vec<_>>());
        whole_span(&tracer);
        for child in &children {
            assert_eq!(child.calls(), whole_span_calls(), "of {count}");
        }
        assert_eq!((tracer.stats().started, tracer.stats().live_spans), (1, 0));
    }
}

#[test]
fn children_are_called_in_the_order_in_which_they_were_added() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let children: Vec<Notebook> = ["z", "a", "m"]
        .map(|name| {
            let order = Arc::clone(&order);
            Notebook::on_call(name, move |method| order.lock().unwrap().push(format!("{name} {method}")))
        })
        .into();
    let tracer = over(&children.iter().collect::<Vec<_>>());
    let span = start(&tracer, "s");
    tracer.end_span(span, None);
    let expected = ["z start_span", "a start_span", "m start_span", "z end_span", "a end_span", "m end_span"];
    assert_eq!(*order.lock().unwrap(), expected);
}

#[test]
fn each_child_gets_its_own_handle_of_the_parent() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    // So that the two count differently.
    start(&b, "a head start");
    let tracer = over(&[&a, &b]);
    let parent = start(&tracer, "parent");
    start_below(&tracer, "child", parent);
    assert_eq!(a.starts()[1].parent, Some(a.handle(1)));
    assert_eq!(b.starts()[2].parent, Some(b.handle(2)));
}

#[test]
fn a_parent_that_has_ended_is_still_a_parent() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    let parent = start(&tracer, "parent");
    tracer.end_span(parent, None);
    start_below(&tracer, "late child", parent);
    assert_eq!(a.starts()[1].parent, Some(a.handle(1)));
    assert_eq!(b.starts()[1].parent, Some(b.handle(1)));
}

#[test]
fn an_invalid_parent_is_passed_on_and_a_foreign_one_is_none() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let (tracer, other) = (over(&[&a, &b]), over(&[&Notebook::new("c")]));
    start_below(&tracer, "under invalid", SpanHandle::INVALID);
    start_below(&tracer, "under another's", start(&other, "s"));
    start_below(&tracer, "under a child's", a.handle(1));
    for child in [&a, &b] {
        let parents: Vec<_> = child.starts().into_iter().map(|started| started.parent).collect();
        assert_eq!(parents, [Some(SpanHandle::INVALID), None, None]);
    }
}

#[test]
fn a_child_that_does_not_sample_is_left_alone_and_the_others_are_not() {
    for silent in 0..3 {
        let children: Vec<Notebook> = (0..3)
            .map(|n| match n {
                n if n == silent => Notebook::on_handle("silent", |_, _| SpanHandle::INVALID),
                n => Notebook::new(&format!("child-{n}")),
            })
            .collect();
        let tracer = over(&children.iter().collect::<Vec<_>>());
        whole_span(&tracer);
        for (n, child) in children.iter().enumerate() {
            let expected = whole_span_calls();
            let told = if n == silent { 1 } else { expected.len() };
            assert_eq!(child.calls(), expected[..told]);
        }
        let parent = start(&tracer, "parent");
        start_below(&tracer, "child", parent);
        assert_eq!(children[silent].starts()[2].parent, Some(SpanHandle::INVALID));
    }
}

#[test]
fn a_span_that_no_child_samples_is_invalid_and_takes_no_room() {
    let silent = || Notebook::on_handle("silent", |_, _| SpanHandle::INVALID);
    let (a, b) = (silent(), silent());
    let tracer = builder_of(&[&a, &b]).max_live_spans(1).build().unwrap();
    for _ in 0..100 {
        assert!(start(&tracer, "s").is_invalid());
    }
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.live_spans, stats.refused_capacity), (0, 0, 0));
    assert_eq!((a.starts().len(), b.starts().len()), (100, 100));
}

/// Every other span, by turns: what is recorded by one child only goes to that child only.
#[test]
fn children_that_sample_differently_get_what_they_sampled() {
    let every_other = |rest| move |n: u64, handle| if n % 2 == rest { handle } else { SpanHandle::INVALID };
    let a = Notebook::on_handle("a", every_other(0));
    let b = Notebook::on_handle("b", every_other(1));
    let tracer = over(&[&a, &b]);
    for _ in 0..10 {
        let span = start(&tracer, "s");
        assert!(!span.is_invalid());
        tracer.end_span(span, None);
    }
    let ends = |child: &Notebook| -> Vec<u64> {
        let end = |call| if let Call::End(n, _) = call { Some(n) } else { None };
        child.calls().into_iter().filter_map(end).collect()
    };
    assert_eq!(ends(&a), [2, 4, 6, 8, 10]);
    assert_eq!(ends(&b), [1, 3, 5, 7, 9]);
}

#[test]
fn the_name_is_the_one_given() {
    let a = Notebook::new("a");
    assert_eq!(over(&[&a]).name(), "fan-out");
    assert_eq!(builder_of(&[&a]).name("both").build().unwrap().name(), "both");
}

#[test]
fn what_cannot_be_built_says_why() {
    let error = FanOut::builder().build().unwrap_err();
    assert!(matches!(error, FanOutBuildError::NoChildren), "{error:?}");
    assert_eq!(error.to_string(), "a fan-out needs at least one child");
    let a = Notebook::new("a");
    let error = builder_of(&[&a; 65]).build().unwrap_err();
    assert_eq!(error.to_string(), "a fan-out has at most 64 children, not 65");
    for spans in [0, 4_194_304, usize::MAX] {
        let error = builder_of(&[&a]).max_live_spans(spans).build().unwrap_err();
        assert_eq!(error.to_string(), format!("the number of live spans is from 1 to 4194303, not {spans}"));
    }
    assert_eq!(a.owners(), 1, "a builder that failed keeps nothing");
}

#[test]
fn a_fan_out_is_a_child_like_any_other() {
    let (a, b, c) = (Notebook::new("a"), Notebook::new("b"), Notebook::new("c"));
    let tracer = FanOut::builder().child(over(&[&a, &b])).child(c.clone()).build().unwrap();
    whole_span(&tracer);
    for child in [&a, &b, &c] {
        assert_eq!(child.calls(), whole_span_calls());
    }
}

/// Two tracers of this crate get the same tree, each with ids and links of its own.
#[test]
fn two_tracers_get_the_same_tree() {
    let exporters = [MemoryExporter::new(), MemoryExporter::new()];
    let mut builder = FanOut::builder();
    for exporter in &exporters {
        let clock = ClockSource::Manual(ManualClock::at(1_000));
        let tracer = Tracer::builder("t").clock(clock).exporter(exporter.clone()).build().unwrap();
        builder = builder.child(Plugin::over("memory", tracer));
    }
    let tracer = builder.flush_timeout(PATIENCE).build().unwrap();
    let root = start(&tracer, "root");
    tracer.set_attribute(root, "n", 1_i64.into());
    let child = start_below(&tracer, "child", root);
    tracer.end_span(root, None);
    let late = start_below(&tracer, "late", root);
    let ids = [root, child, late].map(|span| [0, 1].map(|at| tracer.child_handle(span, at).unwrap()));
    tracer.end_span(child, None);
    tracer.end_span(late, None);
    tracer.flush().unwrap();
    for (at, exporter) in exporters.iter().enumerate() {
        let [root, child, late] = ["root", "child", "late"].map(|name| exporter.spans_named(name).remove(0));
        assert_eq!((root.attributes.len(), exporter.spans().len()), (1, 3));
        assert_eq!((child.parent_span_id, late.parent_span_id), (Some(root.span_id), Some(root.span_id)));
        for (span, ids) in [&root, &child, &late].iter().zip(ids) {
            assert_eq!(span.trace_id, ids[at].trace_id);
            assert_eq!(span.span_id, ids[at].span_id);
        }
    }
    assert_ne!(exporters[0].spans()[0].span_id, exporters[1].spans()[0].span_id);
}
