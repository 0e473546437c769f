//! Metrics in protobuf.
//!
//! Fields come in the order of their numbers, and a `oneof` where its lowest number has its place, so that
//! these are the bytes that OpenTelemetry's own types for Rust write.

use super::fields::metrics::{
    CUMULATIVE, DELTA, any_value, array_value, buckets, data, exemplar, exponential_histogram_data_point,
    histogram_data_point, key_value, metric, number_data_point, resource, resource_metrics, scope,
    scope_metrics, summary_data_point, value_at_quantile,
};
use super::wire::{Stored, Writer, varint_len};
use crate::OwnedValue;
use crate::metrics::data::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, KeyValue, Metric, Number,
    NumberPoint, Resource, ResourceMetrics, Scope, ScopeMetrics, SummaryPoint, Temporality,
};

/// Bytes that the length of a metric, and of what is in it, is expected to take.
const METRIC_WIDTH: usize = 2;
/// Bytes that the length of a point, and of what is smaller, is expected to take.
const POINT_WIDTH: usize = 1;

/// Appends the message `opentelemetry.proto.metrics.v1.ResourceMetrics`.
pub(in crate::otlp) fn resource_metrics(metrics: &ResourceMetrics, into: &mut Vec<u8>) {
    let mut encoder = Encoder { out: Writer { into } };
    encoder.resource(&metrics.resource);
    for scope in &metrics.scopes {
        encoder.scope_metrics(scope);
    }
    encoder.str(resource_metrics::SCHEMA_URL, &metrics.resource.schema_url);
}

struct Encoder<'v> {
    out: Writer<'v>,
}

