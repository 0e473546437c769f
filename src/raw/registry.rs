//! Which thread has which [`Local`](crate::raw::local::Local), or what else is kept for each thread,
//! and how a thread leaves.
//!
//! The values live in a `thread_local::ThreadLocal`: iterable by the drain, kept when a thread exits,
//! inherited by the next thread that gets the same id. In front of it stand the answers that the
//! thread got before, keyed by the registry: the last one in a cell of its own, at the price of one
//! comparison, and eight more. Of those each registry uses one, in the order in which registries are
//! made, so a thread that goes round a few tracers finds each where it left it. Two registries whose
//! numbers are eight apart share one, and a thread that uses both in turn pays for a search each time.
//!
//! # How a thread leaves
//!
//! `thread_local` gives a thread's id back in a destructor of its own, while later destructors of
//! the same thread may still call us; from then on another thread may own the local that our cells
//! point to. So a sentinel is registered *after* that destructor: destructors run last in, first
//! out, and the sentinel clears the cells first. Afterwards the thread is `Gone` and every call that
//! needs a local is turned away and counted.
//!
//! ```text
//!   New ──first call──▶ Claiming ──▶ Present ──sentinel's destructor──▶ Gone
//!                          └── the id was given back before our first call ──▶ Gone
//! ```

use crate::raw::local::{Own, PerThread};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use thread_local::ThreadLocal;

/// A thread's stage; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Claiming,
    Present,
    Gone,
}

/// An answer that this thread got.
#[derive(Clone, Copy)]
struct Cached {
    registry: usize,
    local: *const (),
}

impl Cached {
    /// # Safety
    ///
    /// The answer is in a cell of the calling thread and came from a registry of `T`.
    #[inline(always)]
    unsafe fn own<T: PerThread>(self) -> Own<T> {
        // SAFETY: a registry is never moved or freed, so an answer under its address is a `T` of its
        // own, which lives as long. It was given to this thread, and the sentinel empties the cells
        // before `thread_local` gives the thread's id, and with it the local, to another thread.
        unsafe { Own::new(&*self.local.cast::<T>()) }
    }
}

const NOTHING: Cached = Cached { registry: 0, local: std::ptr::null() };

/// Which of a thread's cells a registry uses.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Way {
    First,
    Second,
    Third,
    Fourth,
    Fifth,
    Sixth,
    Seventh,
    Eighth,
}

const WAYS: usize = Way::Eighth as usize + 1;

impl Way {
    /// The next registry's.
    fn next() -> Self {
        static MADE: AtomicU8 = AtomicU8::new(0);
        // Relaxed: a number that stands for itself. It wraps at a multiple of the ways.
        match MADE.fetch_add(1, Ordering::Relaxed) % WAYS as u8 {
            0 => Way::First,
            1 => Way::Second,
            2 => Way::Third,
            3 => Way::Fourth,
            4 => Way::Fifth,
            5 => Way::Sixth,
            6 => Way::Seventh,
            _ => Way::Eighth,
        }
    }
}

thread_local! {
    // Constant and without destructors: can be read at any time in a thread's life, at the cost of
    // one load.
    static LAST: Cell<Cached> = const { Cell::new(NOTHING) };
    static CACHED: [Cell<Cached>; WAYS] = const { [const { Cell::new(NOTHING) }; WAYS] };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::New) };
    static SENTINEL: Sentinel = const { Sentinel };
}

struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        PHASE.set(Phase::Gone);
        LAST.set(NOTHING);
        CACHED.with(|ways| ways.iter().for_each(|way| way.set(NOTHING)));
    }
}

/// The locals of one tracer, or of one table. Never moved or freed.
pub(crate) struct Registry<T: PerThread> {
    way: Way,
    locals: ThreadLocal<T>,
    /// Set for tests that want the same trace ids each time.
    seed: Option<u64>,
    made: AtomicU64,
}

impl<T: PerThread> Registry<T> {
    /// An empty registry. With a seed, the n-th thread draws the same trace ids each time.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self { way: Way::next(), locals: ThreadLocal::new(), seed, made: AtomicU64::new(0) }
    }

    /// The calling thread's own local; `None` once the thread is gone.
    #[inline(always)]
    pub(crate) fn own(&'static self) -> Option<Own<T>> {
        let cached = LAST.get();
        if cached.registry == self.address() {
            // SAFETY: the cell was filled by `own_again` for this registry.
            return Some(unsafe { cached.own() });
        }
        self.own_again()
    }

    /// Another registry was asked last.
    #[cold]
    #[inline(never)]
    fn own_again(&'static self) -> Option<Own<T>> {
        let own = self.own_aside()?;
        LAST.set(self.answer(own));
        Some(own)
    }

    /// As [`own`](Self::own), for a registry that is asked between calls of others: it leaves the
    /// place of the last answer to them.
    #[inline(always)]
    pub(crate) fn own_aside(&'static self) -> Option<Own<T>> {
        let cached = CACHED.with(|ways| ways[self.way as usize].get());
        if cached.registry == self.address() {
            // SAFETY: the cell was filled by `find` for this registry.
            return Some(unsafe { cached.own() });
        }
        self.find()
    }

    #[inline(always)]
    fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn answer(&'static self, own: Own<T>) -> Cached {
        Cached { registry: self.address(), local: std::ptr::from_ref(own.local()).cast() }
    }

    #[cold]
    #[inline(never)]
    fn find(&'static self) -> Option<Own<T>> {
        match PHASE.get() {
            Phase::Gone | Phase::Claiming => return None,
            Phase::New => {
                PHASE.set(Phase::Claiming);
                // The first call of a thread that is already past `thread_local`'s destructor makes
                // that crate panic; a panic hook that records comes back here and finds `Claiming`.
                let claimed = catch_unwind(AssertUnwindSafe(|| {
                    self.local();
                }));
                if claimed.is_err() || SENTINEL.try_with(|_| ()).is_err() {
                    PHASE.set(Phase::Gone);
                    return None;
                }
                PHASE.set(Phase::Present);
            }
            Phase::Present => {}
        }
        // SAFETY: `thread_local` gives each living thread a place of its own, and the sentinel has
        // not run.
        let own = unsafe { Own::new(self.local()) };
        CACHED.with(|ways| ways[self.way as usize].set(self.answer(own)));
        Some(own)
    }

    fn local(&'static self) -> &'static T {
        self.locals.get_or(|| T::make(self.seed, self.made.fetch_add(1, Ordering::Relaxed)))
    }

    /// The locals of all threads that ever recorded, exited ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.locals.iter()
    }
}

impl<T: PerThread> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("locals", &self.locals.iter().count()).finish()
    }
}
