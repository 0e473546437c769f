//! Taking turns at what one call at a time may use, by callers who do not wait longer than they may.
//!
//! A writer is taken out of its place by the call that uses it and put back afterwards; no lock is held
//! meanwhile. So a call that waits for it can leave when its context ends, and a shutdown that had to leave
//! says so: then the call that has the writer closes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Context, ExportError};

/// How often a call looks whether the one before it is done.
const PAUSE: Duration = Duration::from_millis(1);

/// What is closed at the end, in time or late.
pub(crate) trait Close {
    /// Completes what is unfinished, as far as `context` lets it, and releases everything.
    fn close(self, context: &Context) -> Result<(), ExportError>;

    /// Releases everything behind a shutdown that could not wait, and completes only what is sure to come to
    /// an end: nobody calls that off any more.
    fn close_late(self);
}

/// A writer that one call at a time has, until it is closed.
pub(crate) struct Turns<W: Close> {
    /// Locked for an instant only, never during input and output.
    state: Mutex<State<W>>,
}

/// Who has the writer.
struct State<W> {
    /// Taken out by the call that uses it, for as long as it does.
    writer: Option<W>,
    /// Whether `shut_down` was called.
    shut_down: bool,
    /// Whether `shut_down` gave up waiting for the writer, so that the call that has it closes it.
    abandoned: bool,
}

impl<W: Close> Turns<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { state: Mutex::new(State { writer: Some(writer), shut_down: false, abandoned: false }) }
    }

    /// Waits for the writer to be free and takes it. `gone` is the error after the shutdown.
    pub(crate) fn take(
        &self,
        context: &Context,
        gone: impl Fn() -> ExportError,
    ) -> Result<Turn<'_, W>, ExportError> {
        loop {
            let mut state = self.state();
            if state.shut_down {
                return Err(gone());
            }
            context.check()?;
            if let Some(writer) = state.writer.take() {
                return Ok(Turn { turns: self, writer: Some(writer) });
            }
            drop(state);
            // An end of the wait is seen above, where a shutdown has the first word.
            let _ = context.wait(PAUSE);
        }
    }

    /// Closes the writer, once: here, or by the call that has it if that outlasts `context`.
    pub(crate) fn shut_down(
        &self,
        context: &Context,
        gone: impl Fn() -> ExportError,
    ) -> Result<(), ExportError> {
        {
            let mut state = self.state();
            if state.shut_down {
                return Err(gone());
            }
            state.shut_down = true;
        }
        loop {
            let mut state = self.state();
            if let Some(writer) = state.writer.take() {
                drop(state);
                return writer.close(context);
            }
            if let Err(over) = context.check() {
                state.abandoned = true;
                return Err(over.into());
            }
            drop(state);
            // An end of the wait is seen above, where it is decided who closes the writer.
            let _ = context.wait(PAUSE);
        }
    }

    /// Whether a shutdown has given up waiting for the writer, so that whoever has it is to come to an end.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.state().abandoned
    }

    /// The writer, if nobody has it or closed it.
    pub(crate) fn take_writer(&mut self) -> Option<W> {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).writer.take()
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        // Each use leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's use of the writer, which is put back when the call is done with it.
pub(crate) struct Turn<'a, W: Close> {
    turns: &'a Turns<W>,
    /// There until the turn is dropped.
    writer: Option<W>,
}

impl<W: Close> Turn<'_, W> {
    pub(crate) fn writer(&mut self) -> &mut W {
        self.writer.as_mut().expect("a turn has the writer until it is dropped")
    }
}

impl<W: Close> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        if !state.abandoned {
            state.writer = self.writer.take();
            return;
        }
        drop(state);
        if let Some(writer) = self.writer.take() {
            writer.close_late();
        }
    }
}