impl Encoder<'_> {
    fn resource(&mut self, resource: &Resource) {
        let open = self.out.open(resource_metrics::RESOURCE, POINT_WIDTH);
        self.attributes(resource::ATTRIBUTES, &resource.attributes);
        self.out.number(resource::DROPPED_ATTRIBUTES_COUNT, resource.dropped_attributes_count);
        self.out.close(open);
    }

    fn scope_metrics(&mut self, metrics: &ScopeMetrics) {
        let open = self.out.open(resource_metrics::SCOPE_METRICS, METRIC_WIDTH);
        self.scope(&metrics.scope);
        for metric in &metrics.metrics {
            self.metric(metric);
        }
        self.str(scope_metrics::SCHEMA_URL, &metrics.scope.schema_url);
        self.out.close(open);
    }

    fn scope(&mut self, scope: &Scope) {
        let open = self.out.open(scope_metrics::SCOPE, POINT_WIDTH);
        self.str(scope::NAME, &scope.name);
        self.str(scope::VERSION, &scope.version);
        self.attributes(scope::ATTRIBUTES, &scope.attributes);
        self.out.number(scope::DROPPED_ATTRIBUTES_COUNT, scope.dropped_attributes_count);
        self.out.close(open);
    }

    fn metric(&mut self, metric: &Metric) {
        let open = self.out.open(scope_metrics::METRICS, METRIC_WIDTH);
        self.str(metric::NAME, &metric.name);
        self.str(metric::DESCRIPTION, &metric.description);
        self.str(metric::UNIT, &metric.unit);
        match &metric.data {
            Data::Gauge(gauge) => self.data(metric::GAUGE, &gauge.points, None, Self::number_point),
            Data::Sum(sum) => {
                let open = self.out.open(metric::SUM, METRIC_WIDTH);
                self.points(&sum.points, Self::number_point);
                self.temporality(sum.temporality);
                self.out.number(data::IS_MONOTONIC, sum.is_monotonic.into());
                self.out.close(open);
            }
            Data::Histogram(histogram) => {
                let temporality = Some(histogram.temporality);
                self.data(metric::HISTOGRAM, &histogram.points, temporality, Self::histogram_point);
            }
            Data::ExponentialHistogram(histogram) => {
                let temporality = Some(histogram.temporality);
                let tag = metric::EXPONENTIAL_HISTOGRAM;
                self.data(tag, &histogram.points, temporality, Self::exponential_histogram_point);
            }
            Data::Summary(summary) => self.data(metric::SUMMARY, &summary.points, None, Self::summary_point),
        }
        self.attributes(metric::METADATA, &metric.metadata);
        self.out.close(open);
    }

    /// Data that has points and, perhaps, a temporality.
    fn data<P>(&mut self, tag: u8, points: &[P], temporality: Option<Temporality>, point: fn(&mut Self, &P)) {
        let open = self.out.open(tag, METRIC_WIDTH);
        self.points(points, point);
        if let Some(temporality) = temporality {
            self.temporality(temporality);
        }
        self.out.close(open);
    }

    fn points<P>(&mut self, points: &[P], point: fn(&mut Self, &P)) {
        for each in points {
            let open = self.out.open(data::DATA_POINTS, POINT_WIDTH);
            point(self, each);
            self.out.close(open);
        }
    }

    fn temporality(&mut self, temporality: Temporality) {
        let number = match temporality {
            Temporality::Delta => DELTA,
            Temporality::Cumulative => CUMULATIVE,
        };
        self.out.put([data::AGGREGATION_TEMPORALITY, number]);
    }

    fn number_point(&mut self, point: &NumberPoint) {
        use number_data_point::*;
        self.fixed64(START_TIME_UNIX_NANO, point.start.unix_nanos());
        self.fixed64(TIME_UNIX_NANO, point.time.unix_nanos());
        self.value(AS_DOUBLE, AS_INT, point.value);
        self.exemplars(EXEMPLARS, &point.exemplars);
        self.attributes(ATTRIBUTES, &point.attributes);
        self.out.number(FLAGS, point.flags.bits());
    }

    fn histogram_point(&mut self, point: &HistogramPoint) {
        use histogram_data_point::*;
        self.fixed64(START_TIME_UNIX_NANO, point.start.unix_nanos());
        self.fixed64(TIME_UNIX_NANO, point.time.unix_nanos());
        self.fixed64(COUNT, point.count);
        self.optional(SUM, point.sum);
        self.packed(BUCKET_COUNTS, point.bucket_counts.iter().copied());
        self.packed(EXPLICIT_BOUNDS, point.bounds.iter().map(|bound| bound.to_bits()));
        self.exemplars(EXEMPLARS, &point.exemplars);
        self.attributes(ATTRIBUTES, &point.attributes);
        self.out.number(FLAGS, point.flags.bits());
        self.optional(MIN, point.min);
        self.optional(MAX, point.max);
    }

    fn exponential_histogram_point(&mut self, point: &ExponentialHistogramPoint) {
        use exponential_histogram_data_point::*;
        self.attributes(ATTRIBUTES, &point.attributes);
        self.fixed64(START_TIME_UNIX_NANO, point.start.unix_nanos());
        self.fixed64(TIME_UNIX_NANO, point.time.unix_nanos());
        self.fixed64(COUNT, point.count);
        self.optional(SUM, point.sum);
        self.out.number(SCALE, zigzag(point.scale));
        self.fixed64(ZERO_COUNT, point.zero_count);
        self.buckets(POSITIVE, &point.positive);
        self.buckets(NEGATIVE, &point.negative);
        self.out.number(FLAGS, point.flags.bits());
        self.exemplars(EXEMPLARS, &point.exemplars);
        self.optional(MIN, point.min);
        self.optional(MAX, point.max);
        self.fixed64(ZERO_THRESHOLD, point.zero_threshold.to_bits());
    }

    fn summary_point(&mut self, point: &SummaryPoint) {
        use summary_data_point::*;
        self.fixed64(START_TIME_UNIX_NANO, point.start.unix_nanos());
        self.fixed64(TIME_UNIX_NANO, point.time.unix_nanos());
        self.fixed64(COUNT, point.count);
        self.fixed64(SUM, point.sum.to_bits());
        for each in &point.quantiles {
            let open = self.out.open(QUANTILE_VALUES, POINT_WIDTH);
            self.fixed64(value_at_quantile::QUANTILE, each.quantile.to_bits());
            self.fixed64(value_at_quantile::VALUE, each.value.to_bits());
            self.out.close(open);
        }
        self.attributes(ATTRIBUTES, &point.attributes);
        self.out.number(FLAGS, point.flags.bits());
    }

    /// Buckets, unless they are as they would be without a word.
    fn buckets(&mut self, tag: u8, buckets: &ExponentialBuckets) {
        if *buckets == ExponentialBuckets::default() {
            return;
        }
        let open = self.out.open(tag, POINT_WIDTH);
        self.out.number(buckets::OFFSET, zigzag(buckets.offset));
        if !buckets.counts.is_empty() {
            self.out
                .head(buckets::BUCKET_COUNTS, buckets.counts.iter().map(|&count| varint_len(count)).sum());
            buckets.counts.iter().for_each(|&count| self.out.varint(count));
        }
        self.out.close(open);
    }

    fn exemplars(&mut self, tag: u8, exemplars: &[Exemplar]) {
        for each in exemplars {
            let open = self.out.open(tag, POINT_WIDTH);
            self.fixed64(exemplar::TIME_UNIX_NANO, each.time.unix_nanos());
            self.value(exemplar::AS_DOUBLE, exemplar::AS_INT, each.value);
            if let Some(id) = each.span_id {
                self.bytes(exemplar::SPAN_ID, &id.to_bytes());
            }
            if let Some(id) = each.trace_id {
                self.bytes(exemplar::TRACE_ID, &id.to_bytes());
            }
            self.attributes(exemplar::FILTERED_ATTRIBUTES, &each.filtered_attributes);
            self.out.close(open);
        }
    }

    fn attributes(&mut self, tag: u8, attributes: &[KeyValue]) {
        for each in attributes {
            let open = self.out.open(tag, POINT_WIDTH);
            self.str(key_value::KEY, &each.key);
            match &each.value {
                OwnedValue::StrArray(values) => self.array(values, |out, value| out.any_str(value)),
                OwnedValue::BoolArray(values) => self.array(values, |out, value| out.any_bool(*value)),
                OwnedValue::I64Array(values) => self.array(values, |out, value| out.any_int(*value)),
                OwnedValue::F64Array(values) => self.array(values, |out, value| out.any_double(*value)),
                scalar => {
                    let open = self.out.open(key_value::VALUE, POINT_WIDTH);
                    match scalar {
                        OwnedValue::Bool(value) => self.any_bool(*value),
                        OwnedValue::I64(value) => self.any_int(*value),
                        OwnedValue::F64(value) => self.any_double(*value),
                        OwnedValue::Str(value) => self.any_str(value),
                        _ => unreachable!("arrays are above"),
                    }
                    self.out.close(open);
                }
            }
            self.out.close(open);
        }
    }

    fn array<T>(&mut self, values: &[T], any: fn(&mut Self, &T)) {
        let any_value = self.out.open(key_value::VALUE, POINT_WIDTH);
        let array_value = self.out.open(any_value::ARRAY, POINT_WIDTH);
        for value in values {
            let open = self.out.open(array_value::VALUES, POINT_WIDTH);
            any(self, value);
            self.out.close(open);
        }
        self.out.close(array_value);
        self.out.close(any_value);
    }

    // Inside of `oneof` default values are not left out.

    fn any_str(&mut self, value: &str) {
        self.bytes(any_value::STRING, value.as_bytes());
    }

    fn any_bool(&mut self, value: bool) {
        self.out.put([any_value::BOOL, value.into()]);
    }

    fn any_int(&mut self, value: i64) {
        self.out.put([any_value::INT]);
        self.out.varint(value as u64);
    }

    fn any_double(&mut self, value: f64) {
        self.eight(any_value::DOUBLE, value.to_bits());
    }

    fn value(&mut self, as_double: u8, as_int: u8, value: Option<Number>) {
        match value {
            Some(Number::F64(value)) => self.eight(as_double, value.to_bits()),
            Some(Number::I64(value)) => self.eight(as_int, value as u64),
            None => {}
        }
    }

    /// A field that may be missing, and so says zero where it is zero.
    fn optional(&mut self, tag: u8, value: Option<f64>) {
        if let Some(value) = value {
            self.eight(tag, value.to_bits());
        }
    }

    /// Eight bytes, unless all of them are zero.
    fn fixed64(&mut self, tag: u8, bits: u64) {
        if bits != 0 {
            self.eight(tag, bits);
        }
    }

    fn eight(&mut self, tag: u8, bits: u64) {
        let mut field = [tag, 0, 0, 0, 0, 0, 0, 0, 0];
        field[1..].copy_from_slice(&bits.to_le_bytes());
        self.out.put(field);
    }

    /// Numbers of eight bytes, one behind the other, unless there are none.
    fn packed(&mut self, tag: u8, numbers: impl ExactSizeIterator<Item = u64>) {
        if numbers.len() > 0 {
            self.out.head(tag, numbers.len() * 8);
            numbers.for_each(|number| self.out.put(number.to_le_bytes()));
        }
    }

    /// A text, unless it is empty.
    fn str(&mut self, tag: u8, text: &str) {
        self.out.text(tag, Stored::of(text.as_bytes()));
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.out.head(tag, bytes.len());
        self.out.copy(Stored::of(bytes));
    }
}

/// A `sint32` as a varint: numbers near zero are short, whatever their sign (protobuf documentation,
/// "Encoding", section "Signed Integers").
fn zigzag(number: i32) -> u32 {
    (number << 1 ^ number >> 31) as u32
}
