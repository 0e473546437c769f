//! Threads: spans that are started here and ended there, and threads that go.

use crate::notebook::{Call, Notebook, builder_of, over, start};
use nanospan::plugin::FanOut;
use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanHandle, TracerPlugin};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

const THREADS: usize = 8;
const SPANS: i64 = 2_000;

/// What a child was told of each span: its name and the attributes, in order, until its only end.
fn spans_of(child: &Notebook) -> HashMap<u64, (String, Vec<AttrValue>)> {
    let mut live: HashMap<u64, (String, Vec<AttrValue>)> = HashMap::new();
    let mut ended = HashMap::new();
    for call in child.calls() {
        match call {
            Call::Start(n, started) => drop(live.insert(n, (started.name, Vec::new()))),
            Call::Attribute(n, _, value) => live.get_mut(&n).expect("the span is live").1.push(value),
            Call::End(n, _) => {
                let span = live.remove(&n).expect("the span is live");
                assert!(ended.insert(n, span).is_none(), "span {n} ended twice");
            }
            other => panic!("nobody made this call: {other:?}"),
        }
    }
    assert!(live.is_empty(), "{} spans never ended", live.len());
    ended
}

/// Each thread starts spans, and its neighbour goes on with them and ends them.
#[test]
fn spans_that_are_ended_by_another_thread_reach_every_child_whole() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    std::thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..THREADS).map(|_| mpsc::sync_channel::<(SpanHandle, i64)>(64)).unzip();
        for (thread, inbox) in receivers.into_iter().enumerate() {
            let neighbour = senders[(thread + 1) % THREADS].clone();
            let tracer = &tracer;
            scope.spawn(move || {
                for n in 0..SPANS {
                    let tag = thread as i64 * SPANS + n;
                    let span = start(tracer, &format!("s{tag}"));
                    tracer.set_attribute(span, "here", tag.into());
                    // A full channel: the neighbour may be waiting for its own.
                    let mut mine = Some((span, tag));
                    while let Some(message) = mine.take() {
                        if let Err(mpsc::TrySendError::Full(back)) = neighbour.try_send(message) {
                            mine = Some(back);
                        }
                        while let Ok((span, tag)) = inbox.try_recv() {
                            tracer.set_attribute(span, "there", AttrValue::String(format!("s{tag}")));
                            tracer.end_span(span, None);
                        }
                    }
                }
                drop(neighbour);
                for (span, tag) in inbox {
                    tracer.set_attribute(span, "there", AttrValue::String(format!("s{tag}")));
                    tracer.end_span(span, None);
                }
            });
        }
        drop(senders);
    });
    for child in [&a, &b] {
        let spans = spans_of(child);
        assert_eq!(spans.len(), THREADS * SPANS as usize);
        for (name, values) in spans.into_values() {
            let tag: i64 = name[1..].parse().unwrap();
            assert_eq!(values, [AttrValue::I64(tag), AttrValue::String(name)]);
        }
    }
    let stats = tracer.stats();
    let calls = (stats.stale_calls, stats.forged_calls, stats.refused_capacity);
    assert_eq!((stats.started, stats.live_spans, calls), (THREADS as u64 * SPANS as u64, 0, (0, 0, 0)));
}

#[test]
fn of_eight_ends_at_once_one_reaches_the_children() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    let rounds = 500;
    let (barrier, handle) = (Barrier::new(THREADS), std::sync::Mutex::new(SpanHandle::INVALID));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    if barrier.wait().is_leader() {
                        *handle.lock().unwrap() = start(&tracer, "s");
                    }
                    barrier.wait();
                    let span = *handle.lock().unwrap();
                    tracer.end_span(span, None);
                }
            });
        }
    });
    assert_eq!((spans_of(&a).len(), spans_of(&b).len()), (rounds, rounds));
    assert_eq!(tracer.stats().stale_calls, rounds as u64 * (THREADS as u64 - 1));
    assert_eq!(tracer.stats().live_spans, 0);
}

/// All of the table's entries go from thread to thread, one after another and many at once, and each is
/// still there in the end.
#[test]
fn no_entry_gets_lost_as_threads_come_and_go() {
    let a = Notebook::new("a");
    // Large enough for threads to keep entries.
    let max = 8_192;
    let tracer = Arc::new(builder_of(&[&a]).max_live_spans(max).build().unwrap());
    for _ in 0..20 {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let spans: Vec<SpanHandle> = (0..100).map(|_| start(&*tracer, "s")).collect();
                    spans.iter().for_each(|span| tracer.end_span(*span, None));
                });
            }
        });
    }
    let spans: Vec<SpanHandle> = (0..max).map(|_| start(&*tracer, "s")).collect();
    let got = spans.iter().filter(|span| !span.is_invalid()).count();
    // Places of threads that have exited hold 8 each; as many threads as there ever were at once, those
    // of other tests included, have a place.
    let refused = tracer.stats().refused_capacity as usize;
    assert_eq!(got + refused, max);
    assert!(refused <= 8 * 64, "{refused} entries are nowhere to be had");
    spans.iter().filter(|span| !span.is_invalid()).for_each(|span| tracer.end_span(*span, None));
    assert_eq!(tracer.stats().live_spans, 0);
}

/// Uses the tracer as its thread's very last act.
struct AtExit(Arc<FanOut>, SpanHandle);

impl Drop for AtExit {
    fn drop(&mut self) {
        self.0.set_attribute(self.1, "at exit", true.into());
        self.0.end_span(self.1, None);
        let span = start(&*self.0, "at exit");
        assert!(!span.is_invalid());
        self.0.end_span(span, None);
    }
}

thread_local! {
    static EARLY: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

#[test]
fn destructors_of_a_thread_may_start_and_end_spans() {
    let a = Notebook::new("a");
    let tracer = Arc::new(over(&[&a]));
    let spans = [(); 2].map(|()| start(&*tracer, "live"));
    for (place, used_before) in [(&EARLY, false), (&LATE, true)] {
        let (tracer, span) = (Arc::clone(&tracer), spans[usize::from(used_before)]);
        std::thread::spawn(move || {
            // Registered before the tracer's own destructors it runs after them, or else before.
            if used_before {
                tracer.end_span(start(&*tracer, "first"), None);
            }
            place.set(Some(AtExit(Arc::clone(&tracer), span)));
            tracer.end_span(start(&*tracer, "s"), None);
        })
        .join()
        .unwrap();
    }
    let names: Vec<String> = spans_of(&a).into_values().map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| *name == "at exit").count(), 2);
    assert_eq!(names.iter().filter(|name| *name == "live").count(), 2);
    assert_eq!((tracer.stats().live_spans, tracer.stats().children[0].panics), (0, 0));
}
