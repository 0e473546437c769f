//! What a person reads at the end.

use crate::check::Verdict;
use crate::client::Round;
use crate::files::{Files, Row};
use crate::log::Entry;
use nanospan::propagation::parse_traceparent;
use nanospan::{Stats, StatusCode};

/// Requests per second and latency, of the rounds with tracing and those without.
pub(crate) fn print_speed(traced: &[Round], untraced: &[Round]) {
    println!("{:>24}{:>14}{:>12}{:>12}", "requests/s", "of the runs", "p50", "p99");
    let mut rates = [0.0; 2];
    for (rate, (name, rounds)) in rates.iter_mut().zip([("traced", traced), ("untraced", untraced)]) {
        let mut micros: Vec<u64> =
            rounds.iter().flat_map(|round| &round.entries).map(|entry| entry.micros).collect();
        micros.sort_unstable();
        let seconds: f64 = rounds.iter().map(|round| round.took.as_secs_f64()).sum();
        *rate = micros.len() as f64 / seconds;
        let each: Vec<String> = rounds.iter().map(|round| format!("{:.0}", per_second(round))).collect();
        let percentile = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or(0);
        println!(
            "{name:<10}{rate:>14.0}{:>14}{:>9} us{:>9} us",
            each.join(" "),
            percentile(50),
            percentile(99)
        );
    }
    let [traced, untraced] = rates;
    println!("traced / untraced: {:.3}. The client shares the machine with the site.", traced / untraced);
}

fn per_second(round: &Round) -> f64 {
    round.entries.len() as f64 / round.took.as_secs_f64()
}

/// Where every span went, as the tracer has it.
pub(crate) fn print_account(stats: &Stats) {
    let dropped = stats.dropped;
    println!("started {} = exported {}", stats.started, stats.exported);
    println!(
        "  + dropped {} (overload {}, shutdown {}, export {}, encoding {}, fork {}, thread exit {})",
        dropped.total(),
        dropped.overload,
        dropped.shutdown,
        dropped.export_failed,
        dropped.encode_failed,
        dropped.fork,
        dropped.thread_exit,
    );
    println!("  + live {} + buffered {}", stats.live, stats.buffered);
    println!("balanced: {}. Not sampled, as callers asked: {}", stats.is_balanced(), stats.not_sampled);
}

/// The most problems that are worth reading.
const PROBLEMS_SHOWN: usize = 20;

/// What the comparison of the files with the client's log found.
pub(crate) fn print_verdict(verdict: &Verdict, requests: usize) {
    if verdict.problems.is_empty() {
        println!(
            "equal: {requests} requests by the client's log, {} of them to be recorded, {} spans in the files",
            verdict.recorded, verdict.spans,
        );
        println!(
            "{} spans of requests moved between threads while they waited, {} were handed to another thread",
            verdict.migrated, verdict.handed_over,
        );
        return;
    }
    println!("NOT EQUAL: {} differences", verdict.problems.len());
    for problem in verdict.problems.iter().take(PROBLEMS_SHOWN) {
        println!("  {problem}");
    }
    if verdict.problems.len() > PROBLEMS_SHOWN {
        println!("  ... and {} more", verdict.problems.len() - PROBLEMS_SHOWN);
    }
}

/// The spans of the request that took the client longest, of those that were recorded.
pub(crate) fn print_slowest(files: &Files<'_>, entries: &[Entry]) {
    let told = |entry: &Entry| parse_traceparent(entry.traceresponse.as_ref()?.as_bytes()).ok();
    let recorded = |entry: &&Entry| told(entry).is_some_and(|told| told.is_sampled());
    let Some(slowest) = entries.iter().filter(recorded).max_by_key(|entry| entry.micros) else { return };
    let Some(told) = told(slowest) else { return };
    println!("slowest request: {} {}, {} us for the client", slowest.method, slowest.path, slowest.micros);
    println!("trace {}", told.trace_id());
    let key = (told.trace_id(), told.span_id());
    if let Some(row) = files.rows.iter().find(|row| row.key() == key) {
        print_tree(files, row, files.span(row).start_unix_nanos(), 0);
    }
}

fn print_tree(files: &Files<'_>, row: &Row<'_>, origin: u64, depth: usize) {
    let span = files.span(row);
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let (status, why) = span.status();
    println!(
        "{:>10.1} us {:>9.1} us  {:indent$}{}{}",
        micros(span.start_unix_nanos().saturating_sub(origin)),
        micros(span.end_unix_nanos() - span.start_unix_nanos()),
        "",
        row.name,
        if status == StatusCode::Error { format!("  ERROR: {why}") } else { String::new() },
        indent = 2 * depth,
    );
    for event in span.events() {
        let at = micros(event.time_unix_nanos().saturating_sub(origin));
        println!("{at:>10.1} us {:>14}{:indent$}* {}", "", "", event.name(), indent = 2 * depth + 2);
    }
    for child in files.children(row) {
        print_tree(files, child, origin, depth + 1);
    }
}
