//! Where a setting comes from, and what must not be shown of it.

use std::borrow::Cow;
use std::fmt;

use crate::export::{ExportError, ExportErrorKind};

/// Who made a setting; errors begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody; it is the default.
    Default,
    /// The option of this name, in the program.
    Option(&'static str),
    /// The environment variable of this name.
    Variable(String),
}

impl Origin {
    /// The error that this setting is of no use.
    pub(super) fn refuse(&self, problem: impl Into<Cow<'static, str>>) -> ExportError {
        let problem = problem.into();
        ExportError::new(ExportErrorKind::InvalidConfig, format!("{self}: {problem}"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Option(name) => write!(f, "option {name}"),
            Origin::Variable(name) => f.write_str(name),
        }
    }
}

/// A setting that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Given<T> {
    pub(super) fn by_option(name: &'static str, value: T) -> Self {
        Self { value, origin: Origin::Option(name) }
    }
}

/// A value that may be used and never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret<T>(T);

impl<T> Secret<T> {
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. What is made of it must be no less guarded.
    pub(super) fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
