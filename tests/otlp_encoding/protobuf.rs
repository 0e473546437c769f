//! Protobuf.

use nanospan::batch::BatchView;
use nanospan::otlp::encode_protobuf;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::message::request;
use crate::random::Random;
use crate::support::{BatchModel, plain_batch, plain_span};
use crate::{edges, values};

fn encoded(model: &BatchModel) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_protobuf(&model.write().view(), 0..model.spans.len(), &mut bytes);
    bytes
}

/// Compared as bytes, which also tells NaNs apart, and as messages.
#[track_caller]
fn assert_encodes(model: &BatchModel, case: &str) {
    let (bytes, message) = (encoded(model), request(model));
    let decoded = ExportTraceServiceRequest::decode(&bytes[..]);
    let decoded = decoded.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(format!("{decoded:?}"), format!("{message:?}"), "{case}");
    assert_eq!(bytes, message.encode_to_vec(), "{case}");
}

#[test]
fn any_batch_is_written_as_opentelemetrys_types_write_it() {
    for case in 0..2000 {
        assert_encodes(&Random(case).batch(), &format!("case {case}"));
    }
}

#[test]
fn what_is_at_the_edges_is_written_as_opentelemetrys_types_write_it() {
    for span in edges() {
        let case = format!("{:?}", span.name.get(..9));
        assert_encodes(&plain_batch(0, vec![span]), &case);
    }
    assert_encodes(&plain_batch(0, edges()), "all in one");
}

#[test]
fn a_resource_may_have_values_of_every_type() {
    let resource = values().into_iter().map(|value| ("key".to_owned(), value)).collect();
    assert_encodes(&BatchModel { resource, ..plain_batch(0, vec![plain_span(1, "x")]) }, "resource");
}

#[test]
fn batches_of_any_number_of_spans_have_the_right_lengths_around_them() {
    // Around 128 and 16,384 bytes: spans of some 70, and one that grows byte by byte.
    for count in [1, 2, 3, 230, 231, 232, 233, 234, 235] {
        for length in 0..75 {
            let mut spans = vec![plain_span(1, "x"); count];
            spans[0].name = "y".repeat(length);
            assert_encodes(&plain_batch(0, spans), &format!("{count} spans, {length} bytes"));
        }
    }
}

#[test]
fn a_small_span_has_these_bytes() {
    let mut span = plain_span(0x0102_0304_0506_0708, "GET");
    span.flags = 0x101;
    span.attributes = vec![("n".to_owned(), 300.into())];
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    #[rustfmt::skip]
    let span_bytes = [
        &[0x0a, 16][..], &0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes(), // trace_id
        &[0x12, 8, 1, 2, 3, 4, 5, 6, 7, 8],                                             // span_id
        b"\x2a\x03GET",                                                                 // name
        &[0x30, 1],                                                                     // kind: internal
        &[0x39], &1_700_000_000_000_000_000_u64.to_le_bytes(),                          // start
        &[0x41], &1_700_000_000_000_250_000_u64.to_le_bytes(),                          // end
        b"\x4a\x08\x0a\x01n\x12\x03\x18\xac\x02",                                       // attribute: n = 300
        &[0x85, 0x01, 0x01, 0x01, 0, 0],                                                // flags
    ].concat();
    let scope = [&b"\x0a\x08nanospan"[..], &[0x12, version.len() as u8], version].concat();
    let scope_spans =
        [&[0x0a, scope.len() as u8][..], &scope, &[0x12, span_bytes.len() as u8], &span_bytes].concat();
    // The resource is there and empty.
    let resource_spans = [&[0x0a, 0, 0x12, scope_spans.len() as u8][..], &scope_spans].concat();
    let expected = [&[0x0a, resource_spans.len() as u8][..], &resource_spans].concat();
    assert_eq!(encoded(&plain_batch(0, vec![span])), expected);
}

#[test]
fn values_of_a_type_that_is_not_known_are_left_out_and_counted() {
    const MAGIC: i64 = 0x1122_3344_5566_7788;
    let mut model = plain_batch(0, edges());
    let last = model.spans.last_mut().expect("there are edges");
    last.attributes =
        vec![("a".to_owned(), 1.into()), ("b".to_owned(), MAGIC.into()), ("c".to_owned(), 2.into())];
    last.dropped.0 = 5;
    let batch = model.write();
    let mut bytes = batch.as_bytes().to_vec();
    let at = bytes.windows(8).position(|window| window == MAGIC.to_le_bytes()).expect("it is in the batch");
    // Behind the value and the key stands the type.
    assert_eq!(bytes[at + 12], 3);
    bytes[at + 12] = 77;
    let view = BatchView::parse(&bytes).expect("unknown types are no error");
    let mut encoded = Vec::new();
    encode_protobuf(&view, 0..view.span_count(), &mut encoded);

    let last = model.spans.last_mut().expect("there are edges");
    last.attributes.remove(1);
    last.dropped.0 = 6;
    assert_eq!(encoded, request(&model).encode_to_vec());
}

#[test]
fn what_was_in_the_vector_stays_in_front() {
    let model = plain_batch(0, edges());
    let mut bytes = b"before".to_vec();
    encode_protobuf(&model.write().view(), 0..model.spans.len(), &mut bytes);
    assert_eq!(bytes.strip_prefix(b"before"), Some(&encoded(&model)[..]));
}
