//! The tracer's account, as metrics.
//!
//! Names, units and attributes that begin with `otel.`, `error.` or `server.` are those of OpenTelemetry's semantic
//! conventions ("SDK metrics", in development); those that begin with `nanospan.` are the crate's own. docs/metrics.md
//! has the table.

use std::error::Error;

use super::data::{Attributes, List, Metric, NumberPoint, ScopeMetrics, Temporality};
use super::{Aggregation, Collection, InstrumentKind, MetricProducer};
use crate::Timestamp;
use crate::drain::Stats;
use crate::export::{Component, ExportErrorKind};
use crate::tracer::Core;

/// The tracer's account, as metrics; made by [`Tracer::metric_producer`](crate::Tracer::metric_producer).
///
/// It reads what is counted anyway: recording a span costs the same with it and without.
#[derive(Debug)]
pub struct AccountProducer {
    /// Without a core there is nothing to tell.
    of: Option<Account>,
}

#[derive(Debug)]
struct Account {
    core: &'static Core,
    processor: Named,
    exporter: Named,
    /// What deltas are told from.
    before: Reading,
    read_at: Timestamp,
}

/// What is counted, at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    stats: Stats,
    /// Spans in batches that the exporter was handed, and those that it lost, by the kind of its error.
    handed: u64,
    lost_by: [u64; ExportErrorKind::ALL.len()],
}

impl Reading {
    /// Spans that were to be exported and that the exporter was never handed: a shutdown had no time left for them.
    fn given_up(&self) -> u64 {
        self.stats.dropped.export_failed.saturating_sub(self.lost_by.iter().sum())
    }
}

/// A part of the tracer, as metrics name it.
#[derive(Debug)]
struct Named {
    name: String,
    component: Component,
}

impl Named {
    fn new(component: Component, number: u64) -> Self {
        Self { name: format!("{}/{number}", component.kind), component }
    }

    fn describe(&self, attributes: &mut Attributes) {
        attributes.add("otel.component.name", &*self.name);
        attributes.add("otel.component.type", &*self.component.kind);
        if let Some((address, port)) = &self.component.server {
            attributes.add("server.address", &**address);
            attributes.add("server.port", i64::from(*port));
        }
    }
}

impl AccountProducer {
    pub(crate) fn new(core: Option<&'static Core>) -> Self {
        let of = core.map(|core| Account {
            core,
            processor: Named::new(Component::new("batching_span_processor"), core.number),
            exporter: Named::new(core.pipeline.exporter_component(), core.number),
            before: Reading::default(),
            read_at: core.built,
        });
        Self { of }
    }
}

impl MetricProducer for AccountProducer {
    fn produce(
        &mut self,
        collection: &Collection<'_>,
        into: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Some(account) = &mut self.of else { return Ok(()) };
        let (handed, lost_by) = account.core.pipeline.handed();
        let now = Reading { stats: account.core.pipeline.counts(), handed, lost_by };
        let scope = into.push();
        scope.scope.name = env!("CARGO_PKG_NAME").into();
        scope.scope.version = env!("CARGO_PKG_VERSION").into();
        let mut page = Page {
            metrics: &mut scope.metrics,
            collection,
            built: account.core.built,
            read_at: account.read_at,
        };
        account.of_spans(&mut page, &now);
        account.of_the_processor(&mut page, &now);
        account.of_the_exporter(&mut page, &now);
        account.of_the_tracer(&mut page, &now);
        account.before = now;
        account.read_at = collection.time();
        Ok(())
    }
}

impl Account {
    fn of_spans(&self, page: &mut Page<'_>, now: &Reading) {
        let (now, before) = (&now.stats, &self.before.stats);
        let text = "Spans that have started and not ended";
        page.up_down("otel.sdk.span.live", "{span}", text, |points| {
            points.add(now.live, before.live).add("otel.span.sampling_result", "RECORD_AND_SAMPLE");
        });
        let text = "Spans that were started, those that record nothing included";
        page.counter("otel.sdk.span.started", "{span}", text, |points| {
            points.add(now.started, before.started).add("otel.span.sampling_result", "RECORD_AND_SAMPLE");
            points
                .add(now.not_sampled + now.suppressed, before.not_sampled + before.suppressed)
                .add("otel.span.sampling_result", "DROP");
        });
    }

