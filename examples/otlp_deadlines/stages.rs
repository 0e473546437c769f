//! How far an export has come when it is cancelled.
//!
//! Not among them is the resolver, which cannot be made to hang from here; the wait for it ends in the same
//! way as that for a connection.

use crate::exporter;
use crate::networks::{BlackHole, Network};
use nanospan::batch::{Batch, BatchBuilder, SpanHead};
use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{OtlpExporterBuilder, Protocol, Proxy, RetryPolicy};
use nanospan::{SpanKind, Text};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// Cancels an export at one stage; returns how long that took to return.
type Stage = fn(Protocol) -> Result<Duration, Box<dyn Error>>;

pub(crate) const STAGES: [(&str, Stage); 6] = [
    ("connecting", connecting),
    ("at the proxy", at_the_proxy),
    ("in TLS's handshake", in_tls),
    ("sending", sending),
    ("waiting for the answer", waiting),
    ("between two attempts", between_attempts),
];

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// How long a stage is left to be reached, once it has begun.
const SETTLING: Duration = Duration::from_millis(20);

/// Packets are dropped, so nobody sees the attempt: that it has begun, which `cancelled` waits for, is all that can be
/// seen. An export that ended by itself would return another error, and `cancelled` says so.
fn connecting(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let network = Network::dropping()?;
    // No more than is said above.
    cancelled(exporter(protocol, &network.url()), 10, || true)
}

fn at_the_proxy(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let hole = BlackHole::open()?;
    let proxy = Proxy::Url(format!("http://{}", hole.address));
    let exporter = exporter(protocol, "https://collector.invalid").proxy(proxy);
    cancelled(exporter, 10, || hole.connections() == 1)
}

fn in_tls(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let hole = BlackHole::open()?;
    let exporter = exporter(protocol, &format!("https://{}", hole.address));
    cancelled(exporter, 10, || hole.connections() == 1)
}

/// With more than the buffers of a connection hold.
fn sending(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let hole = BlackHole::open()?;
    let exporter = exporter(protocol, &format!("http://{}", hole.address));
    cancelled(exporter, 200_000, || hole.connections() == 1)
}

fn waiting(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let hole = BlackHole::open()?;
    let exporter = exporter(protocol, &format!("http://{}", hole.address));
    cancelled(exporter, 10, || hole.connections() == 1)
}

/// The system refuses the attempt at once. That it was made, which `cancelled` waits for, is all that can be seen;
/// an export that did not wait for the next would return the refusal, and `cancelled` says so.
fn between_attempts(protocol: Protocol) -> Result<Duration, Box<dyn Error>> {
    let network = Network::closed()?;
    let patient = RetryPolicy::new().initial(LONG).max(LONG);
    // No more than is said above.
    cancelled(exporter(protocol, &network.url()).retry(patient), 10, || true)
}

/// Begins to export, cancels a moment after `is_reached`, and returns how long the export went on.
fn cancelled(
    builder: OtlpExporterBuilder,
    spans: u64,
    is_reached: impl Fn() -> bool,
) -> Result<Duration, Box<dyn Error>> {
    let exporter = builder.timeout(Duration::ZERO).build()?;
    let batch = batch(spans)?;
    let context = Context::with_timeout(LONG);
    let cancellation = context.cancellation();
    thread::scope(|scope| {
        let export = scope.spawn(|| {
            let result = exporter.export(&context, &batch);
            (result, Instant::now())
        });
        while exporter.stats().requests == 0 || !is_reached() {
            if export.is_finished() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(SETTLING);
        let begun = Instant::now();
        cancellation.cancel();
        let (result, ended) = export.join().map_err(|_| "the export panicked")?;
        match result {
            Err(error) if error.kind() == ExportErrorKind::Cancelled => {
                Ok(ended.saturating_duration_since(begun))
            }
            Err(error) => Err(format!("an export that was cancelled ended with: {error}").into()),
            Ok(()) => Err("an export that was cancelled succeeded".into()),
        }
    })
}

fn batch(spans: u64) -> Result<Batch, Box<dyn Error>> {
    let mut builder = BatchBuilder::new(&[], 0);
    for number in 1..=spans {
        builder.begin_span(&SpanHead {
            trace_id: number.into(),
            span_id: number,
            parent_span_id: 0,
            start_unix_nanos: number,
            end_unix_nanos: number,
            name: Text::Static("lost"),
            kind: SpanKind::Internal,
            flags: 1,
        });
        builder.attribute(Text::Static("number"), &number.into());
    }
    Ok(builder.finish(0, 0)?)
}
