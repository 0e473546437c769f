//! What metrics cost: how soon `temporality` and `aggregation` answer, at rest, while an export hangs, and after
//! the shutdown; what one collection of the tracer's account takes, and what it takes to encode points.
//!
//! The first has limits: the mean of many calls and what 999 of 1,000 calls stay below, each at most a
//! microsecond, for every exporter and every client. The process fails when one is above.
//!
//! The three states are measured in turns, so that a change of the machine's speed meets all of them. Without
//! `--bench`, as under `cargo test --benches`, everything runs once: that the exports really hang and what is
//! answered is checked, and no time.

#[path = "../../tests/common/allocator.rs"]
mod allocator;
mod answers;
mod costs;
#[path = "../workloads/pace.rs"]
#[allow(dead_code, reason = "shared with benchmarks that wait for the drain, too")]
mod pace;
mod subjects;

use std::process::ExitCode;

fn main() -> ExitCode {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let are_in_time = answers::measure(is_bench);
    costs::measure(is_bench);
    if are_in_time { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The figure in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
