//! Records spans of every kind and sends them over OTLP: the near end of `scripts/prove-otlp`.
//!
//! ```text
//! cargo run --release --features otlp-http,otlp-grpc --example otlp_load -- \
//!     --protocol grpc --endpoint http://127.0.0.1:4317 --spans 1000000
//! ```
//!
//! What a span holds follows from its number; see `content.rs`. Spans are recorded in windows, by several
//! threads, and each window is flushed. After the second window and each that follows, the next one begins
//! when a line can be read from standard input, or that has ended: whoever receives the spans so keeps the
//! collector between from having to store them.
//!
//! What no flag says, the environment's variables `OTEL_EXPORTER_OTLP_*` do.
//!
//! At the end one line has the account, as `name=number` with spaces between, also when a flush failed: that
//! is then told on standard error.

mod content;

use content::FAMILY;
use nanospan::Tracer;
use nanospan::export::ExportError;
use nanospan::otlp::{Compression, OtlpExporter, Protocol};
use std::error::Error;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "\
Usage: otlp_load [FLAGS]

  --protocol P      grpc, http/protobuf or http/json [the environment's, or http/protobuf]
  --compression C   gzip or none [the environment's, or none]
  --endpoint URL    the collector [the environment's, or http://localhost:4318]
  --spans N         how many spans [1000000]
  --window N        how many of them between two flushes, in whole families of 8 [32768]
  --threads N       how many threads record [4]
  --run TEXT        the resource's attribute proof.run []
";

/// How many windows may be on their way at once.
const AHEAD: u64 = 2;

/// How long a flush may take: longer than any that makes progress.
const PATIENCE: Duration = Duration::from_secs(120);

struct Args {
    protocol: Option<Protocol>,
    compression: Option<Compression>,
    endpoint: Option<String>,
    spans: u64,
    window: u64,
    threads: u64,
    run: String,
}

impl Args {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            protocol: None,
            compression: None,
            endpoint: None,
            spans: 1_000_000,
            window: 32_768,
            threads: 4,
            run: String::new(),
        };
        while let Some(flag) = given.next() {
            let value = given.next().ok_or_else(|| format!("{flag}: a value is missing"))?;
            let refused = |why: &str| format!("{flag} {value}: {why}");
            let number = || match value.parse() {
                Ok(0) => Err(refused("must be at least 1")),
                Ok(number) => Ok(number),
                Err(error) => Err(refused(&format!("{error}"))),
            };
            match flag.as_str() {
                "--protocol" => {
                    args.protocol = Some(match value.as_str() {
                        "grpc" => Protocol::Grpc,
                        "http/protobuf" => Protocol::HttpProtobuf,
                        "http/json" => Protocol::HttpJson,
                        _ => return Err(refused("no such protocol")),
                    })
                }
                "--compression" => {
                    args.compression = Some(match value.as_str() {
                        "gzip" => Compression::Gzip,
                        "none" => Compression::None,
                        _ => return Err(refused("no such compression")),
                    })
                }
                "--spans" => args.spans = number()?,
                "--window" => args.window = number()?,
                "--threads" => args.threads = number()?,
                "--endpoint" => args.endpoint = Some(value),
                "--run" => args.run = value,
                _ => return Err(format!("{flag}: no such flag")),
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("otlp_load: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("otlp_load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let exporter = exporter(args)?;
    let tracer =
        content::described(Tracer::builder("proof"), &args.run).exporter(exporter.clone()).build()?;
    let begun = Instant::now();
    let (mut first, mut windows) = (0, 0);
    let mut flushed = Ok(());
    while first < args.spans && flushed.is_ok() {
        if windows >= AHEAD {
            io::stdin().lock().read_line(&mut String::new())?;
        }
        let last = args.spans.min(first + args.window.next_multiple_of(FAMILY));
        record(tracer, first, last, args.threads);
        flushed = tracer.flush(PATIENCE);
        (first, windows) = (last, windows + 1);
    }
    let ended = flushed.and(tracer.shutdown(PATIENCE));
    let (took, stats, otlp) = (begun.elapsed(), tracer.stats(), exporter.stats());
    println!(
        "started={} exported={} dropped={} live={} buffered={} requests={} retries={} bytes={} millis={}",
        stats.started,
        stats.exported,
        stats.dropped.total(),
        stats.live,
        stats.buffered,
        otlp.requests,
        otlp.retries,
        otlp.request_bytes,
        took.as_millis(),
    );
    Ok(ended?)
}

fn exporter(args: &Args) -> Result<OtlpExporter, ExportError> {
    let mut builder = OtlpExporter::builder().environment(|warning| eprintln!("otlp_load: {warning}"));
    if let Some(protocol) = args.protocol {
        builder = builder.protocol(protocol);
    }
    if let Some(compression) = args.compression {
        builder = builder.compression(compression);
    }
    if let Some(endpoint) = &args.endpoint {
        builder = builder.endpoint(endpoint);
    }
    builder.build()
}

/// Records the spans from number `first`, where a family begins, to the one before `last`, on several threads
/// with whole families each.
fn record(tracer: Tracer, first: u64, last: u64, threads: u64) {
    let families = first / FAMILY..last.div_ceil(FAMILY);
    thread::scope(|scope| {
        for thread in 0..threads {
            let mine = families.clone().skip(thread as usize).step_by(threads as usize);
            scope.spawn(move || mine.for_each(|family| content::record_family(tracer, family, last)));
        }
    });
}
