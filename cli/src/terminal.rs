//! What the output goes to: its width, and whether it takes colour.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// Width that is laid out for when nothing tells it: the output is a file or a pipe.
const DEFAULT_COLUMNS: usize = 100;

/// Widths outside of this are brought into it: below, no layout makes sense; above, no line is read
/// any better, and a nonsensical `COLUMNS` must not cost memory.
const COLUMNS: std::ops::RangeInclusive<usize> = 60..=500;

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// If the output is a terminal and the environment variable NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Number of columns to lay out for: `COLUMNS` if it is a number, else the terminal's width.
pub(crate) fn columns() -> usize {
    let stated = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    stated
        .filter(|&columns| columns > 0)
        .or_else(|| {
            let (columns, _) = terminal_size::terminal_size_of(io::stdout())?;
            Some(usize::from(columns.0))
        })
        .unwrap_or(DEFAULT_COLUMNS)
        .clamp(*COLUMNS.start(), *COLUMNS.end())
}

/// Whether the standard output is a file, and nothing of it can appear on a terminal: at the other
/// end of a pipe there may be one.
pub(crate) fn output_is_file() -> bool {
    #[cfg(unix)]
    {
        use std::fs::File;
        use std::os::fd::AsFd;
        let output = io::stdout().as_fd().try_clone_to_owned();
        let metadata = output.and_then(|output| File::from(output).metadata());
        metadata.is_ok_and(|metadata| metadata.is_file())
    }
    #[cfg(not(unix))]
    {
        false
    }
}

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// What `choice` means for the standard output.
    pub(crate) fn new(choice: ColorChoice) -> Self {
        let on = is_colored(
            choice,
            env::var_os("NO_COLOR").as_deref(),
            env::var_os("TERM").as_deref(),
            io::stdout().is_terminal(),
        );
        Self { on }
    }

    /// `text` in `style`. Nothing is escaped here.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.on && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// `NO_COLOR` counts if it is set and not empty, as no-color.org defines it; a terminal of type
/// `dumb` takes no colours. A choice on the command line is stronger than both.
fn is_colored(
    choice: ColorChoice,
    no_color: Option<&OsStr>,
    term: Option<&OsStr>,
    is_terminal: bool,
) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let refused = no_color.is_some_and(|value| !value.is_empty());
            is_terminal && !refused && term.is_none_or(|term| term != "dumb")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_without_no_color_unless_chosen() {
        use ColorChoice::{Always, Auto, Never};
        let xterm = Some(OsStr::new("xterm"));
        let set = Some(OsStr::new("1"));
        for (choice, no_color, term, is_terminal, expected) in [
            (Auto, None, xterm, true, true),
            (Auto, None, None, true, true),
            (Auto, None, xterm, false, false),
            (Auto, set, xterm, true, false),
            (Auto, Some(OsStr::new("")), xterm, true, true),
            (Auto, None, Some(OsStr::new("dumb")), true, false),
            (Always, set, xterm, false, true),
            (Never, None, xterm, true, false),
        ] {
            let found = is_colored(choice, no_color, term, is_terminal);
            assert_eq!(found, expected, "{choice:?} {no_color:?} {term:?} {is_terminal}");
        }
    }
}
