//! Whatever says which temporality and aggregation it wants, and how an export of each is made to hang.

use std::env::temp_dir;
use std::fs::remove_dir_all;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nanospan::export::{Context, ExportError};
use nanospan::metrics::data::Temporality;
use nanospan::metrics::{
    Aggregation, FanOutMetricExporter, InstrumentKind, MemoryMetricExporter, MetricExporter,
    SegmentMetricExporter, StdoutMetricExporter, TemporalityPreference,
};
use nanospan::otlp::{MetricClient, OtlpMetricExporter, OtlpMetricExporterBuilder, Protocol, Proxy, proto};

use crate::costs::points;

/// Longer than the benchmark runs.
const NEVER: Duration = Duration::from_secs(3600);

/// What all of them want: of histograms what takes most to say.
pub(crate) fn wanted(kind: InstrumentKind) -> (Temporality, Aggregation) {
    let aggregation = match kind {
        InstrumentKind::Histogram => Aggregation::ExplicitBucketHistogram {
            bounds: vec![0.1, 0.2, 0.5, 1.0, 2.0, 5.0].into(),
            record_min_max: true,
        },
        _ => Aggregation::Default,
    };
    (TemporalityPreference::LowMemory.of(kind), aggregation)
}

fn temporality(kind: InstrumentKind) -> Temporality {
    wanted(kind).0
}

fn aggregation(kind: InstrumentKind) -> Aggregation {
    wanted(kind).1
}

/// An exporter or a client.
pub(crate) trait Asked: Send + Sync {
    fn temporality(&self, kind: InstrumentKind) -> Temporality;
    fn aggregation(&self, kind: InstrumentKind) -> Aggregation;
    fn deliver(&self, context: &Context) -> Result<(), ExportError>;
    fn shutdown(&self, context: &Context) -> Result<(), ExportError>;
}

struct Exporter<E>(E);

impl<E: MetricExporter> Asked for Exporter<E> {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.0.aggregation(kind)
    }

    fn deliver(&self, context: &Context) -> Result<(), ExportError> {
        self.0.export(context, &points(POINTS))
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.0.shutdown(context)
    }
}

struct Client<C>(C);

impl<C: MetricClient> Asked for Client<C> {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.0.aggregation(kind)
    }

    fn deliver(&self, context: &Context) -> Result<(), ExportError> {
        let mut message = proto::ResourceMetrics::default();
        message.encode(&points(POINTS));
        self.0.upload_metrics(context, &message)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.0.shutdown(context)
    }
}

/// Data points of what is exported.
const POINTS: u64 = 100;

/// One implementation, and what is behind it.
pub(crate) struct Subject {
    pub(crate) asked: Arc<dyn Asked>,
    behind: Behind,
}

/// Where it delivers to.
enum Behind {
    /// One or more that keep what they get, or hold on to it.
    Memory(Vec<MemoryMetricExporter>),
    /// A writer that can be stopped in the middle of a write.
    Writer(Arc<Gate>),
    /// A directory, removed in the end. A disk cannot be made to hang.
    Directory(PathBuf),
    /// A collector that takes connections and never answers.
    Silent(TcpListener),
}

type Make = fn() -> Subject;

/// All there are, and what makes one.
pub(crate) const ALL: &[(&str, Make)] = &[
    ("memory", memory),
    ("stdout", stdout),
    ("segment files (an export is always under way)", segments),
    ("fan-out over two", fan_out),
    ("OTLP, HTTP, protobuf", || over_otlp(Protocol::HttpProtobuf)),
    ("OTLP, HTTP, JSON", || over_otlp(Protocol::HttpJson)),
    ("OTLP, gRPC", || over_otlp(Protocol::Grpc)),
    ("client, HTTP, protobuf", || client(Protocol::HttpProtobuf)),
    ("client, HTTP, JSON", || client(Protocol::HttpJson)),
    ("client, gRPC", || client(Protocol::Grpc)),
];

fn keeping() -> MemoryMetricExporter {
    MemoryMetricExporter::new().with_temporality(temporality).with_aggregation(aggregation)
}

fn memory() -> Subject {
    let exporter = keeping();
    Subject { asked: Arc::new(Exporter(exporter.clone())), behind: Behind::Memory(vec![exporter]) }
}

fn stdout() -> Subject {
    let gate = Arc::new(Gate::default());
    let builder = StdoutMetricExporter::builder().temporality(temporality).aggregation(aggregation);
    let exporter = builder.writer(Gated(Arc::clone(&gate)), "a writer that may stop").build();
    Subject { asked: Arc::new(Exporter(exporter)), behind: Behind::Writer(gate) }
}

