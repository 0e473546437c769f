//! Which thread has which [`Local`](crate::raw::local::Local), or what else is kept for each thread,
//! and how a thread leaves.
//!
//! The values live in a `thread_local::ThreadLocal`: iterable by the drain, kept when a thread exits,
//! inherited by the next thread that gets the same id. In front of it stand the answers that the
//! thread got before: the last one in a cell of its own, at the price of one comparison, and eight
//! more. Of those each registry uses one, in the order in which registries are made, so a thread that
//! goes round a few tracers finds each where it left it. Two registries whose numbers are eight apart
//! share one, and a thread that uses both in turn pays for a search each time.
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

use crate::raw::cell::AtomicRef;
use crate::raw::local::{Own, PerThread};
use crate::raw::suppress::is_suppressed;
use crate::seeded::{Bug, seeded};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    local: NonNull<()>,
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
        unsafe { Own::new(self.local.cast::<T>().as_ref()) }
    }
}

/// Points to nothing that is anybody's.
const NOTHING: Cached = Cached { registry: 0, local: NonNull::dangling() };

/// Registries that a thread can go round without a search.
const WAYS: usize = 8;

/// A thread's answers.
struct Ways([Cell<Cached>; WAYS]);

const WAY_BYTES: usize = size_of::<Cell<Cached>>();

/// Which of a thread's answers a registry uses, as an offset in bytes: what would be computed from
/// an index in each call is computed once.
#[derive(Debug, Clone, Copy)]
struct Way(usize);

impl Way {
    /// The next registry's.
    fn next() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: a number that stands for itself. It wraps at a multiple of the ways.
        Self(MADE.fetch_add(1, Ordering::Relaxed) % WAYS * WAY_BYTES)
    }

    /// The cell among those of a thread.
    #[inline(always)]
    fn of(self, ways: &Ways) -> &Cell<Cached> {
        // SAFETY: `next` alone makes offsets: multiples of a cell's size below that of all cells.
        unsafe { &*std::ptr::from_ref(&ways.0).cast::<Cell<Cached>>().byte_add(self.0) }
    }
}

thread_local! {
    // Constant and without destructors: can be read at any time in a thread's life, at the cost of
    // one load.
    static LAST: Cell<Cached> = const { Cell::new(NOTHING) };
    static CACHED: Ways = const { Ways([const { Cell::new(NOTHING) }; WAYS]) };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::New) };
    static SENTINEL: Sentinel = const { Sentinel };
}

struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        if seeded(Bug::SentinelMissing) {
            return;
        }
        PHASE.set(Phase::Gone);
        LAST.set(NOTHING);
        CACHED.with(|ways| ways.0.iter().for_each(|way| way.set(NOTHING)));
    }
}

/// What the cell holds, if it is the calling thread's own local, and the one that the thread asked for
/// last: one comparison, without a look at the registry.
#[inline(always)]
pub(crate) fn last<T: PerThread>(cell: &AtomicRef<T>) -> Option<Own<T>> {
    let last = LAST.get();
    // Relaxed: a thread that finds its own local here stored it.
    // SAFETY: the answer is in a cell of the calling thread. Locals are never freed and the cell holds
    // nothing but references to a `T`, so what has the address of one is one, and came from a registry
    // of them.
    cell.is(last.local.cast().as_ptr(), Ordering::Relaxed).then(|| unsafe { last.own() })
}

