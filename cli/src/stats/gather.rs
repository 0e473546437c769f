//! Going over the spans and adding up.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use nanospan::StatusCode;
use nanospan::batch::segment::AnyBatch;
use nanospan::batch::{BatchView, MetricsView, SpanView, ValueView};

use super::durations::Durations;
use crate::failure::Failure;
use crate::input::{Input, Part, Trouble};
use crate::notices::Notices;

/// What is in the input.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) batches: u64,
    pub(super) spans: u64,
    pub(super) errors: u64,
    pub(super) traces: HashSet<[u8; 16]>,
    pub(super) tracers: HashSet<u64>,
    /// From the first start to the last end, in nanoseconds since the Unix epoch.
    pub(super) range: Option<(u64, u64)>,
    /// Spans that end before they start; they count in no quantile.
    pub(super) backward: u64,
    pub(super) names: HashMap<String, Group>,
    /// By the resource's `service.name`; empty if it has none.
    pub(super) services: HashMap<String, Group>,
    pub(super) dropped: Dropped,
    pub(super) metrics: Metrics,
    pub(super) damage: DamageSum,
}

/// What is there besides spans.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) batches: u64,
    /// Of their frames, and of files that hold nothing else.
    pub(super) bytes: u64,
    pub(super) exporters: HashSet<u64>,
    pub(super) data_points: u64,
    /// How many points there are of each name.
    pub(super) names: HashMap<String, u64>,
}

/// Spans that have something in common.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) spans: u64,
    pub(super) errors: u64,
    pub(super) durations: Durations,
}

/// What the producers had to leave out.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Those of events and links included.
    pub(super) attributes: u64,
    pub(super) events: u64,
    pub(super) links: u64,
}

/// What could not be read.
#[derive(Debug, Default)]
pub(super) struct DamageSum {
    pub(super) files: u64,
    pub(super) places: u64,
    pub(super) skipped_bytes: u64,
    /// Files that are being written and end inside of a batch.
    pub(super) unfinished: u64,
}

impl Stats {
    /// Reads `input`. Damaged files are warned of.
    pub(super) fn of(input: &Input, notices: &mut Notices) -> Result<Self, Failure> {
        let mut stats = Self::default();
        input.each_segment(notices, |mut segment, notices| {
            stats.files += 1;
            let bytes = segment.bytes.len() as u64;
            stats.bytes += bytes;
            let before = (stats.batches, stats.metrics.bytes);
            let path = segment.path;
            let mut trouble = Trouble::default();
            for part in segment.parts(notices) {
                match part {
                    Part::Batch(frame) => match frame.view() {
                        AnyBatch::Spans(batch) => stats.add_batch(&batch),
                        AnyBatch::Metrics(batch) => {
                            stats.metrics.add(&batch, frame.end() - frame.offset());
                        }
                        _ => {}
                    },
                    Part::Damage(damage) => trouble.add(damage),
                    Part::Unfinished(_) => stats.damage.unfinished += 1,
                }
            }
            if stats.batches == before.0 && stats.metrics.bytes > before.1 {
                // The header, too, is there for metrics alone.
                stats.metrics.bytes = before.1 + bytes;
            }
            stats.damage.files += u64::from(trouble.places > 0);
            stats.damage.places += trouble.places;
            stats.damage.skipped_bytes += trouble.skipped;
            trouble.report(path, notices);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(stats)
    }

    fn add_batch(&mut self, batch: &BatchView<'_>) {
        self.batches += 1;
        self.tracers.insert(batch.instance_id());
        let service = service_name(batch);
        if batch.span_count() > 0 && !self.services.contains_key(service) {
            self.services.insert(service.to_owned(), Group::default());
        }
        for span in batch.spans() {
            self.add_span(&span);
            if let Some(group) = self.services.get_mut(service) {
                group.add(&span);
            }
        }
    }

    fn add_span(&mut self, span: &SpanView<'_>) {
        self.spans += 1;
        self.errors += u64::from(span.status().0 == StatusCode::Error);
        self.traces.insert(span.trace_id());
        let (start, end) = (span.start_unix_nanos(), span.end_unix_nanos());
        self.backward += u64::from(end < start);
        let (first, last) = self.range.unwrap_or((start, end));
        self.range = Some((first.min(start), last.max(end)));
        // Names repeat: one that is known is not copied.
        match self.names.get_mut(span.name()) {
            Some(group) => group.add(span),
            None => self.names.entry(span.name().to_owned()).or_default().add(span),
        }
        let dropped = &mut self.dropped;
        dropped.attributes += u64::from(span.dropped_attributes_count());
        dropped.events += u64::from(span.dropped_events_count());
        dropped.links += u64::from(span.dropped_links_count());
        let of_events = span.events().map(|event| event.dropped_attributes_count());
        let of_links = span.links().map(|link| link.dropped_attributes_count());
        dropped.attributes += of_events.chain(of_links).map(u64::from).sum::<u64>();
    }
}

impl Metrics {
    fn add(&mut self, batch: &MetricsView<'_>, bytes: u64) {
        self.batches += 1;
        self.bytes += bytes;
        self.exporters.insert(batch.instance_id());
        self.data_points += batch.data_point_count() as u64;
        for (name, points) in batch.names() {
            match self.names.get_mut(name) {
                Some(sum) => *sum += points as u64,
                None => drop(self.names.insert(name.to_owned(), points as u64)),
            }
        }
    }
}

impl Group {
    fn add(&mut self, span: &SpanView<'_>) {
        self.spans += 1;
        self.errors += u64::from(span.status().0 == StatusCode::Error);
        if let Some(nanos) = span.end_unix_nanos().checked_sub(span.start_unix_nanos()) {
            self.durations.add(nanos);
        }
    }
}

/// The resource's `service.name`; empty if there is none.
pub(crate) fn service_name<'a>(batch: &BatchView<'a>) -> &'a str {
    let mut resource = batch.resource();
    let found = resource.find_map(|(key, value)| match value {
        ValueView::Str(name) if key == "service.name" => Some(name),
        _ => None,
    });
    found.unwrap_or_default()
}
