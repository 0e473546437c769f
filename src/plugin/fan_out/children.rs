//! What is known of a child beside its tracer: its name, its panics, its worker.

use crate::plugin::fan_out::flush::Worker;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// See the module.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// All panics outside flushes.
    panics: AtomicU64,
    /// Those that no flush has told of.
    untold: AtomicU64,
    /// What the first of those said.
    first: Mutex<Option<String>>,
    pub(super) worker: Worker,
}

impl Child {
    pub(super) fn new(name: String, worker: Worker) -> Self {
        Self { name, panics: AtomicU64::new(0), untold: AtomicU64::new(0), first: Mutex::default(), worker }
    }

    /// A call other than a flush panicked.
    #[cold]
    #[inline(never)]
    pub(super) fn panicked(&self, panic: Panic) {
        // Relaxed: counted, never acted upon.
        self.panics.fetch_add(1, Ordering::Relaxed);
        // Not waited for: whoever holds it has a text to put there, or is a flush.
        if let Ok(mut first) = self.first.try_lock() {
            first.get_or_insert(panic.message);
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed) + self.worker.panics()
    }

    /// What a flush has to say of the panics since the one before.
    pub(super) fn tell_panics(&self) -> Option<String> {
        let untold = self.untold.swap(0, Ordering::Relaxed);
        if untold == 0 {
            return None;
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let times = if untold == 1 { "once".to_owned() } else { format!("{untold} times") };
        let message = first.map_or_else(String::new, |message| format!(", first with: {message}"));
        Some(format!("it panicked {times}{message}"))
    }
}

/// What a panic said.
#[derive(Debug)]
pub(super) struct Panic {
    pub(super) message: String,
}

impl Panic {
    /// Takes the message out and drops the payload, which may panic in its turn.
    #[cold]
    #[inline(never)]
    pub(super) fn of(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // One that panics whenever it is dropped is left where it is.
            mem::forget(again);
        }
        Self { message: text.unwrap_or_else(|| "a panic without a message".to_owned()) }
    }
}
