//! `raw::registry` by contract: under loom all threads of a model share one thread of the system,
//! and `thread_local` would take them for one.
//!
//! The contract: a living thread has a local of its own in each registry; whoever looks through the
//! locals of one finds that of every thread whose first call happened before; and a thread knows which one
//! it asked for last. That a local outlives its thread and is handed on, and how a thread leaves, are the
//! system's affair: `model::Threads` has the real registry for them, with threads of the system.

use crate::raw::cell::AtomicRef;
use crate::raw::local::{Own, PerThread};
use crate::sync::atomic::Ordering;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering as Std};

/// As many threads as loom allows in one model.
const THREADS: usize = 5;

/// A local, and the address of its registry.
#[derive(Clone, Copy)]
struct Known {
    registry: usize,
    local: &'static dyn Any,
}

loom::thread_local! {
    static ALL: RefCell<Vec<Known>> = RefCell::new(Vec::new());
    static LAST: Cell<Option<Known>> = Cell::new(None);
}

/// What the cell holds, if it is the calling thread's own local, and the one that it asked for last.
pub(crate) fn last<T: PerThread>(cell: &AtomicRef<T>) -> Option<Own<T>> {
    let local: &'static T = LAST.with(Cell::get)?.local.downcast_ref()?;
    // SAFETY: as in `own_aside`.
    cell.is(local, Ordering::Relaxed).then(|| unsafe { Own::new(local) })
}

/// A model has no forked child.
pub(crate) fn forget_last() {}

/// The locals of the threads of a model.
#[derive(Debug)]
pub(crate) struct Registry<T: PerThread> {
    locals: [AtomicRef<T>; THREADS],
    made: AtomicUsize,
}

impl<T: PerThread> Registry<T> {
    pub(crate) fn new(_seed: Option<u64>) -> Self {
        Self { locals: std::array::from_fn(|_| AtomicRef::none()), made: AtomicUsize::new(0) }
    }

    fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn own(&'static self) -> Option<Own<T>> {
        let own = self.own_aside()?;
        LAST.with(|last| last.set(Some(Known { registry: self.address(), local: own.local() })));
        Some(own)
    }

    pub(crate) fn own_last(&'static self) -> Option<Own<T>> {
        let last = LAST.with(Cell::get)?;
        if last.registry == self.address() { self.own_aside() } else { None }
    }

    pub(crate) fn own_aside(&'static self) -> Option<Own<T>> {
        let registry = self.address();
        let known = ALL.with(|all| all.borrow().iter().find(|known| known.registry == registry).copied());
        let known = known.map(|known| known.local.downcast_ref().expect("a registry has locals of one kind"));
        let local = known.unwrap_or_else(|| {
            let n = self.made.fetch_add(1, Std::Relaxed);
            let local: &'static T = Box::leak(Box::new(T::make(Some(0), n as u64)));
            ALL.with(|all| all.borrow_mut().push(Known { registry, local }));
            // Release pairs with the Acquire in `iter`, as the real registry's flag for a value does.
            self.locals[n].store(Some(local), Ordering::Release);
            local
        });
        // SAFETY: loom gives each thread of the model an `ALL` of its own.
        Some(unsafe { Own::new(local) })
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
