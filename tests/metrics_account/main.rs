//! The tracer's account as metrics: the figures of `Tracer::stats`, however often they are collected, and by whomever.

#[path = "../common/allocator.rs"]
mod allocator;
#[path = "../common/mod.rs"]
mod common;
mod counters;
#[cfg(unix)]
#[path = "../common/forked.rs"]
mod forked;
mod names;
mod readers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nanospan::export::{
    Component, Context, ExportError, ExportErrorKind, FanOutExporter, MemoryExporter, ResponseStatus,
    SpanExporter, StdoutExporter,
};
use nanospan::metrics::data::{
    Attributes, Data, List, Metric, Number, ResourceMetrics, ScopeMetrics, Temporality,
};
use nanospan::metrics::{
    Aggregation, Collection, FanOutMetricExporter, InstrumentKind, ManualReader, MemoryMetricExporter,
    MetricExporter, MetricProducer, PeriodicReader, StdoutMetricExporter,
};
use nanospan::sampling::Sampler;
use nanospan::{OwnedValue, Stats, Tracer, TracerBuilder, suppress_tracing};

const PATIENCE: Duration = Duration::from_secs(60);

fn builder() -> TracerBuilder {
    Tracer::builder("shop").memory_budget(16 << 20).error_handler(|_| ())
}

/// The points of all sums and histograms: `name{key=value,…}` to the value, or `count` of a histogram.
type Figures = BTreeMap<String, i64>;

fn figures(metrics: &ResourceMetrics) -> Figures {
    let metrics = metrics.scopes.iter().flat_map(|scope| &scope.metrics);
    metrics.flat_map(points).collect()
}

