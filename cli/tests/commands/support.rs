//! Segments to run the command on, and running it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nanospan::batch::segment::{frame_header, metrics_frame_header, padding, segment_header};
use nanospan::batch::{Batch, BatchBuilder, MetricsBatchBuilder, SpanHead};
use nanospan::metrics::data::ResourceMetrics;
use nanospan::{OwnedValue, SpanKind, StatusCode, Text, Timestamp, Value};
use tempfile::TempDir;

/// The moment that the times of spans are counted from: 2023-11-14T22:13:20Z.
pub(crate) const EPOCH: u64 = 1_700_000_000_000_000_000;

pub(crate) const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

/// A span of [`TRACE`] with `start` and `end` in microseconds from [`EPOCH`].
pub(crate) fn span<'a>(id: u64, parent: u64, name: &'a str, start: u64, end: u64) -> SpanHead<'a> {
    SpanHead {
        trace_id: TRACE,
        span_id: id,
        parent_span_id: parent,
        start_unix_nanos: EPOCH + start * 1_000,
        end_unix_nanos: EPOCH + end * 1_000,
        name: Text::Copied(name),
        kind: SpanKind::Internal,
        flags: 0x01,
    }
}

/// A batch of the tracer 7, numbered `sequence`, with the spans that `fill` adds.
pub(crate) fn batch(service: &str, sequence: u64, fill: impl FnOnce(&mut BatchBuilder)) -> Batch {
    let resource = [("service.name".to_owned(), OwnedValue::from(service))];
    let mut builder = BatchBuilder::new(&resource, 7);
    fill(&mut builder);
    builder.finish(sequence, EPOCH).expect("the batch is small")
}

/// A batch of spans without anything but their heads.
pub(crate) fn plain_batch(sequence: u64, spans: &[SpanHead<'_>]) -> Batch {
    batch("shop", sequence, |builder| {
        for span in spans {
            builder.begin_span(span);
        }
    })
}

/// The bytes of a frame.
pub(crate) fn frame(batch: &Batch) -> Vec<u8> {
    let payload = batch.as_bytes();
    let mut bytes = frame_header(payload).to_vec();
    bytes.extend(payload);
    bytes.extend(padding(payload.len()));
    bytes
}

/// The bytes of a segment.
pub(crate) fn segment(batches: &[Batch]) -> Vec<u8> {
    let mut bytes = segment_header(EPOCH).to_vec();
    bytes.extend(batches.iter().flat_map(frame));
    bytes
}

/// The bytes of the frame of the batch `sequence` of the exporter 9.
pub(crate) fn metrics_frame(sequence: u64, metrics: &ResourceMetrics) -> Vec<u8> {
    let mut builder = MetricsBatchBuilder::new(9);
    let payload = builder.build(metrics, sequence, EPOCH).expect("the batch is small");
    [&metrics_frame_header(payload), payload, padding(payload.len())].concat()
}

/// The bytes of a segment of metrics: the batches 0 and on.
pub(crate) fn metrics_segment(batches: &[ResourceMetrics]) -> Vec<u8> {
    let frames = (0..).zip(batches).flat_map(|(sequence, metrics)| metrics_frame(sequence, metrics));
    segment_header(EPOCH).into_iter().chain(frames).collect()
}

/// What a shop counts: two points of orders, one of waiting, and one of a scope of its own.
pub(crate) fn shop_metrics() -> ResourceMetrics {
    let minute = |metrics: u64| Timestamp::from_unix_nanos(EPOCH + metrics * 60_000_000_000);
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "shop");
    let scope = metrics.scopes.push();
    scope.scope.name = "shop.cart".into();
    let orders = scope.metrics.push();
    (orders.name, orders.unit) = ("shop.orders".into(), "{order}".into());
    let sum = orders.data.sum();
    sum.is_monotonic = true;
    for (region, value) in [("eu", 17), ("us", 4)] {
        let point = sum.points.push();
        point.attributes.add("shop.region", region);
        (point.start, point.time, point.value) = (minute(0), minute(1), Some(value.into()));
    }
    let wait = scope.metrics.push();
    (wait.name, wait.unit) = ("shop.wait".into(), "s".into());
    let point = wait.data.histogram().points.push();
    (point.start, point.time) = (minute(0), minute(1));
    (point.count, point.sum, point.min, point.max) = (3, Some(0.75), Some(0.1), Some(0.4));
    (point.bounds, point.bucket_counts) = (vec![0.2, 0.5], vec![1, 2, 0]);
    let scope = metrics.scopes.push();
    scope.scope.name = "runtime".into();
    let threads = scope.metrics.push();
    threads.name = "process.thread.count".into();
    let point = threads.data.gauge().points.push();
    (point.time, point.value) = (minute(1), Some(8.into()));
    metrics
}

