//! Random histories of calls on nanospan, each compared span by span with a plain oracle.
//!
//! # What is played
//!
//! A [history](plan) is some 10 to 60 calls over 2 to 8 threads. Which call comes after which other one is
//! part of it, and the threads keep to that; calls for which nothing is said race. It is [made](generate)
//! from a seed, [played](play) on a real tracer beside others, and [checked](check) when all have come to
//! their end and the tracer was flushed.
//!
//! # What is accepted
//!
//! What the documentation promises and not more: see [`explain`] for one span, [`account`] for the
//! counters. Where calls race, every outcome is accepted that comes from *some* order of these calls which
//! agrees with what happens before what, and no other. The [oracle] knows how a span comes from an order.
//!
//! # What is not played
//!
//! Forks, exporters that hang, calls from destructors of thread-locals: they have tests of their own.
//!
//! Built with `--cfg nanospan_tiny` the tracer has blocks of 4 spans and chunks of 24 words, so that what is
//! rare otherwise happens all the time. Built with `--cfg nanospan_seeded` it makes the mistake that the
//! environment variable `NANOSPAN_SEEDED` names.

mod account;
mod check;
mod explain;
mod generate;
mod oracle;
mod plan;
mod play;
mod pool;
mod profile;
mod random;
mod report;
mod session;
mod shrink;

use crate::profile::Profile;
use crate::report::Report;
use crate::session::{IN_A_SESSION, Source};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: nanospan-histories run --from SESSION [--sessions N] [--seconds N] [--all-branches] [--no-shrink]
       nanospan-histories replay --seed SESSION:HISTORY [--tries N]

run     plays sessions of 4096 histories, from number SESSION on, until N are done or the time is over
        (1 without either); prints how often what happened; with --all-branches something that never
        did is a failure
replay  plays one history again and again, alone and beside itself, and shrinks it when it fails";

fn main() -> ExitCode {
    #[cfg(nanospan_seeded)]
    if let Ok(name) = std::env::var("NANOSPAN_SEEDED") {
        if let Err(error) = nanospan::seed(&name) {
            eprintln!("NANOSPAN_SEEDED: {error}");
            return ExitCode::from(2);
        }
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Ok(Command::Run(options)) => run(&options),
        Ok(Command::Replay { session, history, tries }) => shrink::replay(session, history, tries),
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Run(Options),
    Replay { session: u64, history: u64, tries: u64 },
}

/// How much to play.
struct Options {
    from: u64,
    sessions: Option<u64>,
    seconds: Option<u64>,
    all_branches: bool,
    shrink: bool,
}

fn parse(arguments: &[String]) -> Result<Command, String> {
    let (command, rest) = arguments.split_first().ok_or("a command is missing")?;
    let mut options = rest.iter();
    let (mut from, mut sessions, mut seconds, mut all_branches, mut shrink) = (None, None, None, false, true);
    let (mut seed, mut tries) = (None, 2000);
    while let Some(option) = options.next() {
        match option.as_str() {
            "--all-branches" => {
                all_branches = true;
                continue;
            }
            "--no-shrink" => {
                shrink = false;
                continue;
            }
            _ => {}
        }
        let value = options.next().ok_or_else(|| format!("{option}: a value is missing"))?;
        let number = |text: &str| text.parse().map_err(|_| format!("{option} {value}: not a number"));
        match option.as_str() {
            "--from" => from = Some(number(value)?),
            "--sessions" => sessions = Some(number(value)?),
            "--seconds" => seconds = Some(number(value)?),
            "--tries" => tries = number(value)?,
            "--seed" => {
                let (session, history) =
                    value.split_once(':').ok_or_else(|| format!("--seed {value}: not SESSION:HISTORY"))?;
                seed = Some((number(session)?, number(history)?));
            }
            _ => return Err(format!("{option}: not an option")),
        }
    }
    match command.as_str() {
        "run" => {
            let from = from.ok_or("--from is missing")?;
            Ok(Command::Run(Options { from, sessions, seconds, all_branches, shrink }))
        }
        "replay" => {
            let (session, history) = seed.ok_or("--seed is missing")?;
            Ok(Command::Replay { session, history, tries })
        }
        _ => Err(format!("{command}: not a command")),
    }
}

fn run(options: &Options) -> ExitCode {
    let &Options { from, sessions, seconds, all_branches, shrink } = options;
    let began = Instant::now();
    let sessions = sessions.or(if seconds.is_some() { None } else { Some(1) });
    let is_over = |done: u64| {
        sessions.is_some_and(|sessions| done >= sessions)
            || seconds.is_some_and(|seconds| done > 0 && began.elapsed() >= Duration::from_secs(seconds))
    };
    let mut report = Report::default();
    let mut done = 0;
    while !is_over(done) {
        let profile = Profile::of(from + done);
        let failures = session::play(&profile, &Source::Numbers(0..IN_A_SESSION), &mut report);
        done += 1;
        if !failures.is_empty() {
            println!("histories {}", report.histories);
            return shrink::explain(&profile, &failures, shrink);
        }
    }
    print!("{report}");
    println!("sizes {}", if cfg!(nanospan_tiny) { "tiny" } else { "real" });
    println!("sessions {from} to {}", from + done - 1);
    println!("histories {}", report.histories);
    println!("seconds {:.1}", began.elapsed().as_secs_f64());
    let missing = report.missing();
    if all_branches && !missing.is_empty() {
        println!("never happened: {}", missing.join("; "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
