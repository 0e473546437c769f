//! loom's threads, with the one call that it lacks.

pub(crate) use loom::thread::{Builder, Thread};
use std::time::Duration;

/// Waits to be woken, for however long: under a model no time passes, so whoever was to be woken and is
/// not is found as a deadlock.
pub(crate) fn park_timeout(_at_most: Duration) {
    loom::thread::park();
}
