//! How a command ends.

use std::io;

/// All is well.
pub(crate) const CLEAN: u8 = 0;

/// `verify` found damage.
pub(crate) const DAMAGED: u8 = 1;

/// The input or the command line is wrong, or the output cannot be written.
pub(crate) const WRONG: u8 = 2;

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read the output wants no more of it, which is no error: `nanospan cat … | head`.
    OutputClosed,
    /// The output cannot be written.
    Output(io::Error),
    /// The input or the command line is wrong. What is wrong, and with which path.
    Wrong(String),
}

/// An error of writing the output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Output(error),
        }
    }
}
