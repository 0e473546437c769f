//! Batches to export.

use crate::batch::{Batch, BatchBuilder, LinkHead, SpanHead};
use crate::{SpanKind, StatusCode, Text, Value};

/// When the first span began.
const BEGIN: u64 = 1_700_000_000_000_000_000;

/// A builder of batches of one tracer.
pub(super) fn builder() -> BatchBuilder {
    BatchBuilder::new(&[("service.name".to_owned(), "conformance".into())], 1)
}

/// A batch of `spans` spans, in which no two spans of any two batches of a case are equal. The first one is
/// a bare root; among the others are each kind and status, every type of value, events and links. The builder
/// may have the memory of an earlier batch.
pub(super) fn fill(builder: &mut BatchBuilder, sequence: u64, spans: u64) -> Batch {
    for number in 0..spans {
        span(builder, sequence, number);
    }
    builder.finish(sequence, BEGIN).expect("a batch of few spans is within every limit of the format")
}

/// The ids of the span `number` of the batch `sequence`.
fn ids(sequence: u64, number: u64) -> (u128, u64) {
    // Of all 16 and 8 bytes, so that none may be lost.
    let trace_id = (u128::from(sequence + 1) << 120) | 0x00ab_cdef_0123_4567_89ab_cdef_0123_4567;
    (trace_id, (sequence + 1) << 56 | 0x00fe_dcba_9876_0000 | (number + 1))
}

fn span(builder: &mut BatchBuilder, sequence: u64, number: u64) {
    const KINDS: [SpanKind; 5] =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    let (trace_id, span_id) = ids(sequence, number);
    let start = BEGIN + sequence * 1_000_000 + number;
    builder.begin_span(&SpanHead {
        trace_id,
        span_id,
        parent_span_id: if number == 0 { 0 } else { ids(sequence, number - 1).1 },
        start_unix_nanos: start,
        end_unix_nanos: start + 250 + number,
        name: Text::Copied(&format!("span {sequence}.{number} – Ünïcode ✓")),
        kind: KINDS[number as usize % KINDS.len()],
        flags: if number % 2 == 0 { 0x101 } else { 0x301 },
    });
    if number > 0 {
        attributes(builder, number);
        builder.begin_event("began".into(), start + 1);
        attributes(builder, number + 1);
        builder.item_dropped_attributes(5);
        builder.begin_event("bare".into(), start + 2);
        let (trace_id, span_id) = ids(sequence + 1, number);
        builder.begin_link(&LinkHead { trace_id, span_id, flags: 0x301, trace_state: "vendor=1" });
        builder.attribute("linked".into(), &Value::Bool(true));
        builder.item_dropped_attributes(6);
        builder.trace_state("vendor=2,other=3");
        builder.dropped(1, 2, 3);
        match number % 3 {
            0 => builder.status(StatusCode::Ok, ""),
            1 => builder.status(StatusCode::Error, "out of stock: \"x\"\n"),
            _ => {}
        }
    }
    builder.end_span();
}

fn attributes(builder: &mut BatchBuilder, number: u64) {
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
        builder.attribute(key.into(), &value);
    }
}

/// A batch of what is seldom: texts that are empty, long or not fit to be shown, values that are no numbers,
/// a span that is its own parent, ends before their starts, times out of this world.
pub(super) fn odd_batch() -> Batch {
    let mut builder = builder();
    let long = "ab\u{0}\u{1b}[31m\u{202e}😀 ".repeat(2_000);
    for (number, name) in ["", "\u{0}", &long, "\n\r\t\"\\"].into_iter().enumerate() {
        let id = number as u64 + 1;
        builder.begin_span(&SpanHead {
            trace_id: u128::MAX - u128::from(id),
            span_id: id,
            parent_span_id: id,
            start_unix_nanos: u64::MAX,
            end_unix_nanos: 0,
            name: Text::Copied(name),
            kind: SpanKind::Internal,
            flags: u32::MAX,
        });
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
            builder.attribute(Text::Copied(&format!("{name}{value}")), &Value::F64(value));
        }
        builder.attribute(Text::Copied(name), &Value::StrArray(&[]));
        builder.begin_event(Text::Copied(name), u64::MAX);
        builder.begin_event(Text::Copied(name), 0);
        builder.begin_link(&LinkHead { trace_id: 0, span_id: 0, flags: 0, trace_state: name });
        builder.status(StatusCode::Error, name);
        builder.trace_state(name);
        builder.dropped(u32::MAX, u32::MAX, u32::MAX);
        builder.end_span();
    }
    builder.finish(u64::MAX, u64::MAX).expect("a batch of four spans is within every limit of the format")
}
