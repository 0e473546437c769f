//! `raw::registry` by contract: under loom all threads of a model share one thread of the system,
//! and `thread_local` would take them for one.
//!
//! The contract: a living thread has a local of its own; whoever looks through the locals finds that
//! of every thread whose first call happened before. That a local outlives its thread and is handed
//! on, and how a thread leaves, are the system's affair and tested outside loom.

use crate::raw::cell::AtomicRef;
use crate::raw::local::{Own, PerThread};
use crate::sync::atomic::Ordering;
use std::any::Any;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering as Std};

/// As many threads as loom allows in one model.
const THREADS: usize = 5;

loom::thread_local! {
    static PLACE: Cell<Option<&'static dyn Any>> = Cell::new(None);
}

/// What the cell holds, if it is the calling thread's own local.
pub(crate) fn last<T: PerThread>(cell: &AtomicRef<T>) -> Option<Own<T>> {
    let local: &'static T = PLACE.with(Cell::get)?.downcast_ref().expect("a model has one registry");
    // SAFETY: as in `own`.
    cell.is(local, Ordering::Relaxed).then(|| unsafe { Own::new(local) })
}

/// A model has no forked child.
pub(crate) fn forget_last() {}

/// The locals of the threads of a model. There is one tracer or one table in a model, so a thread
/// remembers its local whichever registry it asks.
#[derive(Debug)]
pub(crate) struct Registry<T: PerThread> {
    locals: [AtomicRef<T>; THREADS],
    made: AtomicUsize,
}

impl<T: PerThread> Registry<T> {
    pub(crate) fn new(_seed: Option<u64>) -> Self {
        Self { locals: std::array::from_fn(|_| AtomicRef::none()), made: AtomicUsize::new(0) }
    }

    pub(crate) fn own(&'static self) -> Option<Own<T>> {
        let place = PLACE.with(Cell::get);
        let known = place.map(|local| local.downcast_ref().expect("a model has one registry"));
        let local = known.unwrap_or_else(|| {
            let n = self.made.fetch_add(1, Std::Relaxed);
            let local: &'static T = Box::leak(Box::new(T::make(Some(0), n as u64)));
            PLACE.with(|place| place.set(Some(local)));
            // Release pairs with the Acquire in `iter`, as the real registry's flag for a value does.
            self.locals[n].store(Some(local), Ordering::Release);
            local
        });
        // SAFETY: loom gives each thread of the model a `PLACE` of its own.
        Some(unsafe { Own::new(local) })
    }

    pub(crate) fn own_last(&'static self) -> Option<Own<T>> {
        self.own()
    }

    pub(crate) fn own_aside(&'static self) -> Option<Own<T>> {
        self.own()
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(Std::Relaxed)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        // No place beyond those given out is worth a look; it would only be another step for loom.
        let made = self.made.load(Std::Relaxed);
        self.locals[..made].iter().filter_map(|local| local.load(Ordering::Acquire))
    }
}
