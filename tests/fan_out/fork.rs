//! A forked child process: every call is a no-op there, none hangs, and the parent goes on.

use crate::common::PATIENCE;
use crate::forked::{check, in_child};
use crate::notebook::{Notebook, builder_of, over, start, start_below, whole_span};
use nanospan::plugin::FanOut;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, TracerPlugin};

fn all_calls(tracer: &FanOut, live: SpanHandle) -> Result<(), u8> {
    tracer.set_attribute(live, "k", 1_i64.into());
    tracer.end_span(live, None);
    whole_span(tracer);
    check(1, start_below(tracer, "s", live).is_invalid())?;
    check(2, tracer.parent_of(&[SpanHandle { trace_id: [1; 16], span_id: [1; 8] }]).is_err())?;
    let told = tracer.flush().unwrap_err();
    check(3, told == "fan-out: the tracer belongs to the parent of this process")?;
    let stats = tracer.stats();
    check(4, stats.refused_fork == 3 && stats.children[0].flushes == 0)
}

#[test]
fn a_forked_child_is_turned_away_and_the_parent_goes_on() {
    let a = Notebook::new("a");
    let tracer = over(&[&a]);
    let live = start(&tracer, "live");
    let code = in_child(|| {
        all_calls(&tracer, live)?;
        check(5, a.calls().len() == 1)
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
    tracer.end_span(live, None);
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!((a.calls().len(), tracer.stats().live_spans, tracer.stats().refused_fork), (3, 0, 0));
}

#[test]
fn a_forked_child_may_drop_it_and_make_its_own() {
    let a = Notebook::new("a");
    let mut tracer = Some(over(&[&a]));
    let parent = tracer.as_ref().unwrap().parent_of(&[a.handle(7)]).unwrap();
    let code = in_child(|| {
        drop(parent);
        drop(tracer.take());
        let b = Notebook::new("b");
        let own = builder_of(&[&b]).flush_timeout(PATIENCE).build().map_err(|_| 1)?;
        whole_span(&own);
        check(2, own.flush().is_ok() && b.flushes() == 1)?;
        check(3, own.stats().live_spans == 0)
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
}

/// Threads come and go and flush while children are forked, so that any lock may be held at the fork.
/// Each child is forked by a thread that has not used the tracer before.
#[test]
fn children_forked_amid_recording_never_hang() {
    let a = Notebook::new("a");
    let tracer = over(&[&a]);
    let live = start(&tracer, "live");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::thread::scope(|scope| {
                        (0..4).for_each(|_| drop(scope.spawn(|| tracer.end_span(start(&tracer, "s"), None))));
                        scope.spawn(|| drop(tracer.flush()));
                    });
                }
            });
        }
        for round in 0..40 {
            let (tracer, live) = (&tracer, live);
            let flush = move || {
                check(1, start(tracer, "s").is_invalid())?;
                tracer.end_span(live, None);
                check(2, tracer.flush().is_err())
            };
            let code = scope.spawn(move || in_child(flush)).join();
            if !matches!(code, Ok(0)) {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("child {round}: {code:?}");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    tracer.end_span(live, None);
    assert_eq!(tracer.stats().live_spans, 0);
}
