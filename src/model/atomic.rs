//! loom's atomics, with three things added.
//!
//! *An ordering can be weakened.* [`weaken`] names a place in the source whose orderings are `Relaxed`
//! from then on, to show that some model notices.
//!
//! *A store comes after the swaps that came before it.* Say that one thread stores A and later B, and
//! another swaps A for X before B is stored. A read-modify-write is atomic, so X stands right behind A
//! in the modification order, and B behind X: a load that follows the store of B never gives X. loom
//! 0.7 leaves B and X unordered and lets the load give either. So the stores of [`SWAPPED`], to the
//! three words of a slot, the one of a block and the one of a table's entry that are both stored and
//! swapped, are made as swaps with the same ordering, which loom puts where they belong. The price: such
//! a store continues a release sequence that the real one would break. No load of `end`, `meta` and
//! `sequence` acquires, `foreign` is stored by the drain alone, between two lives, and who acquires an
//! entry's state acts on nothing of the life before.
//!
//! *A load before a write of the same thread does not hide another's load.* loom chooses what to
//! interleave by the last access to each atomic. A load by R, then a load and a store by W: at the
//! store the last access is W's own load, so loom does not see that R's load could come after the
//! store, and skips those interleavings. A single writer that loads what it stored and stores again is
//! the engine's most frequent pattern. So the load of whoever wrote last, which gives the newest value
//! anyway, and the loads of [`BEFORE_A_WRITE`] are made as compare-and-swaps that fail: loom takes
//! those for writes when it looks for a race.

use loom::sync::atomic as real;
pub(crate) use loom::sync::atomic::Ordering;
use loom::thread::{self, ThreadId};
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::LazyLock;

