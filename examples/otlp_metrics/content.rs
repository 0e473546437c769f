//! What a metric holds, by its number. `scripts/prove-otlp.d/metric_content.py` says the same in other words;
//! who changes one changes the other.

use nanospan::metrics::data::{
    Attributes, DataPointFlags, Exemplar, List, Metric, Number, QuantileValue, ResourceMetrics, Temporality,
};
use nanospan::{OwnedValue, SpanId, Timestamp, TraceId};

/// When the first point begins to be counted, in nanoseconds since the Unix epoch.
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// How many points a metric has.
const POINTS: u64 = 3;

/// What there is of the kinds of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    /// Gauges and sums of plain floats, without exemplars: what a receiver reads that is not sure of JSON.
    Doubles,
}

/// Fills in the metrics from number `first` to the one before `end`, in two scopes.
pub(crate) fn fill(metrics: &mut ResourceMetrics, extent: Extent, run: &str, first: u64, end: u64) {
    let resource = &mut metrics.resource;
    resource.attributes.add("service.name", "proof");
    resource.attributes.add("proof.run", run);
    values(&mut resource.attributes, 7);
    resource.dropped_attributes_count = 3;
    resource.schema_url = "https://proof.example/resource".into();
    for part in 0..2 {
        let scope = metrics.scopes.push();
        scope.scope.name = format!("proof.{part}").into();
        scope.scope.version = "1.2.3".into();
        scope.scope.attributes.add("proof.scope", part as i64);
        scope.scope.dropped_attributes_count = 4;
        scope.scope.schema_url = "https://proof.example/scope".into();
        for number in (first..end).filter(|number| number % 2 == part) {
            metric(scope.metrics.push(), extent, number);
        }
    }
}

fn metric(metric: &mut Metric, extent: Extent, number: u64) {
    metric.name = format!("proof.metric.{number}").into();
    if number % 3 > 0 {
        metric.description = format!("\"größe\" of {number}\n🔍").into();
        metric.unit = "{thing}".into();
    }
    if number % 4 == 1 {
        values(&mut metric.metadata, number);
    }
    // Of ten metrics each kind has an even number and an odd one; what else they differ in goes by tens, so that
    // everything is met together.
    let temporality = if number / 10 % 2 == 0 { Temporality::Cumulative } else { Temporality::Delta };
    let kind = if extent == Extent::All { number % 5 } else { number / 2 % 2 };
    for place in 0..POINTS {
        let id = number * POINTS + place;
        // The epoch is no time: since when is not known.
        let start = Timestamp::from_unix_nanos(if place == 0 { 0 } else { BEGIN + id });
        let time = Timestamp::from_unix_nanos(BEGIN + 60_000_000_000 + id);
        let half = id as f64 + 0.5;
        // A point that says no more than it must, one that has everything, one without a value.
        let (is_full, is_missing) = (place == 1, place == 2);
        let flags = match place {
            2 => DataPointFlags::NO_RECORDED_VALUE,
            // A bit without a name.
            1 => DataPointFlags::from_bits(0x100),
            _ => DataPointFlags::NONE,
        };
        match kind {
            0 | 1 => {
                let points = if kind == 0 {
                    &mut metric.data.gauge().points
                } else {
                    let sum = metric.data.sum();
                    (sum.temporality, sum.is_monotonic) = (temporality, number / 20 % 2 == 0);
                    &mut sum.points
                };
                let point = points.push();
                (point.start, point.time, point.flags) = (start, time, flags);
                point.value = (!is_missing).then(|| value(extent, number, id));
                describe(&mut point.attributes, id, is_full);
                exemplars(&mut point.exemplars, id, is_full && extent == Extent::All);
            }
            2 => {
                let histogram = metric.data.histogram();
                histogram.temporality = temporality;
                let point = histogram.points.push();
                (point.start, point.time, point.flags) = (start, time, flags);
                point.count = if is_missing { 0 } else { u64::MAX - id };
                if is_full {
                    (point.sum, point.min, point.max) = (Some(half), Some(-half), Some(0.0));
                    point.bounds.extend([-1.5, 0.0, 1e22]);
                    point.bucket_counts.extend([0, id, u64::MAX, 1]);
                }
                describe(&mut point.attributes, id, is_full);
                exemplars(&mut point.exemplars, id, is_full);
            }
            3 => {
                let histogram = metric.data.exponential_histogram();
                histogram.temporality = temporality;
                let point = histogram.points.push();
                (point.start, point.time, point.flags) = (start, time, flags);
                (point.count, point.scale) = (id, if number % 2 == 0 { 20 } else { -10 });
                if is_full {
                    (point.sum, point.min, point.max) = (Some(0.0), Some(-half), Some(half));
                    (point.zero_count, point.zero_threshold) = (id, 0.25);
                    point.positive.offset = -3;
                    point.positive.counts.extend([u64::MAX, 0, id]);
                    point.negative.offset = 1000;
                    point.negative.counts.push(7);
                }
                if is_missing {
                    // There are no buckets, and they begin here.
                    point.positive.offset = -8;
                }
                describe(&mut point.attributes, id, is_full);
                exemplars(&mut point.exemplars, id, is_full);
            }
            _ => {
                let point = metric.data.summary().points.push();
                (point.start, point.time, point.flags) = (start, time, flags);
                (point.count, point.sum) = (id, half);
                if is_full {
                    point.quantiles.push(QuantileValue { quantile: 0.5, value: half });
                    point.quantiles.push(QuantileValue { quantile: 1.0, value: 0.0 });
                }
                describe(&mut point.attributes, id, is_full);
            }
        }
    }
}

