//! What a `Context` promises about deadlines, cancellation and waiting.
//!
//! No test measures time. Waits that must end early are an hour long, so a broken one hangs
//! instead of passing by luck.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nanospan::export::{Cancellation, Context, ContextError, ExportError, ExportErrorKind};

const HOUR: Duration = Duration::from_secs(3600);

fn past() -> Instant {
    // Not a subtraction, which may leave the range of the clock shortly after boot.
    Instant::now()
}

#[test]
fn a_new_context_has_no_deadline_and_is_not_cancelled() {
    let context = Context::new();
    assert_eq!(context.deadline(), None);
    assert_eq!(context.remaining(), None);
    assert!(!context.is_cancelled());
    assert_eq!(context.check(), Ok(()));
}

#[test]
fn a_past_deadline_is_exceeded_and_leaves_no_time() {
    let context = Context::with_deadline(past());
    assert_eq!(context.remaining(), Some(Duration::ZERO));
    assert_eq!(context.check(), Err(ContextError::DeadlineExceeded));
    assert!(!context.is_cancelled());
}

#[test]
fn a_zero_timeout_has_run_out_and_an_endless_one_is_no_deadline() {
    let out = Context::with_timeout(Duration::ZERO);
    assert_eq!(out.check(), Err(ContextError::DeadlineExceeded));
    assert_eq!(Context::with_timeout(Duration::MAX).deadline(), None);
    assert_eq!(Context::new().child_with_timeout(Duration::MAX).deadline(), None);
}

#[test]
fn remaining_never_exceeds_the_timeout() {
    let context = Context::with_timeout(HOUR);
    let remaining = context.remaining().expect("there is a deadline");
    assert!(remaining <= HOUR && remaining > Duration::ZERO);
    assert_eq!(context.check(), Ok(()));
}

#[test]
fn cancelling_is_seen_by_every_clone_and_handle() {
    let context = Context::new();
    let clone = context.clone();
    let handle = clone.cancellation();
    context.cancellation().cancel();
    assert_eq!(context.check(), Err(ContextError::Cancelled));
    assert_eq!(clone.check(), Err(ContextError::Cancelled));
    assert!(handle.is_cancelled());
    handle.cancel();
    assert!(context.is_cancelled());
}

#[test]
fn dropping_a_handle_cancels_nothing() {
    let context = Context::new();
    drop(context.cancellation());
    assert_eq!(context.check(), Ok(()));
}

#[test]
fn cancellation_is_reported_before_a_deadline_that_has_passed_too() {
    let context = Context::with_deadline(past());
    context.cancellation().cancel();
    assert_eq!(context.check(), Err(ContextError::Cancelled));
}

#[test]
fn a_child_ends_at_the_earlier_of_the_two_deadlines() {
    let now = Instant::now();
    let parent = Context::with_deadline(now + HOUR);
    assert_eq!(parent.child().deadline(), Some(now + HOUR));
    let shorter = parent.child_with_deadline(now + HOUR / 2);
    assert_eq!(shorter.deadline(), Some(now + HOUR / 2));
    let longer = parent.child_with_deadline(now + HOUR * 2);
    assert_eq!(longer.deadline(), Some(now + HOUR));
    let of_none = Context::new().child_with_deadline(now + HOUR);
    assert_eq!(of_none.deadline(), Some(now + HOUR));
    assert!(parent.child_with_timeout(HOUR * 2).deadline() <= parent.deadline());
}

#[test]
fn cancelling_a_parent_cancels_its_descendants_made_before_and_after() {
    let parent = Context::new();
    let before = parent.child().child();
    parent.cancellation().cancel();
    let after = parent.child();
    assert!(before.is_cancelled());
    assert!(after.is_cancelled());
    assert!(after.child().is_cancelled());
}

#[test]
fn cancelling_a_child_leaves_its_parent_and_siblings_alone() {
    let parent = Context::new();
    let (child, sibling) = (parent.child(), parent.child());
    child.cancellation().cancel();
    assert!(child.is_cancelled());
    assert!(!parent.is_cancelled());
    assert!(!sibling.is_cancelled());
}

#[test]
fn a_descendant_is_cancelled_with_its_ancestor_after_the_context_between_is_dropped() {
    let root = Context::new();
    let leaf = root.child().child();
    root.cancellation().cancel();
    assert!(leaf.is_cancelled());
}

