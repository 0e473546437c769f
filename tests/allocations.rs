//! In steady state a span costs its thread no allocation: none, not few.
//!
//! The allocator of this binary counts what the calling thread asks of it. Spans are counted in the
//! second of two equal runs, when everything that is made once has been made.

#[path = "common/allocator.rs"]
mod allocator;
mod common;

use common::{Counter, PATIENCE, quiet_builder};
use nanospan::sampling::Sampler;
use nanospan::{ClockSource, SpanHandle, SpanKind, Status, Text, Tracer, Value, attributes};
use std::sync::mpsc;

/// How often the calling thread has called the allocator.
fn calls() -> u64 {
    allocator::calls()
}

/// Calls in a run: enough for many blocks and chunks to come round again.
const SPANS: u64 = 30_000;
/// The drain comes at least this often, so that nothing is refused.
const BETWEEN_FLUSHES: u64 = 3_000;

fn tracers() -> [Tracer; 2] {
    [ClockSource::Best, ClockSource::System]
        .map(|clock| quiet_builder().clock(clock).exporter(Counter::default()).build().unwrap())
}

#[track_caller]
fn assert_no_allocation(tracer: Tracer, span: impl Fn(Tracer)) {
    let run = || {
        let mut made = 0;
        for n in 0..SPANS {
            let before = calls();
            span(tracer);
            made += calls() - before;
            if n % BETWEEN_FLUSHES == 0 {
                tracer.flush(PATIENCE).unwrap();
            }
        }
        made
    };
    run();
    assert_eq!(run(), 0, "calls of the allocator in {SPANS} spans");
    let stats = tracer.stats();
    assert_eq!((stats.dropped.total(), stats.lost_attributes, stats.lost_events), (0, 0, 0));
}

#[test]
fn the_allocator_counts() {
    let before = calls();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(calls() - before, 2);
}

#[test]
fn a_bare_span() {
    for tracer in tracers() {
        assert_no_allocation(tracer, |tracer| tracer.span("s").start().end());
    }
}

#[test]
fn three_attributes() {
    for tracer in tracers() {
        assert_no_allocation(tracer, |tracer| {
            let span = tracer.span("s").kind(SpanKind::Server).start();
            span.set_attribute("n", 17);
            span.set_attribute("text", "sixteen bytes ok");
            span.set_attribute("flag", true);
        });
        assert_no_allocation(tracer, |tracer| {
            let many = attributes!["n" => 17, "text" => "sixteen bytes ok", "flag" => true];
            tracer.span("s").attributes(&many).start().end();
        });
    }
}

#[test]
fn copied_names_keys_and_values() {
    let text = String::from("made at run time");
    for tracer in tracers() {
        assert_no_allocation(tracer, |tracer| {
            let span = tracer.span(Text::Copied(&text)).start();
            span.set_attribute(Text::Copied(&text), &text);
            span.set_attribute("numbers", Value::I64Array(&[1, 2, 3]));
            span.set_attribute("texts", Value::StrArray(&["a", "b"]));
            span.update_name(Text::Copied(&text));
        });
    }
}

#[test]
fn an_event_and_a_status() {
    for tracer in tracers() {
        assert_no_allocation(tracer, |tracer| {
            let mut span = tracer.span("s").start();
            span.add_event("event", &attributes!["n" => 17]);
            span.set_status(Status::error("it failed"));
        });
    }
}

#[test]
fn a_tree_of_nine() {
    for tracer in tracers() {
        assert_no_allocation(tracer, |tracer| {
            let root = tracer.span("root").start();
            for _ in 0..2 {
                let middle = root.child("middle").start();
                (0..3).for_each(|_| middle.child("leaf").start().end());
            }
        });
    }
}

#[test]
fn a_span_that_is_not_sampled() {
    let sampler = Sampler::always_off();
    let tracer = quiet_builder().sampler(sampler).exporter(Counter::default()).build().unwrap();
    assert_no_allocation(tracer, |tracer| {
        let span = tracer.span("s").start();
        span.set_attribute("n", 17);
        span.child("below").start().end();
    });
}

#[test]
fn a_span_ended_by_another_thread() {
    for tracer in tracers() {
        let (to_other, handles) = mpsc::sync_channel::<SpanHandle>(1);
        let (to_me, answers) = mpsc::sync_channel::<u64>(1);
        let other = std::thread::spawn(move || {
            for handle in handles {
                let before = calls();
                tracer.set_attribute(handle, "there", 1);
                tracer.end_span(handle, None);
                to_me.send(calls() - before).unwrap();
            }
        });
        // The channels are the harness's; only the calls of the tracer are counted, on both threads.
        let round = || {
            let before = calls();
            let handle = tracer.span("s").start_handle();
            let mine = calls() - before;
            to_other.send(handle).unwrap();
            mine + answers.recv().unwrap()
        };
        // The first calls on either thread register it.
        (0..10_000).for_each(|_| {
            round();
        });
        tracer.flush(PATIENCE).unwrap();
        assert_eq!((0..10_000).map(|_| round()).sum::<u64>(), 0);
        drop(to_other);
        other.join().unwrap();
        tracer.flush(PATIENCE).unwrap();
        assert_eq!((tracer.stats().exported, tracer.stats().stale_calls), (20_000, 0));
    }
}
