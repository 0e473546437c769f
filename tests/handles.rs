//! Calls by handle: what does not name a live span of this tracer does nothing, and is counted for
//! what it is.
//!
//! `NANOSPAN_FORGED_PAIRS` sets how many random pairs of ids are tried (1,000,000,000 takes about a
//! minute in release mode), `NANOSPAN_DISJOINT_SPANS` how many spans of two tracers are compared.

mod common;

use common::{Numbers, PATIENCE, size};
use nanospan::testing::{FinishedSpan, Recorder};
use nanospan::{SpanContext, SpanHandle, SpanId, Stats, Status, Timestamp, TraceId, Tracer, attributes};
use std::collections::HashSet;
use std::sync::Barrier;

/// Makes every call there is on a handle.
fn all_calls(tracer: Tracer, handle: SpanHandle) {
    tracer.set_attribute(handle, "k", "v");
    tracer.set_attributes(handle, &attributes!["k" => 1, "l" => 2.0]);
    tracer.add_event(handle, "e", None, &attributes!["k" => true]);
    tracer.add_link(handle, &SpanContext::INVALID, &[]);
    tracer.set_status(handle, Status::error("x"));
    tracer.update_name(handle, "renamed");
    tracer.end_span(handle, None);
}

const CALLS: u64 = 7;

/// Stale, forged and invalid calls.
fn counted(stats: &Stats) -> [u64; 3] {
    [stats.stale_calls, stats.forged_calls, stats.invalid_calls]
}

fn random_handle(numbers: &mut Numbers) -> SpanHandle {
    SpanHandle { trace_id: TraceId::from_u128(numbers.wide()), span_id: SpanId::from_u64(numbers.next()) }
}

#[test]
fn each_kind_of_bad_handle_has_a_counter_of_its_own() {
    let (recorder, other) = (Recorder::with(|b| b.id_seed(1)), Recorder::with(|b| b.id_seed(2)));
    let tracer = recorder.tracer();
    let ended = tracer.span("ended").start_handle();
    tracer.end_span(ended, None);
    let foreign = other.tracer().span("foreign").start();
    let live = tracer.span("live").start();
    let wrong_trace = SpanHandle { trace_id: foreign.trace_id(), ..live.handle() };
    let no_trace = SpanHandle { trace_id: TraceId::INVALID, ..live.handle() };
    let no_span = SpanHandle { span_id: SpanId::INVALID, ..live.handle() };

    let expect = |handle: SpanHandle, expected: [u64; 3], what: &str| {
        let before = counted(&tracer.stats());
        all_calls(tracer, handle);
        let after = counted(&tracer.stats());
        let more: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(more, expected, "stale, forged, invalid: {what}");
    };
    expect(ended, [CALLS, 0, 0], "ended");
    expect(foreign.handle(), [0, CALLS, 0], "another tracer's");
    expect(wrong_trace, [0, CALLS, 0], "wrong trace");
    expect(no_trace, [0, CALLS, 0], "no trace");
    expect(no_span, [0, CALLS, 0], "no span");
    expect(SpanHandle::INVALID, [0, 0, CALLS], "invalid");
    let _ = recorder.spans();
    expect(ended, [CALLS, 0, 0], "ended and delivered");
    live.end();
    recorder.assert_tree("ended, live");
    foreign.end();
    other.assert_tree("foreign");
}

#[test]
fn an_end_as_of_a_time_or_by_a_panic_is_one_stale_call_when_it_comes_too_late() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let time = Timestamp::from_unix_nanos(1);
    let [by_handle, by_span, by_panic] = [(); 3].map(|()| tracer.span("s").start());
    let late = [&by_handle, &by_span, &by_panic].map(nanospan::Span::handle);
    late.iter().for_each(|&handle| tracer.end_span(handle, None));
    let counted_by = |end: &mut dyn FnMut()| {
        let before = tracer.stats().stale_calls;
        end();
        tracer.stats().stale_calls - before
    };
    assert_eq!(counted_by(&mut || tracer.end_span(late[0], Some(time))), 1);
    let mut by_span = Some(by_span);
    assert_eq!(counted_by(&mut || by_span.take().unwrap().end_at(time)), 1);
    let mut by_panic = Some(by_panic);
    let unwind = &mut || {
        let span = by_panic.take();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _span = span;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
    };
    assert_eq!(counted_by(unwind), 1);
    drop(by_handle);
    assert!(recorder.spans().iter().all(|span| span.end_unix_nanos >= span.start_unix_nanos));
}

