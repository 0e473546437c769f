//! Threads: thousands at once, thousands one after another, and what they do when they go.

mod common;

use common::{Account, Counter, PATIENCE, assert_account, quiet_builder};
use nanospan::sampling::Sampler;
use nanospan::testing::Recorder;
use nanospan::{Span, SpanContext, StatusCode, Tracer, attributes};
use std::cell::RefCell;
use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

/// What a thread has is given to it by the number of threads in the process, so tests that make
/// thousands take turns.
static CROWD: Mutex<()> = Mutex::new(());

const THREADS: usize = 5000;
const SPANS_EACH: u64 = 100;

/// Runs `work` on 5,000 threads that are all alive from before the first call until after the last.
fn on_five_thousand_threads(work: impl Fn() + Sync) {
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let (here, done) = (Barrier::new(THREADS), Barrier::new(THREADS));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let body = || {
                here.wait();
                work();
                done.wait();
            };
            thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, body).unwrap();
        }
    });
}

fn record_spans(tracer: Tracer) {
    let text = "sixteen bytes ok";
    for _ in 0..SPANS_EACH {
        let span = tracer.span("s").start();
        span.set_attribute("n", 1);
        span.set_attribute("text", text);
        span.set_attribute("flag", true);
    }
}

/// All at once, and the drain is one of 5,000 threads that want to run: the budget carries every span
/// and every record until it gets its turn.
#[test]
fn five_thousand_threads_in_one_burst_lose_nothing_within_the_default_budget() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    on_five_thousand_threads(|| record_spans(tracer));
    tracer.flush(PATIENCE).unwrap();
    let spans = THREADS as u64 * SPANS_EACH;
    let stats = tracer.stats();
    assert_account(&stats, &Account { started: spans, exported: spans, ..Account::default() });
    assert_eq!((counter.spans(), counter.attributes()), (spans, 3 * spans));
    assert_eq!(stats.lost_attributes, 0);
    assert!(stats.memory_bytes <= 320 << 20, "{} bytes", stats.memory_bytes);
}

#[test]
fn ten_thousand_short_threads_lose_nothing_and_leave_nothing_behind() {
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let counter = Counter::default();
    let tracer = quiet_builder().memory_budget(8 << 20).exporter(counter.clone()).build().unwrap();
    for _ in 0..1250 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let span = tracer.span("s").start();
                    span.set_attribute("k", 1);
                    span.child("c").start().end();
                });
            }
        });
    }
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert_account(&stats, &Account { started: 20_000, exported: 20_000, ..Account::default() });
    assert_eq!((counter.attributes(), stats.lost_attributes), (10_000, 0));
    // A thread that comes takes over the log of one that went: so many logs, so many chunks in use.
    assert!(stats.log_bytes <= 1 << 20, "{} bytes in logs", stats.log_bytes);
}

/// More threads than the drain looks at in each pass, and it has found all of them at rest. Whoever wakes
/// up: what it records on another thread's span before that one ends is in it.
#[test]
fn what_a_thread_records_that_wakes_up_among_two_thousand_at_rest_is_in_the_span() {
    const ALL: usize = 2000;
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let recorder = Recorder::with(|settings| settings.memory_budget(128 << 20));
    let tracer = recorder.tracer();
    thread::scope(|scope| {
        let sleeper = |n: usize| {
            let (wake, woken) = mpsc::channel::<(Span, mpsc::Sender<Span>)>();
            let body = move || {
                tracer.span("first").start().set_attribute("n", n as i64);
                for (span, back) in woken {
                    span.set_attribute("by", n as i64);
                    tracer.span("own").start().set_attribute("by", n as i64);
                    back.send(span).unwrap();
                }
            };
            thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, body).unwrap();
            wake
        };
        let sleepers: Vec<_> = (0..ALL).map(sleeper).collect();
        // A pass each; what has not changed for as many is at rest.
        (0..32).for_each(|_| tracer.flush(PATIENCE).unwrap());
        for (n, sleeper) in sleepers.iter().enumerate() {
            let span = tracer.span("asked").start();
            span.set_attribute("of", n as i64);
            let (back, is_back) = mpsc::channel();
            sleeper.send((span, back)).unwrap();
            is_back.recv().unwrap().end();
        }
    });
    tracer.flush(PATIENCE).unwrap();
    let spans = recorder.spans();
    let of = |name: &str| -> Vec<_> {
        spans.iter().filter(|span| span.name == name).map(|span| span.attributes.clone()).collect()
    };
    let asked = of("asked");
    assert_eq!((asked.len(), of("first").len(), of("own").len()), (ALL, ALL, ALL));
    for attributes in asked {
        let n = attributes[0].1.clone();
        assert_eq!(attributes, [("of".to_owned(), n.clone()), ("by".to_owned(), n)]);
    }
    assert_eq!((tracer.stats().stale_calls, tracer.stats().lost_attributes), (0, 0));
}

