//! Spans of threads that are not to be traced: the library's own, and others that say so.

mod common;

use common::{By, PATIENCE, quiet_builder};
use nanospan::export::{ExportError, ExportErrorKind};
use nanospan::testing::Recorder;
use nanospan::{Tracer, suppress_tracing};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[test]
fn every_way_to_start_a_span_gives_none_while_tracing_is_suppressed() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let parent = tracer.span("parent").start();
    let _ = parent.child("warms the short way up").start();
    let context = parent.context();

    let guard = suppress_tracing();
    let spans = [
        tracer.span("root").start(),
        tracer.span("copied").kind(nanospan::SpanKind::Server).start(),
        parent.child("child").start(),
        tracer.span("by context").child_of_context(&context).start(),
        tracer.span("by handle").child_of_handle(parent.handle()).start(),
    ];
    for span in &spans {
        assert!(!span.is_recording() && span.handle().is_invalid(), "{span:?}");
        assert!(!span.context().is_sampled());
    }
    assert_eq!(spans[2].trace_id(), parent.trace_id());
    assert!(tracer.span("handle").child_of_handle(parent.handle()).start_handle().is_invalid());
    drop(spans);
    parent.set_attribute("still", "recorded");
    drop(guard);

    let again = parent.child("again").start();
    assert!(again.is_recording());
    drop((again, parent));
    let names: Vec<_> = recorder.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(recorder.span("parent").attributes.len(), 1);
    assert_eq!(tracer.stats().suppressed, 6);
    assert!(tracer.stats().is_balanced());
}

#[test]
fn guards_nest_and_hold_for_their_thread_alone() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let outer = suppress_tracing();
    drop(suppress_tracing());
    assert!(!tracer.span("within").start().is_recording());
    std::thread::spawn(move || assert!(tracer.span("elsewhere").start().is_recording())).join().unwrap();
    drop(outer);
    assert!(tracer.span("after").start().is_recording());
}

static TRACER: OnceLock<Tracer> = OnceLock::new();

#[test]
fn an_exporter_and_an_error_handler_that_are_traced_make_no_spans_of_their_own() {
    static IN_EXPORT: AtomicU64 = AtomicU64::new(0);
    static HANDLED: AtomicBool = AtomicBool::new(false);
    let traced = || {
        let tracer = TRACER.get().expect("set before the first span");
        let span = tracer.span("export").start();
        assert!(!span.is_recording());
        drop(span.child("send").start());
    };
    let exporter = By(move |_: &_, _: &_| {
        traced();
        IN_EXPORT.fetch_add(1, Ordering::Relaxed);
        Err(ExportError::new(ExportErrorKind::Other, "a test's own failure"))
    });
    let handler = move |_: &ExportError| {
        traced();
        HANDLED.store(true, Ordering::Relaxed);
    };
    let tracer = quiet_builder().exporter(exporter).error_handler(handler).build().unwrap();
    TRACER.set(tracer).expect("set here alone");
    drop(tracer.span("request").start());
    tracer.flush(PATIENCE).unwrap_err();
    assert!(HANDLED.load(Ordering::Relaxed));
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(IN_EXPORT.load(Ordering::Relaxed), 1, "one batch, of the request alone");
    let stats = tracer.stats();
    assert_eq!((stats.started, stats.exporter_panics), (1, 0), "{stats:?}");
    assert_eq!(stats.suppressed, 4);
}
