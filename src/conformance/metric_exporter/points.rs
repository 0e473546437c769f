//! Data points as the checks see them.

use super::{Subject, samples};
use crate::conformance::case::{Stop, Verdict, brief, ensure};
use crate::conformance::exporting::Exported;
use crate::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric,
    NumberPoint, Resource, ResourceMetrics, Scope, SummaryPoint,
};
use crate::metrics::{MetricExporter, Metrics};
use crate::{OwnedValue, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

impl Exported for Metrics {
    type Subject = dyn Subject;
    type Delivered = Vec<ResourceMetrics>;
    type Memory = ResourceMetrics;

    fn exporter(subject: &dyn Subject) -> Arc<dyn MetricExporter> {
        subject.exporter()
    }

    fn delivered(subject: &dyn Subject) -> Vec<Vec<ResourceMetrics>> {
        subject.delivered()
    }

    fn set_unreachable(subject: &dyn Subject, unreachable: bool) -> bool {
        subject.set_unreachable(unreachable)
    }

    fn set_hanging(subject: &dyn Subject, hanging: bool) -> bool {
        subject.set_hanging(hanging)
    }

    fn flushes(_: &dyn Subject) -> bool {
        // The trait has none that an exporter could keep.
        true
    }

    fn is_released(subject: &dyn Subject) -> Option<bool> {
        subject.is_released()
    }

    fn fill(memory: &mut ResourceMetrics, sequence: u64, points: u64) -> ResourceMetrics {
        let mut metrics = std::mem::take(memory);
        samples::fill(&mut metrics, sequence, points);
        metrics
    }

    fn recycle(memory: &mut ResourceMetrics, metrics: ResourceMetrics) {
        *memory = metrics;
    }

    fn odd_batch() -> ResourceMetrics {
        samples::odd()
    }

    fn counts(delivered: &Vec<ResourceMetrics>, metrics: &ResourceMetrics) -> Vec<usize> {
        let mut counts = HashMap::new();
        for id in delivered.iter().flat_map(points).filter_map(|point| point.id()) {
            *counts.entry(id).or_insert(0) += 1;
        }
        let ids = points(metrics).into_iter().map(|point| point.id());
        ids.map(|id| id.and_then(|id| counts.get(id).copied()).unwrap_or(0)).collect()
    }

    fn whole(delivered: &Vec<ResourceMetrics>, metrics: &ResourceMetrics) -> Verdict {
        let delivered: Vec<_> = delivered.iter().flat_map(points).collect();
        for expected in points(metrics) {
            let name = &expected.metric.name;
            let found = delivered.iter().find(|found| found.id() == expected.id());
            let missing =
                || Stop::Failed(format!("expected the point {:?} of {name}, seen none", expected.id()));
            let pairs = expected.fields().into_iter().zip(found.ok_or_else(missing)?.fields());
            for ((field, expected), (_, seen)) in pairs {
                ensure(expected == seen, || {
                    format!("{field} of {name}: expected {}, seen {}", brief(&expected), brief(&seen))
                })?;
            }
        }
        Ok(())
    }
}

/// A point, and what it belongs to.
struct Found<'a> {
    resource: &'a Resource,
    scope: &'a Scope,
    metric: &'a Metric,
    point: Point<'a>,
}

