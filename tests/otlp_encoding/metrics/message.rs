//! The message that OpenTelemetry's own types make of metrics.

use nanospan::metrics::data::{self, Attributes, Data, Exemplar, Number, Temporality};
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint,
    NumberDataPoint, ResourceMetrics, SummaryDataPoint, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::message::any;

pub(super) fn message(metrics: &data::ResourceMetrics) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(Resource {
            attributes: attributes(&metrics.resource.attributes),
            dropped_attributes_count: metrics.resource.dropped_attributes_count,
            ..Default::default()
        }),
        scope_metrics: metrics.scopes.iter().map(scope_metrics).collect(),
        schema_url: metrics.resource.schema_url.to_string(),
    }
}

fn attributes(attributes: &Attributes) -> Vec<KeyValue> {
    let key_value = |each: &data::KeyValue| KeyValue {
        key: each.key.to_string(),
        value: Some(any(&each.value)),
        ..Default::default()
    };
    attributes.iter().map(key_value).collect()
}

fn scope_metrics(metrics: &data::ScopeMetrics) -> proto::ScopeMetrics {
    let scope = &metrics.scope;
    proto::ScopeMetrics {
        scope: Some(InstrumentationScope {
            name: scope.name.to_string(),
            version: scope.version.to_string(),
            attributes: attributes(&scope.attributes),
            dropped_attributes_count: scope.dropped_attributes_count,
        }),
        metrics: metrics.metrics.iter().map(metric_of).collect(),
        schema_url: scope.schema_url.to_string(),
    }
}

fn metric_of(metric: &data::Metric) -> proto::Metric {
    let data = match &metric.data {
        Data::Gauge(gauge) => {
            metric::Data::Gauge(proto::Gauge { data_points: gauge.points.iter().map(number_point).collect() })
        }
        Data::Sum(sum) => metric::Data::Sum(proto::Sum {
            data_points: sum.points.iter().map(number_point).collect(),
            aggregation_temporality: temporality(sum.temporality),
            is_monotonic: sum.is_monotonic,
        }),
        Data::Histogram(histogram) => metric::Data::Histogram(proto::Histogram {
            data_points: histogram.points.iter().map(histogram_point).collect(),
            aggregation_temporality: temporality(histogram.temporality),
        }),
        Data::ExponentialHistogram(histogram) => {
            metric::Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: histogram.points.iter().map(exponential_histogram_point).collect(),
                aggregation_temporality: temporality(histogram.temporality),
            })
        }
        Data::Summary(summary) => metric::Data::Summary(proto::Summary {
            data_points: summary.points.iter().map(summary_point).collect(),
        }),
        other => panic!("a kind without a counterpart: {other:?}"),
    };
    proto::Metric {
        name: metric.name.to_string(),
        description: metric.description.to_string(),
        unit: metric.unit.to_string(),
        metadata: attributes(&metric.metadata),
        data: Some(data),
    }
}

fn temporality(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Cumulative => AggregationTemporality::Cumulative as i32,
        Temporality::Delta => AggregationTemporality::Delta as i32,
    }
}

fn exemplars(exemplars: &[Exemplar]) -> Vec<proto::Exemplar> {
    let exemplar = |each: &Exemplar| proto::Exemplar {
        filtered_attributes: attributes(&each.filtered_attributes),
        time_unix_nano: each.time.unix_nanos(),
        span_id: each.span_id.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        trace_id: each.trace_id.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        value: each.value.map(|value| match value {
            Number::I64(value) => exemplar::Value::AsInt(value),
            Number::F64(value) => exemplar::Value::AsDouble(value),
        }),
    };
    exemplars.iter().map(exemplar).collect()
}

fn number_point(point: &data::NumberPoint) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.start.unix_nanos(),
        time_unix_nano: point.time.unix_nanos(),
        exemplars: exemplars(&point.exemplars),
        flags: point.flags.bits(),
        value: point.value.map(|value| match value {
            Number::I64(value) => number_data_point::Value::AsInt(value),
            Number::F64(value) => number_data_point::Value::AsDouble(value),
        }),
    }
}

fn histogram_point(point: &data::HistogramPoint) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.start.unix_nanos(),
        time_unix_nano: point.time.unix_nanos(),
        count: point.count,
        sum: point.sum,
        bucket_counts: point.bucket_counts.clone(),
        explicit_bounds: point.bounds.clone(),
        exemplars: exemplars(&point.exemplars),
        flags: point.flags.bits(),
        min: point.min,
        max: point.max,
    }
}

fn buckets(buckets: &data::ExponentialBuckets) -> Option<Buckets> {
    let is_said = *buckets != data::ExponentialBuckets::default();
    is_said.then(|| Buckets { offset: buckets.offset, bucket_counts: buckets.counts.clone() })
}

fn exponential_histogram_point(point: &data::ExponentialHistogramPoint) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.start.unix_nanos(),
        time_unix_nano: point.time.unix_nanos(),
        count: point.count,
        sum: point.sum,
        scale: point.scale,
        zero_count: point.zero_count,
        positive: buckets(&point.positive),
        negative: buckets(&point.negative),
        flags: point.flags.bits(),
        exemplars: exemplars(&point.exemplars),
        min: point.min,
        max: point.max,
        zero_threshold: point.zero_threshold,
    }
}

fn summary_point(point: &data::SummaryPoint) -> SummaryDataPoint {
    let quantile =
        |each: &data::QuantileValue| ValueAtQuantile { quantile: each.quantile, value: each.value };
    SummaryDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.start.unix_nanos(),
        time_unix_nano: point.time.unix_nanos(),
        count: point.count,
        sum: point.sum,
        quantile_values: point.quantiles.iter().map(quantile).collect(),
        flags: point.flags.bits(),
    }
}
