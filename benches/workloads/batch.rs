//! A batch of W1's spans, as the drain would have made it.

use nanospan::batch::{Batch, BatchBuilder, SpanHead};
use nanospan::{SpanKind, Value};

/// Puts `spans` spans into `builder`: children as W1 has them, with ids that look random.
pub(crate) fn add_spans(builder: &mut BatchBuilder, spans: u64) {
    for number in 0..spans {
        let start = 1_700_000_000_000_000_000 + 300 * number;
        builder.begin_span(&SpanHead {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            parent_span_id: 0xb7ad_6b71_6920_3331,
            start_unix_nanos: start,
            end_unix_nanos: start + 150,
            name: "w1".into(),
            kind: SpanKind::Internal,
            flags: 0x101,
        });
        builder.attribute("http.response.status_code".into(), &Value::I64(200 + (number % 400) as i64));
        builder.attribute("server.address".into(), &Value::StaticStr("0123456789abcdef"));
        builder.attribute("cached".into(), &Value::Bool(true));
        builder.end_span();
    }
}

/// A builder for such batches.
pub(crate) fn builder() -> BatchBuilder {
    BatchBuilder::new(&[("service.name".to_owned(), "benchmark".into())], 7)
}

/// The batch in `builder`.
pub(crate) fn finish(builder: &mut BatchBuilder) -> Batch {
    builder.finish(0, 1_700_000_000_000_000_000).expect("the batch is small")
}
