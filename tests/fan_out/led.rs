//! Several plugins of this crate: the first one's handles are the fan-out's.

use crate::common::PATIENCE;
use crate::notebook::{Notebook, attributes, builder_of, start, start_below, whole_span};
use nanospan::export::{FinishedSpan, MemoryExporter};
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanStatus, TracerPlugin};
use nanospan::plugin::{FanOut, Plugin};
use nanospan::sampling::{ParentBased, Sampler};
use nanospan::{Tracer, TracerBuilder};
use std::sync::Arc;
use std::thread;

/// Memory of a tracer that is one of many, in bytes.
const SMALL: usize = 1 << 23;

/// A fan-out over plugins, and what it takes to look behind it.
struct Band {
    fan_out: FanOut,
    plugins: Vec<Plugin>,
    exporters: Vec<MemoryExporter>,
}

impl Band {
    /// Of so many; each one's tracer may be built in a way of its own.
    fn of(count: usize, build: impl Fn(usize, TracerBuilder) -> TracerBuilder) -> Self {
        let exporters: Vec<_> = (0..count).map(|_| MemoryExporter::new()).collect();
        let plugin = |(at, exporter): (usize, &MemoryExporter)| {
            let builder = build(at, Tracer::builder("t").exporter(exporter.clone()));
            Plugin::over(format!("plugin-{at}"), builder.build().unwrap())
        };
        let plugins: Vec<_> = exporters.iter().enumerate().map(plugin).collect();
        let builder = plugins.iter().fold(FanOut::builder(), |builder, plugin| builder.child(plugin.clone()));
        Self { fan_out: builder.flush_timeout(PATIENCE).build().unwrap(), plugins, exporters }
    }

    fn new(count: usize) -> Self {
        Self::of(count, |_, builder| builder.memory_budget(SMALL))
    }

    /// What arrived behind each child, in the order of the names.
    fn arrived(&self) -> Vec<Vec<FinishedSpan>> {
        self.fan_out.flush().unwrap();
        let sorted = |exporter: &MemoryExporter| {
            let mut spans = exporter.spans();
            spans.sort_by(|a, b| a.name.cmp(&b.name));
            spans
        };
        self.exporters.iter().map(sorted).collect()
    }

    fn names(&self) -> Vec<Vec<String>> {
        self.arrived().into_iter().map(|spans| spans.into_iter().map(|span| span.name).collect()).collect()
    }
}

#[test]
fn handles_are_the_first_childs_and_all_children_are_in_its_trace() {
    for count in [2, 3, 9, 64] {
        let band = Band::new(count);
        let root = start(&band.fan_out, "a root");
        let child = start_below(&band.fan_out, "b child", root);
        for span in [child, root] {
            let handles = (0..count).map(|at| band.fan_out.child_handle(span, at).unwrap());
            let handles: Vec<SpanHandle> = handles.collect();
            assert_eq!(handles[0], span);
            assert!(handles.iter().all(|handle| handle.trace_id == root.trace_id));
            assert_eq!(band.fan_out.child_handle(span, count), None);
            band.fan_out.end_span(span, None);
        }
        for (at, spans) in band.arrived().iter().enumerate() {
            let [a, b] = &spans[..] else { panic!("{} spans", spans.len()) };
            let id = |span| band.fan_out.child_handle(span, at).unwrap();
            assert_eq!((a.parent_span_id, b.parent_span_id), (None, Some(a.span_id)));
            for (span, handle) in [(a, root), (b, child)] {
                assert_eq!(span.trace_id, handle.trace_id);
                assert_eq!(span.span_id, id(handle).span_id, "of child {at} of {count}");
            }
        }
    }
}

#[test]
fn every_child_gets_every_call_whole() {
    for count in [2, 3, 9] {
        let band = Band::new(count);
        whole_span(&band.fan_out);
        let root = start(&band.fan_out, "root");
        // Once for the first span below it on this thread, once for another.
        for _ in 0..2 {
            let span = start_below(&band.fan_out, "s", root);
            attributes().into_iter().for_each(|(key, value)| band.fan_out.set_attribute(span, &key, value));
            band.fan_out.set_status(span, SpanStatus::Ok);
            band.fan_out.end_span(span, None);
        }
        let arrived = band.arrived();
        for spans in &arrived {
            assert_eq!(spans.len(), 3);
            for span in spans {
                assert_eq!(span.attributes.len(), attributes().len());
            }
            assert_eq!(spans[0].events.len(), 1);
        }
        let content = |span: &FinishedSpan| (span.name.clone(), span.kind, span.attributes.clone());
        let first: Vec<_> = arrived[0].iter().map(content).collect();
        for spans in &arrived[1..] {
            assert_eq!(spans.iter().map(content).collect::<Vec<_>>(), first);
        }
        assert_eq!((band.fan_out.stats().started, band.fan_out.stats().live_spans), (4, 1));
    }
}

