//! Metrics that are made up: of all kinds of data, with numbers from the edges.

use nanospan::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogram,
    ExponentialHistogramPoint, Gauge, Histogram, HistogramPoint, KeyValue, Metric, Number, NumberPoint,
    QuantileValue, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum, Summary, SummaryPoint, Temporality,
};
use nanospan::{OwnedValue, SpanId, Timestamp, TraceId};

use crate::random::Random;

const EDGES: [f64; 9] = [
    0.0,
    -0.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    f64::MIN_POSITIVE / 2.0,
];

impl Random {
    pub(super) fn double(&mut self) -> f64 {
        match self.below(3) {
            0 => EDGES[self.below(EDGES.len())],
            1 => f64::from_bits(self.next()),
            _ => self.below(1000) as f64 / 8.0,
        }
    }

    /// For fields that are left out where they are zero: the library that OpenTelemetry's types for Rust are
    /// made with leaves out -0.0 as well.
    fn plain_double(&mut self) -> f64 {
        let number = self.double();
        if number == 0.0 { 0.0 } else { number }
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn maybe<T>(&mut self, item: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| item(self))
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_unix_nanos(self.number())
    }

    fn attributes(&mut self) -> Attributes {
        self.pairs().into_iter().map(|(key, value)| KeyValue::new(key, distinct(value))).collect()
    }

    fn number_value(&mut self) -> Number {
        if self.flag() { Number::I64(self.number() as i64) } else { Number::F64(self.double()) }
    }

    fn flags(&mut self) -> DataPointFlags {
        DataPointFlags::from_bits([0, 1, self.next() as u32][self.below(3)])
    }

    fn exemplar(&mut self) -> Exemplar {
        Exemplar {
            filtered_attributes: self.attributes(),
            time: self.time(),
            value: self.maybe(Self::number_value),
            trace_id: self.maybe(|random| TraceId::from_u128(random.number().into())),
            span_id: self.maybe(|random| SpanId::from_u64(random.number())),
        }
    }

    fn number_point(&mut self) -> NumberPoint {
        NumberPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            value: self.maybe(Self::number_value),
            exemplars: self.list(Self::exemplar).into(),
            flags: self.flags(),
        }
    }

    fn histogram_point(&mut self) -> HistogramPoint {
        HistogramPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.maybe(Self::double),
            bucket_counts: self.list(Self::number),
            bounds: self.list(Self::double),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
            exemplars: self.list(Self::exemplar).into(),
            flags: self.flags(),
        }
    }

    fn buckets(&mut self) -> ExponentialBuckets {
        ExponentialBuckets { offset: self.number() as i32, counts: self.list(Self::number) }
    }

    fn exponential_histogram_point(&mut self) -> ExponentialHistogramPoint {
        ExponentialHistogramPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.maybe(Self::double),
            scale: self.number() as i32,
            zero_count: self.number(),
            positive: self.buckets(),
            negative: self.buckets(),
            zero_threshold: self.plain_double(),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
            exemplars: self.list(Self::exemplar).into(),
            flags: self.flags(),
        }
    }

    fn summary_point(&mut self) -> SummaryPoint {
        SummaryPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.plain_double(),
            quantiles: self.list(|random| QuantileValue {
                quantile: random.plain_double(),
                value: random.plain_double(),
            }),
            flags: self.flags(),
        }
    }

    fn temporality(&mut self) -> Temporality {
        if self.flag() { Temporality::Delta } else { Temporality::Cumulative }
    }

    fn data(&mut self) -> Data {
        match self.below(5) {
            0 => Data::Gauge(Gauge { points: self.list(Self::number_point).into() }),
            1 => Data::Sum(Sum {
                points: self.list(Self::number_point).into(),
                temporality: self.temporality(),
                is_monotonic: self.flag(),
            }),
            2 => Data::Histogram(Histogram {
                points: self.list(Self::histogram_point).into(),
                temporality: self.temporality(),
            }),
            3 => Data::ExponentialHistogram(ExponentialHistogram {
                points: self.list(Self::exponential_histogram_point).into(),
                temporality: self.temporality(),
            }),
            _ => Data::Summary(Summary { points: self.list(Self::summary_point).into() }),
        }
    }

    pub(super) fn metric(&mut self) -> Metric {
        Metric {
            name: self.text().into(),
            description: self.text().into(),
            unit: self.text().into(),
            data: self.data(),
            metadata: self.attributes(),
        }
    }

    fn scope_metrics(&mut self) -> ScopeMetrics {
        ScopeMetrics {
            scope: Scope {
                name: self.text().into(),
                version: self.text().into(),
                attributes: self.attributes(),
                dropped_attributes_count: self.number() as u32,
                schema_url: self.text().into(),
            },
            metrics: self.list(Self::metric).into(),
        }
    }

    pub(super) fn metrics(&mut self) -> ResourceMetrics {
        ResourceMetrics {
            resource: Resource {
                attributes: self.attributes(),
                dropped_attributes_count: self.number() as u32,
                schema_url: self.text().into(),
            },
            scopes: self.list(Self::scope_metrics).into(),
        }
    }
}

