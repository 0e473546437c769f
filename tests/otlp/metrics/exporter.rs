//! How the exporter uses its client.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nanospan::export::{Context, ExportError, ExportErrorKind};
use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind, MetricExporter};
use nanospan::otlp::{MetricClient, OtlpMetricExporter, OtlpMetricStats, Protocol, proto};

use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS};
use crate::common::metrics::{expected, message, metric_builder, metrics, received};

fn patient() -> Context {
    Context::with_timeout(PATIENCE)
}

fn late() -> Context {
    Context::with_timeout(Duration::ZERO)
}

/// What a client was asked for.
#[derive(Default)]
struct Book {
    calls: Mutex<Vec<&'static str>>,
    messages: Mutex<Vec<proto::ResourceMetrics>>,
    asked: AtomicUsize,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    /// Uploads take until this is no longer so.
    is_hanging: AtomicBool,
    /// Whether uploads that hang look at their context.
    is_deaf: AtomicBool,
    is_failing: AtomicBool,
    is_dropped: AtomicBool,
}

impl Book {
    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    fn wait_for(&self, call: &str) {
        let begun = Instant::now();
        while !self.calls().contains(&call) {
            assert!(begun.elapsed() < PATIENCE, "{call} did not come: {:?}", self.calls());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Writes down what it is asked for.
struct Scribe(Arc<Book>);

impl Scribe {
    fn new() -> (Self, Arc<Book>) {
        let book = Arc::<Book>::default();
        (Self(Arc::clone(&book)), book)
    }

    /// Notes a call, and how many are under way.
    fn call<T>(&self, name: &'static str, call: impl FnOnce() -> T) -> T {
        let inside = self.0.inside.fetch_add(1, SeqCst) + 1;
        self.0.most_inside.fetch_max(inside, SeqCst);
        self.0.calls.lock().unwrap().push(name);
        let result = call();
        self.0.inside.fetch_sub(1, SeqCst);
        result
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.0.is_dropped.store(true, SeqCst);
    }
}

impl MetricClient for Scribe {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.asked.fetch_add(1, SeqCst);
        if kind == InstrumentKind::Counter { Temporality::Delta } else { Temporality::Cumulative }
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.0.asked.fetch_add(1, SeqCst);
        if kind == InstrumentKind::Gauge { Aggregation::Drop } else { Aggregation::Default }
    }

    fn upload_metrics(&self, context: &Context, metrics: &proto::ResourceMetrics) -> Result<(), ExportError> {
        self.call("upload", || {
            self.0.messages.lock().unwrap().push(metrics.clone());
            while self.0.is_hanging.load(SeqCst) {
                if !self.0.is_deaf.load(SeqCst) {
                    context.check()?;
                }
                thread::sleep(Duration::from_millis(1));
            }
            match self.0.is_failing.load(SeqCst) {
                true => {
                    Err(ExportError::new(ExportErrorKind::Rejected, "no, thanks").with_lost_data_points(1))
                }
                false => Ok(()),
            }
        })
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.call("flush", || context.check().map_err(ExportError::from))
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.call("shutdown", || context.check().map_err(ExportError::from))
    }
}

fn kind(result: Result<(), ExportError>) -> Option<ExportErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn the_client_gets_the_message_and_the_caller_its_error() {
    let (client, book) = Scribe::new();
    let exporter = OtlpMetricExporter::new(client);
    exporter.export(&patient(), &metrics(10)).unwrap();
    exporter.export(&patient(), &metrics(3)).unwrap();
    assert_eq!(*book.messages.lock().unwrap(), [message(&metrics(10)), message(&metrics(3))]);
    book.is_failing.store(true, SeqCst);
    let error = exporter.export(&patient(), &metrics(1)).unwrap_err();
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Rejected, Some(1)));
    assert_eq!(book.calls(), ["upload"; 3], "no attempt of the exporter's own");
    exporter.force_flush(&patient()).unwrap();
    assert_eq!(book.calls().last(), Some(&"flush"));
}

#[test]
fn without_points_the_client_is_not_called() {
    let (client, book) = Scribe::new();
    let exporter = OtlpMetricExporter::new(client);
    let mut empty = ResourceMetrics::default();
    exporter.export(&patient(), &empty).unwrap();
    empty.scopes.push().metrics.push().name = "nothing".into();
    exporter.export(&patient(), &empty).unwrap();
    assert_eq!(book.calls(), [""; 0]);
}

