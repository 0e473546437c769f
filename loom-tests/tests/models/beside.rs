//! The words beside the slots of an engine: which span of another engine goes with the one in the slot.

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use nanospan::model::Beside;
use nanospan_loom_tests::check;
use std::sync::Arc;

/// A thread starts a span, then its mate, and names that beside the first, while another that has got the
/// handle without any order asks for the mate. It finds a mate that was started, or none yet.
#[test]
fn a_mate_that_is_found_was_started() {
    check(&["found", "not found"], |outcomes| {
        let beside = Beside::default();
        let started = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&started);
        let looker = thread::spawn(move || beside.get(7).map(|mate| (mate, seen.load(Ordering::Relaxed))));
        started.store(3, Ordering::Relaxed);
        beside.put(7, 3);
        outcomes.note(match looker.join().unwrap() {
            Some(found) => {
                assert_eq!(found, (3, 3), "a mate that was started");
                "found"
            }
            None => "not found",
        });
    });
}

/// The slot is used again while its mate is asked for, of both lives: each has its own or none, and
/// whoever finds the first life over finds the second.
#[test]
fn a_mate_while_the_slot_is_used_again() {
    check(&["of the first life", "of the second"], |outcomes| {
        let beside = Beside::default();
        beside.put(7, 3);
        let looker = thread::spawn(move || (beside.get(7), beside.get(8)));
        beside.put(8, 4);
        outcomes.note(match looker.join().unwrap() {
            (Some(3), None | Some(4)) => "of the first life",
            (None, Some(4)) => "of the second",
            mates => panic!("a mate of another life, or none of either: {mates:?}"),
        });
    });
}
