//! The account, read while spans are started, ended and exported, and at rest.
//!
//! The collector of a pass has fences of its own, which would order what follows them on the same thread.
//! Nothing relies on that, so what follows a pass is done on a thread of its own here.

use loom::thread;
use nanospan::model::{Tracer, Way};
use nanospan_loom_tests::{Account, check};

/// No span is seen further than it can be.
fn agrees(way: Way) {
    assert!(way.gone <= way.consumed && way.consumed <= way.issued, "no further than started: {way:?}");
}

/// A thread starts and ends a span, and the drain collects it, while a third thread looks how far it is.
#[test]
fn how_far_a_span_is() {
    check(&["before it all", "it lived", "it was collected"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        let drain = thread::spawn(move || {
            drain.pass_unheard();
            drain
        });
        assert!(tracer.end(tracer.start(1).unwrap()));
        let way = reader.join().unwrap();
        agrees(way);
        outcomes.note(match (way.issued, way.consumed) {
            (0, _) => "before it all",
            (_, 0) => "it lived",
            _ => "it was collected",
        });
        drain.join().unwrap();
    });
}

/// A span is started, ended and collected, and lost on its way to the exporter, while another thread
/// looks how far it is.
#[test]
fn how_far_a_span_is_that_gets_lost() {
    check(&["it was lost", "it was not lost yet"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        assert!(tracer.end(tracer.start(1).unwrap()));
        let (spans, export) = (drain.pass_unheard(), drain.exporter());
        let exporter = thread::spawn(move || export(0, spans));
        let way = reader.join().unwrap();
        agrees(way);
        outcomes.note(if way.gone == 1 { "it was lost" } else { "it was not lost yet" });
        exporter.join().unwrap();
    });
}

/// The tracer is shut down while another thread looks. If the last pass is seen to be done, a span that ended
/// before is seen to be collected: it is never counted as lost to the shutdown.
#[test]
fn how_far_a_span_is_at_the_shutdown() {
    check(&["the last pass is done", "it is not done yet"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        assert!(tracer.end(tracer.start(1).unwrap()));
        assert_eq!(drain.pass_unheard(), 1, "spans");
        let finisher = thread::spawn(drain.finisher());
        let way = reader.join().unwrap();
        agrees(way);
        assert!(!way.drained || way.consumed == 1, "what the last pass collected: {way:?}");
        outcomes.note(if way.drained { "the last pass is done" } else { "it is not done yet" });
        finisher.join().unwrap();
    });
}

/// A thread starts, records on and ends a span while the drain makes a pass. Whenever both have come to
/// rest, before the last pass and after it, the account balances.
#[test]
fn at_rest() {
    check(&["the pass was in time", "the pass was too early"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let stats = drain.account();
        let mut account = Account::new(drain);
        let thread = thread::spawn(move || {
            let span = tracer.start(1).unwrap();
            tracer.attribute(span, "key", 1);
            assert!(tracer.end(span));
        });
        let found = account.pass().spans.len();
        thread.join().unwrap();
        let at_rest = stats();
        assert!(
            at_rest.is_balanced() && at_rest.exported == found as u64,
            "before the last pass: {at_rest:?}"
        );
        account.pass();
        let at_rest = stats();
        assert!(at_rest.is_balanced() && at_rest.exported == 1, "after the last pass: {at_rest:?}");
        outcomes.note(if found == 1 { "the pass was in time" } else { "the pass was too early" });
    });
}
