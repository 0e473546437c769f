//! A forked child must not touch what its parent's threads were in the middle of: every tracer is
//! switched off in it.
//!
//! `fork` copies only the calling thread. A mutex that another thread held stays locked for ever in
//! the child, a drain thread is gone, and whatever was buffered will be sent by the parent. So the
//! child's handler closes each tracer's gate and nothing else, which is safe in a signal-like
//! context: it walks a list that only ever grows at its head, with atomic loads and stores.

use crate::raw::engine::Engine;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The engine that was made last; each links to the one before.
static NEWEST: AtomicPtr<Engine> = AtomicPtr::new(std::ptr::null_mut());
static HANDLER: Once = Once::new();

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
    HANDLER.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handler is a plain function without captured state that does nothing but
        // atomic loads and stores, which is allowed in the child of a threaded process. The call
        // fails only for want of memory; then children are not told, as if they had been forked
        // behind libc's back.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
}

#[cfg(unix)]
extern "C" fn in_child() {
    let mut next = NEWEST.load(Ordering::Acquire);
    // SAFETY: the list holds only pointers made from `&'static Engine` by `watch`.
    while let Some(engine) = unsafe { next.as_ref() } {
        engine.close_in_child();
        next = engine.linked();
    }
}
