//! Threads whose spans are not wanted: those that export, whose own work would otherwise be exported in
//! turn, and so on for ever.
//!
//! A start looks for the mark only in the long way. A thread that is marked is never sent the short one:
//! that needs the answer which the thread got last, and a marked thread forgets it and gets no new one.

use crate::raw::registry;
use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// How many guards the thread has. Constant and without destructor, as the registry's cells.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

/// Whether the calling thread's spans are not wanted.
#[inline(always)]
pub(crate) fn is_suppressed() -> bool {
    GUARDS.get() != 0
}

/// Starts no spans on the calling thread until the guard that this returns is dropped, whatever tracer of
/// this crate is asked: each start gives a span that records nothing and hands its parent's ids on,
/// unsampled, and is counted in [`Stats::suppressed`](crate::Stats::suppressed). Spans that live already are
/// recorded on as ever.
///
/// The library's own threads are so marked: an exporter, an error handler, and what they call may be traced
/// code without that a span's export makes spans. It is for exporters that have threads of their own,
/// and for code that must not be traced. Guards may be nested.
///
/// ```
/// use nanospan::Tracer;
///
/// # let tracer = Tracer::builder("doc").memory_budget(8 << 20)
/// #     .exporter(nanospan::export::MemoryExporter::new()).build()?;
/// let guard = nanospan::suppress_tracing();
/// assert!(!tracer.span("upload").start().is_recording());
/// drop(guard);
/// assert!(tracer.span("request").start().is_recording());
/// # Ok::<(), nanospan::BuildError>(())
/// ```
#[must_use = "tracing goes on when the guard is dropped"]
pub fn suppress_tracing() -> SuppressionGuard {
    GUARDS.set(GUARDS.get() + 1);
    registry::forget_last();
    SuppressionGuard { of_this_thread: PhantomData }
}

/// Keeps the thread that made it from starting spans; see [`suppress_tracing`].
#[derive(Debug)]
pub struct SuppressionGuard {
    /// Not to be sent to another thread.
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for SuppressionGuard {
    fn drop(&mut self) {
        GUARDS.set(GUARDS.get() - 1);
    }
}
