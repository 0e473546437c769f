//! A clause of a contract, and what a check of it comes to.

use std::fmt;

/// Where a contract says what a case checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Citation {
    item: &'static str,
    quote: &'static str,
    reading: Option<&'static str>,
}

impl Citation {
    /// The clause stands in `item`.
    pub(super) const fn of(item: &'static str, quote: &'static str) -> Self {
        Self { item, quote, reading: None }
    }

    /// The clause leaves something open, and this is how the suite reads it.
    pub(super) const fn read_as(self, reading: &'static str) -> Self {
        Self { reading: Some(reading), ..self }
    }

    /// Where the clause stands: an item whose documentation or declaration has it, or a section of a
    /// specification. The suite's documentation says of what.
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

/// A value for a message: the contents of a long one are seldom what is wrong with it.
pub(super) fn brief(value: &(impl fmt::Debug + ?Sized)) -> String {
    const LENGTH: usize = 400;
    let text = format!("{value:?}");
    match text.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}... ({} bytes)", &text[..cut], text.len()),
        None => text,
    }
}