/// The end of a file's path, and a line in it.
type Place = (&'static str, u32);

thread_local! {
    // All threads of a model run on one thread of the system, and no two models do.
    static WEAKENED: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

const BLOCK: (&str, &str) = ("raw/block.rs", include_str!("../raw/block.rs"));
const SLOT: (&str, &str) = ("raw/slot.rs", include_str!("../raw/slot.rs"));
const FREE: (&str, &str) = ("raw/free.rs", include_str!("../raw/free.rs"));
const TABLE: (&str, &str) = ("raw/table.rs", include_str!("../raw/table.rs"));
const LOG: (&str, &str) = ("raw/log.rs", include_str!("../raw/log.rs"));

/// Calls by what they look like in a source file.
struct Calls(LazyLock<Vec<Place>>);

/// Stores that are made as swaps.
static SWAPPED: Calls = Calls(LazyLock::new(|| {
    find(&[
        (SLOT, ".end.store("),
        (SLOT, ".meta.store("),
        (SLOT, ".sequence.store("),
        (BLOCK, "half.store("),
        (TABLE, "[STATE].store("),
    ])
}));

/// Loads of a thread that writes next.
static BEFORE_A_WRITE: Calls = Calls(LazyLock::new(|| {
    find(&[
        (BLOCK, "= half.load(Ordering::Relaxed)"),
        (BLOCK, "= self.owner_ended.load(Ordering::Relaxed) |"),
        (LOG, ".committed.load(Ordering::Relaxed)"),
        (TABLE, "let generation = State(entry.first[STATE].load(Ordering::Relaxed))"),
        (FREE, "self.fresh.load(Ordering::Relaxed)"),
    ])
}));

fn find(calls: &[((&'static str, &'static str), &str)]) -> Vec<Place> {
    let mut places = Vec::new();
    for &((file, source), call) in calls {
        let before = places.len();
        places.extend(
            (1..).zip(source.lines()).filter(|(_, line)| line.contains(call)).map(|(n, _)| (file, n)),
        );
        assert_ne!(places.len(), before, "{file} has no call {call}");
    }
    places
}

impl Calls {
    #[track_caller]
    fn has_caller(&self) -> bool {
        let caller = Location::caller();
        self.0.iter().any(|&(file, line)| caller.line() == line && caller.file().ends_with(file))
    }
}

/// Which thread of the model wrote last.
#[derive(Debug)]
struct Writer(Cell<Option<ThreadId>>);

// SAFETY: the threads of a model share one thread of the system, see `WEAKENED`.
unsafe impl Sync for Writer {}

impl Writer {
    fn new() -> Self {
        Self(Cell::new(None))
    }

    fn note(&self) {
        self.0.set(Some(thread::current().id()));
    }

    fn is_me(&self) -> bool {
        self.0.get() == Some(thread::current().id())
    }
}

/// Weakens every ordering of the calls at one more place, in all models that this thread runs from
/// now on.
pub(super) fn weaken(file: &'static str, line: u32) {
    WEAKENED.with_borrow_mut(|places| places.push((file, line)));
}

#[track_caller]
fn at_work(order: Ordering) -> Ordering {
    let caller = Location::caller();
    let is_here = |&(file, line): &Place| caller.line() == line && caller.file().ends_with(file);
    if WEAKENED.with_borrow(|places| places.iter().any(is_here)) { Ordering::Relaxed } else { order }
}

/// Whether the caller's words are one thread's alone, so that no load of another's can be hidden. (loom 0.7
/// fails an assertion of its own, over two stores that it gives one place in their order, when these words are
/// swapped.)
#[track_caller]
fn is_of_one_thread() -> bool {
    Location::caller().file().ends_with("raw/handle.rs")
}

/// loom's fence; weakened, it is none.
#[track_caller]
pub(crate) fn fence(order: Ordering) {
    let order = at_work(order);
    if order != Ordering::Relaxed {
        real::fence(order);
    }
}

macro_rules! integer {
    ($name:ident, $value:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            real: real::$name,
            writer: Writer,
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::new(0)
            }
        }

        #[allow(dead_code, reason = "each width has the same calls, whichever are in use")]
        impl $name {
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                Self { real: real::$name::new(value), writer: Writer::new() }
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                let order = at_work(order);
                let may_hide = self.writer.is_me() && !is_of_one_thread();
                if order == Ordering::Relaxed && (may_hide || BEFORE_A_WRITE.has_caller()) {
                    // Whether it succeeds or fails, it leaves the value as it was.
                    let (Ok(value) | Err(value)) =
                        self.real.compare_exchange(<$value>::MAX, <$value>::MAX, order, order);
                    return value;
                }
                self.real.load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                if SWAPPED.has_caller() {
                    self.real.swap(value, at_work(order));
                } else {
                    self.real.store(value, at_work(order));
                }
                self.writer.note();
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                let old = self.real.swap(value, at_work(order));
                self.writer.note();
                old
            }

            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let old = self.real.fetch_add(value, at_work(order));
                self.writer.note();
                old
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.real
                    .compare_exchange(current, new, at_work(success), at_work(failure))
                    .inspect(|_| self.writer.note())
            }

            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }
        }
    };
}

integer!(AtomicU8, u8);
integer!(AtomicU32, u32);
integer!(AtomicU64, u64);

#[derive(Debug)]
pub(crate) struct AtomicPtr<T> {
    real: real::AtomicPtr<T>,
    writer: Writer,
}

impl<T> AtomicPtr<T> {
    #[track_caller]
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self { real: real::AtomicPtr::new(pointer), writer: Writer::new() }
    }

    #[track_caller]
    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        let order = at_work(order);
        if order == Ordering::Relaxed && self.writer.is_me() {
            let nobody = std::ptr::without_provenance_mut(usize::MAX);
            let (Ok(pointer) | Err(pointer)) = self.real.compare_exchange(nobody, nobody, order, order);
            return pointer;
        }
        self.real.load(order)
    }

    #[track_caller]
    pub(crate) fn store(&self, pointer: *mut T, order: Ordering) {
        self.real.store(pointer, at_work(order));
        self.writer.note();
    }

    #[track_caller]
    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.real
            .compare_exchange(current, new, at_work(success), at_work(failure))
            .inspect(|_| self.writer.note())
    }
}

#[derive(Debug)]
pub(crate) struct AtomicBool(real::AtomicBool);

impl AtomicBool {
    #[track_caller]
    pub(crate) fn new(value: bool) -> Self {
        Self(real::AtomicBool::new(value))
    }

    #[track_caller]
    pub(crate) fn load(&self, order: Ordering) -> bool {
        self.0.load(at_work(order))
    }

    #[track_caller]
    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.0.store(value, at_work(order));
    }

    #[track_caller]
    pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.swap(value, at_work(order))
    }
}