#[test]
fn a_span_outlives_the_thread_that_started_it() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let (span, handle) = thread::spawn(move || {
        let span = tracer.span("moved").start();
        span.set_attribute("early", 1);
        (span, tracer.span("by handle").start_handle())
    })
    .join()
    .unwrap();
    // Another thread that inherits what the first one left.
    thread::spawn(move || tracer.span("other").start().end()).join().unwrap();
    span.set_attribute("late", 2);
    tracer.set_attribute(handle, "late", 3);
    tracer.end_span(handle, None);
    span.end();
    recorder.assert_tree("moved, by handle, other");
    assert_eq!(recorder.span("moved").attributes.len(), 2);
    assert_eq!(recorder.span("by handle").attributes, [("late".to_owned(), 3.into())]);
}

/// Records a span when its thread goes.
struct AtExit(Tracer);

impl Drop for AtExit {
    fn drop(&mut self) {
        let mut span = self.0.span("at exit").start();
        span.set_attribute("k", 1);
        span.set_status(nanospan::Status::Ok);
        span.child("below").start().end();
    }
}

thread_local! {
    static AT_EXIT: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) };
    static LEFT: RefCell<Vec<nanospan::Span>> = const { RefCell::new(Vec::new()) };
}

fn on_threads(work: impl Fn() + Sync) {
    for _ in 0..50 {
        thread::scope(|scope| drop(scope.spawn(&work).join()));
    }
}

/// Destructors run last in, first out, at least on Linux: what was registered before the tracer was
/// first used runs when the thread is gone for the tracer.
#[test]
fn a_destructor_registered_before_the_first_use_is_turned_away_and_counted() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    on_threads(|| {
        AT_EXIT.with_borrow_mut(|slot| slot.push(AtExit(tracer)));
        tracer.span("s").start().end();
    });
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(stats.exported + stats.dropped.thread_exit, stats.started);
    assert_eq!(counter.spans(), stats.exported);
    if cfg!(target_os = "linux") {
        assert_eq!((stats.exported, stats.dropped.thread_exit), (50, 50));
        // A span that was turned away is invalid, and so is what stands below it.
        assert_eq!(stats.invalid_parent + stats.not_sampled, 50);
    }
}

#[test]
fn a_destructor_registered_after_the_first_use_still_records() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    on_threads(|| {
        tracer.span("s").start().end();
        AT_EXIT.with_borrow_mut(|slot| slot.push(AtExit(tracer)));
    });
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(stats.exported + stats.dropped.thread_exit, stats.started);
    if cfg!(target_os = "linux") {
        assert_eq!((stats.exported, counter.attributes()), (150, 50));
    }
}

#[test]
fn a_thread_that_first_records_in_a_destructor_is_counted_either_way() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    on_threads(|| AT_EXIT.with_borrow_mut(|slot| slot.push(AtExit(tracer))));
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(counter.spans(), stats.exported);
    assert_eq!(stats.exported + stats.dropped.thread_exit, stats.started);
    let below = stats.started - 50 + stats.invalid_parent + stats.not_sampled;
    assert_eq!(below, 50, "each thread started two spans: {stats:?}");
}

