//! How what is counted becomes points.

use crate::Timestamp;
use crate::export::timed::Times;
use crate::metrics::data::{Attributes, HistogramPoint, List, Metric, NumberPoint, Temporality};
use crate::metrics::{Aggregation, Collection, InstrumentKind};

/// Where metrics are written, and over which time.
pub(super) struct Page<'a> {
    pub(super) metrics: &'a mut List<Metric>,
    pub(super) collection: &'a Collection<'a>,
    pub(super) built: Timestamp,
    pub(super) read_at: Timestamp,
    pub(super) time: Timestamp,
}

impl Page<'_> {
    pub(super) fn counter(
        &mut self,
        name: &'static str,
        unit: &'static str,
        text: &'static str,
        fill: impl FnOnce(&mut Points<'_>),
    ) {
        self.sum(InstrumentKind::Counter, name, unit, text, fill);
    }

    pub(super) fn up_down(
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
        let time = self.time;
        let sum = self.metric(name, unit, text).data.sum();
        sum.is_monotonic = kind == InstrumentKind::Counter;
        sum.temporality = temporality;
        let is_delta = temporality == Temporality::Delta;
        fill(&mut Points { points: &mut sum.points, is_delta, start, time });
    }

    /// A histogram in seconds of one bucket, which is what the conventions want of durations: a count and a sum.
    pub(super) fn durations(
        &mut self,
        name: &'static str,
        text: &'static str,
        fill: impl FnOnce(&mut Durations<'_>),
    ) {
        let Some((temporality, start)) = self.over(InstrumentKind::Histogram) else { return };
        let time = self.time;
        let histogram = self.metric(name, "s", text).data.histogram();
        histogram.temporality = temporality;
        let is_delta = temporality == Temporality::Delta;
        fill(&mut Durations { points: &mut histogram.points, is_delta, start, time });
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
pub(super) struct Points<'a> {
    points: &'a mut List<NumberPoint>,
    is_delta: bool,
    start: Timestamp,
    time: Timestamp,
}

impl Points<'_> {
    /// Adds a point of what is counted `now` and was `before`, to be described.
    pub(super) fn add(&mut self, now: u64, before: u64) -> &mut Attributes {
        let point = self.points.push();
        (point.start, point.time) = (self.start, self.time);
        let before = if self.is_delta { before } else { 0 };
        // What went down is negative: the difference of two counts that are far below 2^63.
        point.value = Some((now.wrapping_sub(before) as i64).into());
        &mut point.attributes
    }
}

/// The points of a histogram of durations.
pub(super) struct Durations<'a> {
    points: &'a mut List<HistogramPoint>,
    is_delta: bool,
    start: Timestamp,
    time: Timestamp,
}

impl Durations<'_> {
    /// Adds a point of what took so much time `now` and `before`, to be described.
    pub(super) fn add(&mut self, now: Times, before: Times) -> &mut Attributes {
        let before = if self.is_delta { before } else { Times::default() };
        let point = self.points.push();
        (point.start, point.time) = (self.start, self.time);
        point.count = now.count.saturating_sub(before.count);
        point.sum = Some(now.nanos.saturating_sub(before.nanos) as f64 / 1e9);
        point.bucket_counts.push(point.count);
        &mut point.attributes
    }
}
