//! The tracer behind the host's trait: what a flush tells the host, from wherever it is called, and the
//! decisions where the trait is silent.
#![cfg(feature = "bext")]

mod common;

use common::{By, PATIENCE, assert_account, quiet_builder, until};
use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, ExportErrorKind, MemoryExporter};
use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, TracerPlugin};
use nanospan::plugin::{Plugin, RemoteParent};
use nanospan::propagation::parse_traceparent;
use nanospan::{BuildError, OwnedValue, SpanContext, SpanId, TraceFlags, TraceId, TraceState, TracerBuilder};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;

fn plugin_with(settings: impl FnOnce(TracerBuilder) -> TracerBuilder) -> (Plugin, MemoryExporter) {
    let exporter = MemoryExporter::new();
    let builder = quiet_builder().export_on_flush(true).exporter(exporter.clone());
    let plugin = Plugin::over("tracer-test", settings(builder).build().unwrap());
    plugin.set_flush_timeout(PATIENCE);
    (plugin, exporter)
}

fn plugin() -> (Plugin, MemoryExporter) {
    plugin_with(|builder| builder)
}

fn root(plugin: &dyn TracerPlugin, name: &str) -> SpanHandle {
    plugin.start_span(SpanStart { name, ..SpanStart::default() })
}

fn child(plugin: &dyn TracerPlugin, name: &str, parent: SpanHandle) -> SpanHandle {
    plugin.start_span(SpanStart { name, parent: Some(parent), ..SpanStart::default() })
}

#[test]
fn a_flush_that_fails_says_who_why_and_how_many_spans_were_lost_and_says_it_once() {
    let (plugin, exporter) = plugin();
    (0..3).for_each(|_| plugin.end_span(root(&plugin, "lost"), None));
    exporter.fail_next(1);
    let said = plugin.flush().unwrap_err();
    assert_eq!(
        said,
        "tracer-test: flush: export failed: the memory exporter was told to fail; 3 spans were lost, \
         dropped after the failed export"
    );
    assert_eq!(plugin.flush(), Ok(()));
    plugin.end_span(root(&plugin, "delivered"), None);
    assert_eq!(plugin.flush(), Ok(()));
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn a_flush_that_hangs_comes_back_in_time_and_the_next_one_says_what_became_of_it() {
    let (plugin, exporter) = plugin();
    plugin.end_span(root(&plugin, "late"), None);
    until("the span is gathered", || plugin.tracer().stats().live == 0);
    plugin.set_flush_timeout(Duration::from_millis(20));
    let hold = exporter.hold();
    let said = plugin.flush().unwrap_err();
    assert_eq!(
        said,
        "tracer-test: flush: not done within 20 ms: the exporter is still at work, and 1 span waits for it"
    );
    exporter.fail_next(1);
    drop(hold);
    plugin.set_flush_timeout(PATIENCE);
    let said = plugin.flush().unwrap_err();
    assert!(said.contains("1 span was lost") && said.contains("told to fail"), "{said}");
    assert_eq!(plugin.flush(), Ok(()));
}

/// The tracer's owner has waited for the flush that failed; what it lost is the host's to know all the same.
#[test]
fn spans_lost_in_a_flush_of_the_tracers_owner_are_said_at_the_hosts_next_with_the_reason() {
    let (plugin, exporter) = plugin();
    exporter.fail_next(1);
    plugin.end_span(root(&plugin, "lost"), None);
    plugin.tracer().flush(PATIENCE).unwrap_err();
    // The one that failed is the last that did, not the last.
    plugin.tracer().flush(PATIENCE).unwrap();
    let said = plugin.flush().unwrap_err();
    let (what, why) = said.split_once(" (").expect("a reason in brackets");
    assert_eq!(what, "tracer-test: flush: 1 span was lost, dropped after the failed export");
    assert!(why.contains("the memory exporter was told to fail"), "{why}");
    assert_eq!(plugin.flush(), Ok(()));
}

/// While no flush has come to its end, nobody has been told why.
#[test]
fn spans_lost_before_a_flush_that_hangs_are_counted_without_a_reason_and_only_once() {
    let (entered, release) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let exporter = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        By(move |_: &Context, batch: &Batch| {
            if batch.view().sequence() == 0 {
                return Err(ExportError::new(ExportErrorKind::Rejected, "refused by the test"));
            }
            entered.store(true, Ordering::SeqCst);
            until("the test is over", || release.load(Ordering::SeqCst));
            Ok(())
        })
    };
    let tracer = quiet_builder().max_batch_spans(1).exporter(exporter).build().unwrap();
    let plugin = Plugin::over("tracer-test", tracer);
    (0..2).for_each(|_| plugin.end_span(root(&plugin, "s"), None));
    until("the second export is under way", || entered.load(Ordering::SeqCst));
    plugin.set_flush_timeout(Duration::ZERO);
    let said = plugin.flush().unwrap_err();
    assert_eq!(
        said,
        "tracer-test: flush: not done within 0 ms: the exporter is still at work, and 1 span waits for it; \
         1 span was lost, dropped after the failed export"
    );
    release.store(true, Ordering::SeqCst);
    // Takes the error of the flush that was late.
    let _ = plugin.tracer().flush(PATIENCE);
    plugin.set_flush_timeout(PATIENCE);
    assert_eq!(plugin.flush(), Ok(()));
}

