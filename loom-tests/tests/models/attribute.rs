//! Attributes of threads that are not the span's owner, against its end.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use nanospan::model::Tracer;
use nanospan_loom_tests::{Account, check, keys};
use std::sync::Arc;

/// A stranger sets an attribute and tells the owner, who ends the span, while the drain makes a pass.
/// The attribute is in the span, although it is in another log than the owner's.
#[test]
fn what_a_stranger_set_before_the_owner_ended() {
    check(&["told in time", "too late, in the span", "too late, stale"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 2);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        let told = Arc::new(AtomicBool::new(false));
        let tells = Arc::clone(&told);
        let stranger = thread::spawn(move || {
            tracer.attribute(span, "stranger", 1);
            tells.store(true, Ordering::Release);
        });
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        let knew = told.load(Ordering::Acquire);
        assert!(tracer.end(span));
        stranger.join().unwrap();
        let mut account = drain.join().unwrap();
        account.pass();
        let seen = account.only(1);
        outcomes.note(match (knew, keys(seen).as_slice()) {
            (true, keys) => {
                assert_eq!(keys, ["stranger"], "what happened before the end");
                "told in time"
            }
            (false, ["stranger"]) => "too late, in the span",
            (false, _) => "too late, stale",
        });
        // What was set at the same time is in the span or stale.
        assert_eq!(seen.attributes.len() as u64 + account.stale(tracer), 1, "attributes and stale calls");
    });
}

/// The owner sets an attribute and hands the span to a stranger, who sets another and ends the span,
/// while the drain makes a pass. All attributes are in the span.
#[test]
fn what_two_threads_set_before_the_stranger_ended() {
    check(&["the pass was in time", "the pass was too early"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 2);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        tracer.attribute(span, "owner", 1);
        // The thread holds the block, and the chunk has room: the short way.
        tracer.attribute(span, "in short", 2);
        let stranger = thread::spawn(move || {
            tracer.attribute(span, "stranger", 3);
            // In the same chunk, and in the long way all the same.
            tracer.attribute(span, "again", 4);
            assert!(tracer.end(span));
        });
        let found = account.pass().spans.len();
        stranger.join().unwrap();
        account.pass();
        let expected = ["owner", "in short", "stranger", "again"];
        assert_eq!(keys(account.only(1)), expected, "what happened before the end");
        assert_eq!(account.stale(tracer), 0, "stale calls");
        outcomes.note(if found == 1 { "the pass was in time" } else { "the pass was too early" });
    });
}

/// A stranger, the owner and another stranger set one key after another, each after the one before;
/// the drain reads the owner's log first and makes a pass at any moment. The order is that of the
/// calls.
#[test]
fn the_order_of_three_threads() {
    check(&[], |_| {
        let (tracer, drain) = Tracer::new(1, 3);
        let mut account = Account::new(drain);
        let span = tracer.start(1).unwrap();
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        thread::spawn(move || tracer.attribute(span, "first", 1)).join().unwrap();
        tracer.attribute(span, "second", 2);
        thread::spawn(move || tracer.attribute(span, "third", 3)).join().unwrap();
        assert!(tracer.end(span));
        let mut account = drain.join().unwrap();
        account.pass();
        assert_eq!(keys(account.only(1)), ["first", "second", "third"], "the order of the calls");
        assert_eq!(account.stale(tracer) + tracer.shed(), 0, "stale or shed calls");
    });
}

/// A stranger's attribute stalls while the owner ends the span, the drain recycles the block, and the
/// owner starts another span in the same slot. The attribute is in the old span or stale; the new span
/// never has it.
#[test]
fn a_late_one_is_stale() {
    check(&["in the old span", "stale"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || tracer.attribute(first, "late", 1));
        assert!(tracer.end(first));
        account.pass();
        let next = tracer.start(3).unwrap();
        account.pass();
        stranger.join().unwrap();
        assert!(tracer.end(next));
        account.pass();
        assert_eq!(account.only(3).attributes, [], "attributes of the new span");
        let kept = account.only(1).attributes.len() as u64;
        outcomes.note(if kept == 1 { "in the old span" } else { "stale" });
        assert_eq!(kept + account.stale(tracer), 1, "attributes of the old span and stale calls");
    });
}

/// A stranger's attribute finds no chunk and is shed, while the owner ends the span and starts another in
/// the same slot of the next life. The shed one is told of the old span, or of none; never of the new
/// one.
#[test]
fn one_that_is_shed_late() {
    check(&["told of the old span", "told of none"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 0);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || tracer.attribute(first, "late", 1));
        assert!(tracer.end(first));
        account.pass();
        let next = tracer.start(3).unwrap();
        stranger.join().unwrap();
        assert!(tracer.end(next));
        account.pass();
        assert_eq!(account.only(3).dropped_attributes, 0, "shed attributes of the new span");
        let of_old = account.only(1).dropped_attributes;
        outcomes.note(if of_old == 1 { "told of the old span" } else { "told of none" });
        assert!(of_old <= 1, "shed once");
    });
}