#[test]
fn the_client_is_asked_what_it_wants_once_for_each_kind() {
    let (client, book) = Scribe::new();
    let exporter = OtlpMetricExporter::new(client);
    for _ in 0..3 {
        assert_eq!(exporter.temporality(InstrumentKind::Counter), Temporality::Delta);
        assert_eq!(exporter.temporality(InstrumentKind::Histogram), Temporality::Cumulative);
        assert_eq!(exporter.aggregation(InstrumentKind::Gauge), Aggregation::Drop);
        assert_eq!(exporter.aggregation(InstrumentKind::Counter), Aggregation::Default);
        let _ = exporter.shutdown(&patient());
    }
    assert_eq!(book.asked.load(SeqCst), 2 * InstrumentKind::ALL.len());
}

#[test]
fn calls_of_the_client_never_overlap_whoever_calls() {
    let (client, book) = Scribe::new();
    let exporter = OtlpMetricExporter::new(client);
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _ = exporter.export(&patient(), &metrics(1));
                    let _ = exporter.force_flush(&patient());
                }
            });
        }
        scope.spawn(|| {
            book.wait_for("flush");
            exporter.shutdown(&patient()).unwrap();
        });
    });
    assert_eq!(book.most_inside.load(SeqCst), 1);
    let shutdowns = book.calls().iter().filter(|call| **call == "shutdown").count();
    assert_eq!((shutdowns, book.calls().last()), (1, Some(&"shutdown")), "nothing comes after it");
}

#[test]
fn a_call_that_waits_for_another_leaves_when_its_context_ends() {
    let (client, book) = Scribe::new();
    book.is_hanging.store(true, SeqCst);
    let exporter = OtlpMetricExporter::new(client);
    thread::scope(|scope| {
        let upload = scope.spawn(|| exporter.export(&patient(), &metrics(1)));
        book.wait_for("upload");
        let soon = Context::with_timeout(Duration::from_millis(20));
        assert_eq!(kind(exporter.force_flush(&soon)), Some(ExportErrorKind::DeadlineExceeded));
        let context = patient();
        context.cancellation().cancel();
        assert_eq!(kind(exporter.export(&context, &metrics(1))), Some(ExportErrorKind::Cancelled));
        book.is_hanging.store(false, SeqCst);
        upload.join().unwrap().unwrap();
    });
    assert_eq!(book.calls(), ["upload"]);
}

#[test]
fn the_client_is_shut_down_once_and_dropped() {
    for (context, expected) in [(patient(), None), (late(), Some(ExportErrorKind::DeadlineExceeded))] {
        let (client, book) = Scribe::new();
        let exporter = OtlpMetricExporter::new(client);
        assert!(!book.is_dropped.load(SeqCst));
        assert_eq!(kind(exporter.shutdown(&context)), expected);
        assert!(book.is_dropped.load(SeqCst));
        for context in [patient(), late()] {
            let calls: [Result<(), ExportError>; 4] = [
                exporter.shutdown(&context),
                exporter.export(&context, &metrics(1)),
                exporter.export(&context, &ResourceMetrics::default()),
                exporter.force_flush(&context),
            ];
            assert!(calls.into_iter().all(|result| kind(result) == Some(ExportErrorKind::ExporterShutdown)));
        }
        assert_eq!(book.calls(), ["shutdown"]);
    }
}

#[test]
fn a_shutdown_waits_for_the_upload_under_way() {
    let (client, book) = Scribe::new();
    book.is_hanging.store(true, SeqCst);
    let exporter = OtlpMetricExporter::new(client);
    thread::scope(|scope| {
        let upload = scope.spawn(|| exporter.export(&patient(), &metrics(1)));
        book.wait_for("upload");
        let shutdown = scope.spawn(|| exporter.shutdown(&patient()));
        // Most likely it waits by then; what follows is the same if it does not.
        thread::sleep(Duration::from_millis(20));
        assert_eq!(book.calls(), ["upload"]);
        book.is_hanging.store(false, SeqCst);
        upload.join().unwrap().unwrap();
        shutdown.join().unwrap().unwrap();
    });
    assert_eq!(book.calls(), ["upload", "shutdown"]);
}

#[test]
fn a_shutdown_without_time_calls_the_upload_off_and_the_client_is_shut_down_behind_it() {
    let (client, book) = Scribe::new();
    book.is_hanging.store(true, SeqCst);
    let exporter = OtlpMetricExporter::new(client);
    thread::scope(|scope| {
        let upload = scope.spawn(|| exporter.export(&Context::new(), &metrics(1)));
        book.wait_for("upload");
        assert_eq!(kind(exporter.shutdown(&late())), Some(ExportErrorKind::DeadlineExceeded));
        assert_eq!(kind(upload.join().unwrap()), Some(ExportErrorKind::Cancelled));
    });
    assert_eq!(book.calls(), ["upload", "shutdown"]);
    assert!(book.is_dropped.load(SeqCst));
}

