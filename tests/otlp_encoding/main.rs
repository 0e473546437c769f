//! Batches and metrics as OTLP's requests: what is written is what OpenTelemetry's own message types write and read.

#[path = "../batch_format/random.rs"]
#[allow(dead_code, reason = "shared with tests that damage batches")]
mod random;
#[path = "../batch_format/support.rs"]
#[allow(dead_code, reason = "shared with tests that read batches and frame them")]
mod support;

mod json;
mod message;
mod metrics {
    mod bytes;
    mod json;
    mod message;
    mod random;
    mod round_trip;
}
mod parts;
mod protobuf;

use nanospan::{OwnedValue, StatusCode};
use support::{EventModel, LinkModel, SpanModel, plain_span};

/// Spans and attributes at the edges of what there is, beside those that are made up.
fn edges() -> Vec<SpanModel> {
    let mut spans = Vec::new();
    for value in values() {
        let mut span = plain_span(1, "a value");
        span.attributes = vec![("key".to_owned(), value)];
        spans.push(span);
    }
    // Around the lengths at which copying and lengths change, for names, keys, values and all around them.
    for length in [0, 1, 16, 31, 32, 33, 100, 120, 127, 128, 129, 1000, 16_383, 16_384, 70_000] {
        let text = "x".repeat(length);
        let mut span = plain_span(2, &text);
        span.trace_state = text.clone();
        span.status = (StatusCode::Unset, text.clone());
        span.attributes = vec![
            (text.clone(), true.into()),
            (text.clone(), "short".into()),
            ("short".to_owned(), text.as_str().into()),
            ("list".to_owned(), vec![text.clone()].into()),
        ];
        spans.push(span);
    }
    spans.push(SpanModel { start_unix_nanos: u64::MAX, end_unix_nanos: u64::MAX, ..plain_span(3, "late") });
    spans.push(SpanModel {
        trace_id: 0,
        start_unix_nanos: 0,
        end_unix_nanos: 0,
        dropped: (u32::MAX, u32::MAX, u32::MAX),
        flags: u32::MAX,
        parent_span_id: u64::MAX,
        ..plain_span(0, "")
    });
    spans.push(SpanModel {
        status: (StatusCode::Ok, String::new()),
        ..plain_span(4, "日本語 \u{1F980}\0\n\"\\")
    });
    let attributes = vec![("n".to_owned(), 1.into()), ("s".to_owned(), "text".into())];
    let mut full = plain_span(5, "full");
    for number in 0..128 {
        full.events.push(EventModel {
            name: format!("event {number}"),
            time_unix_nanos: number,
            attributes: attributes.clone(),
            dropped_attributes: number as u32,
        });
        full.links.push(LinkModel {
            trace_id: u128::MAX,
            span_id: number,
            flags: 0x301,
            trace_state: "vendor=1".to_owned(),
            attributes: attributes.clone(),
            dropped_attributes: number as u32,
        });
        full.attributes.push((format!("key {number}"), (number as i32).into()));
    }
    spans.push(full);
    // Right behind it, so that its own begin where those ended.
    let mut last = plain_span(6, "last");
    last.attributes = attributes;
    spans.push(last);
    spans
}

/// Values of every type, at their edges.
fn values() -> Vec<OwnedValue> {
    let mut values: Vec<OwnedValue> = vec![
        "".into(),
        "é日\u{1F980}".into(),
        true.into(),
        false.into(),
        Vec::<String>::new().into(),
        vec![String::new(), "x".to_owned(), "y".repeat(200)].into(),
        Vec::<bool>::new().into(),
        vec![true, false].into(),
        Vec::<i64>::new().into(),
        Vec::<f64>::new().into(),
        vec![i64::MIN, -1, 0, 1, i64::MAX].into(),
        (0..10_000).collect::<Vec<i64>>().into(),
    ];
    let floats =
        [0.0, -0.0, 1.0, f64::MIN_POSITIVE / 2.0, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    values.push(floats.to_vec().into());
    values.extend(floats.map(OwnedValue::from));
    // Where a varint grows by a byte, on both sides.
    for shift in 0..64 {
        for number in [1 << shift, (1_u64 << shift) - 1, u64::MAX << shift] {
            values.push((number as i64).into());
        }
    }
    values
}
