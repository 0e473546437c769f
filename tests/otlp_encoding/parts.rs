//! Parts of a batch: ranges of spans, and as many as a limit allows.

use nanospan::batch::{Batch, BatchView};
use nanospan::otlp::{encode_json, encode_json_within, encode_protobuf, encode_protobuf_within};
use std::ops::Range;

use crate::edges;
use crate::random::Random;
use crate::support::{BatchModel, SpanModel, plain_batch, plain_span};

type Encode = fn(&BatchView<'_>, Range<usize>, &mut Vec<u8>);
type EncodeWithin = fn(&BatchView<'_>, Range<usize>, usize, &mut Vec<u8>) -> usize;

/// Both encodings, each with what it makes of no spans.
const ENCODINGS: [(Encode, EncodeWithin, &[u8]); 2] =
    [(encode_protobuf, encode_protobuf_within, b""), (encode_json, encode_json_within, b"{}")];

fn encoded(encode: Encode, batch: &Batch, spans: Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&batch.view(), spans, &mut bytes);
    bytes
}

fn made_up(spans: u64) -> BatchModel {
    let spans: Vec<SpanModel> = (0..spans).map(|case| Random(case).span()).collect();
    BatchModel { resource: Random(7).pairs(), ..plain_batch(3, spans) }
}

#[test]
fn a_range_of_a_batch_is_written_as_a_batch_of_these_spans() {
    let mut models = vec![made_up(12)];
    models.push(plain_batch(0, edges()));
    for model in models {
        let batch = model.write();
        let count = model.spans.len();
        for start in (0..count).step_by(count / 12) {
            for end in [start + 1, count / 2, count] {
                let part = model.spans.get(start..end).unwrap_or_default().to_vec();
                let part = BatchModel { spans: part, ..model.clone() };
                for (encode, ..) in ENCODINGS {
                    let expected = encoded(encode, &part.write(), 0..part.spans.len());
                    assert_eq!(encoded(encode, &batch, start..end), expected, "{start}..{end}");
                }
            }
        }
    }
}

#[test]
fn spans_that_the_batch_does_not_have_are_passed_over() {
    let batch = made_up(5).write();
    for (encode, _, nothing) in ENCODINGS {
        assert_eq!(encoded(encode, &batch, 3..usize::MAX), encoded(encode, &batch, 3..5));
        #[allow(clippy::reversed_empty_ranges, reason = "a caller's mistake is what is tested")]
        let empty = [0..0, 5..5, 5..9, usize::MAX..usize::MAX, 4..2, 9..3];
        for range in empty {
            assert_eq!(encoded(encode, &batch, range), nothing);
        }
        assert_eq!(encoded(encode, &plain_batch(0, Vec::new()).write(), 0..1), nothing);
    }
}

#[test]
fn a_limit_takes_as_many_spans_as_fit_to_the_byte() {
    let batch = made_up(12).write();
    for (encode, within, _) in ENCODINGS {
        for start in [0, 5] {
            for count in 1..=12 - start {
                let whole = encoded(encode, &batch, start..start + count);
                for (limit, expected) in [(whole.len(), count), (whole.len() - 1, count - 1)] {
                    let mut bytes = b"before".to_vec();
                    assert_eq!(
                        within(&batch.view(), start..12, limit, &mut bytes),
                        expected,
                        "limit {limit}"
                    );
                    let part = match expected {
                        0 => Vec::new(),
                        _ => encoded(encode, &batch, start..start + expected),
                    };
                    assert_eq!(bytes.strip_prefix(b"before"), Some(&part[..]), "limit {limit}");
                }
            }
        }
    }
}

#[test]
fn a_limit_counts_lengths_as_wide_as_they_come_out() {
    // Room is left for the lengths around 4096 spans, of which a few fit, or one.
    let spans = (0..4096).map(|number| plain_span(number, "x")).collect();
    let batch = plain_batch(0, spans).write();
    for count in [1, 2, 3, 230, 240] {
        let whole = encoded(encode_protobuf, &batch, 0..count);
        for (limit, expected) in [(whole.len(), count), (whole.len() - 1, count - 1)] {
            let mut bytes = Vec::new();
            assert_eq!(encode_protobuf_within(&batch.view(), 0..4096, limit, &mut bytes), expected);
            assert!(bytes.len() <= limit);
        }
    }
}

#[test]
fn a_span_that_alone_is_over_the_limit_leaves_nothing() {
    let spans = vec![plain_span(1, &"x".repeat(500)), plain_span(2, "y")];
    let batch = plain_batch(0, spans).write();
    for (_, within, _) in ENCODINGS {
        let mut bytes = b"before".to_vec();
        assert_eq!(within(&batch.view(), 0..2, 450, &mut bytes), 0);
        assert_eq!(within(&batch.view(), 2..2, 450, &mut bytes), 0);
        assert_eq!(bytes, b"before");
        assert_eq!(within(&batch.view(), 1..2, 450, &mut bytes), 1);
    }
}

#[test]
fn parts_one_after_another_have_every_span_once() {
    let model = made_up(200);
    let batch = model.write();
    for (encode, within, _) in ENCODINGS {
        let limit = encoded(encode, &batch, 0..model.spans.len()).len() / 5;
        let mut next = 0;
        let mut parts = 0;
        while next < model.spans.len() {
            let mut bytes = Vec::new();
            let count = within(&batch.view(), next..model.spans.len(), limit, &mut bytes);
            assert!(count > 0, "each span fits");
            assert_eq!(bytes, encoded(encode, &batch, next..next + count));
            next += count;
            parts += 1;
        }
        assert!((5..=20).contains(&parts), "{parts} parts");
    }
}