#[test]
fn what_was_lost_while_recording_is_said_at_the_next_flush_and_only_there() {
    let (plugin, exporter) = plugin();
    let span = root(&plugin, "s");
    (0..130_i64).for_each(|n| plugin.set_attribute(span, &format!("key.{n}"), n.into()));
    plugin.set_attribute(span, "key.1", "x".repeat(70_000).into());
    plugin.end_span(span, None);
    let said = plugin.flush().unwrap_err();
    assert!(said.contains("2 attributes were left out"), "{said}");
    assert!(said.contains("1 text was cut"), "{said}");
    assert_eq!(plugin.flush(), Ok(()));
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn spans_refused_for_want_of_memory_are_said_at_the_next_flush() {
    let Err(BuildError::MemoryBudget { minimum, .. }) = quiet_builder().memory_budget(0).build() else {
        panic!("no memory is too little")
    };
    let (plugin, exporter) = plugin_with(|builder| builder.memory_budget(minimum));
    let live: Vec<_> = (0..130).map(|_| root(&plugin, "s")).collect();
    let refused = live.iter().filter(|span| span.is_invalid()).count();
    assert_eq!(refused, 2, "two blocks hold 128 spans");
    live.iter().for_each(|span| plugin.end_span(*span, None));
    let said = plugin.flush().unwrap_err();
    assert_eq!(said, "tracer-test: flush: 2 spans were refused: the memory budget was used up");
    assert_eq!(exporter.spans().len(), 128);
}

#[test]
fn an_ended_parent_is_linked_and_an_invalid_or_foreign_one_is_not() {
    let ((plugin, exporter), (other, _)) = (plugin(), self::plugin());
    let parent = root(&plugin, "parent");
    plugin.end_span(parent, None);
    plugin.flush().unwrap();
    let linked = child(&plugin, "linked", parent);
    assert_eq!(child(&plugin, "invalid", SpanHandle::INVALID), SpanHandle::INVALID);
    let foreign = root(&other, "foreign");
    let rooted = child(&plugin, "rooted", foreign);
    assert_ne!(rooted.trace_id, foreign.trace_id);
    [linked, rooted].iter().for_each(|span| plugin.end_span(*span, None));
    plugin.flush().unwrap();
    let spans: HashMap<_, _> = exporter.spans().into_iter().map(|span| (span.name.clone(), span)).collect();
    assert_eq!(spans.len(), 3);
    assert_eq!(spans["linked"].parent_span_id, Some(parent.span_id));
    assert_eq!(spans["linked"].trace_id, parent.trace_id);
    assert_eq!(spans["rooted"].parent_span_id, None);
    let stats = plugin.tracer().stats();
    assert_eq!(stats.invalid_parent, 1);
    assert!(stats.is_balanced());
}

#[test]
fn a_flush_works_on_the_threads_of_every_kind_of_runtime() {
    let (plugin, exporter) = plugin();
    let flush = |plugin: Plugin| {
        plugin.end_span(root(&plugin, "s"), None);
        plugin.flush().unwrap();
    };
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    current.block_on(async { flush(plugin.clone()) });
    let one = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let here = plugin.clone();
    one.block_on(async move { tokio::spawn(async move { flush(here) }).await.unwrap() });
    let here = plugin.clone();
    one.block_on(async move { tokio::task::spawn_blocking(move || flush(here)).await.unwrap() });
    assert_eq!(exporter.spans().len(), 3);
}

#[test]
fn threads_that_record_while_others_flush_lose_nothing() {
    const THREADS: usize = 64;
    const SPANS: usize = 200;
    let (plugin, exporter) = plugin_with(|builder| builder.memory_budget(64 << 20));
    let shared: Arc<dyn TracerPlugin> = Arc::new(plugin.clone());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let flushers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        shared.flush().unwrap();
                    }
                })
            })
            .collect();
        let recorders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let shared = &shared;
                scope.spawn(move || {
                    for n in 0..SPANS {
                        let span = root(&**shared, "s");
                        shared.set_attribute(span, "thread", (thread as i64).into());
                        shared.set_attribute(span, "n", (n as i64).into());
                        shared.end_span(span, None);
                    }
                })
            })
            .collect();
        recorders.into_iter().for_each(|thread| thread.join().unwrap());
        done.store(true, Ordering::Relaxed);
        flushers.into_iter().for_each(|thread| thread.join().unwrap());
    });
    plugin.flush().unwrap();
    let mut seen: Vec<_> = exporter
        .spans()
        .iter()
        .map(|span| match (span.attribute("thread"), span.attribute("n")) {
            (Some(OwnedValue::I64(thread)), Some(OwnedValue::I64(n))) => (*thread as usize, *n as usize),
            _ => panic!("not what was recorded: {span:?}"),
        })
        .collect();
    seen.sort_unstable();
    let all: Vec<_> = (0..THREADS).flat_map(|thread| (0..SPANS).map(move |n| (thread, n))).collect();
    assert_eq!(seen, all);
    assert!(!exporter.exports_overlapped());
}

