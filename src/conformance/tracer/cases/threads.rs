//! Use from several threads. What the threads record is compared with what one thread records, so
//! that a tracer which gets it wrong on one thread already fails elsewhere, and not here.

use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::Delivered;
use crate::conformance::tracer::probe::{Bench, Seen, alike, brief, event, outline};
use bext_plugin_api::tracer::{SpanHandle, SpanStart, SpanStatus, TracerPlugin};
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "span-crosses-threads",
        citation: Citation::of("TracerPlugin", "pub trait TracerPlugin: Send + Sync")
            .read_as("behind an `Arc`, a span may be recorded on and ended on other threads than its own"),
        check: span_crosses_threads,
    },
    Case {
        id: "threads-record-while-others-flush",
        citation: Citation::of("TracerPlugin", "pub trait TracerPlugin: Send + Sync")
            .read_as("calls of any kind may overlap: each span is delivered once, as it was recorded"),
        check: threads_record_while_others_flush,
    },
];

/// Does one thing after the other, each on a new thread or all on this one.
fn one_by_one(elsewhere: bool, steps: impl IntoIterator<Item = Box<dyn FnOnce() + Send>>) {
    for step in steps {
        if elsewhere {
            on_a_thread(step);
        } else {
            step();
        }
    }
}

/// Runs `work` on a thread of its own and waits for it; a panic goes on here.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(work).join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn crossing(bench: &Bench, elsewhere: bool) -> Result<Vec<Vec<String>>, Stop> {
    let probe = bench.recording()?;
    let started = Arc::clone(&probe.tracer);
    let start = move || started.start_span(SpanStart { name: "crossing", ..SpanStart::default() });
    let span = if elsewhere { on_a_thread(start) } else { start() };
    let on_span = |call: fn(&dyn TracerPlugin, SpanHandle)| -> Box<dyn FnOnce() + Send> {
        let tracer = Arc::clone(&probe.tracer);
        Box::new(move || call(&*tracer, span))
    };
    one_by_one(
        elsewhere,
        [
            on_span(|tracer, span| tracer.set_attribute(span, "key", "value".into())),
            on_span(|tracer, span| tracer.add_event(span, event("event"))),
            on_span(|tracer, span| tracer.set_status(span, SpanStatus::Ok)),
            on_span(|tracer, span| tracer.end_span(span, None)),
        ],
    );
    Ok(probe.settled().outlines())
}

fn span_crosses_threads(bench: &Bench) -> Verdict {
    let expected = crossing(bench, false)?;
    alike("a span on several threads and on one", &expected, &crossing(bench, true)?)
}

const RECORDERS: usize = 8;
const FLUSHERS: usize = 2;
const SPANS: usize = 50;

/// Records what one thread records, and calls `in_span` in the middle of each span.
fn record(tracer: &dyn TracerPlugin, recorder: usize, in_span: impl Fn(usize)) {
    for number in 0..SPANS {
        let name = &*format!("span {recorder}/{number}");
        let attributes = vec![("recorder".to_owned(), (recorder as i64).into())];
        let span = tracer.start_span(SpanStart { name, attributes, ..SpanStart::default() });
        tracer.set_attribute(span, "number", (number as i64).into());
        tracer.add_event(span, event(name));
        in_span(number);
        tracer.set_status(span, SpanStatus::Error { description: name.to_owned() });
        tracer.set_attribute(span, "name", name.into());
        tracer.end_span(span, None);
    }
}

/// Records on one thread, and flushes in the middle of each span if asked: the worst that may
/// happen to a span among other threads.
fn alone(bench: &Bench, flush: bool) -> Result<Seen, Stop> {
    let probe = bench.recording()?;
    let in_span = |_| {
        if flush {
            let _ = probe.tracer.flush();
        }
    };
    (0..RECORDERS).for_each(|recorder| record(&*probe.tracer, recorder, in_span));
    Ok(probe.settled())
}

/// Tells, however a flusher ends, that no more flushes are to be waited for.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Records on all threads at once, while others flush.
fn together(bench: &Bench) -> Result<Seen, Stop> {
    let probe = bench.recording()?;
    let (done, flushes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flush = || {
        let _over = Over(&done);
        while !done.load(Ordering::Relaxed) {
            let _ = probe.tracer.flush();
            flushes.fetch_add(1, Ordering::Relaxed);
        }
    };
    // A fast tracer would be through before the first flush: now and then wait for the next one.
    let keep_pace = |number: usize| {
        let before = flushes.load(Ordering::Relaxed);
        let waits = || flushes.load(Ordering::Relaxed) == before && !done.load(Ordering::Relaxed);
        while number % 5 == 0 && waits() {
            thread::sleep(Duration::from_micros(50));
        }
    };
    thread::scope(|scope| {
        let flushers: Vec<_> = (0..FLUSHERS).map(|_| scope.spawn(flush)).collect();
        let tracer = &*probe.tracer;
        let record = |recorder| scope.spawn(move || record(tracer, recorder, keep_pace));
        let recorders: Vec<_> = (0..RECORDERS).map(record).collect();
        // The flushers go on until the last recorder has ended, be it by a panic.
        let ended: Vec<_> = recorders.into_iter().map(ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        let ended = ended.into_iter().chain(flushers.into_iter().map(ScopedJoinHandle::join));
        if let Some(panic) = ended.filter_map(Result::err).next() {
            resume_unwind(panic);
        }
    });
    Ok(probe.settled())
}

/// Each span's content as it was delivered last, and how often it was delivered.
fn by_name(spans: &Vec<Delivered>) -> HashMap<&str, (String, usize)> {
    let mut found = HashMap::new();
    for span in spans {
        let entry: &mut (String, usize) = found.entry(&*span.name).or_default();
        *entry = (outline(span), entry.1 + 1);
    }
    found
}

fn threads_record_while_others_flush(bench: &Bench) -> Verdict {
    let (calm, flushed, seen) = (alone(bench, false)?, alone(bench, true)?, together(bench)?);
    for (backend, seen) in seen.backends.iter().enumerate() {
        let [calm, flushed, seen] = [&calm.backends[backend], &flushed.backends[backend], seen].map(by_name);
        // What one thread gets wrong already, other cases fail for.
        let agree = |name: &str| flushed.get(name).is_some_and(|(content, _)| *content == calm[name].0);
        let once = calm.values().chain(flushed.values()).all(|(_, count)| *count == 1);
        for name in calm.keys().filter(|name| agree(name)) {
            let lost =
                || format!("expected the span {name:?} at back-end {backend}, seen {} others", seen.len());
            let (content, count) = seen.get(name).ok_or_else(|| Stop::Failed(lost()))?;
            let altered = || format!("expected {}, seen {}", brief(&calm[name].0), brief(content));
            ensure(*content == calm[name].0, altered)?;
            let twice =
                || format!("expected the span {name:?} once at back-end {backend}, seen it {count} times");
            ensure(!once || *count == 1, twice)?;
        }
    }
    Ok(())
}
