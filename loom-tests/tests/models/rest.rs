//! Passes that leave out the logs that are at rest: what must be in a span is in it all the same.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use nanospan::model::Tracer;
use nanospan_loom_tests::{Account, check, keys};
use std::sync::Arc;

/// A stranger, whose log the drain has never looked at, sets an attribute and tells the owner, who ends the
/// span, while the drain makes a pass that reads no more logs than it has to.
#[test]
fn what_a_stranger_at_rest_set_before_the_end() {
    check(&["the pass was in time", "the pass was too early", "too late"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 3);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        tracer.attribute(span, "owner", 0);
        let told = Arc::new(AtomicBool::new(false));
        let tells = Arc::clone(&told);
        let stranger = thread::spawn(move || {
            tracer.attribute(span, "stranger", 1);
            tells.store(true, Ordering::Release);
        });
        let drain = thread::spawn(move || {
            account.glance();
            account
        });
        let knew = told.load(Ordering::Acquire);
        assert!(tracer.end(span));
        let mut account = drain.join().unwrap();
        let in_time = !account.total.spans.is_empty();
        stranger.join().unwrap();
        account.pass();
        let seen = account.only(1);
        if knew {
            assert_eq!(keys(seen), ["owner", "stranger"], "what happened before the end");
        }
        outcomes.note(match (knew, in_time) {
            (true, true) => "the pass was in time",
            (true, false) => "the pass was too early",
            (false, _) => "too late",
        });
        assert_eq!(seen.attributes.len() as u64 + account.stale(tracer), 2, "attributes and stale calls");
    });
}

/// The owner sets an attribute and hands the span to a stranger, who ends it, while the drain makes such
/// a pass. Nothing of this is news from a log that it knows.
#[test]
fn what_an_owner_at_rest_set_before_a_stranger_ended() {
    check(&["the pass was in time", "the pass was too early"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        tracer.attribute(span, "owner", 1);
        let stranger = thread::spawn(move || assert!(tracer.end(span)));
        account.glance();
        let in_time = !account.total.spans.is_empty();
        stranger.join().unwrap();
        account.pass();
        assert_eq!(keys(account.only(1)), ["owner"], "what happened before the end");
        outcomes.note(if in_time { "the pass was in time" } else { "the pass was too early" });
    });
}

/// Two strangers set an attribute each before the owner ends the span. The log of the first is read while
/// its record is news, in a pass before the end; the other's is at rest.
#[test]
fn what_the_second_of_two_strangers_set() {
    check(&["the pass was in time", "the pass was too early"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 2);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        thread::spawn(move || tracer.attribute(span, "first", 1)).join().unwrap();
        account.pass();
        let owner = thread::spawn(move || {
            tracer.attribute(span, "second", 2);
            assert!(tracer.end(span));
        });
        account.glance();
        let in_time = !account.total.spans.is_empty();
        owner.join().unwrap();
        account.pass();
        assert_eq!(keys(account.only(1)), ["first", "second"], "what happened before the end");
        assert_eq!(account.stale(tracer), 0, "stale calls");
        outcomes.note(if in_time { "the pass was in time" } else { "the pass was too early" });
    });
}
