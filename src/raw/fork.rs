//! A forked child must not touch what its parent's threads were in the middle of: every tracer is
//! switched off in it.
//!
//! `fork` copies only the calling thread. A mutex that another thread held stays locked for ever in
//! the child, a drain thread is gone, and whatever was buffered will be sent by the parent. So the
//! child's handler counts the fork, closes each tracer's gate, lets its thread forget whose local it
//! asked for last, and does nothing else, which is safe in a signal-like context: it walks a list that
//! only ever grows at its head, with atomic loads and stores, and stores to a constant-initialised
//! thread-local. What has no gate of its own remembers where it was made: its [`Home`].

use crate::raw::engine::Engine;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The engine that was made last; each links to the one before.
static NEWEST: AtomicPtr<Engine> = AtomicPtr::new(std::ptr::null_mut());
static HANDLER: Once = Once::new();
/// How many forks lie between this process and the first one in which anything was watched.
static FORKS: Forks = Forks(AtomicU32::new(0));

/// On a line of its own: calls look at it, and what else is on the line would be written.
#[repr(align(128))]
struct Forks(AtomicU32);

/// Has the engine's gate closed in every child that is forked from now on.
pub(crate) fn watch(engine: &'static Engine) {
    let this = std::ptr::from_ref(engine).cast_mut();
    let mut head = NEWEST.load(Ordering::Acquire);
    loop {
        engine.link_before(head);
        // Release pairs with the Acquire in `in_child`: who finds the engine finds it whole.
        match NEWEST.compare_exchange_weak(head, this, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(current) => head = current,
        }
    }
    install();
}

/// The process in which something was made.
#[cfg(any(feature = "bext", loom))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home(u32);

#[cfg(any(feature = "bext", loom))]
impl Home {
    /// This process.
    pub(crate) fn here() -> Self {
        install();
        Self(FORKS.0.load(Ordering::Relaxed))
    }

    /// Whether this process was forked from it, directly or not.
    #[inline(always)]
    pub(crate) fn is_left(self) -> bool {
        // Relaxed: only the handler stores it, while the process has one thread.
        FORKS.0.load(Ordering::Relaxed) != self.0
    }
}

/// Has libc call the handler in every child.
fn install() {
    // Miri does not know the call, and forks no process.
    if cfg!(miri) {
        return;
    }
    HANDLER.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handler is a plain function without captured state that does nothing but
        // atomic loads and stores and a store to a thread-local without initialiser and destructor,
        // which is allowed in the child of a threaded process. The call
        // fails only for want of memory; then children are not told, as if they had been forked
        // behind libc's back.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
}

#[cfg(unix)]
extern "C" fn in_child() {
    // Relaxed: the child has no other thread yet.
    FORKS.0.store(FORKS.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    let mut next = NEWEST.load(Ordering::Acquire);
    // SAFETY: the list holds only pointers made from `&'static Engine` by `watch`.
    while let Some(engine) = unsafe { next.as_ref() } {
        engine.close_in_child();
        next = engine.linked();
    }
    crate::raw::registry::forget_last();
}
