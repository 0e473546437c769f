//! A forked child: the tracer is switched off in it, says so at once, and never hangs; the parent
//! goes on as if nothing had happened.
//!
//! A child runs nothing but the calls under test and leaves by `_exit`, without the test harness.
//!
//! `NANOSPAN_FORKS` sets how many children are forked amid recording.
#![cfg(unix)]

mod common;
#[path = "common/forked.rs"]
mod forked;

use common::{Account, Counter, PATIENCE, assert_account, quiet_builder, size, until};
use forked::{check, in_child};
use nanospan::batch::BatchBuilder;
use nanospan::export::{
    Context, ExportErrorKind, FanOutExporter, MemoryExporter, SpanExporter, StdoutExporter,
};
use nanospan::testing::Recorder;
use nanospan::{FlushError, SpanHandle, Status, Tracer, attributes};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Makes every call that a child may stumble into.
fn all_calls(tracer: Tracer, live: SpanHandle) -> Result<(), u8> {
    tracer.set_attribute(live, "k", 1);
    tracer.set_attributes(live, &attributes!["k" => "text"]);
    tracer.add_event(live, "e", None, &[]);
    tracer.set_status(live, Status::error("x"));
    tracer.update_name(live, "renamed");
    tracer.end_span(live, None);
    let span = tracer.span("in the child").start();
    check(1, !span.is_recording())?;
    span.child("below").start().end();
    tracer.span("below").child_of_handle(live).start().end();
    drop(span);
    // An hour that nobody waits for.
    let hour = Duration::from_secs(3600);
    check(2, tracer.flush(hour) == Err(FlushError::Forked))?;
    check(3, tracer.shutdown(hour) == Err(FlushError::Forked))?;
    drop(tracer.guard());
    check(4, tracer.stats().is_balanced())
}

#[test]
fn a_child_is_turned_away_and_the_parent_delivers_everything_untouched() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let span = tracer.span("live").start();
    span.set_attribute("parent", 1);
    tracer.span("ended").start().end();
    let handle = span.handle();
    let before = tracer.stats();
    let code = in_child(|| {
        all_calls(tracer, handle)?;
        let stats = tracer.stats();
        check(5, stats.dropped.fork > before.dropped.fork)?;
        check(6, stats.live == 0 && stats.buffered == 0)?;
        // The span itself, moved or shared before the fork.
        span.set_attribute("child", 1);
        span.child("below").start().end();
        check(7, tracer.stats().exported == before.exported)
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
    span.end();
    recorder.assert_tree("live, ended");
    assert_eq!(recorder.span("live").attributes, [("parent".to_owned(), 1.into())]);
    assert_account(&tracer.stats(), &Account { started: 2, exported: 2, ..Account::default() });
    assert_eq!(tracer.stats().stale_calls, 0);
}

#[cfg(feature = "bext")]
#[test]
fn a_plugin_in_a_child_says_so_whatever_the_host_asks_of_it() {
    use nanospan::plugin::Plugin;
    use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
    use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
    let recorder = Recorder::new();
    let plugin = Plugin::over("t", recorder.tracer());
    recorder.tracer().span("ended").start().end();
    let code = in_child(|| {
        let told = |call: &str| Err(format!("t: {call}: {}", FlushError::Forked));
        check(1, plugin.flush() == told("flush"))?;
        check(2, plugin.on_reload() == told("flush"))?;
        check(3, plugin.on_server_start("") == told("start"))?;
        check(4, plugin.on_server_stop() == told("stop"))?;
        check(5, plugin.cleanup() == told("cleanup"))
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
    assert_eq!(plugin.flush(), Ok(()));
    recorder.assert_tree("ended");
}

#[test]
fn starts_in_a_child_are_counted_there_one_by_one() {
    let tracer = quiet_builder().exporter(Counter::default()).build().unwrap();
    let live = tracer.span("live").start();
    let code = in_child(|| {
        (0..100).for_each(|_| tracer.span("s").start().end());
        let stats = tracer.stats();
        // A hundred of the child's own, and the live one, which the parent delivers.
        check(1, stats.dropped.fork == 101)?;
        check(2, stats.started == 101 && stats.is_balanced())
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
    live.end();
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 1, exported: 1, ..Account::default() });
}

#[test]
fn a_child_may_make_a_tracer_of_its_own() {
    let tracer = quiet_builder().exporter(Counter::default()).build().unwrap();
    tracer.span("in the parent").start().end();
    let code = in_child(|| {
        let counter = Counter::default();
        let own = quiet_builder().exporter(counter.clone()).build().map_err(|_| 1)?;
        own.span("in the child").start().end();
        check(2, own.flush(PATIENCE).is_ok())?;
        check(3, counter.spans() == 1)?;
        check(4, own.shutdown(PATIENCE).is_ok())?;
        check(5, tracer.flush(PATIENCE) == Err(FlushError::Forked))
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
}

/// Threads come and go, record and flush while children are forked, so that every lock there is may
/// be held at the fork. Each child is forked by a thread that has never recorded: its first call
/// must not take a lock that a thread which is gone holds for ever.
#[test]
fn children_forked_amid_recording_never_hang() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    let live = tracer.span("live").start_handle();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let comes_and_goes = || tracer.span("s").start().end();
                    std::thread::scope(|scope| {
                        (0..8).for_each(|_| drop(scope.spawn(comes_and_goes)));
                        scope.spawn(|| drop(tracer.flush(PATIENCE)));
                    });
                }
            });
        }
        until("threads record", || tracer.stats().started > 100);
        for round in 0..size("NANOSPAN_FORKS", 150) {
            let forker = scope.spawn(|| in_child(|| all_calls(tracer, live)));
            let code = forker.join();
            if !matches!(code, Ok(0)) {
                stop.store(true, Ordering::Relaxed);
                panic!("child {round}: {code:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    tracer.end_span(live, None);
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    let expected = Account { started: stats.started, exported: stats.started, ..Account::default() };
    assert_account(&stats, &expected);
    assert_eq!((counter.spans(), stats.stale_calls), (stats.started, 0));
}

#[test]
fn the_parents_fan_out_exporter_and_its_stdout_exporter_are_refused_in_a_child_at_once() {
    let fan_out = FanOutExporter::builder().destination("memory", MemoryExporter::new()).build().unwrap();
    let stdout = StdoutExporter::builder().writer(std::io::sink(), "nowhere").build();
    let exporters: [&dyn SpanExporter; 2] = [&fan_out, &stdout];
    let batch = BatchBuilder::new(&[], 1).finish(0, 0).unwrap();
    let context = Context::new();
    let code = in_child(|| {
        for (number, exporter) in (1..).zip(exporters) {
            for result in [
                exporter.export(&context, &batch),
                exporter.force_flush(&context),
                exporter.shutdown(&context),
            ] {
                check(number, result.is_err_and(|error| error.kind() == ExportErrorKind::Forked))?;
            }
        }
        check(3, fan_out.stats().len() == 1)
    });
    assert_eq!(code, 0);
    for exporter in exporters {
        exporter.export(&context, &batch).expect("the parent's works on");
    }
}
