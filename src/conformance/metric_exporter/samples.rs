//! Metrics to export.

use crate::metrics::data::{
    Attributes, Clear, DataPointFlags, Exemplar, List, Number, QuantileValue, ResourceMetrics, ScopeMetrics,
    Temporality,
};
use crate::{SpanId, Timestamp, TraceId, Value};

/// When the first point began to be counted.
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// The attribute by which a point is found again.
pub(super) const ID: &str = "conformance.point";

/// How many sorts of points there are: each kind of data, with both types of numbers, with and without what may be
/// missing. Sums and histograms of every sort are of the one temporality in metrics of an even sequence, and of
/// the other in those of an odd one; so is whether a sum is monotonic.
const SORTS: u64 = 10;

/// So many points, those of a sort in one metric.
pub(super) fn fill(metrics: &mut ResourceMetrics, sequence: u64, points: u64) {
    metrics.clear();
    if points == 0 {
        return;
    }
    metrics.resource.attributes.add("service.name", "conformance");
    attributes(&mut metrics.resource.attributes, sequence);
    metrics.resource.dropped_attributes_count = 3;
    metrics.resource.schema_url = "https://example.test/resource".into();
    for (scope, sorts) in [(0, 0..SORTS / 2), (1, SORTS / 2..SORTS)] {
        if sorts.start >= points {
            break;
        }
        let metrics = metrics.scopes.push();
        metrics.scope.name = format!("conformance.scope.{scope}").into();
        if scope == 0 {
            metrics.scope.version = "1.2.3".into();
            attributes(&mut metrics.scope.attributes, sequence);
            metrics.scope.dropped_attributes_count = 4;
            metrics.scope.schema_url = "https://example.test/scope".into();
        }
        for sort in sorts.filter(|sort| *sort < points) {
            let points = (sort..points).step_by(SORTS as usize).map(|number| Id { sequence, number });
            metric(metrics, sort, sequence % 2 == 0, points);
        }
    }
}

/// Which point it is.
#[derive(Clone, Copy)]
struct Id {
    sequence: u64,
    number: u64,
}

impl Id {
    /// A number that no other point of a case has.
    fn unique(self) -> u64 {
        (self.sequence << 32) + self.number
    }

    fn float(self) -> f64 {
        self.unique() as f64 + 0.1
    }

    fn start(self) -> Timestamp {
        Timestamp::from_unix_nanos(BEGIN + self.unique())
    }

    fn time(self) -> Timestamp {
        Timestamp::from_unix_nanos(BEGIN + 60_000_000_000 + self.unique())
    }

    /// The attributes of the point, and others unless it is the bare one.
    fn attributes(self, out: &mut Attributes) {
        out.add(ID, &*format!("{}/{}", self.sequence, self.number));
        if self.number > 0 {
            attributes(out, self.number);
        }
    }

    /// Two exemplars: of a span and an integer, and with neither.
    fn exemplars(self, out: &mut List<Exemplar>) {
        let first = out.push();
        first.filtered_attributes.add("app.user", self.unique() as i64);
        first.time = self.start();
        first.value = Some(Number::I64(i64::MIN + self.unique() as i64));
        first.trace_id = Some(TraceId::from_bytes((u128::MAX / 3 + u128::from(self.unique())).to_be_bytes()));
        first.span_id = Some(SpanId::from_bytes((u64::MAX / 3 + self.unique()).to_be_bytes()));
        let second = out.push();
        second.time = self.time();
        second.value = Some(Number::F64(-self.float()));
    }
}

