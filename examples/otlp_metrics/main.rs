//! Sends metrics of every kind over OTLP: the near end of `scripts/prove-otlp --only metrics`.
//!
//! ```text
//! cargo run --release --features otlp-http,otlp-grpc --example otlp_metrics -- \
//!     grpc gzip http://127.0.0.1:4317 1000 "a run"
//! ```
//!
//! What a metric holds follows from its number; see `content.rs`. With `doubles` behind it all there are gauges and
//! sums alone, of plain floats and without exemplars. At the end one line has what the exporter has done, as
//! `name=number` with spaces between.

mod content;

use content::Extent;
use nanospan::export::Context;
use nanospan::metrics::MetricExporter;
use nanospan::metrics::data::{Clear, ResourceMetrics};
use nanospan::otlp::{Compression, OtlpMetricExporter, Protocol};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "Usage: otlp_metrics grpc|http/protobuf|http/json none|gzip URL METRICS RUN [doubles]";

/// How many metrics one export has.
const METRICS: u64 = 100;

/// How long one export may take: longer than any that makes progress.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("otlp_metrics: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Box<dyn Error>> {
    let (args, extent) = match args {
        [args @ .., last] if last == "doubles" => (args, Extent::Doubles),
        args => (args, Extent::All),
    };
    let [protocol, compression, endpoint, count, run] = args else { return Err(USAGE.into()) };
    let protocol = match protocol.as_str() {
        "grpc" => Protocol::Grpc,
        "http/protobuf" => Protocol::HttpProtobuf,
        "http/json" => Protocol::HttpJson,
        _ => return Err(USAGE.into()),
    };
    let compression = match compression.as_str() {
        "gzip" => Compression::Gzip,
        "none" => Compression::None,
        _ => return Err(USAGE.into()),
    };
    let count: u64 = count.parse()?;
    let exporter = OtlpMetricExporter::builder()
        .protocol(protocol)
        .compression(compression)
        .endpoint(endpoint.as_str())
        .build()?;
    // Filled again and again, as whoever collects does.
    let mut metrics = ResourceMetrics::default();
    let mut points = 0;
    for first in (0..count).step_by(METRICS as usize) {
        metrics.clear();
        content::fill(&mut metrics, extent, run, first, count.min(first + METRICS));
        exporter.export(&Context::with_timeout(PATIENCE), &metrics)?;
        points += metrics.data_point_count();
    }
    exporter.shutdown(&Context::with_timeout(PATIENCE))?;
    let stats = exporter.stats();
    let (requests, retries, bytes) = (stats.requests, stats.retries, stats.request_bytes);
    println!("points={points} requests={requests} retries={retries} bytes={bytes}");
    Ok(())
}
