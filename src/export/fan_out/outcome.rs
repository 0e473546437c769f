//! One error out of what came of a call at several destinations.

use std::fmt::Write as _;

use super::state::Trouble;
use crate::export::{ContextError, ExportError, ExportErrorKind};

/// What a call comes to. Its error is of the kind of what was told first.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What a batch consists of.
    items: &'static str,
    kind: Option<ExportErrorKind>,
    message: String,
    /// Of the batch, if the call is about one: items that no destination has.
    lost: Option<u64>,
}

impl Outcome {
    pub(super) fn new(items: &'static str) -> Self {
        Self { items, kind: None, message: String::new(), lost: None }
    }

    /// So many items of the batch are nowhere.
    pub(super) fn lost(&mut self, items: u64) {
        self.lost = Some(items);
    }

    /// The call's context has ended. That is what its error is of, whatever else was told.
    pub(super) fn over(&mut self, over: ContextError) {
        self.add(over.into(), &over.to_string());
        self.kind = Some(over.into());
    }

    pub(super) fn failed(&mut self, name: &str, error: &ExportError) {
        self.add(error.kind(), &format!("destination `{name}`: {error}"));
    }

    pub(super) fn unfinished(&mut self, name: &str) {
        // Said of a call that is over, so the kind is known.
        self.add(ExportErrorKind::DeadlineExceeded, &format!("destination `{name}` is not done"));
    }

    pub(super) fn refused(&mut self, name: &str, limit: usize) {
        let message = format!(
            "destination `{name}`: its queue of {limit} bytes has no room for the batch, which it does not get"
        );
        self.add(ExportErrorKind::Full, &message);
    }

    /// What failed behind an earlier call.
    pub(super) fn earlier(&mut self, name: &str, trouble: Option<Trouble>) {
        if let Some(Trouble { kind, message, lost }) = trouble {
            let items = self.items;
            let message = format!("destination `{name}` lost {lost} {items} of earlier batches: {message}");
            self.add(kind, &message);
        }
    }

    fn add(&mut self, kind: ExportErrorKind, message: &str) {
        self.kind.get_or_insert(kind);
        let link = if self.message.is_empty() { "" } else { "; " };
        // Writing to a `String` does not fail.
        let _ = write!(self.message, "{link}{message}");
    }

    pub(super) fn into_result(self) -> Result<(), ExportError> {
        let Some(kind) = self.kind else { return Ok(()) };
        let error = ExportError::new(kind, self.message);
        Err(match self.lost {
            Some(lost) => error.with_lost(lost),
            None => error,
        })
    }
}
