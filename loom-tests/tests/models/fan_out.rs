//! A fan-out over two tracers: which span of the second goes with one of the first.

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use nanospan::model::{FanOut, Handle};
use nanospan_loom_tests::{Account, check};
use std::sync::Arc;

/// Two threads make the fan-out's first calls at once, so both would set up which spans go together: each
/// has its span in both children, whichever way it was started, and by its handle it is found in both.
#[test]
fn two_first_calls() {
    check(&[], |_| {
        let (fan_out, drains) = FanOut::new(2, 8);
        let other = thread::spawn(move || fan_out.start());
        let mine = fan_out.start();
        for span in [mine, other.join().unwrap()] {
            fan_out.attribute(span, "key", 1);
            fan_out.end(span);
        }
        assert_eq!((fan_out.live(), fan_out.stale()), (0, 0), "live spans and stale calls");
        for drain in drains {
            let mut account = Account::new(drain);
            account.pass();
            assert_eq!(account.total.spans.len(), 2, "spans of each child");
            assert!(account.total.spans.iter().all(|seen| seen.attributes.len() == 1), "whole spans");
        }
    });
}

/// A thread makes the fan-out's first call and passes the handle on by relaxed stores, so nothing orders what
/// the other one sees. It finds the span in both children or in none.
#[test]
fn a_handle_that_comes_without_any_order() {
    check(&["found in both", "not found"], |outcomes| {
        let (fan_out, drains) = FanOut::new(1, 8);
        let passed_on: Arc<[AtomicU64; 3]> = Arc::new([0; 3].map(AtomicU64::new));
        let handle = Arc::clone(&passed_on);
        let stranger = thread::spawn(move || {
            let [high, low, span] = handle.each_ref().map(|word| word.load(Ordering::Relaxed));
            if span != 0 {
                fan_out.attribute(Handle::of([high, low, span]), "key", 1);
            }
        });
        let span = fan_out.start();
        passed_on.iter().zip(span.ids()).for_each(|(word, id)| word.store(id, Ordering::Relaxed));
        stranger.join().unwrap();
        fan_out.end(span);
        let found = drains.map(|drain| {
            let mut account = Account::new(drain);
            account.pass();
            assert_eq!(account.total.spans.len(), 1, "one span of each child");
            account.total.spans[0].attributes.len()
        });
        assert_eq!(found[0], found[1], "in both children or in none");
        outcomes.note(if found[0] == 1 { "found in both" } else { "not found" });
    });
}
