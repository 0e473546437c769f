//! A collection like the one before allocates nothing: neither where a reader makes it, nor where it becomes a
//! message; and a batch no more than FlatBuffers needs for its table. What the names of the tests say allocates
//! nothing.
//!
//! The allocator of this binary counts what the calling thread asks of it, so each count is taken on the
//! thread that does the work.

#[path = "common/allocator.rs"]
mod allocator;
#[cfg(unix)]
#[path = "exporters/common/scratch.rs"]
mod scratch;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocator::calls;
use nanospan::Timestamp;
use nanospan::Tracer;
use nanospan::batch::MetricsBatchBuilder;
use nanospan::export::{Context, ExportError, MemoryExporter};
use nanospan::metrics::data::{Clear, List, ResourceMetrics, ScopeMetrics};
use nanospan::metrics::{Collection, MetricExporter, MetricProducer, PeriodicReader};

/// Metrics of every kind, with all that has memory of its own; `round` changes the values.
fn fill(metrics: &mut ResourceMetrics, round: u64) {
    metrics.clear();
    metrics.resource.attributes.add("service.name", "shop");
    for name in ["shop.cart", "shop.orders"] {
        let scope = metrics.scopes.push();
        scope.scope.name = name.into();
        scope.scope.attributes.add("tier", "front");
        for name in ["gauge", "sum", "histogram", "exponential", "summary"] {
            let metric = scope.metrics.push();
            metric.name = name.into();
            metric.unit = "By".into();
            metric.metadata.add("origin", "test");
            let value = Some((round as i64).into());
            for region in ["eu", "us"] {
                match name {
                    "gauge" => metric.data.gauge().points.push().value = value,
                    "sum" => {
                        let point = metric.data.sum().points.push();
                        point.attributes.add("region", region);
                        point.time = Timestamp::from_unix_nanos(round);
                        let exemplar = point.exemplars.push();
                        exemplar.value = value;
                        exemplar.filtered_attributes.add("user", "somebody");
                    }
                    "histogram" => {
                        let point = metric.data.histogram().points.push();
                        point.attributes.add("region", region);
                        point.bounds.extend([0.5, 1.0]);
                        point.bucket_counts.extend([round, 2, 3]);
                    }
                    "exponential" => {
                        let point = metric.data.exponential_histogram().points.push();
                        point.positive.counts.extend([round, 1]);
                        point.negative.counts.extend([1, round]);
                    }
                    _ => metric.data.summary().points.push().quantiles.push(Default::default()),
                }
            }
        }
    }
}

/// Calls of the allocator by `work` in ten rounds, behind two that get the memory.
fn in_steady_state(mut work: impl FnMut(u64)) -> u64 {
    (0..2).for_each(&mut work);
    let before = calls();
    (2..12).for_each(&mut work);
    calls() - before
}

#[test]
fn the_allocator_counts() {
    assert_eq!(in_steady_state(|_| drop(std::hint::black_box(Box::new(1)))), 20);
}

#[test]
fn metrics_that_are_filled_as_before() {
    let mut metrics = ResourceMetrics::default();
    assert_eq!(in_steady_state(|round| fill(&mut metrics, round)), 0);
    assert_eq!(metrics.data_point_count(), 20);
}

/// Notes the allocator's calls of the reader's thread, where a collection begins and where it is exported.
#[derive(Debug, Clone, Default)]
struct Watch {
    began: Arc<Mutex<u64>>,
    made: Arc<Mutex<Vec<u64>>>,
}

impl MetricProducer for Watch {
    fn produce(
        &mut self,
        _: &Collection<'_>,
        _: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        *self.began.lock().unwrap() = calls();
        Ok(())
    }
}

impl MetricExporter for Watch {
    fn export(&self, _: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        let made = calls() - *self.began.lock().unwrap();
        assert!(metrics.data_point_count() > 10, "there is something to collect");
        self.made.lock().unwrap().push(made);
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn the_account_of_a_tracer_that_a_periodic_reader_collects_and_hands_to_its_exporter() {
    let tracer =
        Tracer::builder("shop").memory_budget(8 << 20).exporter(MemoryExporter::new()).build().unwrap();
    let watch = Watch::default();
    let reader = PeriodicReader::builder(watch.clone())
        .producer(watch.clone())
        .producer(tracer.metric_producer())
        .interval(Duration::from_secs(3_600))
        .start()
        .unwrap();
    for _ in 0..12 {
        drop(tracer.span("s").start());
        reader.force_flush(&Context::new()).unwrap();
    }
    let made = watch.made.lock().unwrap();
    assert!(made[0] > 0, "the first collection gets the memory");
    assert_eq!(made[2..], [0; 10]);
}

/// Metrics with `scopes` scopes of ten points each.
fn filled(scopes: usize) -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    fill(&mut metrics, 7);
    let scope = metrics.scopes[0].clone();
    metrics.scopes = std::iter::repeat_n(scope, scopes).collect();
    metrics
}

/// What FlatBuffers' own builder needs to make a table, whatever is in it.
const OF_A_TABLE: u64 = 7;

#[test]
fn a_batch_but_for_what_a_table_takes_however_much_is_in_it() {
    for scopes in [1, 100] {
        let (metrics, mut builder) = (filled(scopes), MetricsBatchBuilder::new(7));
        let made = in_steady_state(|round| {
            builder.build(&metrics, round, 0).unwrap();
        });
        assert!(made <= 10 * OF_A_TABLE, "{made} in ten batches of {scopes} scopes");
    }
}

#[cfg(unix)]
#[test]
fn an_export_to_a_segment_but_for_what_a_table_takes_however_much_is_in_it() {
    let scratch = scratch::Scratch::new("metric-allocations");
    for scopes in [1, 100] {
        let directory = scratch.path(&scopes.to_string());
        let exporter = nanospan::metrics::SegmentMetricExporter::builder(directory).build().unwrap();
        let (metrics, context) = (filled(scopes), Context::new());
        let made = in_steady_state(|_| exporter.export(&context, &metrics).unwrap());
        assert!(made <= 10 * OF_A_TABLE, "{made} in ten batches of {scopes} scopes");
    }
}

#[cfg(feature = "otlp")]
#[test]
fn a_message_in_protobuf_and_one_in_json() {
    let metrics = filled(100);
    let mut message = nanospan::otlp::proto::ResourceMetrics::default();
    assert_eq!(in_steady_state(|_| message.encode(&metrics)), 0);
    let mut json = Vec::new();
    let made = in_steady_state(|_| {
        json.clear();
        nanospan::otlp::encode_metrics_json(&metrics, &mut json);
    });
    assert_eq!(made, 0);
}
