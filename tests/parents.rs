//! Which parent a span gets: its own tracer's, a remote one, or none.

use nanospan::sampling::Sampler;
use nanospan::testing::Recorder;
use nanospan::{SpanContext, SpanHandle, SpanId, Status, TraceFlags, TraceId, TraceState, Tracer};
use std::collections::HashSet;
use std::time::Duration;

const FORGED: SpanHandle =
    SpanHandle { trace_id: TraceId::from_u128(0x1234 << 90 | 5), span_id: SpanId::from_u64(0x1111_2222) };

#[test]
fn a_handle_names_a_parent_live_or_ended() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let parent = tracer.span("parent").start();
    let handle = parent.handle();
    tracer.span("while live").child_of_handle(handle).start().end();
    parent.end();
    tracer.span("after its end").child_of_handle(handle).start().end();
    // More than one block of spans, so that the parent's place is used again.
    for _ in 0..10_000 {
        tracer.span("other").start().end();
    }
    let _ = recorder.spans();
    recorder.exporter().clear();
    tracer.span("long after").child_of_handle(handle).start().end();
    let span = recorder.span("long after");
    assert_eq!(span.trace_id, handle.trace_id.to_bytes());
    assert_eq!(span.parent_span_id, Some(handle.span_id.to_bytes()));
    assert_eq!(tracer.stats().stale_calls, 0, "to name an ended parent is no stale call");
}

#[test]
fn children_of_an_ended_parent_stand_below_it() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let parent = tracer.span("parent").start();
    let (handle, context) = (parent.handle(), parent.context());
    parent.end();
    tracer.span("by handle").child_of_handle(handle).start().end();
    tracer.span("by context").child_of_context(&context).start().end();
    recorder.assert_tree("parent > [by handle, by context]");
}

#[test]
fn a_span_of_another_tracer_and_a_forged_one_are_no_parents() {
    let (recorder, other) = (Recorder::new(), Recorder::new());
    let tracer = recorder.tracer();
    let foreign = other.tracer().span("foreign").start();
    let local_context =
        SpanContext::new(FORGED.trace_id, FORGED.span_id, TraceFlags::SAMPLED, TraceState::EMPTY);
    tracer.span("a").child_of(&foreign).start().end();
    tracer.span("b").child_of_handle(foreign.handle()).start().end();
    tracer.span("c").child_of_context(&foreign.context()).start().end();
    tracer.span("d").child_of_handle(FORGED).start().end();
    tracer.span("e").child_of_context(&local_context).start().end();
    recorder.assert_tree("a, b, c, d, e");
    for span in recorder.spans() {
        assert_eq!(span.parent_span_id, None, "{}", span.name);
        assert_ne!(span.trace_id, foreign.trace_id().to_bytes(), "{} is a trace of its own", span.name);
        assert_ne!(span.trace_id, FORGED.trace_id.to_bytes(), "{} is a trace of its own", span.name);
    }
    assert_eq!(tracer.stats().forged_calls, 0, "a parent is not a call");
}

#[test]
fn beside_an_open_span_a_root_is_a_trace_of_its_own_that_is_sampled_on_its_own() {
    let recorder = Recorder::with(|builder| builder.sampler(Sampler::parent_based(Sampler::always_off())));
    let tracer = recorder.tracer();
    let parent = SpanContext::remote(FORGED.trace_id, FORGED.span_id, TraceFlags::SAMPLED, TraceState::EMPTY);
    let open = tracer.span("below the remote one").child_of_context(&parent).start();
    assert!(open.is_recording() && open.child("below").start().is_recording());
    let roots = [
        tracer.span("without a word").start(),
        tracer.span("no context").child_of_context(None).start(),
        tracer.span("parent taken back").child_of_context(&parent).child_of_context(None).start(),
        open.child("child taken back").child_of_context(None).start(),
    ];
    for root in &roots {
        assert!(!root.is_recording() && !root.flags().is_sampled(), "{root:?}");
        assert!(root.context().is_valid(), "{root:?}");
        assert_ne!(root.trace_id(), open.trace_id(), "{root:?}");
    }
    drop((roots, open));
    recorder.assert_tree("below the remote one > below");
    assert_eq!(tracer.stats().not_sampled, 4);
}

#[test]
fn every_root_has_ids_of_its_own_sampled_or_not() {
    for sampler in [Sampler::always_on(), Sampler::always_off()] {
        let recorder = Recorder::with(|builder| builder.sampler(sampler.clone()));
        let (mut traces, mut spans) = (HashSet::new(), HashSet::new());
        for _ in 0..1000 {
            let root = recorder.tracer().span("root").start().context();
            assert!(root.is_valid(), "{root:?}");
            assert!(traces.insert(root.trace_id()) && spans.insert(root.span_id()), "{root:?} twice");
        }
    }
}

