//! The drain's thread and the export thread as they ship, with callers that flush and shut down. No time
//! passes here: a wake-up that is lost is found as a deadlock.

use loom::thread;
use nanospan::FlushError;
use nanospan::model::{Service, Tracer};
use nanospan_loom_tests::check_with;

/// Preemptions at most, of four threads: with two a model takes an hour.
const BOUND: usize = 1;

fn traces(service: &Service) -> Vec<u64> {
    service.exported().iter().map(|seen| seen.trace).collect()
}

/// Two threads flush at once: when a flush is done, what its caller knew to have ended was exported, and
/// nothing was twice.
#[test]
fn two_flushers() {
    check_with(BOUND, &["one export for both"], |outcomes| {
        let service = Service::start(1, 1);
        let end_one =
            |trace| assert!(service.tracer.end(service.tracer.start(trace).unwrap()), "it ended before");
        end_one(1);
        let other = service.clone();
        let other = thread::spawn(move || {
            assert_eq!(other.flush(), Ok(()));
            assert!(traces(&other).contains(&1), "a flush that is done has exported what was before it");
        });
        end_one(2);
        assert_eq!(service.flush(), Ok(()));
        assert_eq!(traces(&service), [1, 2], "a flush that is done has exported what was before it");
        outcomes.note(if service.exports() == 1 { "one export for both" } else { "one each" });
        other.join().unwrap();
        assert_eq!(service.shutdown(), Ok(()));
        assert_eq!(traces(&service), [1, 2], "each span once");
    });
}

/// What a flush beside the shutdown came to.
fn flush(service: &Service) -> &'static str {
    match service.flush() {
        Ok(()) => {
            assert_eq!(traces(service), [1], "a flush that is done has exported what was before it");
            "flushed"
        }
        Err(FlushError::Shutdown) => "shut down before",
        Err(error) => panic!("{error}"),
    }
}

/// With a span that has ended.
fn with_a_span() -> Service {
    let service = Service::start(2, 2);
    assert!(service.tracer.end(service.tracer.start(1).unwrap()));
    service
}

/// A thread flushes while another shuts the tracer down. Both come to an end; the span was exported once, and
/// before the flush if that says so.
#[test]
fn a_flush_against_the_shutdown() {
    check_with(BOUND, &["flushed"], |outcomes| {
        let service = with_a_span();
        let other = service.clone();
        let stopper = thread::spawn(move || assert_eq!(other.shutdown(), Ok(())));
        outcomes.note(flush(&service));
        stopper.join().unwrap();
        assert_eq!(traces(&service), [1], "what ended before the shutdown was exported once");
    });
}

/// The same from the other side: with few preemptions, who goes first decides what can happen.
#[test]
fn the_shutdown_against_a_flush() {
    check_with(BOUND, &["shut down before"], |outcomes| {
        let service = with_a_span();
        let other = service.clone();
        let flusher = thread::spawn(move || flush(&other));
        assert_eq!(service.shutdown(), Ok(()));
        outcomes.note(flusher.join().unwrap());
        assert_eq!(traces(&service), [1], "what ended before the shutdown was exported once");
    });
}

/// Starts, records on and ends a span: whether it was let in.
fn record(tracer: Tracer) -> bool {
    let span = tracer.start(2);
    if let Some(span) = span {
        tracer.attribute(span, "key", 1);
        tracer.end(span);
    }
    span.is_some()
}

/// What became of that span, and of the one before, when the tracer is shut down.
fn what_became(service: &Service, let_in: bool) -> &'static str {
    let exported = traces(service);
    let stats = service.stats();
    assert!(stats.is_balanced(), "at rest: {stats:?}");
    assert_eq!((stats.live, stats.buffered), (0, 0), "nothing is left: {stats:?}");
    assert_eq!(stats.dropped.shutdown, 2 - exported.len() as u64, "{stats:?}");
    match (let_in, exported.as_slice()) {
        (true, [1, 2]) => "exported",
        (true, [1]) => "not ended in time",
        (false, [1]) => "not let in",
        (_, other) => panic!("what ended before the shutdown is exported, not {other:?}"),
    }
}

/// A thread starts, records on and ends a span while another shuts the tracer down: the span is exported,
/// or counted as dropped; and what had ended before is exported.
#[test]
fn a_record_against_the_shutdown() {
    check_with(BOUND, &["exported", "not ended in time"], |outcomes| {
        let service = with_a_span();
        let other = service.clone();
        let stopper = thread::spawn(move || assert_eq!(other.shutdown(), Ok(())));
        let let_in = record(service.tracer);
        stopper.join().unwrap();
        outcomes.note(what_became(&service, let_in));
    });
}

/// The same from the other side.
#[test]
fn the_shutdown_against_a_record() {
    check_with(BOUND, &["not let in"], |outcomes| {
        let service = with_a_span();
        let tracer = service.tracer;
        let recorder = thread::spawn(move || record(tracer));
        assert_eq!(service.shutdown(), Ok(()));
        let let_in = recorder.join().unwrap();
        outcomes.note(what_became(&service, let_in));
    });
}
