//! What it takes to collect the tracer's account, and to encode points.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nanospan::batch::{MetricsBatchBuilder, MetricsView};
use nanospan::export::{Context, MemoryExporter};
use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::metrics::{Aggregation, ManualReader};
use nanospan::otlp::{encode_metrics_json, proto};
use nanospan::{Timestamp, Tracer};

use crate::{allocator, median};

const ROUNDS: usize = 31;

/// For as long a round repeats what it measures.
const ROUND: Duration = Duration::from_millis(10);

/// Prints the table, after a look at whether what is measured is right. Fails if it allocates what it should not.
pub(crate) fn measure(is_bench: bool) {
    let rows = Rows {
        rounds: if is_bench { ROUNDS } else { 1 },
        round: if is_bench { ROUND } else { Duration::ZERO },
    };
    println!("\nmedians of {} rounds\n", rows.rounds);
    println!("| | points | ns | ns a point | bytes a point | allocations |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let account = rows.collections();
    rows.encodings("the account", &account);
    for count in [100, 10_000] {
        rows.encodings("counters with 3 attributes", &points(count));
    }
}

/// How rows are measured.
struct Rows {
    rounds: usize,
    round: Duration,
}

impl Rows {
    /// Collections of the account of a tracer that rests; returns one.
    fn collections(&self) -> ResourceMetrics {
        let tracer = Tracer::builder("benchmark").exporter(MemoryExporter::new()).build().expect("a tracer");
        drop(tracer.span("one").start());
        tracer.flush(Duration::from_secs(60)).expect("it is exported");
        let mut metrics = ResourceMetrics::default();
        for (name, temporality) in [("cumulative", Temporality::Cumulative), ("delta", Temporality::Delta)] {
            let reader = ManualReader::builder()
                .producer(tracer.metric_producer())
                .select(|_| temporality, |_| Aggregation::Default)
                .build();
            let context = Context::new();
            let mut collect = || reader.collect(&context, &mut metrics).expect("nothing is in the way");
            collect();
            let (nanos, allocations) = self.time(collect);
            assert_eq!(allocations, 0, "a collection like the one before allocates nothing");
            self.print(&format!("a collection of the account, {name}"), &metrics, nanos, None, allocations);
        }
        tracer.shutdown(Duration::from_secs(60)).expect("nothing is in the way");
        metrics
    }

    fn encodings(&self, name: &str, metrics: &ResourceMetrics) {
        let mut message = proto::ResourceMetrics::default();
        message.encode(metrics);
        let mut decoded = ResourceMetrics::default();
        message.decode(&mut decoded).expect("what was encoded can be decoded");
        assert_eq!(decoded, *metrics, "{name}, protobuf");
        let (nanos, allocations) = self.time(|| message.encode(black_box(metrics)));
        assert_eq!(allocations, 0, "a message's memory is used again");
        self.print(&format!("{name}, protobuf"), metrics, nanos, Some(message.as_bytes().len()), allocations);

        let mut builder = MetricsBatchBuilder::new(7);
        let bytes = builder.build(metrics, 0, 1).expect("it is small").to_vec();
        let view = MetricsView::parse(&bytes).expect("what was built can be read");
        assert_eq!(view.to_metrics(1 << 30).as_ref(), Ok(metrics), "{name}, batch");
        let (nanos, allocations) = self.time(|| {
            black_box(builder.build(black_box(metrics), 0, 1).expect("it is small"));
        });
        self.print(&format!("{name}, FlatBuffers batch"), metrics, nanos, Some(bytes.len()), allocations);

        let mut json = Vec::new();
        encode_metrics_json(metrics, &mut json);
        let length = json.len();
        let (nanos, allocations) = self.time(|| {
            json.clear();
            encode_metrics_json(black_box(metrics), &mut json);
        });
        self.print(&format!("{name}, JSON"), metrics, nanos, Some(length), allocations);
    }

    /// Nanoseconds of `once`, and how often one of them calls the allocator.
    fn time(&self, mut once: impl FnMut()) -> (f64, u64) {
        once();
        let before = allocator::calls();
        once();
        let allocations = allocator::calls() - before;
        let rounds = (0..self.rounds).map(|_| {
            let (start, mut times) = (Instant::now(), 0);
            loop {
                once();
                times += 1;
                let taken = start.elapsed();
                if taken >= self.round {
                    break taken.as_nanos() as f64 / f64::from(times);
                }
            }
        });
        (median(rounds.collect()), allocations)
    }

    fn print(
        &self,
        name: &str,
        metrics: &ResourceMetrics,
        nanos: f64,
        bytes: Option<usize>,
        allocations: u64,
    ) {
        let points = metrics.data_point_count() as f64;
        let bytes = bytes.map_or(String::new(), |bytes| format!("{:.0}", bytes as f64 / points));
        println!("| {name} | {points} | {nanos:.0} | {:.1} | {bytes} | {allocations} |", nanos / points);
    }
}

/// A counter with so many points, each with three attributes.
pub(crate) fn points(count: u64) -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "benchmark");
    let scope = metrics.scopes.push();
    scope.scope.name = "benchmark".into();
    let metric = scope.metrics.push();
    metric.name = "shop.orders".into();
    metric.unit = "{order}".into();
    let sum = metric.data.sum();
    (sum.is_monotonic, sum.temporality) = (true, Temporality::Cumulative);
    for number in 0..count {
        let point = sum.points.push();
        point.start = Timestamp::from_unix_nanos(1_700_000_000_000_000_000);
        point.time = Timestamp::from_unix_nanos(1_700_000_060_000_000_000);
        point.value = Some((number as i64).into());
        point.attributes.add("http.response.status_code", 200 + (number % 400) as i64);
        point.attributes.add("server.address", "0123456789abcdef");
        point.attributes.add("cached", number % 2 == 0);
    }
    metrics
}