#[test]
fn a_client_that_ignores_its_context_delays_no_shutdown_and_is_not_called_beside_itself() {
    let (client, book) = Scribe::new();
    book.is_hanging.store(true, SeqCst);
    book.is_deaf.store(true, SeqCst);
    let exporter = OtlpMetricExporter::new(client);
    thread::scope(|scope| {
        let upload = scope.spawn(|| exporter.export(&Context::new(), &metrics(1)));
        book.wait_for("upload");
        assert_eq!(kind(exporter.shutdown(&late())), Some(ExportErrorKind::DeadlineExceeded));
        assert_eq!(kind(exporter.shutdown(&patient())), Some(ExportErrorKind::ExporterShutdown));
        assert_eq!(book.calls(), ["upload"]);
        book.is_hanging.store(false, SeqCst);
        upload.join().unwrap().unwrap();
    });
    assert_eq!((book.calls(), book.most_inside.load(SeqCst)), (vec!["upload", "shutdown"], 1));
    assert!(book.is_dropped.load(SeqCst));
}

/// Go's `TestExporterClientConcurrentSafe`.
#[test]
fn exports_and_flushes_from_many_threads_and_a_shutdown_among_them_are_safe() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = metric_builder(protocol, &collector.url()).build().unwrap();
        let metrics = metrics(2);
        let (done, someone) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    exporter.export(&patient(), &metrics).unwrap();
                    exporter.force_flush(&patient()).unwrap();
                    // Some work is done before the shutdown.
                    someone.fetch_add(1, SeqCst);
                    while !done.load(SeqCst) {
                        let _ = exporter.export(&patient(), &metrics);
                        let _ = exporter.force_flush(&patient());
                    }
                });
            }
            while someone.load(SeqCst) < 5 {
                thread::sleep(Duration::from_millis(1));
            }
            exporter.shutdown(&patient()).unwrap();
            assert_eq!(kind(exporter.shutdown(&patient())), Some(ExportErrorKind::ExporterShutdown));
            done.store(true, SeqCst);
        });
        assert!(collector.asked().iter().all(|asked| received(asked) == [expected(&metrics)]));
        assert_eq!(exporter.stats().requests, collector.asked().len() as u64);
    }
}

/// Go's `TestExporterDoesNotBlockTemporalityAndAggregation`.
#[test]
fn temporality_and_aggregation_are_told_while_an_upload_hangs() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([Reply::Never]);
        let exporter = metric_builder(protocol, &collector.url()).build().unwrap();
        let context = patient();
        thread::scope(|scope| {
            let upload = scope.spawn(|| exporter.export(&context, &metrics(1)));
            collector.wait_for(1);
            // Blocked by the upload, these would come to no end: it ends behind them.
            assert_eq!(exporter.temporality(InstrumentKind::Counter), Temporality::Cumulative);
            assert_eq!(exporter.aggregation(InstrumentKind::Counter), Aggregation::Default);
            context.cancellation().cancel();
            assert_eq!(kind(upload.join().unwrap()), Some(ExportErrorKind::Cancelled));
        });
    }
}

#[test]
fn what_was_done_can_be_asked_after_the_shutdown_also_over_a_client_that_was_handed_over() {
    let collector = Collector::new([Reply::status(503)]);
    let builder = metric_builder(Protocol::HttpProtobuf, &collector.url());
    let client = builder.build_client().unwrap();
    let exporter = OtlpMetricExporter::new(client.clone());
    exporter.export(&patient(), &metrics(1)).unwrap();
    exporter.shutdown(&patient()).unwrap();
    assert_eq!((exporter.stats().requests, exporter.stats().retries), (2, 1));
    assert_eq!(client.stats(), exporter.stats());
    assert_ne!(exporter.stats(), OtlpMetricStats::default());
}

#[test]
fn a_clone_is_another_handle_of_the_same_exporter() {
    let collector = Collector::new([]);
    let exporter = metric_builder(Protocol::HttpProtobuf, &collector.url()).build().unwrap();
    let other = exporter.clone();
    other.export(&patient(), &metrics(3)).unwrap();
    assert_eq!((exporter.stats().requests, exporter.stats()), (1, other.stats()));
    other.shutdown(&patient()).unwrap();
    let late = exporter.export(&patient(), &metrics(3)).unwrap_err();
    assert_eq!(late.kind(), ExportErrorKind::ExporterShutdown);
}