/// A directory with files in it, deleted when it is dropped.
pub(crate) struct Spool {
    directory: TempDir,
}

impl Spool {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// A directory with one sealed segment of `batches`.
    pub(crate) fn with(batches: &[Batch]) -> Self {
        let spool = Self::new();
        spool.sealed(1, &segment(batches));
        spool
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes `bytes` under the name of the sealed segment begun at `begun`.
    pub(crate) fn sealed(&self, begun: u64, bytes: &[u8]) -> PathBuf {
        self.file(&format!("spans-{begun:020}.nsp"), bytes)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, bytes).expect("the temporary directory is writable");
        path
    }
}

/// The command, in an environment that does not depend on who runs the test.
pub(crate) fn nanospan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanospan"));
    command.env_remove("NO_COLOR").env("COLUMNS", "80").env("TERM", "xterm");
    command
}

/// What a run of the command gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the messages are UTF-8"),
        }
    }
}

/// Runs `nanospan SUBCOMMAND PATH ARGUMENTS...`.
pub(crate) fn run(subcommand: &str, path: &Path, arguments: &[&str]) -> Run {
    let mut command = nanospan();
    command.arg(subcommand).arg(path).args(arguments);
    Run::from(command.output().expect("the command can be started"))
}

/// What the command prints if all goes well.
pub(crate) fn printed(subcommand: &str, path: &Path, arguments: &[&str]) -> String {
    let run = run(subcommand, path, arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    run.stdout
}

/// A request to a shop: two services, an error, events, a link and attributes of all main kinds.
pub(crate) fn checkout() -> Vec<Batch> {
    let shop = batch("shop", 0, |builder| {
        let root =
            SpanHead { kind: SpanKind::Server, flags: 0x101, ..span(1, 0, "POST /checkout", 0, 48_200) };
        builder.begin_span(&root);
        builder.attribute("http.request.method".into(), &Value::Str("POST"));
        builder.attribute("http.route".into(), &Value::Str("/checkout"));
        builder.attribute("http.response.status_code".into(), &Value::I64(502));
        builder.attribute("client.cached".into(), &Value::Bool(false));
        builder.status(StatusCode::Error, "");
        builder.begin_span(&span(2, 1, "authorize", 300, 3_400));
        builder.status(StatusCode::Ok, "");
        let query = SpanHead { kind: SpanKind::Client, ..span(3, 1, "SELECT cart", 3_600, 15_600) };
        builder.begin_span(&query);
        builder.attribute("db.system.name".into(), &Value::Str("postgresql"));
        builder.attribute("db.query.text".into(), &Value::Str("SELECT * FROM cart WHERE user = $1"));
        builder.begin_event("row.locked".into(), EPOCH + 6_000_000);
        builder.attribute("rows".into(), &Value::I64(3));
        let call = SpanHead { kind: SpanKind::Client, ..span(4, 1, "POST /charge", 15_900, 47_000) };
        builder.begin_span(&call);
        builder.attribute("server.address".into(), &Value::Str("payments.internal"));
        builder.attribute("error.type".into(), &Value::Str("502"));
        builder.status(StatusCode::Error, "payment service answered 502");
        builder.dropped(2, 1, 0);
    });
    let payments = batch("payments", 1, |builder| {
        let handler =
            SpanHead { kind: SpanKind::Server, flags: 0x301, ..span(5, 4, "POST /charge", 15_600, 46_100) };
        builder.begin_span(&handler);
        builder.begin_link(&nanospan::batch::LinkHead {
            trace_id: 0xabc,
            span_id: 0xdef,
            flags: 0,
            trace_state: "",
        });
        builder.begin_span(&span(6, 5, "reserve", 17_000, 17_040));
        builder.begin_span(&span(7, 5, "bank.charge", 18_000, 45_800));
        builder.status(StatusCode::Error, "card declined: insufficient funds");
        builder.begin_event("exception".into(), EPOCH + 45_700_000);
        builder.attribute("exception.type".into(), &Value::Str("CardDeclined"));
        builder.attribute("exception.message".into(), &Value::Str("insufficient funds"));
        let publish = SpanHead { kind: SpanKind::Producer, ..span(8, 7, "audit.publish", 45_820, 46_900) };
        builder.begin_span(&publish);
    });
    vec![shop, payments]
}
