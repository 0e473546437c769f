//! One clause of the contract, and the check of it.

use super::probe::Bench;
use super::runner;
use super::{Factory, Outcome, PATIENCE};
use std::fmt;
use std::time::Duration;

/// The check of one clause of the trait's contract; see [`cases`](super::cases).
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
        runner::run(self, patience, factory)
    }
}

/// Where the contract says what a [`Case`] checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Citation {
    item: &'static str,
    quote: &'static str,
    reading: Option<&'static str>,
}

impl Citation {
    /// The clause stands in the documentation of `item`.
    pub(super) const fn of(item: &'static str, quote: &'static str) -> Self {
        Self { item, quote, reading: None }
    }

    /// The clause leaves something open, and this is how the suite reads it.
    pub(super) const fn read_as(self, reading: &'static str) -> Self {
        Self { reading: Some(reading), ..self }
    }

    /// The item of `bext_plugin_api::tracer` whose documentation or declaration has the clause.
    #[must_use]
    pub fn item(&self) -> &'static str {
        self.item
    }

    /// The clause, word for word.
    #[must_use]
    pub fn quote(&self) -> &'static str {
        self.quote
    }

    /// What the suite decided where the clause leaves it open; `None` where it does not.
    #[must_use]
    pub fn reading(&self) -> Option<&'static str> {
        self.reading
    }
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: \"{}\"", self.item, self.quote)?;
        match self.reading {
            Some(reading) => write!(f, " (silent on the rest; nanospan's reading: {reading})"),
            None => Ok(()),
        }
    }
}

/// Why a check ended early.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(String),
    NotApplicable(String),
}

/// What a check comes to.
pub(super) type Verdict = Result<(), Stop>;

/// Fails the case, saying what was expected and what was seen, unless `holds`.
pub(super) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Stop::Failed(message())) }
}
