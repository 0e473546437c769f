//! That each figure is told, and where, with figures that no two have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::drain::{Dropped, Pool};
use crate::export::timed::{End, Timed};
use crate::export::{MemoryExporter, ResponseStatus};
use crate::metrics::data::{Attributes, Data, Temporality};
use crate::{OwnedValue, Tracer};

const PATIENCE: Duration = Duration::from_secs(60);

fn tracer() -> Tracer {
    Tracer::builder("test")
        .memory_budget(8 << 20)
        .max_queue_size(777)
        .exporter(MemoryExporter::new())
        .build()
        .unwrap()
}

fn account(tracer: Tracer) -> Account {
    tracer.metric_producer().of.unwrap()
}

/// Each way in which an operation can end.
fn ends() -> Vec<End> {
    let failures = [None].into_iter().chain(ExportErrorKind::ALL.map(Some));
    let mut ends: Vec<_> = failures.map(|failure| End { failure, status: None }).collect();
    let failure = Some(ExportErrorKind::Rejected);
    let statuses = [ResponseStatus::Http(400), ResponseStatus::Grpc(14), ResponseStatus::Grpc(99)];
    ends.extend(statuses.map(|status| End { failure, status: Some(status) }));
    ends
}

/// No field is left out, so that who adds one has to say where it is told. Each figure is `factor` times another
/// power of two: sums of some of them are not those of others.
fn reading(factor: u64) -> Reading {
    let mut next = 1;
    let mut figure = || {
        next *= 2;
        next / 2 * factor
    };
    let dropped = Dropped {
        overload: figure(),
        shutdown: figure(),
        export_failed: 0,
        encode_failed: figure(),
        queue_full: figure(),
        fork: figure(),
        thread_exit: figure(),
    };
    let (blocks, chunks) =
        (Pool { size: figure(), in_use: figure() }, Pool { size: figure(), in_use: figure() });
    let stats = Stats {
        started: figure(),
        exported: figure(),
        dropped,
        live: figure(),
        buffered: figure(),
        not_sampled: figure(),
        suppressed: figure(),
        invalid_parent: figure(),
        invalid_calls: figure(),
        stale_calls: figure(),
        forged_calls: figure(),
        lost_attributes: figure(),
        lost_events: figure(),
        lost_links: figure(),
        lost_parents: figure(),
        truncated: figure(),
        memory_bytes: figure(),
        blocks,
        chunks,
        // Not told: it cannot be read without an allocation.
        log_bytes: 0,
        drain_passes: figure(),
        drain_nanos: 1_000_000_000 * factor,
        exporting: figure(),
        // Told by how they ended, below.
        exports: 0,
        export_nanos: 0,
        exporter_panics: figure(),
    };
    let lost_by = ExportErrorKind::ALL.map(|_| figure());
    let exports = Timed::default();
    for (number, end) in (1..).zip(ends()) {
        (0..number * factor).for_each(|_| exports.add(Duration::from_secs(1), end));
    }
    let (handed, given_up) = (figure(), figure());
    Reading { stats, handed, lost_by, given_up, exports: exports.read(), delivered: Delivered::default() }
}

/// The points of all metrics: `name attribute…` to the value, or the count of a histogram and its sum in seconds.
fn points(scope: &ScopeMetrics) -> BTreeMap<String, (f64, Option<f64>)> {
    let mut all = BTreeMap::new();
    for metric in &scope.metrics {
        let points: Vec<_> = match &metric.data {
            Data::Sum(sum) => {
                let value = |point: &crate::metrics::data::NumberPoint| match point.value {
                    Some(crate::metrics::data::Number::I64(value)) => value as f64,
                    other => panic!("{other:?}"),
                };
                sum.points.iter().map(|point| (told(&point.attributes), (value(point), None))).collect()
            }
            Data::Histogram(histogram) => histogram
                .points
                .iter()
                .map(|point| (told(&point.attributes), (point.count as f64, point.sum)))
                .collect(),
            other => panic!("{other:?}"),
        };
        for (told, value) in points {
            let name = format!("{}{told}", metric.name);
            assert_eq!(all.insert(name.clone(), value), None, "{name} twice");
        }
    }
    all
}