#[test]
fn the_end_that_comes_first_sets_the_time() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let at = Timestamp::from_unix_nanos;
    let handle = tracer.span("by handle").start_time(at(100)).start_handle();
    [200, 300].into_iter().for_each(|end| tracer.end_span(handle, Some(at(end))));
    let span = tracer.span("by span").start_time(at(100)).start();
    tracer.end_span(span.handle(), Some(at(200)));
    span.end_at(at(300));
    for name in ["by handle", "by span"] {
        let span = recorder.span(name);
        assert_eq!((span.start_unix_nanos, span.end_unix_nanos), (100, 200), "{name}");
    }
    assert_eq!(tracer.stats().stale_calls, 2);
}

#[test]
fn every_call_on_one_span_may_be_made_by_two_threads_at_once() {
    type Call = fn(Tracer, SpanHandle);
    type Arrived = fn(&FinishedSpan) -> bool;
    let calls: [(Call, Arrived); 7] = [
        (|tracer, span| tracer.end_span(span, None), |_| true),
        (|tracer, span| tracer.add_event(span, "event", None, &[]), |span| span.events.len() == 2),
        (
            |tracer, span| tracer.add_event(span, "event", Some(Timestamp::from_unix_nanos(7)), &[]),
            |span| span.events.len() == 2 && span.events.iter().all(|event| event.time_unix_nanos == 7),
        ),
        (|tracer, span| tracer.add_link(span, &SpanContext::INVALID, &[]), |span| span.links.len() == 2),
        (
            |tracer, span| tracer.set_status(span, Status::error("internal")),
            |span| span.status_message == "internal",
        ),
        (|tracer, span| tracer.update_name(span, "new name"), |span| span.name == "new name"),
        (
            |tracer, span| tracer.set_attributes(span, &attributes!["key1" => "value", "key2" => 123]),
            |span| span.attributes == [("key1".to_owned(), "value".into()), ("key2".to_owned(), 123.into())],
        ),
    ];
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let barrier = Barrier::new(2);
    for (number, (call, arrived)) in calls.into_iter().enumerate() {
        for _ in 0..50 {
            recorder.exporter().clear();
            let span = tracer.span("test").start_handle();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        barrier.wait();
                        call(tracer, span);
                    });
                }
            });
            tracer.end_span(span, None);
            let [span] = &recorder.spans()[..] else { panic!("call {number}: one span was recorded") };
            assert!(arrived(span), "call {number}: {span:?}");
        }
    }
    // Of the three ends in the first call's rounds two came too late.
    assert_eq!(counted(&tracer.stats()), [100, 0, 0]);
}

#[test]
fn a_span_ended_twice_is_ended_once_and_counted_once() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let handle = tracer.span("by handle").start_handle();
    tracer.end_span(handle, None);
    tracer.end_span(handle, None);
    let span = tracer.span("dropped later").start();
    tracer.end_span(span.handle(), None);
    assert!(span.is_recording());
    span.set_attribute("late", 1);
    drop(span);
    recorder.assert_tree("by handle, dropped later");
    let stats = tracer.stats();
    assert_eq!((stats.stale_calls, stats.started, stats.exported), (3, 2, 2));
}