/// Of even numbers integers, of odd ones floats, unless they are all to be; what is at the limits, and what is not finite.
fn value(extent: Extent, number: u64, id: u64) -> Number {
    let integers = [i64::MIN + id as i64, i64::MAX - id as i64, -1, 0];
    // Plain ones first.
    let floats = [-(id as f64 + 0.5), -0.0, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let floats = if extent == Extent::All { &floats[..] } else { &floats[..3] };
    let of = |length| (id % length as u64) as usize;
    if number % 2 == 0 && extent == Extent::All {
        Number::I64(integers[of(integers.len())])
    } else {
        Number::F64(floats[of(floats.len())])
    }
}

fn describe(attributes: &mut Attributes, id: u64, is_full: bool) {
    attributes.add("proof.point", id as i64);
    if is_full {
        values(attributes, id);
    }
}

/// Values of every type.
fn values(attributes: &mut Attributes, number: u64) {
    let half = number as f64 + 0.5;
    attributes.add("text", &*format!("{number} \"quoted\" \\ \n\t\u{1} ä 🔍"));
    attributes.add("text.empty", "");
    attributes.add("bool", number % 2 == 0);
    attributes.add("int", i64::MAX - number as i64);
    attributes.add("double", -half);
    let arrays: [(&str, OwnedValue); 5] = [
        ("texts", vec![String::new(), format!("{number}")].into()),
        ("bools", vec![true, false].into()),
        ("ints", vec![-1, 0, number as i64].into()),
        ("doubles", vec![half, 0.0].into()),
        ("nothing", Vec::<String>::new().into()),
    ];
    for (key, value) in arrays {
        attributes.add(key, value.as_value());
    }
}

fn exemplars(exemplars: &mut List<Exemplar>, id: u64, is_full: bool) {
    if !is_full {
        return;
    }
    let exemplar = exemplars.push();
    exemplar.filtered_attributes.add("user", &*format!("user {id}"));
    exemplar.time = Timestamp::from_unix_nanos(BEGIN + 2 * id);
    exemplar.value = Some(Number::I64(id as i64 - 1000));
    exemplar.trace_id = Some(TraceId::from_u128(u128::MAX / 3 + u128::from(id)));
    exemplar.span_id = Some(SpanId::from_u64(u64::MAX / 3 + id));
    let exemplar = exemplars.push();
    exemplar.time = Timestamp::from_unix_nanos(BEGIN + 2 * id + 1);
    exemplar.value = Some(Number::F64(id as f64 / 4.0));
}