fn segments() -> Subject {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = temp_dir().join(format!("nanospan-bench-metrics-{}-{number}", process::id()));
    let builder = SegmentMetricExporter::builder(&path).temporality(temporality).aggregation(aggregation);
    let exporter = builder.build().expect("the directory can be made");
    Subject { asked: Arc::new(Exporter(exporter)), behind: Behind::Directory(path) }
}

fn fan_out() -> Subject {
    let both = vec![keeping(), keeping()];
    let mut builder = FanOutMetricExporter::builder().export_timeout(NEVER);
    for (exporter, name) in both.iter().zip(["first", "second"]) {
        builder = builder.destination(name, exporter.clone());
    }
    let exporter = builder.build().expect("both want the same");
    Subject { asked: Arc::new(Exporter(exporter)), behind: Behind::Memory(both) }
}

fn over_otlp(protocol: Protocol) -> Subject {
    let (builder, listener) = silent(protocol);
    let exporter = builder.build().expect("the exporter can be built");
    Subject { asked: Arc::new(Exporter(exporter)), behind: Behind::Silent(listener) }
}

fn client(protocol: Protocol) -> Subject {
    let (builder, listener) = silent(protocol);
    let client = builder.build_client().expect("the client can be built");
    Subject { asked: Arc::new(Client(client)), behind: Behind::Silent(listener) }
}

fn silent(protocol: Protocol) -> (OtlpMetricExporterBuilder, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it has an address"));
    let builder = OtlpMetricExporter::builder().protocol(protocol).endpoint(endpoint).proxy(Proxy::None);
    (builder.timeout(NEVER).temporality(temporality).aggregation(aggregation), listener)
}

/// An export that does not come to an end.
pub(crate) struct Hang {
    context: Context,
    exporting: Option<JoinHandle<Result<(), ExportError>>>,
    /// Open as long as the export is to hang.
    release: Box<dyn FnMut()>,
}

impl Subject {
    /// Has an export under way in another thread, and returns when it is.
    pub(crate) fn hang(&self) -> Hang {
        let context = Context::new();
        let asked = Arc::clone(&self.asked);
        let of_export = context.clone();
        match &self.behind {
            Behind::Memory(all) => {
                let mut holds: Vec<_> = all.iter().map(MemoryMetricExporter::hold).collect();
                let exporting = thread::spawn(move || asked.deliver(&of_export));
                for exporter in all {
                    exporter.wait_for_export(&context).expect("the export begins");
                }
                Hang { context, exporting: Some(exporting), release: Box::new(move || holds.clear()) }
            }
            Behind::Writer(gate) => {
                gate.close();
                let exporting = thread::spawn(move || asked.deliver(&of_export));
                gate.wait_for_a_write();
                let gate = Arc::clone(gate);
                Hang { context, exporting: Some(exporting), release: Box::new(move || gate.open()) }
            }
            Behind::Directory(_) => {
                let exporting = thread::spawn(move || {
                    loop {
                        asked.deliver(&of_export)?;
                    }
                });
                Hang { context, exporting: Some(exporting), release: Box::new(|| ()) }
            }
            Behind::Silent(listener) => {
                let exporting = thread::spawn(move || asked.deliver(&of_export));
                let (mut connection, _) = listener.accept().expect("the exporter connects");
                connection.read_exact(&mut [0]).expect("the exporter sends something");
                let mut connection = Some(connection);
                Hang {
                    context,
                    exporting: Some(exporting),
                    release: Box::new(move || drop(connection.take())),
                }
            }
        }
    }
}

impl Hang {
    /// Whether the export is still under way.
    pub(crate) fn lasts(&self) -> bool {
        self.exporting.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        self.context.cancellation().cancel();
        (self.release)();
        if let Some(thread) = self.exporting.take() {
            // What it returns depends on what came first.
            let _ = thread.join();
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // For the second time, where it was measured after the first.
        let _ = self.asked.shutdown(&Context::new());
        if let Behind::Directory(path) = &self.behind {
            let _ = remove_dir_all(path);
        }
    }
}

/// Whether writes go through.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    is_closed: bool,
    is_waited_at: bool,
}

impl Gate {
    fn close(&self) {
        self.state.lock().expect("nobody panics").is_closed = true;
    }

    fn open(&self) {
        self.state.lock().expect("nobody panics").is_closed = false;
        self.changed.notify_all();
    }

    fn wait_for_a_write(&self) {
        let state = self.state.lock().expect("nobody panics");
        drop(self.changed.wait_while(state, |state| !state.is_waited_at).expect("nobody panics"));
    }

    fn pass(&self) {
        let mut state = self.state.lock().expect("nobody panics");
        state.is_waited_at = true;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.is_closed).expect("nobody panics");
        state.is_waited_at = false;
    }
}

/// Takes everything and keeps nothing, when the gate is open.
struct Gated(Arc<Gate>);

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.pass();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