/// Arrays without elements have no type on the wire, and are read as arrays of texts.
fn distinct(value: OwnedValue) -> OwnedValue {
    let is_empty = match &value {
        OwnedValue::BoolArray(values) => values.is_empty(),
        OwnedValue::I64Array(values) => values.is_empty(),
        OwnedValue::F64Array(values) => values.is_empty(),
        _ => false,
    };
    if is_empty { OwnedValue::StrArray(Vec::new()) } else { value }
}

/// Replaces each float that JSON has no number for: OpenTelemetry's types do not read the strings that
/// ProtoJSON has for most of them.
pub(super) fn make_finite(metrics: &mut ResourceMetrics) {
    fn double(value: &mut f64) {
        *value = if value.is_finite() { *value } else { 0.5 };
    }
    fn attributes(all: &mut Attributes) {
        for each in all {
            match &mut each.value {
                OwnedValue::F64(value) => double(value),
                OwnedValue::F64Array(values) => values.iter_mut().for_each(double),
                _ => {}
            }
        }
    }
    fn value(value: &mut Option<Number>) {
        if let Some(Number::F64(value)) = value {
            double(value);
        }
    }
    fn exemplars(all: &mut [Exemplar]) {
        for each in all {
            attributes(&mut each.filtered_attributes);
            value(&mut each.value);
        }
    }
    fn number_points(points: &mut [NumberPoint]) {
        for point in points {
            attributes(&mut point.attributes);
            value(&mut point.value);
            exemplars(&mut point.exemplars);
        }
    }
    attributes(&mut metrics.resource.attributes);
    for scope in &mut metrics.scopes {
        attributes(&mut scope.scope.attributes);
        for metric in &mut scope.metrics {
            attributes(&mut metric.metadata);
            match &mut metric.data {
                Data::Gauge(gauge) => number_points(&mut gauge.points),
                Data::Sum(sum) => number_points(&mut sum.points),
                Data::Histogram(histogram) => {
                    for point in &mut histogram.points {
                        attributes(&mut point.attributes);
                        exemplars(&mut point.exemplars);
                        point.bounds.iter_mut().for_each(double);
                        [&mut point.sum, &mut point.min, &mut point.max]
                            .into_iter()
                            .flatten()
                            .for_each(double);
                    }
                }
                Data::ExponentialHistogram(histogram) => {
                    for point in &mut histogram.points {
                        attributes(&mut point.attributes);
                        exemplars(&mut point.exemplars);
                        double(&mut point.zero_threshold);
                        [&mut point.sum, &mut point.min, &mut point.max]
                            .into_iter()
                            .flatten()
                            .for_each(double);
                    }
                }
                Data::Summary(summary) => {
                    for point in &mut summary.points {
                        attributes(&mut point.attributes);
                        double(&mut point.sum);
                        for each in &mut point.quantiles {
                            double(&mut each.quantile);
                            double(&mut each.value);
                        }
                    }
                }
                other => panic!("a kind without a counterpart: {other:?}"),
            }
        }
    }
}
