//! Text to a writer: what the exporters of spans and of metrics to standard output have in common.

use std::io::{self, Write};

use super::Page;
use super::output::Output;
use crate::export::owner::Owner;
use crate::export::turns::{Turn, Turns};
use crate::export::{Context, ExportError};

/// Where text is to be written.
pub(crate) struct ConsoleSetup {
    pub(crate) writer: Box<dyn Write + Send>,
    /// What errors call the writer.
    pub(crate) destination: String,
}

impl Default for ConsoleSetup {
    fn default() -> Self {
        Self { writer: Box::new(io::stdout()), destination: "standard output".to_owned() }
    }
}

impl ConsoleSetup {
    pub(crate) fn build(self) -> Console {
        let Self { writer, destination } = self;
        let output = Turns::new(Output::new(writer, destination.clone()));
        Console { owner: Owner::this_process(), destination, output }
    }
}

/// A writer of this process, which one call at a time uses.
pub(crate) struct Console {
    owner: Owner,
    destination: String,
    output: Turns<Output>,
}

impl Console {
    /// What errors call the writer.
    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }

    /// Writes what `render` makes. An error says how many of its items were not written to their end.
    pub(crate) fn write(&self, context: &Context, render: impl FnOnce() -> Page) -> Result<(), ExportError> {
        let mut turn = self.turn(context)?;
        turn.writer().write(context, &render(), || self.output.is_abandoned())
    }

    pub(crate) fn flush(&self, context: &Context) -> Result<(), ExportError> {
        self.turn(context)?.writer().flush(context)
    }

    pub(crate) fn shut_down(&self, context: &Context) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        self.output.shut_down(context, || self.shut_down_error())
    }

    fn turn(&self, context: &Context) -> Result<Turn<'_, Output>, ExportError> {
        self.refuse_in_child()?;
        self.output.take(context, || self.shut_down_error())
    }

    /// In a forked child, a thread that is gone may have the writer.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        self.owner.refuse_in_child(format_args!("exporter to {}", self.destination))
    }

    fn shut_down_error(&self) -> ExportError {
        ExportError::shutdown(&format!("exporter to {}", self.destination))
    }
}
