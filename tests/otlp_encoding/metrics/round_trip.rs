//! Protobuf, written and read, beside what OpenTelemetry's own types write and read.

use nanospan::metrics::data;
use nanospan::otlp::proto::ResourceMetrics;
use opentelemetry_proto::tonic::metrics::v1 as oracle;
use prost::Message;

use super::message::message;
use crate::random::Random;
use crate::values;

fn encoded(metrics: &data::ResourceMetrics) -> ResourceMetrics {
    let mut message = ResourceMetrics::default();
    message.encode(metrics);
    message
}

fn decoded(message: &ResourceMetrics) -> data::ResourceMetrics {
    let mut metrics = data::ResourceMetrics::default();
    message.decode(&mut metrics).unwrap_or_else(|error| panic!("{error}"));
    metrics
}

/// Compared as texts, in which a NaN equals a NaN and -0.0 is not 0.0.
#[track_caller]
fn assert_round_trip(metrics: &data::ResourceMetrics, case: &str) {
    let (ours, theirs) = (encoded(metrics), message(metrics));
    let read = oracle::ResourceMetrics::decode(ours.as_bytes());
    let read = read.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(format!("{read:?}"), format!("{theirs:?}"), "{case}: theirs of ours");
    assert_eq!(ours.as_bytes(), theirs.encode_to_vec(), "{case}: the bytes");
    assert_eq!(format!("{:?}", decoded(&ours)), format!("{metrics:?}"), "{case}: ours of ours");
    assert_eq!(ours.data_point_count(), Ok(metrics.data_point_count()), "{case}: the points");
}

#[test]
fn any_metrics_are_written_and_read_as_by_opentelemetrys_types() {
    for case in 0..3000 {
        assert_round_trip(&Random(case).metrics(), &format!("case {case}"));
    }
}

#[test]
fn values_of_every_type_are_written_and_read_as_by_opentelemetrys_types() {
    for value in values() {
        let is_empty = format!("{value:?}").ends_with("Array([])");
        if is_empty && value != Vec::<String>::new().into() {
            // Read as an array of texts: there is no type on the wire.
            continue;
        }
        let mut metrics = data::ResourceMetrics::default();
        metrics.resource.attributes = [data::KeyValue::new("key", value)].into_iter().collect();
        assert_round_trip(&metrics, &format!("{:?}", metrics.resource.attributes[0].value));
    }
}

#[test]
fn texts_of_any_length_are_written_and_read_as_by_opentelemetrys_types() {
    // Around the lengths at which copying and lengths change.
    for length in [0, 1, 16, 31, 32, 33, 60, 90, 100, 110, 120, 127, 128, 129, 1000, 16_383, 16_384, 70_000] {
        let text = "x".repeat(length);
        let mut metrics = data::ResourceMetrics::default();
        let scope = metrics.scopes.push();
        scope.scope.name = text.clone().into();
        let metric = scope.metrics.push();
        metric.name = text.clone().into();
        let point = metric.data.sum().points.push();
        point.attributes.add(text.clone(), &*text);
        point.exemplars.push().filtered_attributes.add("key", &*text);
        assert_round_trip(&metrics, &format!("length {length}"));
    }
}

#[test]
fn a_negative_zero_stays_one() {
    let mut metrics = data::ResourceMetrics::default();
    let scope = metrics.scopes.push();
    scope.metrics.push().data.exponential_histogram().points.push().zero_threshold = -0.0;
    let point = scope.metrics.push().data.summary().points.push();
    point.sum = -0.0;
    point.quantiles = vec![data::QuantileValue { quantile: -0.0, value: -0.0 }];
    let message = encoded(&metrics);
    assert_eq!(format!("{:?}", decoded(&message)), format!("{metrics:?}"));
    let theirs = oracle::ResourceMetrics::decode(message.as_bytes()).expect("they read it");
    assert_eq!(format!("{theirs:?}").matches("-0.0").count(), 4);
}

#[test]
fn metrics_are_read_into_what_others_have_left() {
    let mut metrics = data::ResourceMetrics::default();
    let mut message = ResourceMetrics::default();
    for case in 0..1000 {
        let expected = Random(case).metrics();
        message.encode(&expected);
        message.decode(&mut metrics).unwrap_or_else(|error| panic!("case {case}: {error}"));
        assert_eq!(format!("{metrics:?}"), format!("{expected:?}"), "case {case}");
        assert_eq!(message, encoded(&expected), "case {case}");
    }
}

