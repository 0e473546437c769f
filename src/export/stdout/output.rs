//! The writer, and what is to be known of it after a write that failed.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use super::text::Page;
use crate::export::turns::Close;
use crate::export::{Context, ExportError, ExportErrorKind};

/// How long it waits for a writer that does not block and has no room at the moment.
const PAUSE: Duration = Duration::from_millis(1);

/// About how many bytes are written at a time: between two writes the context is looked at.
const PIECE: usize = 8 << 10;

/// A writer, what errors call it, and whether its last line is whole.
pub(super) struct Output {
    writer: Box<dyn Write + Send>,
    destination: String,
    /// The writer took the beginning of a line and not its end. The rest is never written, for its item
    /// was reported as lost; the next line begins with a line feed.
    torn: bool,
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>, destination: String) -> Self {
        Self { writer, destination, torn: false }
    }

    /// Writes `page`. An error says how many of its items were not written to their end.
    pub(super) fn write(
        &mut self,
        context: &Context,
        page: &Page,
        is_abandoned: impl Fn() -> bool,
    ) -> Result<(), ExportError> {
        let text = page.text.as_bytes();
        if self.torn && !text.is_empty() {
            self.write_some(context, b"\n", &is_abandoned).map_err(|(_, error)| error)?;
            self.torn = false;
        }
        let mut at = 0;
        while at < text.len() {
            // To the end of an item, so that what is left undone is left between two lines.
            let end = page.ends[page.ends.partition_point(|&end| end < text.len().min(at + PIECE))];
            if let Err((taken, error)) = self.write_some(context, &text[at..end], &is_abandoned) {
                at += taken;
                let written = page.ends.partition_point(|&end| end <= at);
                // An item's text may begin with a line for what it belongs to, as a span's with one for its
                // trace, so a line feed alone is no end of it; but it is no torn line either.
                self.torn = at > 0 && text[at - 1] != b'\n';
                return Err(error.with_lost((page.ends.len() - written) as u64));
            }
            at = end;
        }
        Ok(())
    }

    /// Writes all of `bytes`, or says how many the writer took and why no more.
    fn write_some(
        &mut self,
        context: &Context,
        bytes: &[u8],
        is_abandoned: impl Fn() -> bool,
    ) -> Result<(), (usize, ExportError)> {
        let mut at = 0;
        while at < bytes.len() {
            if is_abandoned() {
                let message = format!("the exporter to {} was shut down meanwhile", self.destination);
                return Err((at, ExportError::new(ExportErrorKind::ExporterShutdown, message)));
            }
            context.check().map_err(|over| (at, over.into()))?;
            match self.writer.write(&bytes[at..]) {
                Ok(0) => return Err((at, self.failed("write to", ErrorKind::WriteZero.into()))),
                Ok(taken) => at += taken,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The loop says what an end of the wait means.
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(context.wait(PAUSE)),
                Err(error) => return Err((at, self.failed("write to", error))),
            }
        }
        Ok(())
    }

    /// Has the writer pass on what it took.
    pub(super) fn flush(&mut self, context: &Context) -> Result<(), ExportError> {
        loop {
            context.check()?;
            match self.writer.flush() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(context.wait(PAUSE)),
                Err(error) => return Err(self.failed("flush", error)),
            }
        }
    }

    fn failed(&self, what: &str, error: std::io::Error) -> ExportError {
        let message = format!("cannot {what} {}", self.destination);
        ExportError::new(ExportErrorKind::Io, message).with_source(error)
    }
}

impl Close for Output {
    fn close(mut self, context: &Context) -> Result<(), ExportError> {
        self.flush(context)
    }

    fn close_late(self) {
        // A flush might wait for ever. What the writer makes of being dropped is its own matter.
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("destination", &self.destination).finish_non_exhaustive()
    }
}
