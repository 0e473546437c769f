//! Two ends of one span. Exactly one counts, and exactly one is stale, wherever that is noticed: by
//! the owner's look at the slot, by the stranger's swap or by the generation in its mask word, or by
//! the drain as it retires the block.

use loom::thread;
use nanospan::model::{SLOTS, Tracer};
use nanospan_loom_tests::{Account, check};

/// Two spans fill a block under the model; when both have ended it can be recycled.
const _: () = assert!(SLOTS == 2);

/// The owner ends a span with plain stores while a stranger swaps its end, and the drain makes a pass
/// meanwhile. The span is delivered once, and one of the two calls is stale.
#[test]
fn the_owner_and_a_stranger() {
    check(&["the owner's end counts", "the stranger's end counts", "both went through"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || tracer.end(first));
        let drain = thread::spawn(move || {
            account.pass();
            account
        });
        let by_owner = tracer.end(first);
        let by_stranger = stranger.join().unwrap();
        let mut account = drain.join().unwrap();
        account.pass();
        outcomes.note(match (by_owner, by_stranger) {
            (true, true) => "both went through",
            (true, false) => "the owner's end counts",
            (false, true) => "the stranger's end counts",
            (false, false) => panic!("nobody ended the span"),
        });
        let _ = account.only(1);
        let _ = account.only(2);
        if by_owner {
            assert_eq!(account.stale(tracer), 1, "stale ends");
        } else {
            // The owner ended one span of two and keeps the block, so nothing is retired yet.
            assert_eq!(tracer.stale(), 1, "stale ends");
        }
    });
}

/// Two threads that do not own the span swap its end at once, and the drain makes a pass meanwhile.
/// The span is delivered once, and the swap turns one of them away.
#[test]
fn two_strangers() {
    check(&["the first", "the second"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let others = [0, 1].map(|_| thread::spawn(move || tracer.end(first)));
        account.pass();
        let ended = others.map(|other| other.join().unwrap());
        account.pass();
        assert!(ended[0] != ended[1], "one of the two ends counts");
        outcomes.note(if ended[0] { "the first" } else { "the second" });
        let _ = account.only(1);
        assert_eq!(account.stale(tracer), 1, "stale ends");
    });
}

/// A stranger's end stalls while the owner ends the span, the drain recycles the block, and the owner
/// starts another span in the same slot. The old end leaves the new span alone, and so does one by the owner.
#[test]
fn a_stranger_that_comes_in_the_next_life() {
    check(&["the owner's end counts", "the stranger's end counts", "both went through"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let stranger = thread::spawn(move || tracer.end(first));
        let by_owner = tracer.end(first);
        account.pass();
        // There is one block. It is back if the owner ended both spans.
        let next = tracer.start(3);
        assert_eq!(next.is_some(), by_owner, "the block has another life");
        let by_stranger = stranger.join().unwrap();
        outcomes.note(match (by_owner, by_stranger) {
            (true, true) => "both went through",
            (true, false) => "the owner's end counts",
            (false, true) => "the stranger's end counts",
            (false, false) => panic!("nobody ended the span"),
        });
        if let Some(next) = next {
            account.pass();
            assert!(account.total.spans.iter().all(|seen| seen.trace != 3), "a stale end hit a new span");
            // The owner holds the block again, so it looks at the slot, and that alone.
            assert!(!tracer.end(first), "a stale end hit a new span");
            assert!(tracer.end(next), "a stale end hit a new span");
            account.pass();
            let _ = account.only(3);
            assert_eq!(account.stale(tracer), 2, "stale ends");
        }
        account.pass();
        let _ = account.only(1);
        let _ = account.only(2);
    });
}

/// As above, but the stranger has a handle only and looks the span up first.
#[test]
fn a_handle_that_is_used_in_the_next_life() {
    check(&["the owner's end counts", "the stranger's end counts", "both went through"], |outcomes| {
        let (tracer, drain) = Tracer::new(1, 1);
        let mut account = Account::new(drain);
        let first = tracer.start(1).unwrap();
        let second = tracer.start(2).unwrap();
        assert!(tracer.end(second));
        let id = tracer.id(first);
        let stranger = thread::spawn(move || tracer.resolve(id).is_some_and(|span| tracer.end(span)));
        let by_owner = tracer.end(first);
        account.pass();
        let next = tracer.start(3);
        let by_stranger = stranger.join().unwrap();
        outcomes.note(match (by_owner, by_stranger) {
            (true, true) => "both went through",
            (true, false) => "the owner's end counts",
            (false, true) => "the stranger's end counts",
            (false, false) => panic!("nobody ended the span"),
        });
        if let Some(next) = next {
            assert!(tracer.end(next), "a stale end hit a new span");
            account.pass();
            let _ = account.only(3);
            assert_eq!(account.stale(tracer), 1, "stale ends");
        }
        account.pass();
        let _ = account.only(1);
    });
}
