//! The command line.

use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::failure::{CLEAN, WRONG};
use crate::terminal::ColorChoice;
use crate::text::harmless;

/// Reads nanospan's segment files and shows what is in them.
///
/// Every subcommand takes one or more paths. A file is read as a segment, whatever it is called; of
/// a directory, all segments are read, oldest first, also the one that is being written. A file
/// that several paths lead to is read once.
///
/// Every batch is verified as it is read. What a damaged or cut-off file still holds is shown, with
/// a warning on standard error; `verify` tells exactly what is wrong with it.
///
/// Exit code: 0 if all went well, 1 if `verify` found damage, 2 if the command line or the input is
/// wrong or the output cannot be written.
#[derive(Debug, Parser)]
#[command(
    name = "nanospan",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Stats(StatsOptions),
    Cat(CatOptions),
    Tree(TreeOptions),
    Verify(VerifyOptions),
}

/// Sum up: how many spans of what names, how long they took, what failed and what is missing; and how
/// many points of what metrics
///
/// Quantiles of durations are within 0.4 % of the exact value; the maximum is exact. Memory grows
/// with the number of traces and of distinct span names, not with the number of spans.
#[derive(Debug, Args)]
pub(crate) struct StatsOptions {
    /// Segment files, or directories of them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Show the N most frequent names of spans, and of metrics; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,

    /// Print one JSON object, with all names, instead of a table
    ///
    /// Durations are integers in nanoseconds, moments are RFC 3339 texts.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Print spans and metrics as OTLP/JSON, one line for each batch
///
/// Each line is a `TracesData` or a `MetricsData` message of OpenTelemetry's protocol in its JSON
/// encoding, which is also what OpenTelemetry's file exporter writes and what the Collector's
/// `otlpjsonfile` receiver reads. Batches are printed in the order in which they were written, spans
/// in the order in which they ended up in their batch, and metrics in that of their collection.
///
/// One segment is in memory at a time. A reader that closes the pipe, as `head` does, ends the
/// command without an error.
#[derive(Debug, Args)]
pub(crate) struct CatOptions {
    /// Segment files, or directories of them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Only spans of this trace, and no metrics: 32 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    pub(crate) trace: Option<[u8; 16]>,

    /// Only spans and metrics of this name; each `*` stands for any text
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Stop after N spans and points of metrics
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// Print metrics as text for the eye, and no spans, which `nanospan tree` draws
    #[arg(long, conflicts_with = "trace")]
    pub(crate) text: bool,
}

/// Draw traces as trees, with a bar for when each span ran
///
/// A span's bar is drawn on the time line of its whole trace. Below a span stand, where there are
/// any: the message of a failed status (✗), what is odd about it (!), its main attributes, its
/// events (•) with the time since the span began, and its links (→).
///
/// A parent that is not in the input is shown as a line of its own, with all spans below it that
/// refer to it. A child that starts before its parent or ends after it is drawn where it says it
/// was, and marked.
///
/// The input is read twice, unless --trace is given: first to choose, then to gather. Memory grows
/// with the number of traces and with the size of the ones that are drawn.
#[derive(Debug, Args)]
pub(crate) struct TreeOptions {
    /// Segment files, or directories of them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Draw the N traces that took longest, from their first start to their last end [default: 1]
    #[arg(long, value_name = "N", group = "choice")]
    pub(crate) slowest: Option<usize>,

    /// Draw the N latest traces in which a span failed
    #[arg(long, value_name = "N", group = "choice")]
    pub(crate) errors: Option<usize>,

    /// Draw this trace: 32 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = trace_id, group = "choice")]
    pub(crate) trace: Option<[u8; 16]>,

    /// Show all attributes, one on each line and uncut, instead of the main ones
    #[arg(long)]
    pub(crate) attributes: bool,

    /// Draw at most N spans of a trace; 0 for all
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Check files for damage, and spans for what cannot be
///
/// For each file: what is intact, and each damaged place with its position, the number of bytes
/// skipped and the reason. A segment that is being written (`.nsp.open`) may end inside of a batch;
/// that is no damage.
///
/// For the input as a whole: batches that are missing from the sequence of their tracer, or exporter of
/// metrics, or are there twice, span ids that occur twice in a trace, spans that end before they start, and spans whose
/// parent is missing. A missing parent is reported but is an error only with --strict: it may have
/// been recorded elsewhere, be unfinished, or be in a file that was moved away. Memory grows with
/// the number of spans, by about 200 bytes for each.
///
/// Exit code: 0 if everything is in order, 1 if not, 2 if the command line or the input is wrong.
#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// Segment files, or directories of them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Take a span whose parent is missing, and not known to be in another process, for an error
    #[arg(long)]
    pub(crate) strict: bool,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

#[derive(Debug, Args)]
pub(crate) struct OutputOptions {
    /// When to use colours; `auto` honours NO_COLOR
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
}

impl Arguments {
    /// The arguments that the command was called with, or the exit code to end with if there is
    /// nothing left to do.
    pub(crate) fn from_command_line() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // If the message cannot be written, there is nowhere left to say so.
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    let _ = error.print();
                    ExitCode::from(CLEAN)
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if io::stderr().is_terminal() => {
                    let _ = error.print();
                    ExitCode::from(WRONG)
                }
                _ => {
                    let _ = writeln!(io::stderr(), "nanospan: {}", in_one_line(&error));
                    ExitCode::from(WRONG)
                }
            }
        })
    }
}

/// What clap says about a mistake in several lines, without the usage and in a single one.
fn in_one_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a subcommand is required (see nanospan --help)".to_owned();
    }
    let text = error.to_string();
    let said = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .map(harmless)
        .collect::<Vec<_>>()
        .join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    format!("{} (see nanospan --help)", said.replace(":;", ":"))
}

fn trace_id(text: &str) -> Result<[u8; 16], String> {
    let problem = "a trace id is 32 hexadecimal digits, not all of them zero";
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(problem.to_owned());
    }
    match u128::from_str_radix(text, 16) {
        Ok(0) | Err(_) => Err(problem.to_owned()),
        Ok(id) => Ok(id.to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_trace_id_is_32_digits_of_either_case() {
        assert_eq!(
            trace_id("0AF7651916cd43dd8448eb211c80319C"),
            Ok(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes())
        );
        for wrong in [
            "",
            "0af7",
            "0af7651916cd43dd8448eb211c80319",
            "0af7651916cd43dd8448eb211c80319cc",
            "+af7651916cd43dd8448eb211c80319c",
            "0af7651916cd43dd8448eb211c80319g",
            "00000000000000000000000000000000",
        ] {
            assert!(trace_id(wrong).is_err(), "{wrong:?}");
        }
    }
}
