//! The way out: text that is written once, byte by byte, whatever the writer does.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Write};

use crate::export::stdout::Page;

/// A writer and the text that it has not taken yet.
///
/// A write that fails has taken nothing: that is what [`Write::write`] promises. So it is known
/// how many bytes went out, and the next attempt goes on at the byte where the last one stopped.
/// Ending the torn line and writing its span again would leave a line that no reader of JSON Lines
/// accepts, and the span once in whole and once in part.
pub(super) struct Output {
    writer: Box<dyn Write + Send>,
    text: Vec<u8>,
    /// How much of `text` the writer took.
    at: usize,
    /// Where the texts of the spans end that it has not taken whole.
    ends: VecDeque<usize>,
    /// Spans that it took since its last successful flush.
    unflushed: u64,
}

/// What the writer refused.
#[derive(Debug)]
pub(super) enum OutputError {
    /// To take text. The text is kept.
    Write(io::Error),
    /// To pass on what it took, which is the text of so many spans.
    Flush(io::Error, u64),
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, text: Vec::new(), at: 0, ends: VecDeque::new(), unflushed: 0 }
    }

    /// Takes the text to write next, in place of the last one: only to be called after a
    /// [`write`](Output::write) that succeeded.
    pub(super) fn load(&mut self, page: Page) {
        self.text = page.text.into_bytes();
        self.ends = page.ends.into();
    }

    /// Writes all text, and calls `written` with the number of spans whenever some are complete.
    pub(super) fn write(&mut self, mut written: impl FnMut(u64)) -> Result<(), OutputError> {
        while self.at < self.text.len() {
            match self.writer.write(&self.text[self.at..]) {
                Ok(0) => return Err(OutputError::Write(ErrorKind::WriteZero.into())),
                Ok(taken) => {
                    self.at += taken;
                    let complete = self.ends.partition_point(|&end| end <= self.at);
                    self.ends.drain(..complete);
                    self.unflushed += complete as u64;
                    if complete > 0 {
                        written(complete as u64);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(OutputError::Write(error)),
            }
        }
        // Not cleared: memory for one large flush is not kept for the small ones.
        self.text = Vec::new();
        self.at = 0;
        Ok(())
    }

    /// Has the writer pass on what it took, unless it has nothing.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        while self.unflushed > 0 {
            match self.writer.flush() {
                Ok(()) => self.unflushed = 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(OutputError::Flush(error, self.unflushed)),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("text", &self.text.len())
            .field("at", &self.at)
            .field("unflushed", &self.unflushed)
            .finish_non_exhaustive()
    }
}