    fn of_the_processor(&self, page: &mut Page<'_>, now: &Reading) {
        let before = &self.before;
        let text = "Spans in batches that wait for the exporter, or that it is at work on";
        page.up_down("otel.sdk.processor.span.queue.size", "{span}", text, |points| {
            self.processor.describe(points.add(now.stats.buffered, before.stats.buffered));
        });
        if let Some(capacity) = self.core.pipeline.queue_capacity() {
            let text = "The most spans that may wait for the exporter";
            page.up_down("otel.sdk.processor.span.queue.capacity", "{span}", text, |points| {
                // It does not change: since the time before, by nothing.
                let was = if self.read_at == self.core.built { 0 } else { capacity };
                self.processor.describe(points.add(capacity, was));
            });
        }
        let text = "Spans that were handed to the exporter, and those that never were";
        page.counter("otel.sdk.processor.span.processed", "{span}", text, |points| {
            self.processor.describe(points.add(now.handed, before.handed));
            let (is, was) = (&now.stats.dropped, &before.stats.dropped);
            for (error_type, now, before) in [
                ("queue_full", is.queue_full, was.queue_full),
                ("already_shutdown", is.shutdown, was.shutdown),
                ("shutdown_timeout", now.given_up(), before.given_up()),
                ("overload", is.overload, was.overload),
                ("encoding", is.encode_failed, was.encode_failed),
                ("forked", is.fork, was.fork),
                ("thread_exit", is.thread_exit, was.thread_exit),
            ] {
                let attributes = points.add(now, before);
                self.processor.describe(attributes);
                attributes.add("error.type", error_type);
            }
        });
    }

    fn of_the_exporter(&self, page: &mut Page<'_>, now: &Reading) {
        let before = &self.before;
        let text = "Spans that the exporter is at work on";
        page.up_down("otel.sdk.exporter.span.inflight", "{span}", text, |points| {
            self.exporter.describe(points.add(now.stats.exporting, before.stats.exporting));
        });
        let text = "Spans that the exporter has delivered, and those that it could not";
        page.counter("otel.sdk.exporter.span.exported", "{span}", text, |points| {
            self.exporter.describe(points.add(now.stats.exported, before.stats.exported));
            for kind in ExportErrorKind::ALL {
                let lost = now.lost_by[kind as usize];
                if lost > 0 {
                    let attributes = points.add(lost, before.lost_by[kind as usize]);
                    self.exporter.describe(attributes);
                    attributes.add("error.type", kind.as_error_type());
                }
            }
        });
        let text = "Time for which the exporter was at work on a batch";
        let (is, was) = (&now.stats, &before.stats);
        let durations = (is.exports, is.export_nanos);
        page.durations(
            "otel.sdk.exporter.operation.duration",
            text,
            durations,
            (was.exports, was.export_nanos),
            |at| {
                self.exporter.describe(at);
            },
        );
    }

    fn of_the_tracer(&self, page: &mut Page<'_>, now: &Reading) {
        let (now, before) = (&now.stats, &self.before.stats);
        let text = "Calls on spans that had ended or never were, which did nothing";
        page.counter("nanospan.span.calls.ignored", "{call}", text, |points| {
            for (reason, now, before) in [
                ("stale", now.stale_calls, before.stale_calls),
                ("invalid", now.invalid_calls, before.invalid_calls),
                ("forged", now.forged_calls, before.forged_calls),
            ] {
                points.add(now, before).add("nanospan.reason", reason);
            }
        });
        let text = "Starts under an invalid parent, which started nothing";
        page.counter("nanospan.span.starts.invalid", "{call}", text, |points| {
            points.add(now.invalid_parent, before.invalid_parent);
        });
        let text = "Parts of spans that were left out for limits or for want of memory, or cut";
        page.counter("nanospan.span.parts.lost", "{part}", text, |points| {
            for (part, now, before) in [
                ("attribute", now.lost_attributes, before.lost_attributes),
                ("event", now.lost_events, before.lost_events),
                ("link", now.lost_links, before.lost_links),
                ("parent", now.lost_parents, before.lost_parents),
                ("end_of_text", now.truncated, before.truncated),
            ] {
                points.add(now, before).add("nanospan.span.part", part);
            }
        });
        let text = "Time that a pass of the drain took over what the threads have recorded";
        let durations = (now.drain_passes, now.drain_nanos);
        page.durations(
            "nanospan.drain.pass.duration",
            text,
            durations,
            (before.drain_passes, before.drain_nanos),
            |_| (),
        );
        let text = "Memory of spans that exists, out of the budget";
        page.up_down("nanospan.memory.usage", "By", text, |points| {
            points.add(now.memory_bytes, before.memory_bytes);
        });
        let text = "Panics in the exporter or the error handler";
        page.counter("nanospan.exporter.panics", "{panic}", text, |points| {
            points.add(now.exporter_panics, before.exporter_panics);
        });
    }
}

