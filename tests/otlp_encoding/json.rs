//! JSON.

use nanospan::OwnedValue;
use nanospan::SpanKind;
use nanospan::otlp::{TracesData, encode_json};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::{Value, json};

use crate::edges;
use crate::message::request;
use crate::random::Random;
use crate::support::{BatchModel, SpanModel, plain_batch, plain_span};

fn encoded(model: &BatchModel) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_json(&model.write().view(), 0..model.spans.len(), &mut bytes);
    bytes
}

fn parsed(model: &BatchModel) -> Value {
    serde_json::from_slice(&encoded(model)).expect("it is JSON")
}

/// Floats that JSON has no number for become 0.5: OpenTelemetry's types do not read the strings that
/// ProtoJSON has for them.
fn finite(model: &mut BatchModel) {
    fn replace(value: &mut OwnedValue) {
        let number = |number: &mut f64| *number = if number.is_finite() { *number } else { 0.5 };
        match value {
            OwnedValue::F64(value) => number(value),
            OwnedValue::F64Array(values) => values.iter_mut().for_each(number),
            _ => {}
        }
    }

    let of_span = |span: &mut SpanModel| {
        let events = span.events.iter_mut().flat_map(|event| &mut event.attributes);
        let links = span.links.iter_mut().flat_map(|link| &mut link.attributes);
        span.attributes.iter_mut().chain(events).chain(links).for_each(|(_, value)| replace(value));
    };
    model.spans.iter_mut().for_each(of_span);
    model.resource.iter_mut().for_each(|(_, value)| replace(value));
}

#[track_caller]
fn assert_reads_as(bytes: &[u8], model: &BatchModel, case: &str) {
    let read: ExportTraceServiceRequest =
        serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(read, request(model), "{case}");
}

#[test]
fn any_batch_is_read_by_opentelemetrys_types() {
    for case in 0..2000 {
        let mut model = Random(case).batch();
        finite(&mut model);
        if !model.spans.is_empty() {
            assert_reads_as(&encoded(&model), &model, &format!("case {case}"));
        }
    }
}

#[test]
fn what_is_at_the_edges_is_read_by_opentelemetrys_types() {
    let mut model = plain_batch(0, edges());
    finite(&mut model);
    assert_reads_as(&encoded(&model), &model, "edges");
}

#[test]
fn the_specifications_example_comes_out_as_it_stands_there() {
    let mut span = plain_span(0xEEE1_9B7E_C3C1_B174, "I'm a server span");
    span.trace_id = 0x5B8E_FFF7_9803_8103_D269_B633_813F_C60C;
    span.parent_span_id = 0xEEE1_9B7E_C3C1_B173;
    span.start_unix_nanos = 1_544_712_660_000_000_000;
    span.end_unix_nanos = 1_544_712_661_000_000_000;
    span.kind = SpanKind::Server;
    span.attributes = vec![("my.span.attr".to_owned(), "some value".into())];
    let resource = vec![("service.name".to_owned(), "my.service".into())];
    // Where the example and the specification's text leave a choice: digits in lower case, and 64-bit
    // integers as strings. The scope is our own.
    let expected = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeSpans": [{
            "scope": {"name": "nanospan", "version": env!("CARGO_PKG_VERSION")},
            "spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c",
                "spanId": "eee19b7ec3c1b174",
                "parentSpanId": "eee19b7ec3c1b173",
                "name": "I'm a server span",
                "startTimeUnixNano": "1544712660000000000",
                "endTimeUnixNano": "1544712661000000000",
                "kind": 2,
                "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
            }],
        }],
    }]});
    assert_eq!(parsed(&BatchModel { resource, ..plain_batch(0, vec![span]) }), expected);
}

#[test]
fn floats_that_json_does_not_have_are_protojsons_strings() {
    let mut span = plain_span(1, "x");
    let floats = vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
    span.attributes = vec![("f".to_owned(), floats.into())];
    let found = &parsed(&plain_batch(0, vec![span]))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let values = json!([
        {"doubleValue": "NaN"},
        {"doubleValue": "NaN"},
        {"doubleValue": "Infinity"},
        {"doubleValue": "-Infinity"},
        {"doubleValue": -0.0},
    ]);
    assert_eq!(found["attributes"][0]["value"]["arrayValue"]["values"], values);
}

#[test]
fn integers_of_64_bits_are_decimal_strings() {
    for number in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut span = plain_span(1, "x");
        span.attributes = vec![("n".to_owned(), OwnedValue::I64(number))];
        let found = &parsed(&plain_batch(0, vec![span]))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(found["attributes"][0]["value"], json!({"intValue": number.to_string()}));
    }
}

#[test]
fn a_choice_of_spans_comes_in_the_order_of_the_choice() {
    let model = plain_batch(0, edges());
    let batch = model.write();
    let chosen = [7, 3, 3, usize::MAX, 5];
    let json = serde_json::to_vec(&TracesData::new(batch.view(), chosen)).expect("it can be encoded");
    let spans = [7, 3, 3, 5].map(|index: usize| model.spans[index].clone()).to_vec();
    assert_eq!(json, encoded(&BatchModel { spans, ..model }));
}

#[test]
fn all_spans_chosen_are_the_whole_request() {
    for case in 0..200 {
        let model = Random(case).batch();
        let batch = model.write();
        let all = TracesData::new(batch.view(), 0..batch.span_count());
        assert_eq!(serde_json::to_vec(&all).expect("it can be encoded"), encoded(&model), "case {case}");
    }
}
