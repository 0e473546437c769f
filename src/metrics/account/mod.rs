//! The tracer's account, as metrics.
//!
//! Names, units and attributes that begin with `otel.`, `error.` or `server.` are those of OpenTelemetry's semantic
//! conventions ("SDK metrics", in development); those that begin with `nanospan.` are the crate's own. docs/metrics.md
//! has the table.

mod page;
#[cfg(test)]
mod tests;

use std::error::Error;

use self::page::Page;
use super::data::{List, ScopeMetrics};
use super::named::Named;
use super::reader::{Delivered, Delivery};
use super::{Collection, MetricProducer};
use crate::Timestamp;
use crate::drain::{Handed, Pipeline, Stats};
use crate::export::timed::{Times, Timings};
use crate::export::{Component, ExportErrorKind};
use crate::tracer::Core;

/// The tracer's account, as metrics; made by [`Tracer::metric_producer`](crate::Tracer::metric_producer).
///
/// It reads what is counted anyway: recording a span costs the same with it and without.
///
/// In a [`PeriodicReader`](super::PeriodicReader) it tells of that reader and of its exporter, too: what became of the
/// collections before. Of several in one reader, the first does.
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
    /// Spans that were to be exported and that the exporter was never handed: a shutdown had no time left for them.
    given_up: u64,
    /// Calls of the exporter that have ended.
    exports: Timings,
    /// What became of the metrics themselves.
    delivered: Delivered,
}

impl Reading {
    /// The one after `self`, with which no counter is less.
    fn next(&self, pipeline: &Pipeline, delivered: Delivered) -> Self {
        // In this order: of what was lost until the first, the second knows the kind.
        let stats = pipeline.counts();
        let Handed { spans, lost_by, exports } = pipeline.handed();
        // The second may know of more, too, so this may be too little for now.
        let given_up = stats.dropped.export_failed.saturating_sub(lost_by.iter().sum());
        let given_up = given_up.max(self.given_up);
        Self { stats, handed: spans, lost_by, given_up, exports, delivered }
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
        let delivery = collection.take_delivery();
        let delivered = delivery.map(Delivery::read).unwrap_or_default();
        let now = account.before.next(account.core.pipeline, delivered);
        account.tell(collection, delivery, now, into.push());
        Ok(())
    }
}

impl Account {
    fn tell(
        &mut self,
        collection: &Collection<'_>,
        delivery: Option<&Delivery>,
        now: Reading,
        scope: &mut ScopeMetrics,
    ) {
        scope.scope.name = env!("CARGO_PKG_NAME").into();
        scope.scope.version = env!("CARGO_PKG_VERSION").into();
        // The clock may have been set back: no point ends before it begins.
        let time = collection.time().max(self.read_at);
        let metrics = &mut scope.metrics;
        let mut page = Page { metrics, collection, built: self.core.built, read_at: self.read_at, time };
        self.of_spans(&mut page, &now);
        self.of_the_processor(&mut page, &now);
        self.of_the_exporter(&mut page, &now);
        if let Some(delivery) = delivery {
            self.of_delivery(&mut page, &now.delivered, delivery);
        }
        self.of_operations(&mut page, &now, delivery);
        self.of_the_tracer(&mut page, &now);
        self.before = now;
        self.read_at = time;
    }

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
                ("shutdown_timeout", now.given_up, before.given_up),
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
    }

    /// Metrics on their way to where this reader has them go.
    fn of_delivery(&self, page: &mut Page<'_>, now: &Delivered, delivery: &Delivery) {
        let before = &self.before.delivered;
        let text = "Data points that the exporter is at work on";
        page.up_down("otel.sdk.exporter.metric_data_point.inflight", "{data_point}", text, |points| {
            delivery.exporter.describe(points.add(now.in_flight(), before.in_flight()));
        });
        let text = "Data points that the exporter has delivered, and those that it could not";
        page.counter("otel.sdk.exporter.metric_data_point.exported", "{data_point}", text, |points| {
            delivery.exporter.describe(points.add(now.exported, before.exported));
            for kind in ExportErrorKind::ALL {
                let lost = now.lost_by[kind as usize];
                if lost > 0 {
                    let attributes = points.add(lost, before.lost_by[kind as usize]);
                    delivery.exporter.describe(attributes);
                    attributes.add("error.type", kind.as_error_type());
                }
            }
        });
        let text = "Time that a collection of metrics took";
        page.durations("otel.sdk.metric_reader.collection.duration", text, |points| {
            for (end, now, before) in now.collections.beside(&before.collections) {
                delivery.reader.describe_end(points.add(now, before), end);
            }
        });
    }

    /// Operations of the exporters of both signals.
    fn of_operations(&self, page: &mut Page<'_>, now: &Reading, delivery: Option<&Delivery>) {
        let before = &self.before;
        let text = "Time for which an exporter was at work on a batch or a collection";
        page.durations("otel.sdk.exporter.operation.duration", text, |points| {
            let of_spans = now.exports.beside(&before.exports).map(|times| (&self.exporter, times));
            let of_metrics = delivery.into_iter().flat_map(|delivery| {
                let exports = now.delivered.exports.beside(&before.delivered.exports);
                exports.map(|times| (&delivery.exporter, times))
            });
            for (exporter, (end, now, before)) in of_spans.chain(of_metrics) {
                exporter.describe_end(points.add(now, before), end);
            }
        });
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
        page.durations("nanospan.drain.pass.duration", text, |points| {
            let of = |stats: &Stats| Times { count: stats.drain_passes, nanos: stats.drain_nanos };
            points.add(of(now), of(before));
        });
        let text = "Memory of spans that exists, out of the budget";
        page.up_down("nanospan.memory.usage", "By", text, |points| {
            points.add(now.memory_bytes, before.memory_bytes);
        });
        let pools = [("blocks", now.blocks, before.blocks), ("chunks", now.chunks, before.chunks)];
        let text = "Blocks of spans and chunks of logs that are in use";
        page.up_down("nanospan.pool.usage", "{item}", text, |points| {
            for (pool, now, before) in pools {
                points.add(now.in_use, before.in_use).add("nanospan.pool.name", pool);
            }
        });
        let text = "Blocks of spans and chunks of logs that there are";
        page.up_down("nanospan.pool.limit", "{item}", text, |points| {
            for (pool, now, before) in pools {
                points.add(now.size, before.size).add("nanospan.pool.name", pool);
            }
        });
        let text = "Panics in the exporter or the error handler";
        page.counter("nanospan.exporter.panics", "{panic}", text, |points| {
            points.add(now.exporter_panics, before.exporter_panics);
        });
    }
}