/// More distinct names and keys than the tracer keeps, some of them often, of every length around the
/// places where they are stored another way, from several threads at once.
#[test]
fn copied_names_and_keys_arrive_as_they_were_whether_they_are_kept_or_not() {
    const THREADS: usize = 4;
    let (plugin, exporter) = plugin_with(|builder| builder.memory_budget(64 << 20));
    let text = |thread: usize, n: usize| {
        let often = n % 3 != 0;
        let length = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200][n % 17];
        let unique = if often { format!("{}", n % 40) } else { format!("{thread}.{n}") };
        let mut text = "é".repeat(length / 2);
        text.push_str(&unique);
        text
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let plugin = &plugin;
            scope.spawn(move || {
                for n in 0..4000 {
                    let text = text(thread, n);
                    let span = root(plugin, &text);
                    plugin.set_attribute(span, &text, AttrValue::I64((thread * 10_000 + n) as i64));
                    plugin.set_attribute(span, "text", AttrValue::String(text.clone()));
                    plugin.end_span(span, None);
                    if n % 500 == 0 {
                        plugin.flush().unwrap();
                    }
                }
            });
        }
    });
    plugin.flush().unwrap();
    let spans = exporter.spans();
    assert_eq!(spans.len(), THREADS * 4000);
    for span in spans {
        let (name, [(key, number), (_, value)]) = (&span.name, &span.attributes[..]) else {
            panic!("two attributes: {span:?}")
        };
        let OwnedValue::I64(number) = number else { panic!("a number: {span:?}") };
        let expected = text(*number as usize / 10_000, *number as usize % 10_000);
        assert_eq!((name, key, value), (&expected, &expected, &OwnedValue::Str(expected.clone())));
    }
}

