//! What goes to standard error: warnings, errors and the progress bar.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{CLEAN, WRONG};
use crate::text::harmless;
use crate::units;

/// Work that ends sooner shows no bar.
const SHOW_AFTER: Duration = Duration::from_millis(400);

/// How often the bar is drawn at most.
const REDRAW_EVERY: Duration = Duration::from_millis(80);

/// Width of the bar itself, in columns.
const BAR_COLUMNS: u64 = 24;

/// Writes to standard error, and remembers whether something was wrong.
///
/// An error of writing there is ignored: there is nowhere left to report it.
#[derive(Debug)]
pub(crate) struct Notices {
    exit_code: u8,
    silent: bool,
    bar: Option<Bar>,
    bar_allowed: bool,
}

#[derive(Debug)]
struct Bar {
    begun: Instant,
    drawn: Option<Instant>,
    done: u64,
    total: u64,
}

impl Notices {
    pub(crate) fn new() -> Self {
        Self { exit_code: CLEAN, silent: false, bar: None, bar_allowed: io::stderr().is_terminal() }
    }

    /// Shows no bar: output may appear meanwhile on the terminal that it would be drawn on.
    pub(crate) fn forbid_bar(&mut self) {
        self.bar_allowed = false;
    }

    /// Says nothing more about the input: all was said when it was read the first time.
    pub(crate) fn silence(&mut self) {
        self.silent = true;
    }

    /// The exit code that the notices so far ask for.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Something that the user should know and that does not make the result wrong.
    pub(crate) fn warning(&mut self, text: &str) {
        if !self.silent {
            self.line(&format!("warning: {text}"));
        }
    }

    /// A path that cannot be read.
    pub(crate) fn wrong_input(&mut self, problem: &str) {
        self.exit_code = WRONG;
        if !self.silent {
            self.line(problem);
        }
    }

    /// Why the command stops.
    pub(crate) fn error(&mut self, problem: &str) {
        self.line(problem);
    }

    fn line(&mut self, text: &str) {
        self.wipe_bar();
        let _ = writeln!(io::stderr(), "nanospan: {}", harmless(text));
    }

    /// Begins to read `total` bytes.
    pub(crate) fn begin(&mut self, total: u64) {
        self.bar = self.bar_allowed.then(|| Bar { begun: Instant::now(), drawn: None, done: 0, total });
    }

    /// `bytes` more were read.
    pub(crate) fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &mut self.bar {
            bar.done += bytes;
            let now = Instant::now();
            let due = match bar.drawn {
                Some(drawn) => now - drawn >= REDRAW_EVERY,
                None => now - bar.begun >= SHOW_AFTER,
            };
            if due {
                bar.drawn = Some(now);
                let _ = write!(io::stderr(), "\r\x1b[2K{}", bar.text());
                let _ = io::stderr().flush();
            }
        }
    }

    /// Nothing more is read: the bar goes away.
    pub(crate) fn end(&mut self) {
        self.wipe_bar();
        self.bar = None;
    }

    fn wipe_bar(&mut self) {
        if let Some(bar) = &mut self.bar {
            if bar.drawn.take().is_some() {
                let _ = write!(io::stderr(), "\r\x1b[2K");
                let _ = io::stderr().flush();
            }
        }
    }
}

impl Bar {
    fn text(&self) -> String {
        // A file may have grown since its size was asked for.
        let total = self.total.max(self.done).max(1);
        let share = |whole: u64| (u128::from(self.done) * u128::from(whole) / u128::from(total)) as usize;
        let full = share(BAR_COLUMNS);
        format!(
            "reading {}{} {:3} %  {} of {}",
            "━".repeat(full),
            "─".repeat(BAR_COLUMNS as usize - full),
            share(100),
            units::bytes(self.done),
            units::bytes(total),
        )
    }
}

/// A path as it is shown.
pub(crate) fn shown(path: &Path) -> String {
    harmless(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_at_the_end_and_survives_files_that_grow() {
        let at = |done, total| {
            let begun = Instant::now();
            Bar { begun, drawn: None, done, total }.text()
        };
        assert!(at(0, 0).contains("  0 %"));
        assert!(at(1 << 30, 2 << 30).contains(" 50 %  1.00 GiB of 2.00 GiB"));
        assert!(at(3, 2).contains("100 %"));
        assert!(at(u64::MAX, u64::MAX).contains("100 %"));
        assert_eq!(at(7, 7).matches('━').count(), BAR_COLUMNS as usize);
    }
}
