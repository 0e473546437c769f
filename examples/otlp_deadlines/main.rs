//! Measures how long a shutdown with a deadline takes where no collector answers, and how soon a cancelled
//! export returns: what `scripts/prove-deadlines` runs.
//!
//! ```text
//! cargo run --release --features otlp-http,otlp-grpc --example otlp_deadlines -- --rounds 20
//! ```
//!
//! - `networks.rs` has the ways in which a collector is not there; `places.rs` the places from which a
//!   shutdown is called; `stages.rs` how far an export has come when it is cancelled.
//!
//! The tables have the worst of the rounds, in milliseconds. The exit code is 1 if one is beyond its limit, or
//! the error was another one. A time is only as good as the machine is quiet.

mod networks;
mod places;
mod stages;

use nanospan::otlp::{OtlpExporter, OtlpExporterBuilder, Protocol};
use nanospan::{FlushError, Tracer};
use networks::Network;
use places::PLACES;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The deadline of a shutdown.
const DEADLINE: Duration = Duration::from_millis(100);

/// How long such a shutdown may take.
const SHUTDOWN_MAX: Duration = Duration::from_millis(150);

/// How long an export may go on that is cancelled.
const CANCELLATION_MAX: Duration = Duration::from_millis(50);

const PROTOCOLS: [(Protocol, &str); 3] =
    [(Protocol::Grpc, "grpc"), (Protocol::HttpProtobuf, "http/protobuf"), (Protocol::HttpJson, "http/json")];

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1);
    let rounds = match (given.next().as_deref(), given.next().map(|rounds| rounds.parse()), given.next()) {
        (None, ..) => 20,
        (Some("--rounds"), Some(Ok(rounds)), None) if rounds > 0 => rounds,
        _ => {
            eprintln!("Usage: otlp_deadlines [--rounds N]    the worst of N rounds [20]");
            return ExitCode::from(2);
        }
    };
    match shutdowns(rounds).and_then(|held| Ok(cancellations(rounds)? && held)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("otlp_deadlines: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An exporter to `endpoint`, whatever the environment says of proxies.
fn exporter(protocol: Protocol, endpoint: &str) -> OtlpExporterBuilder {
    OtlpExporter::builder().protocol(protocol).endpoint(endpoint).proxy(nanospan::otlp::Proxy::None)
}

/// Prints the table of shutdowns; says whether all were in time.
fn shutdowns(rounds: u32) -> Result<bool, Box<dyn Error>> {
    println!("shutdown within {} ms: worst of {rounds} in ms", DEADLINE.as_millis());
    print!("{:<28}", "");
    PLACES.iter().for_each(|(place, _)| print!("{place:>16}"));
    println!();
    let mut are_held = true;
    for network in Network::all()? {
        for (protocol, name) in PROTOCOLS {
            print!("{:<13}{name:<15}", network.name);
            for (_, place) in PLACES {
                let mut worst = Duration::ZERO;
                for round in 0..rounds {
                    let tracer = tracer(protocol, &network.url(), round)?;
                    let (result, took) = place(tracer);
                    if result != Err(FlushError::DeadlineExceeded) {
                        println!();
                        return Err(format!("the shutdown returned {result:?} after {took:?}").into());
                    }
                    worst = worst.max(took);
                }
                print!("{:>16.1}", millis(worst));
                are_held &= worst <= SHUTDOWN_MAX;
            }
            println!();
        }
    }
    told(are_held, SHUTDOWN_MAX);
    Ok(are_held)
}

/// A tracer with spans for a collector that is not there. In every other round their export is under way.
fn tracer(protocol: Protocol, url: &str, round: u32) -> Result<Tracer, Box<dyn Error>> {
    let exporter = exporter(protocol, url).build()?;
    // What is lost is meant to be.
    let builder = Tracer::builder("deadlines").memory_budget(8 << 20).error_handler(|_| {});
    let tracer = builder.exporter(exporter).build()?;
    (0..100).for_each(|number: i64| tracer.span("lost").start().set_attribute("number", number));
    if round % 2 == 1 {
        let _ = tracer.flush(Duration::from_millis(20));
    }
    Ok(tracer)
}

/// Shuts down, and says what came of it after how long.
fn shut_down(tracer: Tracer) -> (Result<(), FlushError>, Duration) {
    let begun = Instant::now();
    let result = tracer.shutdown(DEADLINE);
    (result, begun.elapsed())
}

/// Prints the table of cancellations; says whether all were in time.
fn cancellations(rounds: u32) -> Result<bool, Box<dyn Error>> {
    println!("\nexport after its cancellation: worst of {rounds} in ms");
    print!("{:<28}", "");
    PROTOCOLS.iter().for_each(|(_, name)| print!("{name:>16}"));
    println!();
    let mut are_held = true;
    for (stage, cancelled) in stages::STAGES {
        print!("{stage:<28}");
        for (protocol, _) in PROTOCOLS {
            let mut worst = Duration::ZERO;
            for _ in 0..rounds {
                worst = worst.max(cancelled(protocol)?);
            }
            print!("{:>16.1}", millis(worst));
            are_held &= worst <= CANCELLATION_MAX;
        }
        println!();
    }
    told(are_held, CANCELLATION_MAX);
    Ok(are_held)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn told(are_held: bool, limit: Duration) {
    let verdict = if are_held { "none is" } else { "some are NOT in time: they are" };
    println!("{verdict} above {} ms", limit.as_millis());
}
