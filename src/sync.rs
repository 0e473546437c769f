//! The one place that decides between the real primitives and the models'.
//!
//! Everything in `raw` and `drain` that another thread can see goes through this module, so that a model
//! built with `--cfg loom` runs the very code that ships. The switch is `cfg(loom)` alone: a switch that
//! also asked for `cfg(test)` would silently select the real primitives when the models live in a crate
//! of their own. `raw::cell` has the other half: the words of a log, each watched by loom.

#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic, mpsc};
#[cfg(not(loom))]
pub(crate) use std::thread;

#[cfg(not(loom))]
pub(crate) use crossbeam_epoch::Collector as Epochs;
#[cfg(not(loom))]
pub(crate) use crossbeam_queue::ArrayQueue;

#[cfg(loom)]
pub(crate) use crate::model::{atomic, epochs::Epochs, queue::ArrayQueue, thread};
#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, mpsc};
