//! Has loom watch what it cannot see into.

use loom::cell::UnsafeCell;

/// Stands in plain memory that is written once and then published. Whoever reads that looks here, too; loom
/// reports one that looks although nothing orders the look behind the making.
#[derive(Debug)]
pub(crate) struct Witness(UnsafeCell<()>);

// SAFETY: there is nothing in it; loom reports what is not ordered.
unsafe impl Sync for Witness {}

impl Witness {
    pub(crate) fn new() -> Self {
        let witness = Self(UnsafeCell::new(()));
        witness.0.with_mut(|_| ());
        witness
    }

    pub(crate) fn look(&self) {
        self.0.with(|_| ());
    }
}
