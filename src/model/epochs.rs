//! crossbeam-epoch's collector in something that is never freed. loom wants everything that it counts
//! references of given back when a model ends; a pipeline is leaked, so its collector is taken out of it.

use crossbeam_epoch::{Collector, LocalHandle};
use std::sync::{Mutex, PoisonError};

/// A collector until it is released.
#[derive(Debug)]
pub(crate) struct Epochs(Mutex<Option<Collector>>);

impl Epochs {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(Collector::new())))
    }

    /// As [`Collector::register`].
    pub(crate) fn register(&self) -> LocalHandle {
        let collector = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        collector.expect("nobody walks a log when the model is over").register()
    }

    /// Gives the collector back. Those that are registered keep it while they are.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
