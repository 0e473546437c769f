//! What came of a run.

use super::Citation;
use std::fmt;

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The subject keeps the clause, as far as the case can tell.
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

/// What came of every case of a run of a suite. It prints as a table, a line a case; below a
/// failed one stand what was seen and the clause.
#[derive(Debug)]
#[must_use = "the report says whether the subject keeps the contract"]
pub struct Report {
    /// What a subject does that fails a case.
    breach: &'static str,
    outcomes: Vec<(&'static str, &'static Citation, Outcome)>,
}

impl Report {
    pub(super) fn new(
        breach: &'static str,
        outcomes: Vec<(&'static str, &'static Citation, Outcome)>,
    ) -> Self {
        Self { breach, outcomes }
    }

    /// Every case, by its id, and what came of it, in the order of the suite's `cases`.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Outcome)> {
        self.outcomes.iter().map(|(id, _, outcome)| (*id, outcome))
    }

    /// What came of the case called `id`; `None` if no case is.
    #[must_use]
    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes().find(|(case, _)| *case == id).map(|(_, outcome)| outcome)
    }

    /// Whether no case failed. Cases that are not applicable do not count against a subject.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        !self.outcomes().any(|(_, outcome)| outcome.is_failed())
    }

    /// Panics with the report if a case failed.
    ///
    /// # Panics
    ///
    /// If the subject is not [conformant](Report::is_conformant).
    #[track_caller]
    pub fn assert_conformant(&self) {
        assert!(self.is_conformant(), "{}\n{self}", self.breach);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0; 3];
        for (id, citation, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed => {
                    counts[0] += 1;
                    writeln!(f, "passed          {}", id)?;
                }
                Outcome::Failed(message) => {
                    counts[1] += 1;
                    writeln!(f, "FAILED          {}", id)?;
                    writeln!(f, "                  {message}")?;
                    writeln!(f, "                  {}", citation)?;
                }
                Outcome::NotApplicable(reason) => {
                    counts[2] += 1;
                    writeln!(f, "not applicable  {}: {reason}", id)?;
                }
            }
        }
        let [passed, failed, not_applicable] = counts;
        write!(f, "{passed} passed, {failed} failed, {not_applicable} not applicable")
    }
}
