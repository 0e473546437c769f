//! A small shop that serves HTTP and is traced with nanospan: what a service looks like that embeds
//! the tracer.
//!
//! ```text
//! cargo run --release --example site                        # serve on port 8080
//! curl -i http://127.0.0.1:8080/product/7
//! cargo run --release --example site -- --self-load 20000   # ask itself, compare, report
//! ```
//!
//! Spans go into segment files; or they and metrics about them go wherever OpenTelemetry's standard variables say:
//!
//! ```text
//! OTEL_SERVICE_NAME=shop OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 \
//!     cargo run --release --features otlp-http --example site
//! ```
//!
//! - `main.rs` makes the tracer and shuts it down: begin here. `destination.rs` says where its spans
//!   and metrics go.
//! - `visit.rs` has the SERVER span of a request; `routes.rs` the spans of the work for it;
//!   `payment.rs` a span that another thread ends by its handle; `orders.rs` links.
//! - `client.rs`, `plan.rs`, `log.rs`, `files.rs`, `check.rs`, `report.rs` and `self_load.rs` are for
//!   the self-load, which compares the files with a log that the client keeps.

mod args;
mod check;
mod client;
mod destination;
mod files;
mod log;
mod orders;
mod payment;
mod plan;
mod products;
mod reply;
mod report;
mod routes;
mod self_load;
mod server;
mod site;
#[cfg(test)]
mod tests;
mod visit;

use args::Args;
use destination::Destination;
use nanospan::Tracer;
use nanospan::propagation::Propagators;
use server::Server;
use std::error::Error;
use std::io::{self, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// How long the last export may take.
const SHUTDOWN: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) if args.help => {
            print!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(args) => args,
        Err(why) => {
            eprintln!("site: {why}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    let destination = Destination::of(&args.spool, |name| std::env::var_os(name));
    let done = match args.self_load {
        Some(requests) => self_load::run(&args, &destination, requests),
        None => serve(&args, &destination).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("site: {error}");
        ExitCode::FAILURE
    })
}

/// Serves until the process is told to end, then ends in this order: requests, runtime, tracer.
fn serve(args: &Args, destination: &Destination) -> Result<(), Box<dyn Error>> {
    let tracer = if args.off { Tracer::noop() } else { destination.open()? };
    let _guard = tracer.guard(); // for the ways out before the end of this function
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = Server::start(args.port.unwrap_or(8080), tracer, Propagators::from_env()).await?;
        writeln!(stdout(), "serving http://{}; Ctrl-C ends it", server.address())?;
        told_to_end().await?;
        server.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    drop(runtime);
    tracer.shutdown(SHUTDOWN)?;
    if !args.off {
        report::account(&mut stdout(), &tracer.stats())?;
        if let Destination::Segments(spool) = destination {
            report::way_to_traces(&mut stdout(), spool)?;
        }
    }
    Ok(())
}

/// The runtime of the site. Two workers at least, so that tasks do move between threads.
fn runtime() -> io::Result<Runtime> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_end() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