#[test]
fn children_that_are_gone_do_not_keep_the_living_from_being_cancelled() {
    let parent = Context::new();
    let mut kept = Vec::new();
    for index in 0..1_000 {
        let child = parent.child();
        if index % 100 == 0 {
            kept.push(child);
        }
    }
    parent.cancellation().cancel();
    assert!(kept.iter().all(Context::is_cancelled));
}

#[test]
fn cancelling_or_dropping_a_very_long_chain_of_contexts_does_not_exhaust_the_stack() {
    let mut chain = vec![Context::new()];
    for _ in 0..100_000 {
        let next = chain[chain.len() - 1].child();
        chain.push(next);
    }
    chain[0].cancellation().cancel();
    let last = chain.pop().expect("the chain is long");
    assert!(last.is_cancelled());
    // Only the last one holds the others now.
    drop(chain);
    drop(last);
}

#[test]
fn a_wait_without_an_end_in_sight_returns_once_its_time_has_passed() {
    let start = Instant::now();
    let wait = Duration::from_millis(2);
    assert_eq!(Context::with_timeout(HOUR).wait(wait), Ok(()));
    assert!(start.elapsed() >= wait, "it must not return early");
    assert_eq!(Context::new().wait(Duration::ZERO), Ok(()));
}

#[test]
fn a_wait_ends_at_the_deadline() {
    let context = Context::with_timeout(Duration::from_millis(2));
    assert_eq!(context.wait(HOUR), Err(ContextError::DeadlineExceeded));
    assert_eq!(context.remaining(), Some(Duration::ZERO));
}

#[test]
fn a_wait_on_a_context_that_is_over_returns_at_once() {
    let late = Context::with_deadline(past());
    assert_eq!(late.wait(HOUR), Err(ContextError::DeadlineExceeded));
    let cancelled = Context::new();
    cancelled.cancellation().cancel();
    assert_eq!(cancelled.wait(HOUR), Err(ContextError::Cancelled));
    assert_eq!(cancelled.wait(Duration::ZERO), Err(ContextError::Cancelled));
}

#[test]
fn cancellation_wakes_every_wait_on_the_context_and_its_children() {
    let parent = Context::new();
    let contexts = [parent.clone(), parent.child(), parent.child_with_timeout(HOUR)];
    let (started, starts) = mpsc::channel();
    thread::scope(|scope| {
        let waits = contexts.each_ref().map(|context| {
            let started = started.clone();
            scope.spawn(move || {
                started.send(()).expect("the test is listening");
                context.wait(Duration::MAX)
            })
        });
        for _ in 0..waits.len() {
            starts.recv().expect("every thread starts");
        }
        parent.cancellation().cancel();
        for wait in waits {
            let ended = wait.join().expect("a wait does not panic");
            assert_eq!(ended, Err(ContextError::Cancelled));
        }
    });
}

#[test]
fn a_child_made_while_its_parent_is_being_cancelled_is_cancelled() {
    for _ in 0..200 {
        let parent = Context::new();
        let cancellation = parent.cancellation();
        let child = thread::scope(|scope| {
            scope.spawn(move || cancellation.cancel());
            parent.child()
        });
        assert!(child.is_cancelled());
    }
}

#[test]
fn contexts_and_handles_may_be_used_from_any_thread() {
    fn usable_anywhere<T: Send + Sync + 'static>() {}
    usable_anywhere::<Context>();
    usable_anywhere::<Cancellation>();
    usable_anywhere::<ExportError>();
}

#[test]
fn a_context_error_becomes_an_export_error_of_its_kind() {
    let late = ExportError::from(ContextError::DeadlineExceeded);
    assert_eq!(late.kind(), ExportErrorKind::DeadlineExceeded);
    let cancelled = ExportError::from(ContextError::Cancelled);
    assert_eq!(cancelled.kind(), ExportErrorKind::Cancelled);
    assert_eq!(cancelled.lost_spans(), None);
}

#[test]
fn an_export_error_tells_what_failed_and_why_and_how_much_was_lost() {
    let cause = std::io::Error::other("the cable is cut");
    let error =
        ExportError::new(ExportErrorKind::Io, "cannot write a.nsp").with_source(cause).with_lost_spans(3);
    assert_eq!(error.to_string(), "cannot write a.nsp: the cable is cut");
    assert_eq!(error.lost_spans(), Some(3));
    let source = error.source().expect("the cause is kept");
    assert_eq!(source.to_string(), "the cable is cut");
}