fn metric(scope: &mut ScopeMetrics, sort: u64, is_even: bool, points: impl Iterator<Item = Id>) {
    let metric = scope.metrics.push();
    metric.name = format!("conformance.metric.{sort}").into();
    if sort > 0 {
        metric.unit = "{thing}/s".into();
        metric.description = format!("Things of sort {sort} – Ünïcode ✓ \"x\"\n").into();
        metric.metadata.add("conformance.origin", "test");
    }
    let temporality = if (sort % 2 == 0) == is_even { Temporality::Cumulative } else { Temporality::Delta };
    match sort {
        0 => points.for_each(|id| {
            let point = metric.data.gauge().points.push();
            id.attributes(&mut point.attributes);
            point.time = id.time();
            point.value = Some(Number::I64(i64::MAX - id.unique() as i64));
        }),
        1 => points.for_each(|id| {
            let point = metric.data.gauge().points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time) = (id.start(), id.time());
            point.value = Some(Number::F64(-id.float()));
            id.exemplars(&mut point.exemplars);
        }),
        2 | 3 => points.for_each(|id| {
            let sum = metric.data.sum();
            (sum.temporality, sum.is_monotonic) = (temporality, (sort == 2) == is_even);
            let point = sum.points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time) = (id.start(), id.time());
            point.value =
                Some(if sort == 2 { Number::I64(id.unique() as i64) } else { Number::F64(-id.float()) });
            id.exemplars(&mut point.exemplars);
            // A bit that has no name yet.
            point.flags = DataPointFlags::from_bits(0x100);
        }),
        4 | 5 => points.for_each(|id| {
            let histogram = metric.data.histogram();
            histogram.temporality = temporality;
            let point = histogram.points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time, point.count) = (id.start(), id.time(), u64::MAX - id.unique());
            if sort == 4 {
                point.sum = Some(id.float());
                (point.min, point.max) = (Some(0.1), Some(0.1 + id.float()));
                point.bounds.extend([-1.5, 0.0, 0.3, 1e300]);
                point.bucket_counts.extend([1, 0, u64::MAX, id.unique(), 2]);
                id.exemplars(&mut point.exemplars);
            }
        }),
        6 | 7 => points.for_each(|id| {
            let histogram = metric.data.exponential_histogram();
            histogram.temporality = temporality;
            let point = histogram.points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time, point.count) = (id.start(), id.time(), id.unique());
            point.scale = if sort == 6 { 20 } else { -10 };
            if sort == 6 {
                point.sum = Some(-id.float());
                (point.min, point.max) = (Some(-0.1), Some(id.float()));
                (point.zero_count, point.zero_threshold) = (id.unique() + 1, 1e-9);
                (point.positive.offset, point.negative.offset) = (-3, 1_000);
                point.positive.counts.extend([u64::MAX, 0, id.unique()]);
                point.negative.counts.push(7);
                id.exemplars(&mut point.exemplars);
            }
        }),
        8 => points.for_each(|id| {
            let point = metric.data.summary().points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time) = (id.start(), id.time());
            (point.count, point.sum) = (id.unique(), id.float());
            point.quantiles.extend([
                QuantileValue { quantile: 0.0, value: 0.5 },
                QuantileValue { quantile: 0.99, value: id.float() },
            ]);
        }),
        _ => points.for_each(|id| {
            let sum = metric.data.sum();
            sum.temporality = temporality;
            let point = sum.points.push();
            id.attributes(&mut point.attributes);
            (point.start, point.time) = (id.start(), id.time());
            point.flags = DataPointFlags::NO_RECORDED_VALUE;
        }),
    }
}

fn attributes(out: &mut Attributes, number: u64) {
    let text = format!("tëxt {number}");
    for (key, value) in [
        ("string", Value::Str(&text)),
        ("empty", Value::Str("")),
        ("bool", Value::Bool(number % 2 == 0)),
        ("least", Value::I64(i64::MIN)),
        ("most", Value::I64(i64::MAX)),
        ("float", Value::F64(0.1)),
        ("strings", Value::StrArray(&["a", "", "ü"])),
        ("bools", Value::BoolArray(&[true, false])),
        ("ints", Value::I64Array(&[1, -1])),
        ("floats", Value::F64Array(&[0.5, -2.0])),
    ] {
        out.add(key, value);
    }
}

/// Metrics of what is seldom: texts that are empty, long or not fit to be shown, values that are no numbers,
/// times out of this world, buckets that do not fit their bounds, metrics and scopes with nothing in them.
pub(super) fn odd() -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    metrics.resource.dropped_attributes_count = u32::MAX;
    metrics.scopes.push().metrics.push();
    metrics.scopes.push();
    let long = "ab\u{0}\u{1b}[31m\u{202e}😀 ".repeat(2_000);
    for name in ["", "\u{0}", &long, "\n\r\t\"\\"] {
        metrics.resource.attributes.add(name.to_owned(), name);
        metrics.resource.schema_url = name.to_owned().into();
        let scope = metrics.scopes.push();
        scope.scope.name = name.to_owned().into();
        scope.scope.version = name.to_owned().into();
        for sort in 0..5 {
            let metric = scope.metrics.push();
            metric.name = name.to_owned().into();
            metric.unit = name.to_owned().into();
            metric.description = name.to_owned().into();
            metric.metadata.add(name.to_owned(), Value::StrArray(&[]));
            let flags = DataPointFlags::from_bits(u32::MAX);
            let (start, time) = (Timestamp::from_unix_nanos(u64::MAX), Timestamp::default());
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
                match sort {
                    0 => {
                        let point = metric.data.gauge().points.push();
                        (point.start, point.time, point.flags) = (start, time, flags);
                        point.value = Some(value.into()).filter(|_| value != 0.0);
                        point.attributes.add(name.to_owned(), value);
                        point.exemplars.push().value = Some(value.into());
                        point.exemplars.push();
                    }
                    1 => metric.data.sum().points.push().value = Some(value.into()),
                    2 => {
                        let point = metric.data.histogram().points.push();
                        (point.start, point.time, point.flags) = (start, time, flags);
                        (point.sum, point.min, point.max) = (Some(value), Some(value), Some(-value));
                        point.bounds.extend([value, value, 0.0]);
                        point.bucket_counts.push(u64::MAX);
                    }
                    3 => {
                        let point = metric.data.exponential_histogram().points.push();
                        (point.scale, point.zero_threshold, point.sum) = (i32::MIN, value, Some(value));
                        (point.positive.offset, point.negative.offset) = (i32::MAX, i32::MIN);
                        point.positive.counts.extend([u64::MAX; 3]);
                        point.negative.counts.extend([u64::MAX; 3]);
                    }
                    _ => {
                        let point = metric.data.summary().points.push();
                        point.sum = value;
                        point.quantiles.push(QuantileValue { quantile: value, value });
                    }
                }
            }
        }
    }
    metrics
}