/// A handle of the first child that the fan-out did not make: nobody is told of calls on it, the first
/// child included.
#[test]
fn a_span_that_the_first_child_started_by_itself_is_not_ours() {
    let band = Band::new(2);
    let ours = start(&band.fan_out, "ours");
    let native = start(&band.plugins[0], "native");
    band.fan_out.set_attribute(native, "k", 1_i64.into());
    band.fan_out.end_span(native, None);
    assert_eq!(band.fan_out.stats().forged_calls, 2);
    assert_eq!(band.fan_out.child_handle(native, 0), None);
    let below = start_below(&band.fan_out, "below", native);
    assert_ne!(below.trace_id, native.trace_id, "a root");
    for span in [below, ours] {
        band.fan_out.end_span(span, None);
    }
    assert_eq!(band.names(), [["below", "ours"], ["below", "ours"]]);
    assert!(band.plugins[0].tracer().stats().live == 1, "the native span has not ended");
}

#[test]
fn a_call_on_a_span_that_has_ended_is_stale_from_any_thread() {
    let band = Band::new(2);
    let spans: Vec<SpanHandle> = (0..200).map(|_| start(&band.fan_out, "s")).collect();
    spans.iter().for_each(|span| band.fan_out.end_span(*span, None));
    let again = || {
        for span in &spans {
            band.fan_out.set_attribute(*span, "late", true.into());
            band.fan_out.end_span(*span, None);
        }
    };
    again();
    thread::scope(|scope| scope.spawn(again).join().unwrap());
    // So that their blocks are used again.
    band.fan_out.flush().unwrap();
    again();
    let stats = band.fan_out.stats();
    assert_eq!((stats.stale_calls, stats.forged_calls, stats.live_spans), (1_200, 0, 0));
    for spans in band.arrived() {
        assert!(spans.len() == 200 && spans.iter().all(|span| span.attributes.is_empty()));
    }
}

#[test]
fn spans_wander_between_threads() {
    let band = Band::new(2);
    let spans: Vec<SpanHandle> = (0..500).map(|_| start(&band.fan_out, "s")).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            spans.iter().for_each(|span| band.fan_out.set_attribute(*span, "k", 1_i64.into()));
        });
    });
    thread::scope(|scope| {
        scope.spawn(|| spans.iter().for_each(|span| band.fan_out.end_span(*span, Some(u64::MAX / 2))));
    });
    assert_eq!(band.fan_out.stats().live_spans, 0);
    for spans in band.arrived() {
        assert!(spans.len() == 500 && spans.iter().all(|span| span.attributes.len() == 1));
    }
}

/// Two threads that end the same spans: each child takes one end of each, and counts the other if it
/// was told of it.
#[test]
fn two_ends_at_once_deliver_a_span_once() {
    let band = Band::new(2);
    for _ in 0..50 {
        let spans: Vec<SpanHandle> = (0..64).map(|_| start(&band.fan_out, "s")).collect();
        let end_all = || spans.iter().for_each(|span| band.fan_out.end_span(*span, None));
        thread::scope(|scope| {
            scope.spawn(end_all);
            end_all();
        });
    }
    for spans in band.arrived() {
        assert_eq!(spans.len(), 50 * 64);
    }
}

#[test]
fn a_parent_that_has_ended_is_still_one_for_every_child() {
    let band = Band::new(2);
    let parent = start(&band.fan_out, "a");
    band.fan_out.end_span(parent, None);
    band.fan_out.end_span(start_below(&band.fan_out, "b", parent), None);
    for spans in band.arrived() {
        assert_eq!(spans[1].parent_span_id, Some(spans[0].span_id));
    }
}

/// Whichever of the children samples: what the others record does not depend on it.
#[test]
fn a_child_that_samples_nothing_leaves_the_others_alone() {
    for silent in 0..3 {
        let band = Band::of(3, |at, builder| match at {
            at if at == silent => builder.sampler(Sampler::always_off()),
            _ => builder,
        });
        let root = start(&band.fan_out, "a");
        // The first one below it on this thread, and another.
        for name in ["b", "c"] {
            let child = start_below(&band.fan_out, name, root);
            assert_eq!(band.fan_out.child_handle(child, silent), None);
            band.fan_out.set_attribute(child, "k", 1_i64.into());
            band.fan_out.end_span(child, None);
        }
        band.fan_out.end_span(root, None);
        assert_eq!(band.fan_out.stats().live_spans, 0);
        for (at, spans) in band.arrived().iter().enumerate() {
            if at == silent {
                assert!(spans.is_empty());
                // Below what it did not record it is told that there is no parent; see the host's contract.
                let stats = band.plugins[at].tracer().stats();
                assert_eq!((stats.not_sampled, stats.invalid_parent), (1, 2));
                continue;
            }
            assert_eq!(spans.len(), 3);
            for below in &spans[1..] {
                assert_eq!(below.parent_span_id, Some(spans[0].span_id), "in child {at}");
                assert_eq!(below.attributes.len(), 1);
            }
        }
    }
}

