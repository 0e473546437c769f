//! Whose something is: a forked child has a copy of what its parent has.

use std::fmt::Display;
use std::process;

use super::{ExportError, ExportErrorKind};

/// The process that made something. In a forked child it has neither its threads nor, for good, the locks that
/// they held; so whoever is called there says so before it waits for either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pid: u32,
}

impl Owner {
    /// This process.
    pub(crate) fn this_process() -> Self {
        Self { pid: process::id() }
    }

    /// Whether this is the process still, and no child of it.
    pub(crate) fn is_here(self) -> bool {
        process::id() == self.pid
    }

    /// # Errors
    ///
    /// [`Forked`](ExportErrorKind::Forked) in a child, where `what` is not its own.
    pub(crate) fn refuse_in_child(self, what: impl Display) -> Result<(), ExportError> {
        if self.is_here() {
            return Ok(());
        }
        let (owner, child) = (self.pid, process::id());
        let message =
            format!("the {what} belongs to process {owner}, of which process {child} is a forked child");
        Err(ExportError::new(ExportErrorKind::Forked, message))
    }
}
