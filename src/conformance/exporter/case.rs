//! One clause of the contract, and the check of it.

use super::Factory;
use super::probe::Bench;
use crate::conformance::case::{Citation, Verdict};
use crate::conformance::{Outcome, PATIENCE, runner};
use std::time::Duration;

/// The check of one clause of an exporter's contract; see [`cases`](super::cases).
#[derive(Debug)]
pub struct Case {
    pub(super) id: &'static str,
    pub(super) citation: Citation,
    pub(super) check: fn(&Bench) -> Verdict,
}

impl Case {
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
    pub fn run(&'static self, factory: &Factory<'_>) -> Outcome {
        self.run_within(PATIENCE, factory)
    }

    /// Runs the case, and fails it when it has not come to an end after `patience`.
    ///
    /// # Panics
    ///
    /// As [`run`](Case::run).
    #[must_use]
    pub fn run_within(&'static self, patience: Duration, factory: &Factory<'_>) -> Outcome {
        runner::run(self.id, patience, |()| factory(), self.check)
    }
}
