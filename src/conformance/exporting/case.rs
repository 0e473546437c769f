//! One clause of the contract, and the check of it.

use crate::conformance::case::{Citation, Verdict};
use crate::conformance::{Outcome, PATIENCE, runner};
use std::fmt;
use std::time::Duration;

/// The check of one clause of an exporter's contract, over subjects of the trait `S`: one of
/// [`exporter::cases`](crate::conformance::exporter::cases) or of
/// [`metric_exporter::cases`](crate::conformance::metric_exporter::cases).
pub struct Case<S: ?Sized + 'static> {
    pub(in crate::conformance) id: &'static str,
    pub(in crate::conformance) citation: Citation,
    pub(in crate::conformance) check: fn(&runner::Bench<(), Box<S>>) -> Verdict,
}

impl<S: ?Sized + Send + Sync> Case<S> {
    /// The case's name, in kebab case. It stays the same from release to release.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The clause that the case checks.
    #[must_use]
    pub fn citation(&self) -> &Citation {
        &self.citation
    }

    /// Runs the case over subjects that `factory` makes, with [`PATIENCE`].
    ///
    /// # Panics
    ///
    /// If `factory` does, or the operating system refuses a thread.
    #[must_use]
    pub fn run(&'static self, factory: &dyn Fn() -> Box<S>) -> Outcome {
        self.run_within(PATIENCE, factory)
    }

    /// Runs the case, and fails it when it has not come to an end after `patience`.
    ///
    /// # Panics
    ///
    /// As [`run`](Case::run).
    #[must_use]
    pub fn run_within(&'static self, patience: Duration, factory: &dyn Fn() -> Box<S>) -> Outcome {
        runner::run(self.id, patience, |()| factory(), self.check)
    }
}

impl<S: ?Sized> fmt::Debug for Case<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("id", &self.id).field("citation", &self.citation).finish_non_exhaustive()
    }
}