/// Lets the calling thread forget what it asked for last, so that nothing is [`last`] and its next calls go
/// the long way: the only one of a forked child, which has to look at the gate, and one whose spans are
/// suppressed. Stores to a thread-local without initialiser and destructor.
pub(crate) fn forget_last() {
    LAST.set(NOTHING);
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
        self.own_last().or_else(|| self.own_again())
    }

    /// The calling thread's own local, if this registry is the one that it asked last.
    #[inline(always)]
    pub(crate) fn own_last(&'static self) -> Option<Own<T>> {
        let cached = LAST.get();
        // SAFETY: the cell was filled by `own_again` for this registry.
        (cached.registry == self.address()).then(|| unsafe { cached.own() })
    }

    /// Another registry was asked last.
    #[cold]
    #[inline(never)]
    fn own_again(&'static self) -> Option<Own<T>> {
        let own = self.own_aside()?;
        if !is_suppressed() {
            LAST.set(self.answer(own));
        }
        Some(own)
    }

    /// As [`own`](Self::own), for calls that come to several registries in turn, as those by handle do
    /// below a fan-out: it leaves the place of the last answer to others.
    #[inline(always)]
    pub(crate) fn own_aside(&'static self) -> Option<Own<T>> {
        let cached = CACHED.with(|ways| self.way.of(ways).get());
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
        Cached { registry: self.address(), local: NonNull::from(own.local()).cast() }
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
        CACHED.with(|ways| self.way.of(ways).set(self.answer(own)));
        Some(own)
    }

    fn local(&'static self) -> &'static T {
        self.locals.get_or(|| T::make(self.seed, self.made.fetch_add(1, Ordering::Relaxed)))
    }

    /// How many locals were made; one of them may not be found yet by its thread or by others.
    ///
    /// Relaxed: whoever learned of something that a thread did after its first call sees its local counted.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed) as usize
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows the thread that made it.
    struct Made(std::thread::ThreadId);

    impl PerThread for Made {
        fn make(_seed: Option<u64>, _n: u64) -> Self {
            Self(std::thread::current().id())
        }
    }

    /// More registries than a thread has cells for, asked in turn and again and again.
    #[test]
    fn each_thread_gets_its_own_of_each_registry_however_many_there_are() {
        let registries: Vec<&'static Registry<Made>> =
            (0..2 * WAYS + 3).map(|_| &*Box::leak(Box::new(Registry::new(None)))).collect();
        let everyone_is_here = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    everyone_is_here.wait();
                    let me = std::thread::current().id();
                    let mut found: Vec<*const Made> = Vec::new();
                    for round in 0..3 {
                        for (n, registry) in registries.iter().enumerate() {
                            let own = registry.own().map(|own| std::ptr::from_ref(own.local()));
                            let aside = registry.own_aside().map(|own| std::ptr::from_ref(own.local()));
                            assert_eq!(own, aside);
                            if round == 0 {
                                found.extend(own);
                            }
                            assert_eq!(own, Some(found[n]), "registry {n} in round {round}");
                            assert!(registry.iter().any(|made| made.0 == me));
                        }
                    }
                    found.sort_unstable();
                    found.dedup();
                    assert_eq!(found.len(), registries.len());
                    everyone_is_here.wait();
                });
            }
        });
        assert!(registries.iter().all(|registry| registry.iter().count() == 4));
    }

    #[test]
    fn the_last_one_is_told_by_its_address_until_it_is_forgotten_or_another_is_asked() {
        let [first, second]: [&'static Registry<Made>; 2] =
            [(); 2].map(|()| &*Box::leak(Box::new(Registry::new(None))));
        let holder = AtomicRef::none();
        // Neither is anybody's: a thread that asked for nothing, and a cell that holds nothing.
        assert!(last::<Made>(&holder).is_none());
        let own = first.own().unwrap().local();
        assert!(last::<Made>(&holder).is_none());
        holder.store(Some(own), Ordering::Relaxed);
        assert!(last(&holder).is_some_and(|last| std::ptr::eq(last.local(), own)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(last(&holder).is_none());
                first.own().unwrap();
                assert!(last(&holder).is_none(), "another thread's");
            });
        });
        second.own_aside().unwrap();
        assert!(last(&holder).is_some());
        second.own().unwrap();
        assert!(last(&holder).is_none() && first.own_last().is_none());
        first.own().unwrap();
        assert!(last(&holder).is_some());
        forget_last();
        assert!(last(&holder).is_none() && first.own_last().is_none());
    }
}