/// What tells a point from others of its metric, but for the component.
fn told(attributes: &Attributes) -> String {
    let of_component = |key: &str| key.starts_with("otel.component.");
    let told = attributes.iter().filter(|pair| !of_component(&pair.key)).map(|pair| match &pair.value {
        OwnedValue::Str(text) => format!(" {text}"),
        OwnedValue::I64(number) => format!(" {number}"),
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// The points that there must be, by what the documentation says stands for what.
fn expected(reading: &Reading) -> BTreeMap<String, (f64, Option<f64>)> {
    let (stats, dropped) = (&reading.stats, &reading.stats.dropped);
    let sums: Vec<(String, u64)> = [
        ("otel.sdk.span.live RECORD_AND_SAMPLE", stats.live),
        ("otel.sdk.span.started RECORD_AND_SAMPLE", stats.started),
        ("otel.sdk.span.started DROP", stats.not_sampled + stats.suppressed),
        ("otel.sdk.processor.span.queue.size", stats.buffered),
        ("otel.sdk.processor.span.queue.capacity", 777),
        ("otel.sdk.processor.span.processed", reading.handed),
        ("otel.sdk.processor.span.processed queue_full", dropped.queue_full),
        ("otel.sdk.processor.span.processed already_shutdown", dropped.shutdown),
        ("otel.sdk.processor.span.processed shutdown_timeout", reading.given_up),
        ("otel.sdk.processor.span.processed overload", dropped.overload),
        ("otel.sdk.processor.span.processed encoding", dropped.encode_failed),
        ("otel.sdk.processor.span.processed forked", dropped.fork),
        ("otel.sdk.processor.span.processed thread_exit", dropped.thread_exit),
        ("otel.sdk.exporter.span.inflight", stats.exporting),
        ("otel.sdk.exporter.span.exported", stats.exported),
        ("nanospan.span.calls.ignored stale", stats.stale_calls),
        ("nanospan.span.calls.ignored invalid", stats.invalid_calls),
        ("nanospan.span.calls.ignored forged", stats.forged_calls),
        ("nanospan.span.starts.invalid", stats.invalid_parent),
        ("nanospan.span.parts.lost attribute", stats.lost_attributes),
        ("nanospan.span.parts.lost event", stats.lost_events),
        ("nanospan.span.parts.lost link", stats.lost_links),
        ("nanospan.span.parts.lost parent", stats.lost_parents),
        ("nanospan.span.parts.lost end_of_text", stats.truncated),
        ("nanospan.memory.usage", stats.memory_bytes),
        ("nanospan.pool.usage blocks", stats.blocks.in_use),
        ("nanospan.pool.usage chunks", stats.chunks.in_use),
        ("nanospan.pool.limit blocks", stats.blocks.size),
        ("nanospan.pool.limit chunks", stats.chunks.size),
        ("nanospan.exporter.panics", stats.exporter_panics),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let lost = ExportErrorKind::ALL.into_iter().zip(reading.lost_by);
    let lost =
        lost.map(|(kind, lost)| (format!("otel.sdk.exporter.span.exported {}", kind.as_error_type()), lost));
    let mut all: BTreeMap<_, _> =
        sums.into_iter().chain(lost).map(|(name, value)| (name, (value as f64, None))).collect();
    let seconds = |nanos: u64| Some(nanos as f64 / 1e9);
    let passes = (stats.drain_passes as f64, seconds(stats.drain_nanos));
    all.insert("nanospan.drain.pass.duration".into(), passes);
    let mut ended = |how: &str, times: Times| {
        let times = (times.count as f64, seconds(times.nanos));
        all.insert(format!("otel.sdk.exporter.operation.duration{how}"), times);
    };
    for (end, times, _) in reading.exports.beside(&Timings::default()) {
        match (end.failure, end.status) {
            (None, _) => ended("", times),
            (Some(kind), None) => ended(&format!(" {}", kind.as_error_type()), times),
            (_, Some(ResponseStatus::Http(400))) => ended(" 400 rejected", times),
            (_, Some(ResponseStatus::Grpc(14))) => ended(" UNAVAILABLE rejected", times),
            (_, Some(ResponseStatus::Grpc(99))) => ended(" 99 rejected", times),
            other => panic!("{other:?}"),
        }
    }
    all
}

fn tell(account: &mut Account, reading: Reading, time: Timestamp, temporality: Temporality) -> ScopeMetrics {
    let context = crate::export::Context::new();
    let mut scope = ScopeMetrics::default();
    account.tell(&Collection::at(&context, time, temporality), None, reading, &mut scope);
    scope
}

#[test]
fn each_figure_has_a_point_of_its_own_and_no_point_another_figure() {
    let tracer = tracer();
    let mut account = account(tracer);
    let now = Timestamp::from_unix_nanos(2_000_000_000_000_000_000);
    let told = points(&tell(&mut account, reading(1), now, Temporality::Cumulative));
    assert!(told.values().all(|(value, _)| *value > 0.0), "{told:#?}");
    assert_eq!(told, expected(&reading(1)));
    tracer.shutdown(PATIENCE).unwrap();
}

#[test]
fn the_delta_of_each_figure_is_from_the_collection_before() {
    let tracer = tracer();
    let mut account = account(tracer);
    let at = |seconds: u64| Timestamp::from_unix_nanos((2_000_000_000 + seconds) * 1_000_000_000);
    let first = points(&tell(&mut account, reading(1), at(0), Temporality::Delta));
    assert_eq!(first, expected(&reading(1)));
    let mut second = points(&tell(&mut account, reading(4), at(60), Temporality::Delta));
    // Three more of each; the capacity is as it was.
    assert_eq!(
        second.insert("otel.sdk.processor.span.queue.capacity".into(), (777.0, None)),
        Some((0.0, None))
    );
    assert_eq!(second, expected(&reading(3)));
    tracer.shutdown(PATIENCE).unwrap();
}

#[test]
fn no_point_ends_before_it_begins_when_the_clock_is_set_back() {
    let tracer = tracer();
    let mut account = account(tracer);
    let at = |seconds: u64| Timestamp::from_unix_nanos((2_000_000_000 + seconds) * 1_000_000_000);
    // Set back to 1970 before the first, by an hour before the third.
    let mut ended = account.read_at;
    for time in [Timestamp::from_unix_nanos(1), at(7200), at(3600), at(7260)] {
        let scope = tell(&mut account, reading(1), time, Temporality::Delta);
        let Data::Sum(sum) = &scope.metrics[0].data else { panic!("{:?}", scope.metrics[0]) };
        let point = &sum.points[0];
        assert_eq!(point.start, ended, "it begins where the one before has ended");
        assert!(point.time >= point.start, "{point:?}");
        ended = point.time;
    }
    assert_eq!(ended, at(7260));
    tracer.shutdown(PATIENCE).unwrap();
}

#[test]
fn what_a_shutdown_gave_up_never_becomes_less() {
    let tracer = tracer();
    let pipeline = account(tracer).core.pipeline;
    let before = Reading { given_up: 5, ..Reading::default() };
    // By what is counted it is none, as when the kind of a loss is known before the loss.
    let next = before.next(pipeline, Delivered::default());
    assert_eq!((next.stats.dropped.export_failed, next.given_up), (0, 5));
    tracer.shutdown(PATIENCE).unwrap();
}
