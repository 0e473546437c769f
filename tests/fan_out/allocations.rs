//! In steady state `FanOut` allocates nothing of its own.

use crate::allocator;
use crate::common;
use crate::notebook::start_below;
use nanospan::Tracer;
use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin,
};
use nanospan::plugin::{FanOut, Plugin};
use std::sync::atomic::{AtomicU64, Ordering};

/// A child that allocates nothing.
#[derive(Default)]
struct Counter(AtomicU64);

impl TracerPlugin for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    fn start_span(&self, _: SpanStart<'_>) -> SpanHandle {
        let n = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        SpanHandle { trace_id: [1; 16], span_id: n.to_be_bytes() }
    }

    fn set_attribute(&self, _: SpanHandle, _: &str, _: AttrValue) {}

    fn set_status(&self, _: SpanHandle, _: SpanStatus) {}

    fn add_event(&self, _: SpanHandle, _: SpanEvent<'_>) {}

    fn end_span(&self, _: SpanHandle, _: Option<u64>) {}

    fn flush(&self) -> Result<(), String> {
        Ok(())
    }
}

fn of(children: usize) -> FanOut {
    (0..children).fold(FanOut::builder(), |builder, _| builder.child(Counter::default())).build().unwrap()
}

#[test]
fn the_allocator_counts() {
    let before = allocator::calls();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(allocator::calls() - before, 2);
}

fn plugin() -> Plugin {
    Plugin::over("plugin", Tracer::builder("t").exporter(common::Counter::default()).build().unwrap())
}

#[test]
fn a_span_costs_no_allocation() {
    let plugins = [
        ("two plugins", FanOut::builder().child(plugin()).child(plugin())),
        ("a plugin and another", FanOut::builder().child(plugin()).child(Counter::default())),
        ("a plugin without a tracer", FanOut::builder().child(plugin()).child(Plugin::new("idle"))),
    ];
    let plugins = plugins.map(|(children, builder)| (children.to_owned(), builder.build().unwrap()));
    let counters = [1, 2, 3, 64].map(|count| (format!("{count} others"), of(count)));
    for (children, tracer) in plugins.into_iter().chain(counters) {
        let run = || {
            let before = allocator::calls();
            let mut parent = SpanHandle::INVALID;
            for n in 0..1_000_i64 {
                let span = start_below(&tracer, "s", parent);
                tracer.set_attribute(span, "n", n.into());
                tracer.set_attribute(span, "half", 0.5.into());
                tracer.set_status(span, SpanStatus::Ok);
                tracer
                    .add_event(span, SpanEvent { name: "e", attributes: Vec::new(), time_unix_nanos: None });
                tracer.end_span(span, None);
                // Stale, forged and invalid ones cost none either.
                tracer.end_span(span, None);
                tracer.end_span(SpanHandle { trace_id: [9; 16], span_id: [9; 8] }, None);
                tracer.end_span(SpanHandle::INVALID, None);
                parent = span;
            }
            allocator::calls() - before
        };
        run();
        assert_eq!(run(), 0, "calls of the allocator with {children}");
    }
}

/// The clones that the trait asks for: one string for each child but the last, and the drops.
#[test]
fn a_string_is_cloned_for_all_children_but_the_last() {
    for children in [1, 2, 3] {
        let tracer = of(children);
        let span = start_below(&tracer, "s", SpanHandle { trace_id: [9; 16], span_id: [9; 8] });
        let value = AttrValue::String("sixteen bytes ok".to_owned());
        let before = allocator::calls();
        tracer.set_attribute(span, "k", value);
        assert_eq!(allocator::calls() - before, 2 * children as u64 - 1);
    }
}

#[test]
fn spans_that_another_thread_ends_cost_no_allocation() {
    let tracer = of(2);
    let (to_other, handles) = std::sync::mpsc::sync_channel::<SpanHandle>(1);
    let (to_me, answers) = std::sync::mpsc::sync_channel::<u64>(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for handle in handles {
                let before = allocator::calls();
                tracer.end_span(handle, None);
                to_me.send(allocator::calls() - before).unwrap();
            }
        });
        let round = || {
            let before = allocator::calls();
            let handle = start_below(&tracer, "s", SpanHandle::INVALID);
            let mine = allocator::calls() - before;
            to_other.send(handle).unwrap();
            mine + answers.recv().unwrap()
        };
        // The first calls on either thread register it.
        assert_ne!((0..1_000).map(|_| round()).sum::<u64>(), 0, "nothing was counted");
        assert_eq!((0..10_000).map(|_| round()).sum::<u64>(), 0);
        drop(to_other);
    });
    assert_eq!(tracer.stats().live_spans, 0);
}
