//! The account, read while spans are started, ended and exported, and at rest. In the first three one thread does
//! all that moves spans on, which is order enough: the other may see any of it late.

use loom::thread;
use nanospan::model::{Tracer, Way};
use nanospan_loom_tests::{Account, check};

/// No span is seen further than it can be.
fn agrees(way: Way) {
    assert!(way.gone <= way.consumed && way.consumed <= way.issued, "no further than started: {way:?}");
}

/// A span is started, ended, collected and exported while another thread looks how far it is.
#[test]
fn how_far_a_span_is() {
    check(&["before it all", "it lived", "it was collected", "it was exported"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        let span = tracer.start(1).unwrap();
        assert!(tracer.end(span));
        drain.pass();
        let way = reader.join().unwrap();
        agrees(way);
        outcomes.note(match (way.issued, way.consumed, way.gone) {
            (0, ..) => "before it all",
            (_, 0, _) => "it lived",
            (.., 0) => "it was collected",
            _ => "it was exported",
        });
    });
}

/// The same for a span that is lost on its way to the exporter.
#[test]
fn how_far_a_span_is_that_gets_lost() {
    check(&["it was lost", "it was not lost yet"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        let span = tracer.start(1).unwrap();
        assert!(tracer.end(span));
        drain.pass_and_lose();
        let way = reader.join().unwrap();
        agrees(way);
        outcomes.note(if way.gone == 1 { "it was lost" } else { "it was not lost yet" });
    });
}

/// The tracer is shut down while another thread looks. If the last pass is seen to be done, a span that ended
/// before is seen to be collected: it is never counted as lost to the shutdown.
#[test]
fn how_far_a_span_is_at_the_shutdown() {
    check(&["the last pass is done", "it is not done yet"], |outcomes| {
        let (tracer, mut drain) = Tracer::new(1, 1);
        let reader = thread::spawn(drain.way());
        let span = tracer.start(1).unwrap();
        assert!(tracer.end(span));
        drain.last_pass();
        let way = reader.join().unwrap();
        agrees(way);
        assert!(!way.drained || way.consumed == 1, "what the last pass collected: {way:?}");
        outcomes.note(if way.drained { "the last pass is done" } else { "it is not done yet" });
    });
}

/// A thread starts, records on and ends a span while the drain makes a pass. Whenever both have come to rest, before the
/// last pass and after it, the account balances.
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
        assert!(at_rest.is_balanced() && at_rest.exported == found as u64, "before the last pass: {at_rest:?}");
        account.pass();
        let at_rest = stats();
        assert!(at_rest.is_balanced() && at_rest.exported == 1, "after the last pass: {at_rest:?}");
        outcomes.note(if found == 1 { "the pass was in time" } else { "the pass was too early" });
    });
}
