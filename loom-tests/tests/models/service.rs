//! The drain's thread and the export thread as they ship, with callers that flush and shut down. No time
//! passes here: a wake-up that is lost is found as a deadlock.

use loom::thread;
use nanospan::FlushError;
use nanospan::model::Service;
use nanospan_loom_tests::check_with;

/// Preemptions at most, of four threads: with two a model takes an hour.
const BOUND: usize = 1;

fn traces(service: &Service) -> Vec<u64> {
    service.exported().iter().map(|seen| seen.trace).collect()
}

/// Two threads flush at once: when a flush is done, what its caller knew to have ended was exported, and nothing was
/// twice.
#[test]
fn two_flushers() {
    check_with(BOUND, &["one export for both", "one each"], |outcomes| {
        let service = Service::start(1, 1);
        let end_one = |trace| assert!(service.tracer.end(service.tracer.start(trace).unwrap()), "it ended before");
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

/// One thread ends a span and flushes while another shuts the tracer down. Whichever comes first, both come to
/// an end, and the span was exported if the flush says so.
#[test]
fn a_flush_against_the_shutdown() {
    check_with(BOUND, &["flushed", "shut down before"], |outcomes| {
        let service = Service::start(1, 1);
        let span = service.tracer.start(1).unwrap();
        assert!(service.tracer.end(span));
        let other = service.clone();
        let stopper = thread::spawn(move || assert_eq!(other.shutdown(), Ok(())));
        outcomes.note(match service.flush() {
            Ok(()) => {
                assert_eq!(traces(&service), [1], "a flush that is done has exported what was before it");
                "flushed"
            }
            Err(FlushError::Shutdown) => "shut down before",
            Err(error) => panic!("{error}"),
        });
        stopper.join().unwrap();
        assert_eq!(traces(&service), [1], "what ended before the shutdown was exported once");
        let stats = service.stats();
        assert!(stats.is_balanced() && stats.exported == 1, "at rest: {stats:?}");
    });
}

/// A thread starts, records on and ends a span while another shuts the tracer down: the span is exported whole, or
/// counted as dropped; and what had ended before is exported.
#[test]
fn a_record_against_the_shutdown() {
    check_with(BOUND, &["exported", "not let in", "not ended in time"], |outcomes| {
        let service = Service::start(1, 1);
        let before = service.tracer.start(1).unwrap();
        assert!(service.tracer.end(before));
        let other = service.clone();
        let stopper = thread::spawn(move || assert_eq!(other.shutdown(), Ok(())));
        let span = service.tracer.start(2);
        if let Some(span) = span {
            service.tracer.attribute(span, "key", 1);
            service.tracer.end(span);
        }
        stopper.join().unwrap();
        let exported = traces(&service);
        let stats = service.stats();
        assert!(stats.is_balanced(), "at rest: {stats:?}");
        assert_eq!((stats.live, stats.buffered), (0, 0), "nothing is left: {stats:?}");
        outcomes.note(match (span.is_some(), exported.as_slice()) {
            (true, [1, 2]) => "exported",
            (true, [1]) => "not ended in time",
            (false, [1]) => "not let in",
            (_, other) => panic!("what ended before the shutdown is exported, not {other:?}"),
        });
        assert_eq!(stats.dropped.shutdown, 2 - exported.len() as u64, "{stats:?}");
    });
}
