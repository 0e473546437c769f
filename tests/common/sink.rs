//! A writer that takes, refuses or has no room, as a test likes.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a test sees of the writer.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    written: Vec<u8>,
    /// How many bytes it takes yet before it is broken; `None` for any number.
    room: Option<usize>,
    is_full: bool,
    flushes: usize,
    writers: usize,
}

impl Sink {
    /// A writer to the sink.
    pub(crate) fn writer(&self) -> SinkWriter {
        self.state().writers += 1;
        SinkWriter(self.clone())
    }

    pub(crate) fn written(&self) -> Vec<u8> {
        self.state().written.clone()
    }

    /// Has each write fail as one to a closed pipe does, or take everything again.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.state().room = broken.then_some(0);
    }

    /// Has writes fail once so many bytes have been taken.
    pub(crate) fn break_after(&self, bytes: usize) {
        self.state().room = Some(bytes);
    }

    /// Has each write and flush say that there is no room at the moment, or go on.
    pub(crate) fn set_full(&self, full: bool) {
        self.state().is_full = full;
    }

    pub(crate) fn flushes(&self) -> usize {
        self.state().flushes
    }

    /// Whether the writers were dropped.
    pub(crate) fn is_released(&self) -> bool {
        self.state().writers == 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub(crate) struct SinkWriter(Sink);

impl Write for SinkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        if state.is_full {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if taken == 0 && !bytes.is_empty() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.written.extend(&bytes[..taken]);
        state.room = state.room.map(|room| room - taken);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.state();
        if state.is_full {
            return Err(ErrorKind::WouldBlock.into());
        }
        if state.room == Some(0) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.flushes += 1;
        Ok(())
    }
}

impl Drop for SinkWriter {
    fn drop(&mut self) {
        self.0.state().writers -= 1;
    }
}
