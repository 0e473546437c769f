//! Bytes that are no message: errors that say what and where, and never a panic.

use nanospan::metrics::data;
use nanospan::otlp::proto::ResourceMetrics;
use opentelemetry_proto::tonic::metrics::v1 as oracle;
use prost::Message;

use super::message::message;
use crate::random::Random;

fn read(bytes: &[u8]) -> Result<data::ResourceMetrics, String> {
    let message = ResourceMetrics::from_bytes(bytes.to_vec());
    let mut metrics = Random(1).metrics();
    let result = message.decode(&mut metrics).map_err(|error| error.to_string());
    if result.is_err() {
        assert_eq!(metrics, data::ResourceMetrics::default(), "it is cleared");
    }
    result.map(|()| metrics)
}

#[test]
fn a_message_that_is_cut_anywhere_is_an_error_or_a_shorter_message() {
    for case in 0..100 {
        let mut message = ResourceMetrics::default();
        message.encode(&Random(case).metrics());
        let bytes = message.as_bytes();
        let step = (bytes.len() / 200).max(1);
        for cut in (0..bytes.len()).step_by(step) {
            let ours = read(&bytes[..cut]);
            let theirs = oracle::ResourceMetrics::decode(&bytes[..cut]);
            assert_eq!(ours.is_ok(), theirs.is_ok(), "case {case}, cut {cut}: {ours:?}");
        }
    }
}

#[test]
fn what_is_read_of_damaged_bytes_is_what_opentelemetrys_types_read() {
    let mut read_in_all = 0;
    for case in 0..20_000 {
        let mut random = Random(case);
        let mut message_of = ResourceMetrics::default();
        message_of.encode(&random.metrics());
        let mut bytes = message_of.into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        let Ok(ours) = read(&bytes) else { continue };
        let theirs = oracle::ResourceMetrics::decode(&bytes[..]);
        // Ours knows fewer fields, and passes over what is wrong in the others.
        let Ok(mut theirs) = theirs else { continue };
        strip(&mut theirs);
        read_in_all += 1;
        assert_eq!(format!("{:?}", message(&ours)), format!("{theirs:?}"), "case {case}");
    }
    assert!(read_in_all > 4000, "{read_in_all}");
}

/// Takes out what the data model has no place for, and says what it always says.
fn strip(message: &mut oracle::ResourceMetrics) {
    use opentelemetry_proto::tonic::common::v1::KeyValue;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;

    fn attributes(all: &mut [KeyValue]) {
        all.iter_mut().for_each(|each| each.key_strindex = 0);
    }
    fn exemplars(all: &mut [oracle::Exemplar]) {
        all.iter_mut().for_each(|each| attributes(&mut each.filtered_attributes));
    }
    let resource = message.resource.get_or_insert_default();
    resource.entity_refs.clear();
    attributes(&mut resource.attributes);
    for scope in &mut message.scope_metrics {
        attributes(&mut scope.scope.get_or_insert_default().attributes);
        for metric in &mut scope.metrics {
            attributes(&mut metric.metadata);
            let numbers = match metric.data.as_mut().expect("one without data is refused") {
                Data::Gauge(data) => &mut data.data_points,
                Data::Sum(data) => &mut data.data_points,
                Data::Histogram(data) => {
                    for point in &mut data.data_points {
                        attributes(&mut point.attributes);
                        exemplars(&mut point.exemplars);
                    }
                    continue;
                }
                Data::ExponentialHistogram(data) => {
                    for point in &mut data.data_points {
                        attributes(&mut point.attributes);
                        exemplars(&mut point.exemplars);
                        for buckets in [&mut point.positive, &mut point.negative] {
                            if *buckets == Some(Default::default()) {
                                *buckets = None;
                            }
                        }
                    }
                    continue;
                }
                Data::Summary(data) => {
                    data.data_points.iter_mut().for_each(|point| attributes(&mut point.attributes));
                    continue;
                }
            };
            for point in numbers {
                attributes(&mut point.attributes);
                exemplars(&mut point.exemplars);
            }
        }
    }
}

#[test]
fn any_bytes_may_be_read() {
    for case in 0..100_000 {
        let mut random = Random(case);
        let bytes: Vec<u8> = (0..random.below(40)).map(|_| random.next() as u8).collect();
        let _ = read(&bytes);
        let _ = ResourceMetrics::from_bytes(bytes).data_point_count();
    }
}

