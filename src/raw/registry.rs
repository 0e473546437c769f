//! Which thread has which [`Local`], and how a thread leaves.
//!
//! The locals live in a `thread_local::ThreadLocal`: iterable by the drain, kept when a thread exits,
//! inherited by the next thread that gets the same id. In front of it stands a cell with the last
//! answer, one for the thread, keyed by the tracer.
//!
//! # How a thread leaves
//!
//! `thread_local` gives a thread's id back in a destructor of its own, while later destructors of
//! the same thread may still call us; from then on another thread may own the local that our cell
//! points to. So a sentinel is registered *after* that destructor: destructors run last in, first
//! out, and the sentinel clears the cell first. Afterwards the thread is `Gone` and every call that
//! needs a local is turned away and counted.
//!
//! ```text
//!   New ──first call──▶ Claiming ──▶ Present ──sentinel's destructor──▶ Gone
//!                          └── the id was given back before our first call ──▶ Gone
//! ```

use crate::raw::local::{Local, Own};
use crate::raw::random;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use thread_local::ThreadLocal;

/// A thread's stage; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Claiming,
    Present,
    Gone,
}

/// The answer that this thread got last.
#[derive(Clone, Copy)]
struct Cached {
    registry: usize,
    local: Option<&'static Local>,
}

const NOTHING: Cached = Cached { registry: 0, local: None };

thread_local! {
    // Constant and without destructors: can be read at any time in a thread's life, at the cost of
    // one load.
    static CACHED: Cell<Cached> = const { Cell::new(NOTHING) };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::New) };
    static SENTINEL: Sentinel = const { Sentinel };
}

struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        PHASE.set(Phase::Gone);
        CACHED.set(NOTHING);
    }
}

/// The locals of one tracer. Never moved or freed.
pub(crate) struct Registry {
    locals: ThreadLocal<Local>,
    /// Set for tests that want the same trace ids each time.
    seed: Option<u64>,
    made: AtomicU64,
}

impl Registry {
    /// An empty registry. With a seed, the n-th thread draws the same trace ids each time.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self { locals: ThreadLocal::new(), seed, made: AtomicU64::new(0) }
    }

    /// The calling thread's own local; `None` once the thread is gone.
    #[inline(always)]
    pub(crate) fn own(&'static self) -> Option<Own> {
        let cached = CACHED.get();
        if cached.registry == std::ptr::from_ref(self).addr() {
            // SAFETY: the cell holds what `find` put there for this thread; the sentinel empties it
            // before `thread_local` gives the thread's id, and with it the local, to another thread.
            return cached.local.map(|local| unsafe { Own::new(local) });
        }
        self.find()
    }

    #[cold]
    #[inline(never)]
    fn find(&'static self) -> Option<Own> {
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
        let local = self.local();
        CACHED.set(Cached { registry: std::ptr::from_ref(self).addr(), local: Some(local) });
        // SAFETY: `thread_local` gives each living thread a place of its own, and the sentinel has
        // not run.
        Some(unsafe { Own::new(local) })
    }

    fn local(&'static self) -> &'static Local {
        self.locals.get_or(|| {
            let n = self.made.fetch_add(1, Ordering::Relaxed);
            Local::new(match self.seed {
                None => [random::word(), random::word()],
                Some(seed) => [seed.wrapping_add(2 * n), !seed.wrapping_add(2 * n)],
            })
        })
    }

    /// The locals of all threads that ever recorded, exited ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Local> {
        self.locals.iter()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("locals", &self.locals.iter().count()).finish()
    }
}