/// The first child decides anew below each span that it records.
#[test]
fn a_first_child_that_rejects_a_span_below_one_of_its_own_is_asked_once_and_the_others_record_it() {
    let roots_only =
        ParentBased::new(Sampler::always_on()).local_parent_sampled(Sampler::always_off()).build();
    let band = Band::of(2, |at, builder| match at {
        0 => builder.sampler(roots_only.clone()),
        _ => builder,
    });
    let root = start(&band.fan_out, "a");
    for asked in 1..=3 {
        let below = start_below(&band.fan_out, "b", root);
        assert_eq!(band.fan_out.child_handle(below, 0), None);
        assert!(band.fan_out.child_handle(below, 1).is_some());
        assert_eq!(band.plugins[0].tracer().stats().not_sampled, asked);
        band.fan_out.end_span(below, None);
    }
    band.fan_out.end_span(root, None);
    let [first, second] = &band.arrived()[..] else { panic!("two children") };
    assert_eq!((first.len(), second.len()), (1, 4));
    assert!(second[1..].iter().all(|below| below.parent_span_id == Some(second[0].span_id)));
}

/// Whoever has a child's own handle may end the span in that child alone; spans below it go on to name it.
#[test]
fn a_span_that_was_ended_in_one_child_alone_is_still_a_parent_there() {
    let band = Band::new(2);
    let parent = start(&band.fan_out, "a");
    // From here on the thread knows the parent.
    band.fan_out.end_span(start_below(&band.fan_out, "b", parent), None);
    band.plugins[1].end_span(band.fan_out.child_handle(parent, 1).unwrap(), None);
    band.fan_out.end_span(start_below(&band.fan_out, "c", parent), None);
    band.fan_out.end_span(parent, None);
    // W3C's sampled and random. What the slot says may be another span's by now, so the second is forgotten.
    let flags = [(3, 3), (3, 1)];
    for (spans, flags) in band.arrived().iter().zip(flags) {
        let [a, b, c] = &spans[..] else { panic!("{} spans", spans.len()) };
        assert_eq!((b.parent_span_id, c.parent_span_id), (Some(a.span_id), Some(a.span_id)));
        assert_eq!((b.trace_id, c.trace_id), (a.trace_id, a.trace_id));
        assert_eq!((b.flags & 3, c.flags & 3), flags);
    }
}

#[test]
fn under_an_invalid_parent_nobody_records() {
    let band = Band::new(2);
    assert!(start_below(&band.fan_out, "s", SpanHandle::INVALID).is_invalid());
    band.fan_out.set_attribute(SpanHandle::INVALID, "k", 1_i64.into());
    let stats = band.fan_out.stats();
    assert_eq!((stats.started, stats.invalid_calls), (0, 1));
    for plugin in &band.plugins {
        assert_eq!(plugin.tracer().stats().invalid_parent, 1, "each child was asked once");
    }
}

/// Spans below a request's parents: in one trace they are led, in two they are in the table.
#[test]
fn parents_in_one_trace_and_in_two() {
    let band = Band::new(2);
    let elsewhere = [0, 1].map(|at| start(&band.plugins[at], "elsewhere"));
    let parent = band.fan_out.parent_of(&elsewhere).unwrap();
    let span = start_below(&band.fan_out, "below", parent.handle());
    let below = start_below(&band.fan_out, "further", span);
    for (at, native) in elsewhere.iter().enumerate() {
        for span in [span, below] {
            assert_eq!(band.fan_out.child_handle(span, at).unwrap().trace_id, native.trace_id);
        }
        band.plugins[at].end_span(*native, None);
    }
    band.fan_out.end_span(below, None);
    band.fan_out.end_span(span, None);
    for spans in band.arrived() {
        let [below, elsewhere, further] = &spans[..] else { panic!("{} spans", spans.len()) };
        assert_eq!(below.parent_span_id, Some(elsewhere.span_id));
        assert_eq!(further.parent_span_id, Some(below.span_id));
    }
}

