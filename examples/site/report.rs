//! What a person reads at the end.

use crate::check::Verdict;
use crate::client::Round;
use crate::files::{Files, Row};
use nanospan::{SpanKind, Stats, StatusCode};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Speed, computing time and latency of the rounds with tracing and of those without.
pub(crate) fn speed(out: &mut impl Write, traced: &[Round], untraced: &[Round]) -> io::Result<()> {
    let rows = [("traced", Speed::of(traced)), ("untraced", Speed::of(untraced))];
    writeln!(
        out,
        "{:<10}{:>12}{:>20}{:>11}{:>11}{:>16}",
        "", "requests/s", "slowest, fastest", "p50", "p99", "CPU a request"
    )?;
    for (name, speed) in &rows {
        let runs = format!("{:.0}, {:.0}", speed.slowest, speed.fastest);
        let cpu = speed.cpu_micros.map_or("unknown".to_owned(), |micros| format!("{micros:.1} us"));
        let (median, p50, p99) = (speed.median, speed.p50_micros, speed.p99_micros);
        writeln!(out, "{name:<10}{median:>12.0}{runs:>20}{p50:>8} us{p99:>8} us{cpu:>16}")?;
    }
    let [(_, traced), (_, untraced)] = rows;
    writeln!(
        out,
        "Of the medians, traced is {:.3} of untraced. The client and the export run in this process too,\n\
         and whatever else the machine does shows.",
        traced.median / untraced.median
    )
}

/// What some rounds took together.
struct Speed {
    /// Requests per second, of the round in the middle.
    median: f64,
    slowest: f64,
    fastest: f64,
    p50_micros: u64,
    p99_micros: u64,
    cpu_micros: Option<f64>,
}

impl Speed {
    fn of(rounds: &[Round]) -> Self {
        let entries = rounds.iter().flat_map(|round| &round.entries);
        let mut micros: Vec<u64> = entries.map(|entry| entry.micros).collect();
        micros.sort_unstable();
        let percentile = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or(0);

        let rate = |round: &Round| round.entries.len() as f64 / round.took.as_secs_f64();
        let mut rates: Vec<f64> = rounds.iter().map(rate).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let rate = |index: usize| rates.get(index).copied().unwrap_or(0.0);

        let cpu: Option<Duration> = rounds.iter().map(|round| round.cpu).sum();
        Self {
            median: rate(rates.len() / 2),
            slowest: rate(0),
            fastest: rate(rates.len() - 1),
            p50_micros: percentile(50),
            p99_micros: percentile(99),
            cpu_micros: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / micros.len() as f64),
        }
    }
}

/// Where every span went, as the tracer has it.
pub(crate) fn account(out: &mut impl Write, stats: &Stats) -> io::Result<()> {
    let dropped = stats.dropped;
    writeln!(out, "  {:>10} started, of which", stats.started)?;
    for (spans, what) in [
        (stats.exported, "exported"),
        (dropped.overload, "dropped for want of memory"),
        (dropped.shutdown, "dropped by the shutdown"),
        (dropped.export_failed, "dropped by the exporter"),
        (dropped.encode_failed, "dropped by the encoder"),
        (dropped.queue_full, "dropped because the queue was full"),
        (dropped.fork, "dropped by a fork"),
        (dropped.thread_exit, "dropped at the exit of a thread"),
        (stats.live, "live"),
        (stats.buffered, "buffered"),
    ] {
        if spans > 0 {
            writeln!(out, "  {spans:>10} {what}")?;
        }
    }
    let balance = if stats.is_balanced() { "That is all of them" } else { "That is NOT all of them" };
    writeln!(out, "{balance}; {} more were not sampled, as their callers asked.", stats.not_sampled)
}

/// How to look at what is in the segment files.
pub(crate) fn way_to_traces(out: &mut impl Write, spool: &Path) -> io::Result<()> {
    writeln!(out, "To look at the traces: cargo run -p nanospan-cli -- tree {}", spool.display())
}

/// The most problems that are worth reading.
const PROBLEMS_SHOWN: usize = 20;

/// What the comparison of the files with the client's log found.
pub(crate) fn verdict(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    if verdict.problems.is_empty() {
        return writeln!(
            out,
            "EQUAL: {} requests, of which the callers wanted {} recorded; {} spans, nothing missing or extra.\n\
             {} of the requests' spans were moved between worker threads while they waited;\n\
             {} spans were given to a blocking thread, or ended by another thread through their handle.",
            verdict.requests, verdict.recorded, verdict.spans, verdict.migrated, verdict.handed_over,
        );
    }
    writeln!(out, "NOT EQUAL: {} differences", verdict.problems.len())?;
    for problem in verdict.problems.iter().take(PROBLEMS_SHOWN) {
        writeln!(out, "  {problem}")?;
    }
    match verdict.problems.len().saturating_sub(PROBLEMS_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  ... and {more} more"),
    }
}

/// The spans of the request that took the site longest.
pub(crate) fn slowest(out: &mut impl Write, files: &Files<'_>) -> io::Result<()> {
    let took = |row: &&Row<'_>| {
        let span = files.span(row);
        span.end_unix_nanos().saturating_sub(span.start_unix_nanos())
    };
    let requests = files.rows.iter().filter(|row| files.span(row).kind() == SpanKind::Server);
    let Some(row) = requests.max_by_key(took) else { return Ok(()) };
    writeln!(out, "The slowest request, trace {}", row.trace)?;
    writeln!(out, "{:>13} {:>12}", "begins", "takes")?;
    tree(out, files, row, files.span(row).start_unix_nanos(), 0)
}

fn tree(out: &mut impl Write, files: &Files<'_>, row: &Row<'_>, origin: u64, depth: usize) -> io::Result<()> {
    let span = files.span(row);
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let error = match span.status() {
        (StatusCode::Error, why) => format!("  ERROR: {why}"),
        _ => String::new(),
    };
    let begins = micros(span.start_unix_nanos().saturating_sub(origin));
    let takes = micros(span.end_unix_nanos().saturating_sub(span.start_unix_nanos()));
    let indent = 2 * depth;
    writeln!(out, "{begins:>10.1} us {takes:>9.1} us  {:indent$}{}{error}", "", row.name)?;
    for event in span.events() {
        let at = micros(event.time_unix_nanos().saturating_sub(origin));
        writeln!(out, "{at:>10.1} us {:>12}  {:indent$}  * {}", "", "", event.name())?;
    }
    for child in files.children(row) {
        tree(out, files, child, origin, depth + 1)?;
    }
    Ok(())
}
