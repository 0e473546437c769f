//! What came of a run.

use super::Case;
use std::fmt;

/// What came of one [`Case`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The tracer keeps the clause, as far as the case can tell.
    Passed,
    /// It does not: what was expected, and what was seen.
    Failed(String),
    /// The subject cannot be brought to where the clause is about: why.
    NotApplicable(String),
}

impl Outcome {
    /// Whether the case failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Passed => f.write_str("passed"),
            Outcome::Failed(message) => write!(f, "FAILED: {message}"),
            Outcome::NotApplicable(reason) => write!(f, "not applicable: {reason}"),
        }
    }
}

/// What came of every case of a [run](super::run). It prints as a table, a line a case; below a
/// failed one stand what was seen and the clause.
#[derive(Debug)]
#[must_use = "the report says whether the tracer keeps the contract"]
pub struct Report {
    outcomes: Vec<(&'static Case, Outcome)>,
}

impl Report {
    pub(super) fn new(outcomes: Vec<(&'static Case, Outcome)>) -> Self {
        Self { outcomes }
    }

    /// Every case and what came of it, in the order of [`cases`](super::cases).
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static Case, &Outcome)> {
        self.outcomes.iter().map(|(case, outcome)| (*case, outcome))
    }

    /// What came of the case called `id`; `None` if no case is.
    #[must_use]
    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes().find(|(case, _)| case.id() == id).map(|(_, outcome)| outcome)
    }

    /// Whether no case failed. Cases that are not applicable do not count against a tracer.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        !self.outcomes.iter().any(|(_, outcome)| outcome.is_failed())
    }

    /// Panics with the report if a case failed.
    ///
    /// # Panics
    ///
    /// If the tracer is not [conformant](Report::is_conformant).
    #[track_caller]
    pub fn assert_conformant(&self) {
        assert!(self.is_conformant(), "the tracer breaks the contract of TracerPlugin\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0; 3];
        for (case, outcome) in self.outcomes() {
            match outcome {
                Outcome::Passed => {
                    counts[0] += 1;
                    writeln!(f, "passed          {}", case.id())?;
                }
                Outcome::Failed(message) => {
                    counts[1] += 1;
                    writeln!(f, "FAILED          {}", case.id())?;
                    writeln!(f, "                  {message}")?;
                    writeln!(f, "                  {}", case.citation())?;
                }
                Outcome::NotApplicable(reason) => {
                    counts[2] += 1;
                    writeln!(f, "not applicable  {}: {reason}", case.id())?;
                }
            }
        }
        let [passed, failed, not_applicable] = counts;
        write!(f, "{passed} passed, {failed} failed, {not_applicable} not applicable")
    }
}
