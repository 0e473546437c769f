//! The six places from which an export or a shutdown may be waited for, with a server that never
//! answers. A bound on the time would be generous; how long it takes is measured elsewhere. Here, a
//! wait that does not end with its deadline would never end.

use std::panic;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol, RetryPolicy};
use nanospan::{FlushError, Tracer};

use crate::common::batches::batch;
use crate::common::black_hole::{BlackHole, refusing};
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder};

fn into_the_hole(protocol: Protocol, hole: &BlackHole) -> OtlpExporter {
    builder(protocol, &hole.url()).timeout(Duration::ZERO).build().unwrap()
}

/// An export with a deadline, a shutdown with a deadline beside an export without one, and no time
/// beyond that.
fn assert_deadlines_hold(exporter: &OtlpExporter, hole: &BlackHole) {
    let begun = Instant::now();
    let short = || Context::with_timeout(Duration::from_millis(50));
    let error = exporter.export(&short(), &batch(0, 10)).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded, "{error}");
    let requests = exporter.stats().requests;
    thread::scope(|scope| {
        let endless = scope.spawn(|| exporter.export(&Context::new(), &batch(1, 10)).unwrap_err());
        while exporter.stats().requests == requests || hole.connections() == 0 {
            thread::yield_now();
        }
        let error = exporter.shutdown(&short()).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded, "{error}");
        assert_eq!(endless.join().unwrap().kind(), ExportErrorKind::Cancelled);
    });
    assert!(begun.elapsed() < PATIENCE);
}

fn for_each_form(check: impl Fn(OtlpExporter, Arc<BlackHole>)) {
    for protocol in PROTOCOLS {
        let hole = Arc::new(BlackHole::new());
        check(into_the_hole(protocol, &hole), hole);
    }
}

#[test]
fn deadlines_hold_on_a_plain_thread() {
    for_each_form(|exporter, hole| assert_deadlines_hold(&exporter, &hole));
}

#[test]
fn deadlines_hold_inside_a_current_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for_each_form(|exporter, hole| runtime.block_on(async { assert_deadlines_hold(&exporter, &hole) }));
}

#[test]
fn deadlines_hold_on_the_only_worker_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for_each_form(|exporter, hole| {
        runtime.block_on(runtime.spawn(async move { assert_deadlines_hold(&exporter, &hole) })).unwrap();
    });
}

#[test]
fn deadlines_hold_in_spawn_blocking() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for_each_form(|exporter, hole| {
        let blocking = runtime.spawn_blocking(move || assert_deadlines_hold(&exporter, &hole));
        runtime.block_on(blocking).unwrap();
    });
}

#[test]
fn deadlines_hold_in_a_destructor() {
    struct Dropped(OtlpExporter, Arc<BlackHole>, mpsc::Sender<()>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            assert_deadlines_hold(&self.0, &self.1);
            self.2.send(()).unwrap();
        }
    }

    for_each_form(|exporter, hole| {
        let (sender, receiver) = mpsc::channel();
        // While the thread unwinds.
        let _ = thread::spawn(move || {
            let _dropped = Dropped(exporter, hole, sender);
            panic::resume_unwind(Box::new("unwinding"));
        })
        .join();
        receiver.recv().unwrap();
    });
}

#[test]
fn deadlines_hold_in_a_panic_hook() {
    const WORD: &str = "a panic for the hook";
    for_each_form(|exporter, hole| {
        let (sender, receiver) = mpsc::channel();
        let before = panic::take_hook();
        // Other tests may panic at the same time; theirs is not the word.
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() == Some(WORD) {
                assert_deadlines_hold(&exporter, &hole);
                sender.send(()).unwrap();
            }
        }));
        let _ = thread::spawn(|| panic!("{}", WORD)).join();
        drop(panic::take_hook());
        panic::set_hook(before);
        receiver.recv().unwrap();
    });
}

/// Cancels when `is_reached` says so, and gives back how the export ended.
fn cancelled_when(exporter: &OtlpExporter, is_reached: impl Fn() -> bool) -> ExportErrorKind {
    let context = Context::new();
    let cancellation = context.cancellation();
    thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&context, &batch(0, 10)).unwrap_err());
        let begun = Instant::now();
        while !is_reached() {
            assert!(begun.elapsed() < PATIENCE, "it is never reached");
            thread::sleep(Duration::from_millis(1));
        }
        cancellation.cancel();
        export.join().unwrap().kind()
    })
}

#[test]
fn an_export_that_was_left_does_not_keep_the_next_one_waiting() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([Reply::Never]);
        let exporter = builder(protocol, &collector.url()).timeout(Duration::ZERO).build().unwrap();
        let kind = cancelled_when(&exporter, || collector.asked().len() == 1);
        assert_eq!(kind, ExportErrorKind::Cancelled);
        exporter.export(&Context::with_timeout(PATIENCE), &batch(1, 10)).unwrap();
    }
}

#[test]
fn the_timeout_ends_an_export_that_has_no_deadline() {
    for protocol in PROTOCOLS {
        let hole = BlackHole::new();
        let timeout = Duration::from_millis(50);
        let exporter = builder(protocol, &hole.url()).timeout(timeout).build().unwrap();
        let begun = Instant::now();
        let error = exporter.export(&Context::new(), &batch(0, 10)).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        assert!(begun.elapsed() >= timeout);
    }
}

#[test]
fn a_shutdown_that_leaves_no_time_for_another_attempt_says_so_at_once() {
    for protocol in PROTOCOLS {
        let patient = RetryPolicy::new().initial(4 * PATIENCE).max(4 * PATIENCE);
        let exporter = builder(protocol, &format!("http://{}", refusing())).retry(patient);
        let exporter = exporter.timeout(Duration::ZERO).build().unwrap();
        let tracer = Tracer::builder("test").export_timeout(Duration::ZERO).export_interval(4 * PATIENCE);
        let tracer = tracer.error_handler(|_| {}).exporter(exporter).build().unwrap();
        tracer.span("s").start().end();
        let begun = Instant::now();
        assert_eq!(tracer.shutdown(2 * PATIENCE), Err(FlushError::DeadlineExceeded));
        assert!(begun.elapsed() < PATIENCE, "it waited for what would be of no use");
        match tracer.shutdown(PATIENCE) {
            Err(FlushError::Export { message, lost_spans: 1 }) => {
                assert!(message.contains("cannot connect to 127.0.0.1:"), "{message}");
            }
            other => panic!("a span was lost, but a later shutdown returned {other:?}"),
        }
    }
}

#[test]
fn a_drop_without_a_shutdown_waits_for_nothing() {
    for_each_form(|exporter, hole| {
        let kind = cancelled_when(&exporter, || hole.connections() == 1);
        assert_eq!(kind, ExportErrorKind::Cancelled);
        drop(exporter);
    });
}