#[test]
fn a_million_bad_calls_from_eight_threads_are_counted_one_by_one_and_harm_no_span() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 6_000;
    // The seed fixes the tracer's key, so that no random handle happens to pass as ours.
    // The budget holds all of the spans and records, however late the drain comes.
    let recorder = Recorder::with(|builder| builder.id_seed(11).memory_budget(96 << 20));
    let other = Recorder::with(|builder| builder.id_seed(12));
    let tracer = recorder.tracer();
    let stale: Vec<SpanHandle> = (0..500).map(|_| tracer.span("ended").start_handle()).collect();
    stale.iter().for_each(|&handle| tracer.end_span(handle, None));
    let foreign: Vec<SpanHandle> = (0..500).map(|_| other.tracer().span("foreign").start_handle()).collect();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (stale, foreign) = (&stale, &foreign);
            scope.spawn(move || {
                let mut numbers = Numbers(thread);
                for round in 0..ROUNDS {
                    let span = tracer.span("good").start();
                    span.set_attribute("round", round as i64);
                    all_calls(tracer, stale[round as usize % stale.len()]);
                    all_calls(tracer, foreign[round as usize % foreign.len()]);
                    all_calls(tracer, random_handle(&mut numbers));
                    all_calls(tracer, SpanHandle::INVALID);
                    span.set_attribute("thread", thread as i64);
                }
            });
        }
    });
    let good = recorder.exporter();
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    let each = THREADS * ROUNDS * CALLS;
    assert_eq!(counted(&stats), [each, 2 * each, each]);
    assert_eq!((stats.lost_attributes, stats.lost_events, stats.lost_links), (0, 0, 0));
    let mut rounds = vec![0; THREADS as usize];
    for span in good.spans_named("good") {
        let [(_, round), (_, thread)] = &span.attributes[..] else { panic!("two attributes: {span:?}") };
        let (nanospan::OwnedValue::I64(_), nanospan::OwnedValue::I64(thread)) = (round, thread) else {
            panic!("numbers: {span:?}")
        };
        assert!(span.events.is_empty() && span.links.is_empty() && span.status_message.is_empty());
        rounds[*thread as usize] += 1;
    }
    assert_eq!(rounds, [ROUNDS; THREADS as usize]);
    let ended = good.spans_named("ended");
    assert_eq!(ended.len(), 500);
    let is_bare =
        |span: &FinishedSpan| span.attributes.is_empty() && span.events.is_empty() && span.links.is_empty();
    assert!(ended.iter().all(is_bare));
    assert_eq!(other.spans().len(), 0);
    assert_eq!(other.tracer().stats().live, 500);
}

#[test]
fn random_ids_never_reach_a_live_span() {
    let pairs = size("NANOSPAN_FORGED_PAIRS", 4_000_000);
    let recorder = Recorder::with(|builder| builder.id_seed(21).memory_budget(96 << 20));
    let tracer = recorder.tracer();
    // Many live spans in many blocks: as much as possible to be hit.
    let live: Vec<SpanHandle> = (0..50_000)
        .map(|_| tracer.span("live").start_handle())
        .filter(|handle| !handle.is_invalid())
        .collect();
    assert!(live.len() >= 20_000, "{} live spans are a target too small", live.len());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut numbers = Numbers(1 << 40 | thread);
                for _ in 0..pairs / 2 {
                    tracer.end_span(random_handle(&mut numbers), None);
                }
            });
        }
    });
    let stats = tracer.stats();
    let [stale, forged, invalid] = counted(&stats);
    assert_eq!(stale + forged, pairs / 2 * 2);
    assert_eq!(invalid, 0);
    // An id passes the tag once in 2^20 and then names an address that exists once in 40 or so: it
    // is taken for an old one of ours, and the call is still without effect.
    let expected = pairs >> 20;
    assert!(stale <= 10 + expected, "{stale} of {pairs} random pairs passed the tag");
    println!("{pairs} random pairs: {stale} taken for ended spans, none for a live one");
    for &handle in &live {
        tracer.end_span(handle, None);
    }
    let stats = tracer.stats();
    assert_eq!(counted(&stats)[0], stale, "a random id had ended a live span");
    assert_eq!(recorder.spans().len(), live.len());
}

#[test]
fn two_tracers_never_mint_the_same_id() {
    let spans = size("NANOSPAN_DISJOINT_SPANS", 500_000);
    let make = || Tracer::builder("test").exporter(common::Counter::default()).build().unwrap();
    let mut span_ids = HashSet::with_capacity(2 * spans as usize);
    let mut trace_ids = HashSet::with_capacity(2 * spans as usize);
    for tracer in [make(), make()] {
        let mut made = 0;
        while made < spans {
            let span = tracer.span("s").start();
            // A span refused for want of memory has no id.
            if span.is_recording() {
                made += 1;
                assert!(span.span_id().is_valid() && span.trace_id().is_valid());
                assert!(span_ids.insert(span.span_id()), "span id {} twice", span.span_id());
                assert!(trace_ids.insert(span.trace_id()), "trace id {} twice", span.trace_id());
            }
        }
        tracer.shutdown(PATIENCE).unwrap();
    }
}