/// Where metrics are written, and over which time.
struct Page<'a> {
    metrics: &'a mut List<Metric>,
    collection: &'a Collection<'a>,
    built: Timestamp,
    read_at: Timestamp,
}

impl Page<'_> {
    fn counter(
        &mut self,
        name: &'static str,
        unit: &'static str,
        text: &'static str,
        fill: impl FnOnce(&mut Points<'_>),
    ) {
        self.sum(InstrumentKind::Counter, name, unit, text, fill);
    }

    fn up_down(
        &mut self,
        name: &'static str,
        unit: &'static str,
        text: &'static str,
        fill: impl FnOnce(&mut Points<'_>),
    ) {
        self.sum(InstrumentKind::UpDownCounter, name, unit, text, fill);
    }

    fn sum(
        &mut self,
        kind: InstrumentKind,
        name: &'static str,
        unit: &'static str,
        text: &'static str,
        fill: impl FnOnce(&mut Points<'_>),
    ) {
        let Some((temporality, start)) = self.over(kind) else { return };
        let time = self.collection.time();
        let sum = self.metric(name, unit, text).data.sum();
        sum.is_monotonic = kind == InstrumentKind::Counter;
        sum.temporality = temporality;
        let is_delta = temporality == Temporality::Delta;
        fill(&mut Points { points: &mut sum.points, is_delta, start, time });
    }

    /// A histogram of one bucket, which is what the conventions want of durations: a count and a sum of nanoseconds,
    /// as seconds.
    fn durations(
        &mut self,
        name: &'static str,
        text: &'static str,
        now: (u64, u64),
        before: (u64, u64),
        describe: impl FnOnce(&mut Attributes),
    ) {
        let Some((temporality, start)) = self.over(InstrumentKind::Histogram) else { return };
        let time = self.collection.time();
        let histogram = self.metric(name, "s", text).data.histogram();
        histogram.temporality = temporality;
        let (before_count, before_nanos) = if temporality == Temporality::Delta { before } else { (0, 0) };
        let point = histogram.points.push();
        (point.start, point.time) = (start, time);
        point.count = now.0.saturating_sub(before_count);
        point.sum = Some(now.1.saturating_sub(before_nanos) as f64 / 1e9);
        point.bucket_counts.push(point.count);
        describe(&mut point.attributes);
    }

    fn metric(&mut self, name: &'static str, unit: &'static str, text: &'static str) -> &mut Metric {
        let metric = self.metrics.push();
        metric.name = name.into();
        metric.unit = unit.into();
        metric.description = text.into();
        metric
    }

    /// Over which time points of this kind are wanted, and since when that is; `None` if they are not wanted.
    fn over(&self, kind: InstrumentKind) -> Option<(Temporality, Timestamp)> {
        if *self.collection.aggregation(kind) == Aggregation::Drop {
            return None;
        }
        let temporality = self.collection.temporality(kind);
        let start = if temporality == Temporality::Delta { self.read_at } else { self.built };
        Some((temporality, start))
    }
}

/// The points of a sum.
struct Points<'a> {
    points: &'a mut List<NumberPoint>,
    is_delta: bool,
    start: Timestamp,
    time: Timestamp,
}

impl Points<'_> {
    /// Adds a point of what is counted `now` and was `before`, to be described.
    fn add(&mut self, now: u64, before: u64) -> &mut Attributes {
        let point = self.points.push();
        (point.start, point.time) = (self.start, self.time);
        let before = if self.is_delta { before } else { 0 };
        // What went down is negative: the difference of two counts that are far below 2^63.
        point.value = Some((now.wrapping_sub(before) as i64).into());
        &mut point.attributes
    }
}
