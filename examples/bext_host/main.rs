//! A small HTTP server that drives the tracer as a bext host does: through the host's two traits, and
//! beside them only what they do not have, the headers by which a trace goes from service to service.
//!
//! ```text
//! cargo run --release --example bext_host                  # serve on port 8081 until told to end
//! curl -i -H 'authorization: token 7' http://127.0.0.1:8081/page/7
//! curl -i -H 'authorization: token 7' \
//!     -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' http://127.0.0.1:8081/page/8
//! cargo run --release --example bext_host -- --load 20000  # ask itself, then end
//! cargo run --release --example bext_host -- --echo human  # and show the spans, for development
//! ```
//!
//! - `host.rs` loads the tracer, starts it, flushes it on a timer and stops it: begin here. `wire.rs`
//!   continues the traces of other services. No other file knows which tracer it is.
//! - `request.rs` has the SERVER span of a request and hands it on as the parent; `auth.rs`, `cache.rs`
//!   and `render.rs` are plugins that record below it, the last one on threads of its own.
//! - `witness.rs` stands between them and the tracer and writes down what they said, for
//!   `scripts/prove-bext-host`, which compares it with what arrived.
//! - `server.rs` and `load.rs` are both ends of the HTTP connections.

mod args;
mod auth;
mod cache;
mod host;
mod load;
mod render;
mod request;
mod server;
mod span;
mod wire;
mod witness;

use args::Args;
use host::Host;
use server::{Left, Server};
use span::SharedTracer;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use witness::Witness;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) if args.help => {
            print!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(args) => args,
        Err(why) => {
            eprintln!("bext_host: {why}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    run(&args).unwrap_or_else(|error| {
        eprintln!("bext_host: {error}");
        ExitCode::FAILURE
    })
}

/// Starts the tracer, serves, and ends in this order: requests, plugins, timer, tracer, process.
fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let config = args.config_json()?;
    let log = args.log.as_deref().map(witness::create).transpose()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(args.workers).enable_all().build()?;
    let host = Host::start(&config, args.echo)?;
    let witness = Arc::new(Witness::new(host.tracer(), host.wire(), log));
    let timer = host.flush_every(args.flush_interval)?;

    let served = runtime.block_on(serve(args, &host, witness.clone()));
    drop(runtime);
    // No plugin is left behind, so whatever was traced has ended.
    let requests = served.map(Left::join);
    timer.stop();
    let failures = host.stop();
    let account = witness.close()?;
    writeln!(stdout(), "handled {} requests; {account}; {failures} failures", requests?)?;
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves until the load is through or the process is told to end.
async fn serve(args: &Args, host: &Host, tracer: SharedTracer) -> Result<Left, Box<dyn Error>> {
    // Before anybody is told that it serves: a signal that came earlier would end the process.
    let mut signals = Signals::new()?;
    let server = Server::start(args.port, tracer, host.wire()).await?;
    let address = server.address();
    writeln!(stdout(), "serving http://{address}; Ctrl-C ends it")?;
    if args.load == 0 {
        signals.until_end(host).await;
    } else {
        tokio::select! {
            loaded = load::drive(address, args.load, args.clients) => {
                host.note(loaded.map_err(|error| format!("the load failed: {error}")));
            }
            () = signals.until_end(host) => {}
        }
    }
    Ok(server.stop().await)
}

/// What the process can be told.
#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for Ctrl-C or SIGTERM; reloads at each SIGHUP until then.
    async fn until_end(&mut self, host: &Host) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => host.reload().await,
            }
        }
    }
}
