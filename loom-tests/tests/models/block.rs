//! Handing blocks out, and taking them back.

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use nanospan::model::Tracer;
use nanospan_loom_tests::{Account, check};
use std::sync::Arc;

/// Two threads take the two blocks there are, each starts and ends a span, and the drain learns who
/// took what in the middle of it. Each span is delivered once.
#[test]
fn two_threads_take_while_the_drain_looks() {
    check(&[], |_| {
        let (tracer, drain) = Tracer::new(2, 1);
        let mut account = Account::new(drain);
        let other = thread::spawn(move || {
            let span = tracer.start(1).unwrap();
            assert!(tracer.end(span));
        });
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        let span = tracer.start(2).unwrap();
        assert!(tracer.end(span));
        other.join().unwrap();
        let mut account = drain.join().unwrap();
        account.pass();
        let _ = account.only(1);
        let _ = account.only(2);
        assert_eq!(account.total.spans.len(), 2, "spans");
    });
}

/// One thread uses the only block up while another asks for one and the drain takes it back as soon as
/// it may. A start is refused or its span is delivered; nothing of the block's first life is in its
/// second.
#[test]
fn the_only_block_changes_hands() {
    check(&["the other thread got the block", "the other thread was refused"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let spans = [1, 2].map(|trace| tracer.start(trace).unwrap());
        let other = thread::spawn(move || {
            let span = tracer.start(3);
            span.map(|span| assert!(tracer.end(span), "a new span had ended")).is_some()
        });
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        for span in spans {
            assert!(tracer.end(span), "a span had ended");
        }
        let took = other.join().unwrap();
        let mut account = drain.join().unwrap();
        account.pass();
        let _ = account.only(1);
        let _ = account.only(2);
        assert_eq!(account.total.spans.len(), 2 + usize::from(took), "spans");
        outcomes.note(if took { "the other thread got the block" } else { "the other thread was refused" });
        assert_eq!(tracer.refused(), u64::from(!took), "refused starts");
        assert_eq!(account.stale(tracer), 0, "stale calls");
    });
}

/// The drain makes a block and enters it in the table, a thread starts a span in it and passes the
/// handle on by a relaxed store, so nothing orders what the third thread sees. It finds the block
/// whole, or no such span.
#[test]
fn a_handle_that_comes_without_any_order() {
    check(&["the span was found", "the handle came, no span was found", "no block was there"], |outcomes| {
        let (tracer, drain) = Tracer::unstocked(1, 1);
        let mut account = Account::new(drain);
        let passed_on = Arc::new(AtomicU64::new(0));
        let handle = Arc::clone(&passed_on);
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        let finder = thread::spawn(move || {
            let span = handle.load(Ordering::Relaxed);
            (span != 0).then(|| tracer.resolve(tracer.id_of(1, span)).is_some())
        });
        let span = tracer.start(1);
        if let Some(span) = span {
            passed_on.store(tracer.id(span).span_id(), Ordering::Relaxed);
        }
        let mut account = drain.join().unwrap();
        let found = finder.join().unwrap();
        if let Some(span) = span {
            assert!(tracer.end(span));
        }
        account.pass();
        match (span, found) {
            (Some(_), Some(true)) => outcomes.note("the span was found"),
            (Some(_), Some(false)) => outcomes.note("the handle came, no span was found"),
            (Some(_), None) => {}
            (None, _) => outcomes.note("no block was there"),
        }
        assert_eq!(account.total.spans.len(), usize::from(span.is_some()), "spans");
    });
}

/// The owner goes on in its second block while a stranger ends a span in the first one, which the owner
/// still holds, and the drain takes back what it may. Both blocks' spans are delivered, and the first
/// block comes back once the owner has let go of it, not before.
#[test]
fn the_owner_goes_on_while_a_stranger_ends_in_its_old_block() {
    check(&["the stranger was in time", "the owner was first"], |outcomes| {
        let (tracer, drain) = Tracer::new(2, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || tracer.end(first));
        // It has to look which of its spans live.
        let third = tracer.start(3).unwrap();
        let seen = account.pass().spans.len();
        assert!(tracer.end(third), "a span had ended");
        assert!(stranger.join().unwrap(), "a span had ended");
        account.pass();
        for trace in [1, 2, 3] {
            let _ = account.only(trace);
        }
        assert_eq!(account.total.spans.len(), 3, "spans");
        outcomes.note(if seen == 2 { "the stranger was in time" } else { "the owner was first" });
    });
}

/// All spans of a block have ended, the last one by a stranger, so the owner does not know and holds the
/// block. It stays the owner's: the drain takes it back only when the owner has let go, by looking for
/// another block.
#[test]
fn one_that_is_held_is_not_recycled() {
    check(&["done"], |outcomes| {
        let (tracer, drain) = Tracer::new(2, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || assert!(tracer.end(first), "a span had ended"));
        stranger.join().unwrap();
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        // Still the owner's to look at: late ends are the old span's.
        assert!(!tracer.end(first), "a span had not ended");
        let mut account = drain.join().unwrap();
        let others = [3, 4].map(|trace| tracer.start(trace));
        assert!(others.iter().all(Option::is_some), "the owner's next block");
        assert!(tracer.start(5).is_none(), "a block that was held was free");
        account.pass();
        assert!(tracer.start(5).is_some(), "the block came back");
        outcomes.note("done");
    });
}
