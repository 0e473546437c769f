//! Flushing: all children at once, whatever each of them does.

use crate::common::{PATIENCE, until};
use crate::notebook::{Notebook, builder_of, over};
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A deadline for flushes that are meant to pass it.
const SOON: Duration = Duration::from_secs(1);

/// Closed, it holds whoever comes; it counts them, too.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<(bool, u64)>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.1 += 1;
        while state.0 {
            state = self.0.1.wait(state).unwrap();
        }
    }

    fn close(&self) {
        self.0.0.lock().unwrap().0 = true;
    }

    fn open(&self) {
        self.0.0.lock().unwrap().0 = false;
        self.0.1.notify_all();
    }

    fn came(&self) -> u64 {
        self.0.0.lock().unwrap().1
    }
}

/// A child whose flushes wait at a gate.
fn gated(name: &str) -> (Notebook, Gate) {
    let gate = Gate::default();
    let at = gate.clone();
    let child = Notebook::on_call(name, move |method| {
        if method == "flush" {
            at.pass();
        }
    });
    (child, gate)
}

#[test]
fn every_child_is_flushed_and_all_well_is_ok() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!((a.flushes(), b.flushes()), (1, 1));
}

#[test]
fn the_errors_of_all_children_are_told_in_their_order() {
    let (a, b, c) = (Notebook::new("a"), Notebook::new("b"), Notebook::new("c"));
    a.set_flush(Err("no route"));
    c.set_flush(Err("disk full"));
    let tracer = over(&[&a, &b, &c]);
    let told = "child `a` (1 of 3): no route; child `c` (3 of 3): disk full";
    assert_eq!(tracer.flush(), Err(told.to_owned()));
    a.set_flush(Ok(()));
    assert_eq!(tracer.flush(), Err("child `c` (3 of 3): disk full".to_owned()));
    c.set_flush(Ok(()));
    assert_eq!(tracer.flush(), Ok(()));
    let failed: Vec<u64> = tracer.stats().children.iter().map(|child| child.failed_flushes).collect();
    assert_eq!(failed, [1, 0, 2]);
}

#[test]
fn a_child_that_hangs_is_told_of_and_the_others_are_flushed() {
    let (hanging, gate) = gated("hanging");
    let (a, failing) = (Notebook::new("a"), Notebook::new("failing"));
    failing.set_flush(Err("no route"));
    let tracer = builder_of(&[&a, &hanging, &failing]).flush_timeout(SOON).build().unwrap();
    gate.close();
    const FLUSHES: u64 = 3;
    for _ in 0..FLUSHES {
        let told = tracer.flush().unwrap_err();
        let (first, second) = told.split_once("; ").unwrap();
        let seconds = first
            .strip_prefix("child `hanging` (2 of 3): its flush has been running for ")
            .and_then(|rest| rest.strip_suffix(" s"));
        assert!(seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok()), "{told}");
        assert_eq!(second, "child `failing` (3 of 3): no route");
    }
    let stats = tracer.stats();
    assert_eq!((a.flushes() as u64, stats.children[2].flushes), (FLUSHES, FLUSHES));
    assert_eq!((stats.children[1].flushes, stats.children[1].late_flushes), (0, FLUSHES));
    assert!(stats.children[1].flush_running.is_some() && stats.children[0].flush_running.is_none());
    assert_eq!(gate.came(), 1, "a second flush was begun beside the one that hangs");
    gate.open();
    // All that came meanwhile share one.
    until("the child is idle", || tracer.stats().children[1].flushes == 2);
    assert_eq!(gate.came(), 2);
}

/// The flush that was under way when mine came does not count as mine.
#[test]
fn a_flush_that_began_earlier_is_not_taken_for_mine() {
    let (child, gate) = gated("slow");
    let tracer = builder_of(&[&child]).flush_timeout(PATIENCE).build().unwrap();
    gate.close();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| tracer.flush());
        until("the first flush is under way", || gate.came() == 1);
        let second = scope.spawn(|| tracer.flush());
        gate.open();
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (Ok(()), Ok(())));
    });
    // Should the second have asked only after the first was done, it is two as well.
    assert_eq!(child.flushes(), 2);
}

#[test]
fn flushes_at_the_same_time_share_one() {
    let (child, gate) = gated("slow");
    let tracer = builder_of(&[&child]).flush_timeout(PATIENCE).build().unwrap();
    gate.close();
    const THREADS: usize = 16;
    std::thread::scope(|scope| {
        let flushes: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| tracer.flush())).collect();
        until("a flush is under way", || gate.came() == 1);
        gate.open();
        flushes.into_iter().for_each(|flush| assert_eq!(flush.join().unwrap(), Ok(())));
    });
    assert!((1..=THREADS).contains(&child.flushes()), "{} flushes", child.flushes());
    // One after another each has its own.
    let before = child.flushes();
    (0..3).for_each(|_| assert_eq!(tracer.flush(), Ok(())));
    assert_eq!(child.flushes(), before + 3);
}

/// An error that came after everybody had given up is told to the next one, once.
#[test]
fn an_error_that_comes_late_is_told_to_the_next_flush() {
    let (child, gate) = gated("slow");
    let tracer = builder_of(&[&child]).flush_timeout(SOON).build().unwrap();
    child.set_flush(Err("too late"));
    gate.close();
    assert!(tracer.flush().unwrap_err().contains("has been running"));
    gate.open();
    until("the child is idle", || tracer.stats().children[0].flushes == 1);
    child.set_flush(Ok(()));
    until("the error is told", || tracer.flush() == Err("child `slow` (1 of 1): too late".to_owned()));
    assert_eq!(tracer.flush(), Ok(()));
}

#[test]
fn a_drop_stops_the_workers_and_lets_go_of_the_children() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    assert_eq!(tracer.flush(), Ok(()));
    drop(tracer);
    // No waiting: an idle worker is gone when the drop returns.
    assert_eq!((a.owners(), b.owners()), (1, 1));
}

#[test]
fn a_drop_leaves_a_worker_behind_that_hangs() {
    let (hanging, gate) = gated("hanging");
    let good = Notebook::new("good");
    let tracer = builder_of(&[&hanging, &good]).flush_timeout(SOON).build().unwrap();
    gate.close();
    assert!(tracer.flush().is_err());
    drop(tracer);
    assert_eq!(good.owners(), 1);
    assert_eq!(hanging.owners(), 2, "the worker still uses the child");
    gate.open();
    until("the worker is gone", || hanging.owners() == 1);
}
