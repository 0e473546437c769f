//! nanospan beside its rivals: one process a measurement, and tables of what they measured.
//!
//! See the README beside this crate, and `nanospan-perf` without arguments.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("these measurements read the time stamp counter and /proc: x86-64 Linux only");

mod content;
mod library;
mod machine;
mod measure;
mod row;
mod workload;

use measure::Job;
use std::process::ExitCode;

const USAGE: &str = "usage: nanospan-perf measure LIBRARY MODE WORKLOAD [samples=N] [spans=N] [rate=N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match &arguments[..] {
        ["measure", job @ ..] => Job::parse(job).and_then(|job| job.run()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(row) => {
            println!("{row}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nanospan-perf: {error}");
            ExitCode::FAILURE
        }
    }
}