#[test]
fn arrays_in_arrays_are_refused_however_deep_they_are() {
    // Twenty bytes a level, in the end: a length takes up to five.
    let mut value = vec![1 << 3 | 2, 0];
    for _ in 0..20_000 {
        for number in [1, 5] {
            let mut around = vec![number << 3 | 2];
            let mut length = value.len();
            while length >= 0x80 {
                around.push(length as u8 | 0x80);
                length >>= 7;
            }
            around.push(length as u8);
            around.append(&mut value);
            value = around;
        }
    }
    let mut bytes = value;
    for number in [2, 1, 1] {
        let mut around = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            around.push(length as u8 | 0x80);
            length >>= 7;
        }
        around.push(length as u8);
        around.append(&mut bytes);
        bytes = around;
    }
    let error = read(&bytes).unwrap_err();
    let expected = "no ResourceMetrics: resource.attributes[0].value.array_value.values[0].array_value: an array \
                    has no arrays in it";
    assert_eq!(error, expected);
}

/// A field of bytes, fewer than 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

#[test]
fn an_error_says_what_and_where() {
    let attribute = |value: &[u8]| field(1, &field(1, &field(2, value)));
    let metric = |metric: &[u8]| field(2, &[field(1, b""), field(2, metric)].concat());
    let two = |first: &[u8], second: &[u8]| [field(2, first), field(2, second)].concat();
    let cases: &[(Vec<u8>, &str)] = &[
        (vec![0x0a], "the message ends within a number"),
        (vec![0x0a, 5, 0], "a field ends behind the message that it is in"),
        (vec![0x0b], "a field has a wire type that is not in use"),
        (vec![0x02, 0], "a field has a number that none can have"),
        (vec![0xff; 11], "a number has more than ten bytes"),
        (vec![0x08, 0], "a field is of another type than the message has it"),
        (field(3, b"\xff"), "schema_url: a text is not UTF-8"),
        (field(1, &[0x08, 1]), "resource: a field is of another type than the message has it"),
        (attribute(b""), "resource.attributes[0].value: there is no value of a type that is known"),
        (
            attribute(&field(6, b"")),
            "resource.attributes[0].value: there is no value of a type that is known",
        ),
        (attribute(&field(1, b"\xff")), "resource.attributes[0].value: a text is not UTF-8"),
        (
            attribute(&field(5, &[field(1, &[0x10, 1]), field(1, &[0x18, 1])].concat())),
            "resource.attributes[0].value.array_value.values[1]: an array has elements of one type",
        ),
        (metric(b""), "scope_metrics[0].metrics[0]: the metric has no data of a kind that is known"),
        (
            metric(&field(7, b"")),
            "scope_metrics[0].metrics[0].sum.aggregation_temporality: it is neither delta nor cumulative",
        ),
        (
            field(2, &two(&field(5, b""), &field(9, &[0x10, 3]))),
            "scope_metrics[0].metrics[1].histogram.aggregation_temporality: it is neither delta nor cumulative",
        ),
        (
            metric(&field(5, &[field(1, b""), field(1, &field(5, &field(4, b"123")))].concat())),
            "scope_metrics[0].metrics[0].gauge.data_points[1].exemplars[0].span_id: the id is not as long as one \
             is",
        ),
        (
            metric(&field(11, &field(1, &field(6, &[0x09])))),
            "scope_metrics[0].metrics[0].summary.data_points[0].quantile_values[0]: a field ends behind the message \
             that it is in",
        ),
        (
            metric(&field(9, &field(1, &field(6, &[0; 9])))),
            "scope_metrics[0].metrics[0].histogram.data_points[0].bucket_counts: a field ends behind the message \
             that it is in",
        ),
    ];
    for (bytes, expected) in cases {
        let error = read(bytes).unwrap_err();
        let begin = format!("no ResourceMetrics: {expected}");
        assert!(error.starts_with(&begin), "{error}\ninstead of\n{begin}");
    }
}

#[test]
fn points_cannot_be_counted_in_what_is_no_message() {
    let gauge = field(2, &field(2, &field(5, &[0x0a])));
    let error = ResourceMetrics::from_bytes(gauge).data_point_count().unwrap_err();
    let expected = "no ResourceMetrics: scope_metrics[0].metrics[0].data: the message ends within a number";
    assert_eq!(error.to_string(), expected);
}