fn points(metric: &Metric) -> Vec<(String, i64)> {
    match &metric.data {
        Data::Sum(sum) => sum
            .points
            .iter()
            .map(|point| {
                let Some(Number::I64(value)) = point.value else { panic!("{metric:?}") };
                (named(metric, &point.attributes), value)
            })
            .collect(),
        Data::Histogram(histogram) => histogram
            .points
            .iter()
            .map(|point| {
                assert_eq!(point.bucket_counts, [point.count], "a single bucket");
                (named(metric, &point.attributes), point.count as i64)
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// Component names end in the number of the tracer, which depends on the other tests.
fn named(metric: &Metric, attributes: &Attributes) -> String {
    let pairs: Vec<String> = attributes
        .iter()
        .filter(|pair| pair.key != "otel.component.name")
        .map(|pair| match &pair.value {
            OwnedValue::Str(text) => format!("{}={text}", pair.key),
            OwnedValue::I64(number) => format!("{}={number}", pair.key),
            other => panic!("{other:?}"),
        })
        .collect();
    format!("{}{{{}}}", metric.name, pairs.join(","))
}

fn of(figures: &Figures, name: &str) -> i64 {
    *figures.get(name).unwrap_or_else(|| panic!("no {name} in {figures:#?}"))
}

/// The sum of all points of a metric.
fn total(figures: &Figures, name: &str) -> i64 {
    let all = figures.iter().filter(|(key, _)| key.split('{').next() == Some(name));
    all.map(|(_, value)| value).sum()
}

#[track_caller]
fn assert_equal_to(figures: &Figures, stats: &Stats) {
    let dropped = &stats.dropped;
    let handed = stats.exported + dropped.export_failed;
    for (name, expected) in [
        ("otel.sdk.span.live", stats.live),
        ("otel.sdk.span.started", stats.started + stats.not_sampled + stats.suppressed),
        ("otel.sdk.processor.span.queue.size", stats.buffered),
        (
            "otel.sdk.processor.span.processed",
            handed + stats.exporting + dropped.total() - dropped.export_failed,
        ),
        ("otel.sdk.exporter.span.inflight", stats.exporting),
        ("otel.sdk.exporter.span.exported", handed),
        ("otel.sdk.exporter.operation.duration", stats.exports),
        ("nanospan.span.calls.ignored", stats.stale_calls + stats.invalid_calls + stats.forged_calls),
        ("nanospan.span.starts.invalid", stats.invalid_parent),
        (
            "nanospan.span.parts.lost",
            stats.lost_attributes
                + stats.lost_events
                + stats.lost_links
                + stats.lost_parents
                + stats.truncated,
        ),
        ("nanospan.memory.usage", stats.memory_bytes),
        ("nanospan.pool.usage", stats.blocks.in_use + stats.chunks.in_use),
        ("nanospan.pool.limit", stats.blocks.size + stats.chunks.size),
        ("nanospan.exporter.panics", stats.exporter_panics),
    ] {
        assert_eq!(total(figures, name), expected as i64, "{name} of {stats:?}");
    }
}

fn record(tracer: &Tracer, spans: u32) {
    for _ in 0..spans {
        let span = tracer.span("request").start();
        span.set_attribute("long", "x".repeat(70_000).as_str());
    }
}

fn collected(reader: &ManualReader) -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    reader.collect(&Context::new(), &mut metrics).unwrap();
    metrics
}

#[test]
fn each_figure_of_the_account_is_in_the_metrics() {
    let exporter = MemoryExporter::new();
    let sampler = Sampler::parent_based(Sampler::trace_id_ratio(0.5).unwrap());
    let tracer = builder().sampler(sampler).exporter(exporter.clone()).build().unwrap();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    // The first pass of the drain tells how much memory there is.
    tracer.flush(PATIENCE).unwrap();
    assert_equal_to(&figures(&collected(&reader)), &tracer.stats());

    record(&tracer, 100);
    // Half of the roots are sampled, so of so many there is one.
    let sampled =
        || (0..200).map(|_| tracer.span("sampled").start()).find(|span| span.is_recording()).unwrap();
    {
        let _suppressed = suppress_tracing();
        (0..200).for_each(|_| drop(tracer.span("suppressed").start()));
    }
    let live = sampled();
    tracer.flush(PATIENCE).unwrap();
    exporter.fail_next(1);
    record(&tracer, 100);
    tracer.flush(PATIENCE).unwrap_err();
    tracer.shutdown(PATIENCE).unwrap();
    drop(live);

    let stats = tracer.stats();
    let is = figures(&collected(&reader));
    assert_equal_to(&is, &stats);
    assert!(stats.not_sampled > 0 && stats.exported > 0 && stats.dropped.export_failed > 0);
    assert!(stats.dropped.shutdown > 0 && stats.suppressed > 0 && stats.truncated > 0, "{stats:?}");
    let kind = "nanospan::export::MemoryExporter";
    let exported =
        |error: &str| format!("otel.sdk.exporter.span.exported{{otel.component.type={kind}{error}}}");
    assert_eq!(of(&is, &exported("")), stats.exported as i64);
    assert_eq!(of(&is, &exported(",error.type=_OTHER")), stats.dropped.export_failed as i64);
    let processed = "otel.sdk.processor.span.processed{otel.component.type=batching_span_processor";
    assert_eq!(of(&is, &format!("{processed},error.type=already_shutdown}}")), stats.dropped.shutdown as i64);
    assert_eq!(of(&is, &format!("{processed}}}")), (stats.exported + stats.dropped.export_failed) as i64);
    let started = |result: &str| format!("otel.sdk.span.started{{otel.span.sampling_result={result}}}");
    assert_eq!(of(&is, &started("RECORD_AND_SAMPLE")), stats.started as i64);
    assert_eq!(of(&is, &started("DROP")), (stats.not_sampled + stats.suppressed) as i64);
}

#[test]
fn deltas_add_up_to_the_account_and_follow_each_other_in_time() {
    let tracer = builder().max_queue_size(5_000).exporter(MemoryExporter::new()).build().unwrap();
    let reader = ManualReader::builder()
        .producer(tracer.metric_producer())
        .select(|_| Temporality::Delta, |_| Aggregation::Default)
        .build();
    // A reader of its own, for the other must not take anything away from it.
    let other = ManualReader::builder().producer(tracer.metric_producer()).build();
    let mut sums = Figures::new();
    let mut ended = None;
    for spans in [0, 10, 0, 200] {
        record(&tracer, spans);
        tracer.flush(PATIENCE).unwrap();
        let metrics = collected(&reader);
        for (name, value) in figures(&metrics) {
            *sums.entry(name).or_default() += value;
        }
        for metric in &metrics.scopes[0].metrics {
            let (temporality, times) = match &metric.data {
                Data::Sum(sum) => {
                    (sum.temporality, sum.points.iter().map(|at| (at.start, at.time)).collect::<Vec<_>>())
                }
                Data::Histogram(data) => {
                    (data.temporality, data.points.iter().map(|at| (at.start, at.time)).collect())
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(temporality, Temporality::Delta);
            for (start, time) in times {
                assert!(ended.is_none_or(|ended| start == ended), "it begins where the one before has ended");
                assert!(start <= time);
            }
        }
        let Data::Sum(sum) = &metrics.scopes[0].metrics[0].data else { panic!() };
        ended = Some(sum.points[0].time);
    }
    let figures = figures(&collected(&other));
    assert_equal_to(&sums, &tracer.stats());
    let without_passes = |mut figures: Figures| {
        figures.retain(|name, _| !name.starts_with("nanospan.drain"));
        figures
    };
    assert_eq!(without_passes(sums), without_passes(figures));
}

#[test]
fn kinds_are_asked_for_by_themselves() {
    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let temporality =
        |kind| if kind == InstrumentKind::Counter { Temporality::Delta } else { Temporality::Cumulative };
    let aggregation =
        |kind| if kind == InstrumentKind::Histogram { Aggregation::Drop } else { Aggregation::Default };
    let reader =
        ManualReader::builder().producer(tracer.metric_producer()).select(temporality, aggregation).build();
    for metric in &collected(&reader).scopes[0].metrics {
        let Data::Sum(sum) = &metric.data else { panic!("nobody asked for {metric:?}") };
        assert_eq!(sum.is_monotonic, sum.temporality == Temporality::Delta, "{metric:?}");
    }
}

#[test]
fn a_collection_allocates_nothing_once_there_has_been_one_like_it() {
    let tracer = builder().max_queue_size(5_000).exporter(MemoryExporter::new()).build().unwrap();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    let mut metrics = ResourceMetrics::default();
    let context = Context::new();
    reader.collect(&context, &mut metrics).unwrap();
    let before = allocator::calls();
    for _ in 0..10 {
        reader.collect(&context, &mut metrics).unwrap();
    }
    assert_eq!(allocator::calls() - before, 0);
}

#[test]
fn a_tracer_that_records_nothing_has_no_metrics() {
    let reader = ManualReader::builder().producer(Tracer::noop().metric_producer()).build();
    assert_eq!(collected(&reader).data_point_count(), 0);
}

/// Keeps what is exported.
#[derive(Default)]
struct Kept {
    exported: Mutex<Vec<ResourceMetrics>>,
    shutdowns: Mutex<u32>,
}

impl MetricExporter for Kept {
    fn export(&self, _: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.exported.lock().unwrap().push(metrics.clone());
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        *self.shutdowns.lock().unwrap() += 1;
        Ok(())
    }
}

#[test]
fn a_tracer_with_a_reader_exports_its_account_at_the_shutdown_under_its_resource() {
    let kept = Arc::new(Kept::default());
    let tracer = builder()
        .resource("deployment.environment.name", "test")
        .exporter(MemoryExporter::new())
        .metrics(PeriodicReader::builder(Arc::clone(&kept)))
        .build()
        .unwrap();
    record(&tracer, 100);
    tracer.shutdown(PATIENCE).unwrap();
    tracer.shutdown(PATIENCE).unwrap();
    let exported = kept.exported.lock().unwrap();
    assert_eq!((exported.len(), *kept.shutdowns.lock().unwrap()), (1, 1));
    assert_equal_to(&figures(&exported[0]), &tracer.stats());
    let resource = &exported[0].resource.attributes;
    for (key, value) in [("service.name", "shop"), ("deployment.environment.name", "test")] {
        assert!(resource.iter().any(|pair| pair.key == key && pair.value == value.into()), "{resource:?}");
    }
}

#[test]
fn a_reader_that_cannot_be_started_is_an_error_of_the_build() {
    let reader = PeriodicReader::builder(Kept::default()).interval(Duration::ZERO);
    let error = builder().exporter(MemoryExporter::new()).metrics(reader).build().unwrap_err();
    assert!(error.to_string().starts_with("metrics: interval: 0"), "{error}");
}

/// All exports, told apart: what their points are called, without the times.
fn exported_figures(kept: &Kept) -> Vec<Figures> {
    kept.exported.lock().unwrap().iter().map(figures).collect()
}

/// Refuses what it is told to, and says where it sends.
struct Refusing {
    kept: Arc<Kept>,
    refused: Mutex<Vec<ExportError>>,
}

impl MetricExporter for Refusing {
    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.kept.export(context, metrics)?;
        self.refused.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn component(&self) -> Component {
        Component::new("test_metric_exporter").with_server("collector.example", 4318)
    }
}

#[test]
fn a_reader_tells_of_itself_and_its_exporter_what_was_before_the_collection() {
    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let kept = Arc::new(Kept::default());
    let refused = vec![
        ExportError::new(ExportErrorKind::Io, "no"),
        ExportError::new(ExportErrorKind::Rejected, "some").with_lost_data_points(2),
    ];
    let reader = PeriodicReader::builder(Refusing { kept: Arc::clone(&kept), refused: Mutex::new(refused) })
        .producer(tracer.metric_producer())
        // Of two that could tell of the reader, one does.
        .producer(tracer.metric_producer())
        .interval(Duration::MAX)
        .start()
        .unwrap();
    let context = Context::new();
    let kinds = [0; 3].map(|_| reader.force_flush(&context).err().map(|error| error.kind()));
    assert_eq!(kinds, [Some(ExportErrorKind::Rejected), Some(ExportErrorKind::Io), None]);
    reader.shutdown(&context).unwrap();

    let exported = exported_figures(&kept);
    let points: Vec<i64> =
        kept.exported.lock().unwrap().iter().map(|metrics| metrics.data_point_count() as i64).collect();
    let component =
        "otel.component.type=test_metric_exporter,server.address=collector.example,server.port=4318";
    let of_points = |at: usize, rest: &str| {
        let name = format!("otel.sdk.exporter.metric_data_point.exported{{{component}{rest}}}");
        exported[at].get(&name).copied()
    };
    let (rejected, broken) = (",error.type=rejected", ",error.type=io");
    assert_eq!((of_points(0, ""), of_points(0, rejected), of_points(0, broken)), (Some(0), None, None));
    assert_eq!((of_points(1, ""), of_points(1, rejected)), (Some(points[0] - 2), Some(2)));
    assert_eq!((of_points(2, ""), of_points(2, broken)), (Some(points[0] - 2), Some(points[1])));
    assert_eq!(of_points(3, ""), Some(points[0] - 2 + points[2]));
    let last = reader.stats();
    let before_the_last = last.exported_data_points - points[3] as u64;
    assert_eq!(of_points(3, ""), Some(before_the_last as i64));

    for (at, figures) in exported.iter().enumerate() {
        let at = at as i64;
        let collections =
            "otel.sdk.metric_reader.collection.duration{otel.component.type=periodic_metric_reader}";
        assert_eq!(of(figures, collections), at);
        let operations = "otel.sdk.exporter.operation.duration";
        let spans = "nanospan::export::MemoryExporter";
        assert_eq!(of(figures, &format!("{operations}{{otel.component.type={spans}}}")), 0);
        let metrics: i64 = figures
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{operations}{{{component}")))
            .map(|(_, count)| count)
            .sum();
        assert_eq!(metrics, at);
        // Nothing is exported while the same reader collects.
        assert_eq!(of(figures, &format!("otel.sdk.exporter.metric_data_point.inflight{{{component}}}")), 0);
    }
    let scopes = &kept.exported.lock().unwrap()[0].scopes;
    let tells = |scope: usize| {
        scopes[scope].metrics.iter().any(|metric| metric.name == "otel.sdk.metric_reader.collection.duration")
    };
    assert!(tells(0) && !tells(1), "the first of two producers tells of the reader");
}

/// Fails each time, or takes longer than there is.
struct Failing;

impl MetricProducer for Failing {
    fn produce(
        &mut self,
        _: &Collection<'_>,
        _: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing to see".into())
    }
}

#[test]
fn a_collection_that_failed_is_told_with_its_error() {
    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let kept = Arc::new(Kept::default());
    let reader = PeriodicReader::builder(Arc::clone(&kept))
        .producer(tracer.metric_producer())
        .producer(Failing)
        .error_handler(|_| ())
        .interval(Duration::MAX)
        .start()
        .unwrap();
    let over = Context::with_timeout(Duration::ZERO);
    reader.force_flush(&over).unwrap_err();
    reader.force_flush(&Context::new()).unwrap();
    reader.shutdown(&Context::new()).unwrap();
    let exported = exported_figures(&kept);
    let collections = |rest: &str| {
        let name = "otel.sdk.metric_reader.collection.duration{otel.component.type=periodic_metric_reader";
        exported.last().unwrap().get(&format!("{name}{rest}}}")).copied()
    };
    assert_eq!(collections(""), Some(0));
    assert_eq!(collections(",error.type=_OTHER"), Some(1));
    assert_eq!(collections(",error.type=timeout"), Some(1));
}

#[test]
fn deltas_of_a_readers_own_figures_add_up() {
    /// Wants deltas.
    struct Deltas(Arc<Kept>);

    impl MetricExporter for Deltas {
        fn temporality(&self, _: InstrumentKind) -> Temporality {
            Temporality::Delta
        }

        fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
            self.0.export(context, metrics)
        }

        fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
            Ok(())
        }

        fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
            Ok(())
        }
    }

    let tracer = builder().exporter(MemoryExporter::new()).build().unwrap();
    let kept = Arc::new(Kept::default());
    let reader = PeriodicReader::builder(Deltas(Arc::clone(&kept)))
        .producer(tracer.metric_producer())
        .interval(Duration::MAX)
        .start()
        .unwrap();
    (0..3).for_each(|_| reader.force_flush(&Context::new()).unwrap());
    reader.shutdown(&Context::new()).unwrap();
    let exported = exported_figures(&kept);
    let last = kept.exported.lock().unwrap().last().unwrap().data_point_count() as u64;
    for (name, expected) in [
        ("otel.sdk.exporter.metric_data_point.exported", reader.stats().exported_data_points - last),
        ("otel.sdk.metric_reader.collection.duration", 3),
    ] {
        let sum: i64 = exported.iter().map(|figures| total(figures, name)).sum();
        assert_eq!(sum, expected as i64, "{name}");
    }
}