#[test]
fn a_live_span_left_in_a_thread_local_is_ended_and_delivered() {
    let counter = Counter::default();
    let tracer = quiet_builder().exporter(counter.clone()).build().unwrap();
    on_threads(|| {
        // Registered before the first use, so that it is dropped after the thread is gone.
        LEFT.with_borrow_mut(|spans| spans.clear());
        let span = tracer.span("s").start();
        span.set_attribute("k", 1);
        LEFT.with_borrow_mut(|spans| spans.push(span));
    });
    tracer.flush(PATIENCE).unwrap();
    assert_account(&tracer.stats(), &Account { started: 50, exported: 50, ..Account::default() });
    assert_eq!(counter.attributes(), 50);
}

/// Records on a span that lives on when its thread goes.
struct LastWords(Arc<Mutex<Span>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        let mut span = self.0.lock().unwrap();
        span.set_attribute("k", 1);
        span.set_attributes(&attributes!["a" => 1, "b" => "text"]);
        span.add_event("e", &attributes!["k" => 1]);
        span.add_link(&SpanContext::INVALID, &[]);
        span.set_status(nanospan::Status::Ok);
    }
}

thread_local! {
    static LAST_WORDS: RefCell<Vec<LastWords>> = const { RefCell::new(Vec::new()) };
}

/// What a thread records on another thread's span when it is gone for the tracer finds no log. It is
/// lost as what finds no memory is: counted, in the span and in all.
#[test]
fn what_a_thread_records_after_its_end_is_counted_in_the_span_that_it_is_missing_from() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let span = Arc::new(Mutex::new(tracer.span("s").start()));
    on_threads(|| {
        LAST_WORDS.with_borrow_mut(|slot| slot.push(LastWords(Arc::clone(&span))));
        // Here, after the destructor was registered.
        tracer.span("other").start().end();
    });
    drop(span);
    let span = recorder.span("s");
    let lost = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
    let stats = tracer.stats();
    assert_eq!([stats.lost_attributes, stats.lost_events, stats.lost_links], lost.map(u64::from));
    if cfg!(target_os = "linux") {
        assert_eq!(lost, [4 * 50, 50, 50], "a status counts as an attribute");
        assert_eq!((span.attributes.len(), span.status), (0, StatusCode::Unset));
    }
}

#[test]
fn a_root_that_is_not_sampled_in_a_last_destructor_is_counted_as_such_and_has_no_ids() {
    let recorder = Recorder::with(|builder| builder.sampler(Sampler::always_off()));
    let tracer = recorder.tracer();
    on_threads(|| {
        AT_EXIT.with_borrow_mut(|slot| slot.push(AtExit(tracer)));
        assert!(tracer.span("s").start().trace_id().is_valid());
    });
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.dropped.total(), recorder.spans().len()), (0, 0, 0));
    if cfg!(target_os = "linux") {
        // Below the one without ids the other is invalid.
        assert_eq!((stats.not_sampled, stats.invalid_parent), (100, 50));
    }
}

static HOOKED: OnceLock<Tracer> = OnceLock::new();

#[test]
fn a_panic_hook_may_record() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    HOOKED.set(tracer).unwrap();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {
        if let Some(tracer) = HOOKED.get() {
            let span = tracer.span("in the hook").start();
            span.set_attribute("k", 1);
        }
    }));
    let panicked = thread::spawn(move || {
        let _span = tracer.span("panicking").start();
        panic!("a test's own panic");
    })
    .join();
    std::panic::set_hook(before);
    assert!(panicked.is_err());
    recorder.assert_tree("panicking, in the hook");
    assert_eq!(recorder.span("panicking").status, StatusCode::Error);
    // The hook runs before the unwinding begins.
    assert_eq!(recorder.span("in the hook").status, StatusCode::Unset);
}
