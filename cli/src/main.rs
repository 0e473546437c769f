//! The `nanospan` command: reads segment files and shows what is in them.
//!
//! `docs/command-line.md` is its manual.

mod arguments;
mod cat;
mod failure;
mod input;
mod json;
mod metrics;
mod notices;
mod stats;
mod terminal;
mod text;
mod tree;
mod units;
mod verify;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use failure::{CLEAN, Failure, WRONG};
use notices::Notices;

fn main() -> ExitCode {
    let arguments = match Arguments::from_command_line() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let mut notices = Notices::new();
    let result = match &arguments.command {
        Command::Stats(options) => stats::run(options, &mut notices),
        Command::Cat(options) => cat::run(options, &mut notices),
        Command::Tree(options) => tree::run(options, &mut notices),
        Command::Verify(options) => verify::run(options, &mut notices),
    };
    notices.end();
    let code = match result {
        Ok(code) => code,
        Err(Failure::OutputClosed) => CLEAN,
        Err(Failure::Output(error)) => {
            notices.error(&format!("cannot write the output: {error}"));
            WRONG
        }
        Err(Failure::Wrong(problem)) => {
            notices.error(&problem);
            WRONG
        }
    };
    ExitCode::from(code.max(notices.exit_code()))
}