#[test]
fn a_message_is_written_into_the_memory_of_the_one_before() {
    let mut message = ResourceMetrics::default();
    message.encode(&Random(7).metrics());
    let (address, length) = (message.as_bytes().as_ptr(), message.as_bytes().len());
    assert!(length > 0);
    message.encode(&Random(7).metrics());
    assert_eq!((message.as_bytes().as_ptr(), message.as_bytes().len()), (address, length));
    message.clear();
    assert_eq!(message.into_bytes(), b"");
}

/// A field of bytes, fewer than 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

/// What a metric with this data is in.
fn around(data: &[u8]) -> ResourceMetrics {
    ResourceMetrics::from_bytes(field(2, &field(2, data)))
}

#[test]
fn numbers_may_stand_packed_or_one_by_one() {
    let count = |number: u64| [&[6 << 3 | 1][..], &number.to_le_bytes()].concat();
    let bound = |number: f64| [&[7 << 3 | 1][..], &number.to_le_bytes()].concat();
    let point = [count(3), bound(1.5), count(4)].concat();
    let histogram = [field(1, &point), vec![2 << 3, 2]].concat();
    let metrics = decoded(&around(&field(9, &histogram)));
    let data::Data::Histogram(histogram) = &metrics.scopes[0].metrics[0].data else { panic!("{metrics:?}") };
    assert_eq!(histogram.points[0].bucket_counts, [3, 4]);
    assert_eq!(histogram.points[0].bounds, [1.5]);

    let buckets = [vec![2 << 3, 5], field(2, &[6, 0x80, 1])].concat();
    let histogram = [field(1, &field(8, &buckets)), vec![2 << 3, 1]].concat();
    let metrics = decoded(&around(&field(10, &histogram)));
    let data::Data::ExponentialHistogram(histogram) = &metrics.scopes[0].metrics[0].data else {
        panic!("{metrics:?}")
    };
    assert_eq!(histogram.points[0].positive.counts, [5, 6, 128]);
}

#[test]
fn the_last_of_several_values_counts_and_lists_go_on() {
    let point = [field(7, &field(1, b"a")), vec![8 << 3, 1, 8 << 3, 0]].concat();
    let complete = [&point[..], &field(7, &[field(1, b"b"), field(2, &[2 << 3, 1])].concat())].concat();
    let error = around(&field(5, &field(1, &complete))).decode(&mut data::ResourceMetrics::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("data_points[0].attributes[0].value: there is no value"), "{error}");

    let point = [vec![8 << 3, 1, 8 << 3, 0], field(7, &[field(1, b"b"), field(2, &[2 << 3, 1])].concat())];
    let gauge = field(5, &field(1, &point.concat()));
    let metrics = decoded(&around(&[&gauge[..], &gauge].concat()));
    let data::Data::Gauge(gauge) = &metrics.scopes[0].metrics[0].data else { panic!("{metrics:?}") };
    assert_eq!(gauge.points.len(), 2, "a message that comes twice is one");
    assert_eq!(gauge.points[0].flags.bits(), 0);
    assert_eq!(gauge.points[0].attributes[0], data::KeyValue::new("b", true));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let unknown = [
        vec![0xf8, 0x7f, 1],
        [vec![0xfa, 0x7f], vec![1, b'x']].concat(),
        vec![0xf9, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0xfd, 0x7f, 0, 0, 0, 0],
    ]
    .concat();
    let surrounded = |content: &[u8]| [&unknown[..], content, &unknown].concat();
    let attribute = surrounded(&[field(1, b"k"), field(2, &surrounded(&[2 << 3, 1]))].concat());
    // Longer than a length of one byte can say.
    let long = |number: u8, content: &[u8]| {
        let length = content.len() as u16;
        [&[number << 3 | 2, length as u8 | 0x80, (length >> 7) as u8], content].concat()
    };
    let gauge = surrounded(&long(1, &surrounded(&long(7, &attribute))));
    let metric = surrounded(&long(5, &gauge));
    let message = surrounded(&long(2, &surrounded(&long(2, &metric))));
    let metrics = decoded(&ResourceMetrics::from_bytes(message));
    let data::Data::Gauge(gauge) = &metrics.scopes[0].metrics[0].data else { panic!("{metrics:?}") };
    assert_eq!(gauge.points[0].attributes[0], data::KeyValue::new("k", true));
}