#[test]
fn a_handle_that_a_thread_remembers_is_still_told_from_one_that_has_ended() {
    let (plugin, exporter) = plugin();
    let stale = root(&plugin, "s");
    plugin.set_attribute(stale, "before", true.into());
    plugin.end_span(stale, None);
    // Through several lives of the slot, so that it is live again, for another span.
    for _ in 0..300 {
        let other = root(&plugin, "other");
        plugin.set_attribute(stale, "after", true.into());
        plugin.set_status(stale, nanospan::plugin::bext_plugin_api::tracer::SpanStatus::Ok);
        plugin.add_event(stale, SpanEvent { name: "late", attributes: Vec::new(), time_unix_nanos: None });
        plugin.end_span(stale, None);
        plugin.end_span(other, None);
        plugin.flush().unwrap();
    }
    for span in exporter.spans() {
        let expected = usize::from(span.name == "s");
        assert_eq!((span.attributes.len(), span.events.len()), (expected, 0), "{span:?}");
    }
    let stats = plugin.tracer().stats();
    assert_eq!((stats.stale_calls, stats.forged_calls), (1200, 0));
    assert_eq!(stats.exported, 301);
}

#[test]
fn after_a_shutdown_a_flush_succeeds_and_says_what_was_started_too_late() {
    let (plugin, exporter) = plugin();
    plugin.end_span(root(&plugin, "in time"), None);
    plugin.tracer().shutdown(PATIENCE).unwrap();
    assert_eq!(plugin.flush(), Ok(()));
    assert_eq!(root(&plugin, "too late"), SpanHandle::INVALID);
    let said = plugin.flush().unwrap_err();
    assert!(said.contains("1 span was started or still live after"), "{said}");
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn a_held_export_keeps_no_recording_call_waiting() {
    let (plugin, exporter) = plugin();
    plugin.set_flush_timeout(Duration::from_millis(1));
    let hold = exporter.hold();
    plugin.end_span(root(&plugin, "first"), None);
    plugin.flush().unwrap_err();
    exporter.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
    (0..500).for_each(|_| plugin.end_span(root(&plugin, "s"), None));
    until("the drain has gathered them", || plugin.tracer().stats().live == 0);
    assert_eq!(exporter.spans().len(), 0, "the export is still held");
    drop(hold);
    plugin.set_flush_timeout(PATIENCE);
    plugin.flush().unwrap();
    let expected = common::Account { started: 501, exported: 501, ..common::Account::default() };
    assert_account(&plugin.tracer().stats(), &expected);
}

fn remote(flags: TraceFlags, state: &str) -> SpanContext {
    let state = if state.is_empty() { TraceState::EMPTY } else { state.parse().unwrap() };
    SpanContext::remote(TraceId::from_u128(0xabcd), SpanId::from_u64(0x1234), flags, state)
}

#[test]
fn a_span_below_a_remote_parent_continues_its_trace_with_its_flags_and_trace_state() {
    let long = (0..31).map(|n| format!("vendor{n:02}={n:012}")).collect::<Vec<_>>().join(",");
    for state in ["", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", &long] {
        let (plugin, exporter) = plugin();
        let context = remote(TraceFlags::SAMPLED.with_random(true), state);
        let parent = plugin.remote_parent(&context);
        let span = child(&plugin, "s", parent.handle());
        let inner = child(&plugin, "inner", span);
        [inner, span].iter().for_each(|span| plugin.end_span(*span, None));
        let cut = context.trace_state().truncated(512);
        assert_eq!(plugin.flush().is_err(), cut.as_str() != state, "a cut is said");
        let [span, inner] = ["s", "inner"].map(|name| exporter.spans_named(name).remove(0));
        assert_eq!(span.trace_id, context.trace_id().to_bytes());
        assert_eq!(span.parent_span_id, Some(context.span_id().to_bytes()));
        assert_eq!(span.trace_state, cut.as_str());
        // W3C flags, and OTLP's two bits for a parent that is remote.
        assert_eq!(span.flags & 0x3ff, 0x303);
        assert_eq!(inner.parent_span_id, Some(span.span_id));
    }
}

#[test]
fn a_context_of_this_process_may_be_held_like_a_remote_one_and_is_not_called_remote() {
    let (plugin, exporter) = plugin();
    let local = plugin.tracer().span("parent").start();
    let parent = plugin.remote_parent(&local.context());
    plugin.end_span(child(&plugin, "s", parent.handle()), None);
    plugin.flush().unwrap();
    let span = exporter.spans_named("s").remove(0);
    assert_eq!(span.trace_id, local.trace_id().to_bytes());
    assert_eq!(span.parent_span_id, Some(local.span_id().to_bytes()));
    // W3C flags, and OTLP's bit that says that the parent is known not to be remote.
    assert_eq!(span.flags & 0x3ff, 0x103);
}

#[test]
fn a_remote_parent_decides_about_sampling_and_an_invalid_one_makes_invalid_spans() {
    let (plugin, exporter) = plugin();
    let parent = plugin.remote_parent(&remote(TraceFlags::NONE, ""));
    assert_eq!(child(&plugin, "s", parent.handle()), SpanHandle::INVALID);
    assert_eq!(plugin.tracer().stats().not_sampled, 1);
    assert_eq!(plugin.remote_parent(&SpanContext::INVALID).handle(), SpanHandle::INVALID);
    plugin.flush().unwrap();
    assert_eq!(exporter.spans(), []);
}

#[test]
fn calls_on_the_handle_of_a_remote_parent_do_nothing() {
    let (plugin, exporter) = plugin();
    let parent = plugin.remote_parent(&remote(TraceFlags::SAMPLED, ""));
    plugin.set_attribute(parent.handle(), "key", 1_i64.into());
    plugin.end_span(parent.handle(), None);
    plugin.flush().unwrap();
    assert_eq!(exporter.spans(), []);
    assert_eq!(plugin.tracer().stats().forged_calls, 2);
}

#[test]
fn remote_parents_beyond_what_can_be_held_give_roots_and_are_counted_and_room_comes_back() {
    const HELD: usize = 16_384;
    let (plugin, exporter) = plugin();
    let context = remote(TraceFlags::SAMPLED, "");
    let held: Vec<_> = (0..HELD).map(|_| plugin.remote_parent(&context)).collect();
    let one_too_many = plugin.remote_parent(&context);
    let names =
        |parent: &RemoteParent, name: &str| plugin.end_span(child(&plugin, name, parent.handle()), None);
    names(&held[HELD - 1], "held");
    names(&one_too_many, "too many");
    let said = plugin.flush().unwrap_err();
    assert!(said.contains("1 remote parent was lost"), "{said}");
    assert_eq!(plugin.tracer().stats().lost_parents, 1);
    drop(held);
    names(&plugin.remote_parent(&context), "again");
    plugin.flush().unwrap();
    let parent = |name: &str| exporter.spans_named(name)[0].parent_span_id;
    assert_eq!(["held", "too many", "again"].map(|name| parent(name).is_some()), [true, false, true]);
}

#[test]
fn a_traceparent_names_the_span_that_is_delivered_and_its_flags() {
    let (plugin, exporter) = plugin();
    let text = |handle| plugin.traceparent(handle).map(|text| String::from_utf8(text.to_vec()).unwrap());
    let context = remote(TraceFlags::SAMPLED.with_random(true), "");
    let parent = plugin.remote_parent(&context);
    let span = child(&plugin, "s", parent.handle());
    let live = text(span).unwrap();
    plugin.end_span(span, None);
    plugin.flush().unwrap();
    let delivered = &exporter.spans()[0];
    let parsed = parse_traceparent(live.as_bytes()).unwrap();
    assert_eq!(parsed.trace_id().to_bytes(), delivered.trace_id);
    assert_eq!(parsed.span_id().to_bytes(), delivered.span_id);
    assert_eq!(parsed.flags(), context.flags());
    // The random flag is forgotten with the span; a service may leave it out.
    assert_eq!(text(span).unwrap(), live.replace("-03", "-01"));
    assert_eq!(
        text(parent.handle()).unwrap(),
        "00-0000000000000000000000000000abcd-0000000000001234-03",
        "a remote parent is passed on as it came"
    );
    let (other, _) = self::plugin();
    assert_eq!([text(SpanHandle::INVALID), text(root(&other, "foreign"))], [None, None]);
}
