//! Batches for tests.

use nanospan::batch::{Batch, BatchBuilder, LinkHead, SpanHead};
use nanospan::{OwnedValue, SpanKind, StatusCode, Text, Value};

/// A batch of `spans` spans, in which no two spans of any two batches of a test are equal.
pub(crate) fn batch(sequence: u64, spans: usize) -> Batch {
    let resource = [("service.name".to_owned(), OwnedValue::from("shop"))];
    let mut builder = BatchBuilder::new(&resource, 7);
    for number in 1..=spans as u64 {
        let start = 1_700_000_000_000_000_000 + sequence * 1_000_000 + number;
        builder.begin_span(&SpanHead {
            trace_id: u128::from(sequence + 1) << 64 | u128::from(number),
            span_id: number,
            parent_span_id: number - 1,
            start_unix_nanos: start,
            end_unix_nanos: start + 250,
            name: Text::Copied(&format!("span {sequence}.{number}")),
            kind: SpanKind::Server,
            flags: 1,
        });
        builder.attribute("number".into(), &Value::I64(number as i64));
        builder.attribute("ratio".into(), &Value::F64(f64::NAN));
        builder.attribute("tags".into(), &Value::StrArray(&["a", "b"]));
        builder.begin_event("began".into(), start + 1);
        builder.attribute("attempt".into(), &Value::I64(1));
        builder.begin_link(&LinkHead { trace_id: 9, span_id: number, flags: 0x301, trace_state: "vendor=1" });
        builder.attribute("linked".into(), &Value::Bool(true));
        builder.status(StatusCode::Error, "out of stock");
        builder.trace_state("vendor=2");
        builder.dropped(1, 2, 3);
        builder.end_span();
    }
    builder.finish(sequence, 1_700_000_000_000_000_000).expect("the batch is small")
}
