//! Metrics in JSON.

use nanospan::metrics::data::{self, ResourceMetrics};
use nanospan::otlp::encode_metrics_json;
use nanospan::{SpanId, Timestamp, TraceId};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use serde_json::{Value, json};

use super::message::message;
use super::random::make_finite;
use crate::random::Random;

fn encoded(metrics: &ResourceMetrics) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_metrics_json(metrics, &mut bytes);
    bytes
}

#[test]
fn any_metrics_are_read_by_opentelemetrys_types() {
    for case in 0..3000 {
        let mut metrics = Random(case).metrics();
        make_finite(&mut metrics);
        let json = encoded(&metrics);
        if metrics.data_point_count() == 0 {
            assert_eq!(json, b"{}");
            continue;
        }
        let read: ExportMetricsServiceRequest =
            serde_json::from_slice(&json).unwrap_or_else(|error| panic!("case {case}: {error}"));
        assert_eq!(read.resource_metrics, [message(&metrics)], "case {case}");
    }
}

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_unix_nanos(seconds * 1_000_000_000)
}

/// The specification's own example, `metrics.json`, as far as it goes: digits in lower case, 64-bit integers
/// as strings, and a summary and an exemplar besides.
#[test]
fn all_kinds_of_data_come_out_as_the_specification_has_them() {
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "my.service");
    let scope = metrics.scopes.push();
    (scope.scope.name, scope.scope.version) = ("my.library".into(), "1.0.0".into());
    scope.scope.attributes.add("my.scope.attribute", "some scope attribute");

    let metric = scope.metrics.push();
    (metric.name, metric.unit, metric.description) =
        ("my.counter".into(), "1".into(), "I am a Counter".into());
    let sum = metric.data.sum();
    (sum.temporality, sum.is_monotonic) = (data::Temporality::Delta, true);
    let point = sum.points.push();
    (point.value, point.start, point.time) = (Some(5.0.into()), time(1_544_712_660), time(1_544_712_661));
    point.attributes.add("my.counter.attr", "some value");
    let exemplar = point.exemplars.push();
    (exemplar.time, exemplar.value) = (time(1), Some(i64::MIN.into()));
    exemplar.trace_id = Some(TraceId::from_u128(0x5B8E_FFF7_9803_8103_D269_B633_813F_C60C));
    exemplar.span_id = Some(SpanId::from_u64(0xEEE1_9B7E_C3C1_B174));

    let metric = scope.metrics.push();
    metric.name = "my.gauge".into();
    let point = metric.data.gauge().points.push();
    (point.value, point.time) = (Some(10.into()), time(1_544_712_661));
    let point = metric.data.gauge().points.push();
    point.flags = data::DataPointFlags::NO_RECORDED_VALUE;

    let metric = scope.metrics.push();
    metric.name = "my.histogram".into();
    let histogram = metric.data.histogram();
    histogram.temporality = data::Temporality::Delta;
    let point = histogram.points.push();
    (point.count, point.sum, point.bucket_counts, point.bounds) = (2, Some(2.0), vec![1, 1], vec![1.0]);
    (point.min, point.max, point.start, point.time) = (Some(0.0), Some(2.0), time(2), time(3));

    let metric = scope.metrics.push();
    metric.name = "my.exponential.histogram".into();
    let point = metric.data.exponential_histogram().points.push();
    (point.count, point.sum, point.scale, point.zero_count) = (3, Some(10.0), -1, 1);
    point.positive = data::ExponentialBuckets { offset: 1, counts: vec![0, 2] };
    point.zero_threshold = 0.5;

    let metric = scope.metrics.push();
    metric.name = "my.summary".into();
    let point = metric.data.summary().points.push();
    (point.count, point.sum) = (u64::MAX, 1.5);
    point.quantiles = vec![data::QuantileValue { quantile: 1.0, value: 7.0 }];

    let expected = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeMetrics": [{
            "scope": {
                "name": "my.library",
                "version": "1.0.0",
                "attributes": [{
                    "key": "my.scope.attribute",
                    "value": {"stringValue": "some scope attribute"},
                }],
            },
            "metrics": [
                {
                    "name": "my.counter",
                    "unit": "1",
                    "description": "I am a Counter",
                    "sum": {
                        "aggregationTemporality": 1,
                        "isMonotonic": true,
                        "dataPoints": [{
                            "asDouble": 5.0,
                            "startTimeUnixNano": "1544712660000000000",
                            "timeUnixNano": "1544712661000000000",
                            "attributes": [{
                                "key": "my.counter.attr",
                                "value": {"stringValue": "some value"},
                            }],
                            "exemplars": [{
                                "timeUnixNano": "1000000000",
                                "asInt": "-9223372036854775808",
                                "traceId": "5b8efff798038103d269b633813fc60c",
                                "spanId": "eee19b7ec3c1b174",
                            }],
                        }],
                    },
                },
                {
                    "name": "my.gauge",
                    "gauge": {"dataPoints": [
                        {"asInt": "10", "timeUnixNano": "1544712661000000000"},
                        {"timeUnixNano": "0", "flags": 1},
                    ]},
                },
                {
                    "name": "my.histogram",
                    "histogram": {"aggregationTemporality": 1, "dataPoints": [{
                        "startTimeUnixNano": "2000000000",
                        "timeUnixNano": "3000000000",
                        "count": "2",
                        "sum": 2.0,
                        "bucketCounts": ["1", "1"],
                        "explicitBounds": [1.0],
                        "min": 0.0,
                        "max": 2.0,
                    }]},
                },
                {
                    "name": "my.exponential.histogram",
                    "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{
                        "timeUnixNano": "0",
                        "count": "3",
                        "sum": 10.0,
                        "scale": -1,
                        "zeroCount": "1",
                        "positive": {"offset": 1, "bucketCounts": ["0", "2"]},
                        "zeroThreshold": 0.5,
                    }]},
                },
                {
                    "name": "my.summary",
                    "summary": {"dataPoints": [{
                        "timeUnixNano": "0",
                        "count": "18446744073709551615",
                        "sum": 1.5,
                        "quantileValues": [{"quantile": 1.0, "value": 7.0}],
                    }]},
                },
            ],
        }],
    }]});
    assert_eq!(serde_json::from_slice::<Value>(&encoded(&metrics)).unwrap(), expected);
}

#[test]
fn floats_that_json_does_not_have_are_protojsons_strings() {
    let mut metrics = ResourceMetrics::default();
    let scope = metrics.scopes.push();
    let point = scope.metrics.push().data.histogram().points.push();
    point.bounds = vec![f64::NEG_INFINITY, f64::INFINITY, f64::NAN];
    (point.sum, point.min) = (Some(f64::NAN), Some(f64::NEG_INFINITY));
    scope.metrics.push().data.gauge().points.push().value = Some(f64::INFINITY.into());
    let json: Value = serde_json::from_slice(&encoded(&metrics)).unwrap();
    let metrics = &json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let point = &metrics[0]["histogram"]["dataPoints"][0];
    assert_eq!(point["explicitBounds"], json!(["-Infinity", "Infinity", "NaN"]));
    assert_eq!((&point["sum"], &point["min"]), (&json!("NaN"), &json!("-Infinity")));
    assert_eq!(metrics[1]["gauge"]["dataPoints"][0]["asDouble"], json!("Infinity"));
}