enum Point<'a> {
    Number(&'a NumberPoint),
    Histogram(&'a HistogramPoint),
    Exponential(&'a ExponentialHistogramPoint),
    Summary(&'a SummaryPoint),
}

fn points(metrics: &ResourceMetrics) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for scope in &metrics.scopes {
        for metric in &scope.metrics {
            let mut add = |point| {
                found.push(Found { resource: &metrics.resource, scope: &scope.scope, metric, point });
            };
            match &metric.data {
                Data::Gauge(data) => data.points.iter().map(Point::Number).for_each(&mut add),
                Data::Sum(data) => data.points.iter().map(Point::Number).for_each(&mut add),
                Data::Histogram(data) => data.points.iter().map(Point::Histogram).for_each(&mut add),
                Data::ExponentialHistogram(data) => {
                    data.points.iter().map(Point::Exponential).for_each(&mut add);
                }
                Data::Summary(data) => data.points.iter().map(Point::Summary).for_each(&mut add),
            }
        }
    }
    found
}

impl<'a> Found<'a> {
    /// What it is found again by.
    fn id(&self) -> Option<&'a str> {
        let id = self.common().0.iter().find(|attribute| attribute.key == samples::ID)?;
        match &id.value {
            OwnedValue::Str(id) => Some(id),
            _ => None,
        }
    }

    /// What points of all kinds have, but that a summary has no exemplars.
    fn common(&self) -> (&'a Attributes, [Timestamp; 2], &'a [Exemplar], DataPointFlags) {
        match self.point {
            Point::Number(point) => {
                (&point.attributes, [point.start, point.time], &point.exemplars, point.flags)
            }
            Point::Histogram(point) => {
                (&point.attributes, [point.start, point.time], &point.exemplars, point.flags)
            }
            Point::Exponential(point) => {
                (&point.attributes, [point.start, point.time], &point.exemplars, point.flags)
            }
            Point::Summary(point) => (&point.attributes, [point.start, point.time], &[], point.flags),
        }
    }

    /// All there is to the point in words, each part with its name.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let Self { resource, scope, metric, ref point } = *self;
        let (attributes, times, exemplars, flags) = self.common();
        let kind = match &metric.data {
            Data::Gauge(_) => "a gauge".to_owned(),
            Data::Sum(data) => format!("a sum, {:?}, monotonic {:?}", data.temporality, data.is_monotonic),
            Data::Histogram(data) => format!("a histogram, {:?}", data.temporality),
            Data::ExponentialHistogram(data) => format!("an exponential histogram, {:?}", data.temporality),
            Data::Summary(_) => "a summary".to_owned(),
        };
        let (value, range, buckets) = match point {
            Point::Number(point) => (format!("{:?}", point.value), String::new(), String::new()),
            Point::Histogram(point) => (
                format!("count {} sum {:?}", point.count, point.sum),
                format!("{:?}", (point.min, point.max)),
                format!("{:?} at {:?}", point.bucket_counts, point.bounds),
            ),
            Point::Exponential(point) => (
                format!("count {} sum {:?} scale {}", point.count, point.sum, point.scale),
                format!("{:?}", (point.min, point.max)),
                format!(
                    "{:?} zero {} within {:?} {:?}",
                    point.negative, point.zero_count, point.zero_threshold, point.positive
                ),
            ),
            Point::Summary(point) => (
                format!("count {} sum {:?}", point.count, point.sum),
                String::new(),
                format!("{:?}", point.quantiles),
            ),
        };
        let exemplars = exemplars.iter().map(|exemplar| {
            let ids = (exemplar.trace_id, exemplar.span_id);
            (sorted(&exemplar.filtered_attributes), exemplar.time, exemplar.value, ids)
        });
        let dropped = (resource.dropped_attributes_count, scope.dropped_attributes_count);
        vec![
            ("the resource", format!("{:?} {:?}", sorted(&resource.attributes), resource.schema_url)),
            ("the scope", format!("{:?} {:?} {:?}", scope.name, scope.version, scope.schema_url)),
            ("the scope's attributes", sorted(&scope.attributes)),
            ("the dropped counts", format!("{dropped:?}")),
            ("the metric", format!("{:?} {:?} {:?}", metric.name, metric.unit, metric.description)),
            ("the metric's metadata", sorted(&metric.metadata)),
            ("the kind of data", kind),
            ("the attributes", sorted(attributes)),
            ("the times", format!("{times:?}")),
            ("the value", value),
            ("least and greatest", range),
            ("buckets or quantiles", buckets),
            ("the exemplars", format!("{:?}", exemplars.collect::<Vec<_>>())),
            ("the flags", format!("{:#x}", flags.bits())),
        ]
    }
}

/// Attributes in the order of their keys, for it is no part of what they mean.
fn sorted(attributes: &Attributes) -> String {
    let mut pairs: Vec<_> = attributes.iter().map(|pair| (&pair.key, &pair.value)).collect();
    pairs.sort_by_key(|(key, _)| *key);
    format!("{pairs:?}")
}