/// The first child's tracer is shut down by its owner while spans are live: the other gets the rest.
#[test]
fn a_first_child_that_shuts_down_takes_nothing_from_the_others() {
    let band = Band::new(2);
    let [a, b] = ["a", "b"].map(|name| start(&band.fan_out, name));
    band.plugins[0].tracer().shutdown(PATIENCE).unwrap();
    for span in [a, b] {
        band.fan_out.set_attribute(span, "k", 1_i64.into());
        band.fan_out.end_span(span, None);
        band.fan_out.end_span(span, None);
    }
    let late = start(&band.fan_out, "c");
    band.fan_out.end_span(late, None);
    let stats = band.fan_out.stats();
    assert_eq!((stats.live_spans, stats.stale_calls), (0, 2));
    let told = band.fan_out.flush().unwrap_err();
    assert!(told.starts_with("child `plugin-0` (1 of 2): ") && !told.contains("plugin-1"), "{told}");
    let spans = band.exporters[1].spans();
    assert_eq!(spans.len(), 3);
    assert_eq!(spans.iter().filter(|span| span.attributes.len() == 1).count(), 2);
}

/// Plugins that are stopped and started again: spans of before still end in those that go on.
#[test]
fn children_that_start_again_are_followed() {
    let exporters = [MemoryExporter::new(), MemoryExporter::new()];
    let plugins = [0, 1].map(|at: usize| {
        let exporter = exporters[at].clone();
        Plugin::with("t", move |builder| builder.exporter(exporter.clone()))
    });
    let [first, second] = plugins.clone();
    let fan_out = FanOut::builder().child(first).child(second).flush_timeout(PATIENCE).build().unwrap();
    assert!(start(&fan_out, "before any tracer").is_invalid());
    plugins[1].on_server_start("{}").unwrap();
    for name in ["a", "b", "c"] {
        plugins[0].on_server_start("{}").unwrap();
        let span = start(&fan_out, name);
        let below = start_below(&fan_out, "below", span);
        assert_eq!(fan_out.child_handle(span, 0), Some(span), "the new tracer leads");
        assert!(plugins[0].on_server_stop().unwrap_err().contains("2 spans"), "both are live");
        fan_out.set_attribute(below, "k", 1_i64.into());
        fan_out.end_span(below, None);
        fan_out.end_span(span, None);
    }
    assert_eq!(fan_out.stats().live_spans, 0);
    // Of the span that was started before there were tracers.
    fan_out.flush().unwrap_err();
    let second = exporters[1].spans();
    assert_eq!(second.len(), 6);
    let below: Vec<_> = second.iter().filter(|span| span.name == "below").collect();
    assert!(below.len() == 3 && below.iter().all(|span| span.attributes.len() == 1));
}

/// A first child without memory for a span: the others record it.
#[test]
fn a_first_child_that_is_full_leaves_the_others_alone() {
    let held = MemoryExporter::new();
    let _hold = held.hold();
    let band = Band::of(2, |at, builder| match at {
        0 => builder.memory_budget(SMALL).exporter(held.clone()),
        _ => builder,
    });
    let spans: Vec<SpanHandle> = (0..200_000).map(|_| start(&band.fan_out, "s")).collect();
    assert!(band.plugins[0].tracer().stats().dropped.overload > 0, "the first child has room for all");
    assert!(spans.iter().all(|span| !span.is_invalid()));
    spans.iter().for_each(|span| band.fan_out.end_span(*span, None));
    assert_eq!(band.fan_out.stats().live_spans, 0);
    band.plugins[1].flush().unwrap();
    let second = band.plugins[1].tracer().stats();
    assert_eq!((second.started, second.live), (200_000, 0));
}

/// Among other tracers plugins are children like any other.
#[test]
fn beside_another_tracer_nobody_leads() {
    let exporter = MemoryExporter::new();
    let tracer = Tracer::builder("t").exporter(exporter.clone()).build().unwrap();
    let (plugin, notebook) = (Plugin::over("plugin", tracer), Notebook::new("n"));
    let fan_out = FanOut::builder().child(plugin.clone()).child(notebook.clone()).build().unwrap();
    let span = start(&fan_out, "s");
    assert_ne!(fan_out.child_handle(span, 0), Some(span));
    assert_eq!(fan_out.child_handle(span, 1), Some(notebook.handle(1)));
    fan_out.end_span(span, None);
    let shared = builder_of(&[&notebook]).shared_child(Arc::new(plugin)).build().unwrap();
    shared.end_span(start(&shared, "s"), None);
    fan_out.flush().unwrap();
    assert_eq!((exporter.spans().len(), notebook.starts().len()), (2, 2));
}