#[test]
fn many_threads_may_start_children_of_one_span_sampled_or_not() {
    for sampler in [Sampler::always_on(), Sampler::always_off()] {
        let recorder = Recorder::with(|builder| builder.sampler(sampler.clone()));
        let parent = recorder.tracer().span("parent").start();
        let started: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..20).map(|_| scope.spawn(|| parent.child("child").start().context())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(started.iter().all(|child| child.trace_id() == parent.trace_id()), "{started:?}");
        let ids: HashSet<_> = started.iter().map(SpanContext::span_id).chain([parent.span_id()]).collect();
        // One that is not sampled passes its parent's id on.
        let (expected, recorded) = if parent.is_recording() { (21, 20) } else { (1, 0) };
        assert_eq!(ids.len(), expected, "{started:?}");
        let parent_id = parent.span_id().to_bytes();
        drop(parent);
        let spans = recorder.spans();
        let children = spans.iter().filter(|span| span.parent_span_id == Some(parent_id));
        assert_eq!(children.count(), recorded);
    }
}

#[test]
fn under_an_invalid_parent_everything_is_invalid_and_counted() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let mut span = tracer.span("x").child_of_handle(SpanHandle::INVALID).start();
    assert!(!span.is_recording() && span.handle().is_invalid() && !span.context().is_valid());
    span.set_attribute("k", 1);
    span.set_attributes(&nanospan::attributes!["k" => 1]);
    span.add_event("e", &[]);
    span.set_status(Status::Ok);
    span.update_name("y");
    let child = span.child("below").start();
    assert!(!child.is_recording() && child.handle().is_invalid());
    tracer.span("z").child_of_context(&SpanContext::INVALID).start().end();
    child.end();
    span.end();
    assert!(recorder.spans().is_empty());
    let stats = tracer.stats();
    assert_eq!((stats.invalid_parent, stats.started, stats.invalid_calls), (3, 0, 0));
}

#[test]
fn a_span_that_is_not_sampled_passes_its_ids_on() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let state: TraceState = "a=1".parse().unwrap();
    let parent =
        SpanContext::remote(FORGED.trace_id, FORGED.span_id, TraceFlags::NONE.with_random(true), state);
    let span = tracer.span("not sampled").child_of_context(&parent).start();
    assert!(!span.is_recording() && span.handle().is_invalid());
    let sent = span.child("below").start().context();
    assert_eq!((sent.trace_id(), sent.span_id()), (FORGED.trace_id, FORGED.span_id));
    assert_eq!(sent.flags(), TraceFlags::NONE.with_random(true));
    assert_eq!(sent.trace_state().as_str(), "a=1");
    let by_context = tracer.span("below its context").child_of_context(&sent).start();
    assert!(!by_context.is_recording());
    drop((by_context, span));
    assert!(recorder.spans().is_empty());
    assert_eq!((tracer.stats().not_sampled, tracer.stats().started), (3, 0));
}

#[test]
fn the_handle_of_a_span_that_is_not_sampled_is_invalid_and_so_is_what_stands_below_it() {
    let recorder = Recorder::with(|builder| builder.sampler(Sampler::always_off()));
    let tracer = recorder.tracer();
    let handle = tracer.span("not sampled").start_handle();
    assert!(handle.is_invalid());
    assert!(tracer.span("below").child_of_handle(handle).start_handle().is_invalid());
    assert!(Tracer::noop().span("nowhere").start_handle().is_invalid());
    tracer.end_span(handle, None);
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.not_sampled, stats.invalid_parent, stats.invalid_calls), (0, 1, 1, 1));
}

#[test]
fn a_root_that_is_not_sampled_says_so_to_services_below() {
    let recorder = Recorder::with(|builder| builder.sampler(Sampler::always_off()));
    let span = recorder.tracer().span("root").start();
    let context = span.context();
    assert!(context.is_valid() && !context.is_sampled() && context.flags().is_random());
    assert!(span.handle().is_invalid());
    assert_eq!(recorder.tracer().stats().not_sampled, 1);
}

#[test]
fn a_noop_tracer_records_nothing_and_passes_contexts_on() {
    let tracer = Tracer::noop();
    let parent = SpanContext::remote(FORGED.trace_id, FORGED.span_id, TraceFlags::SAMPLED, TraceState::EMPTY);
    let span = tracer.span("x").child_of_context(&parent).start();
    assert!(!span.is_recording());
    assert_eq!((span.trace_id(), span.span_id()), (FORGED.trace_id, FORGED.span_id));
    assert!(!tracer.span("root").start().context().is_valid());
    tracer.set_attribute(FORGED, "k", 1);
    tracer.end_span(FORGED, None);
    assert_eq!((tracer.flush(Duration::ZERO), tracer.shutdown(Duration::ZERO)), (Ok(()), Ok(())));
    assert_eq!(tracer.stats(), nanospan::Stats::default());
}
