//! Clauses 4 to 6: batches, what they mean, and the golden file.

use nanospan::batch::segment::SegmentReader;
use nanospan::batch::{BatchBuilder, BatchError, BatchView, SpanHead};
use nanospan::{OwnedValue, SpanKind, StatusCode, Text, Value};

use crate::support::{BatchModel, EventModel, LinkModel, SpanModel, plain_batch, plain_span, segment};

#[test]
fn clause_4_1_a_batch_has_the_identifier_and_whole_words() {
    for count in 0..20 {
        let spans = (0..count).map(|number| plain_span(number, "x")).collect();
        let batch = plain_batch(0, spans).write();
        assert_eq!(batch.as_bytes()[4..8], *b"NSPB");
        assert_eq!(batch.as_bytes().len() % 8, 0);
    }
    assert_eq!(BatchView::parse(b"").err(), Some(BatchError::NotABatch));
    assert_eq!(BatchView::parse(b"\x10\0\0\0NSPX\0\0\0\0").err(), Some(BatchError::NotABatch));
}

#[test]
fn clause_4_2_a_batch_is_read_at_any_address() {
    let model = golden_batches().remove(0);
    let batch = model.write();
    let mut memory = vec![0; batch.as_bytes().len() + 8];
    for shift in 0..8 {
        let bytes = &mut memory[shift..][..batch.as_bytes().len()];
        bytes.copy_from_slice(batch.as_bytes());
        let view = BatchView::parse(bytes).expect("the batch is valid");
        assert_eq!(BatchModel::read(&view), model);
    }
}

#[test]
fn clause_4_4_a_name_or_key_that_recurs_is_stored_once() {
    let mut builder = BatchBuilder::new(&[], 0);
    for number in 0..100 {
        plain_span(number, "a name that recurs").add_to(&mut builder);
        builder.begin_span(&SPAN_HEAD);
        builder.attribute("a key that recurs".into(), &Value::StaticStr("a value that recurs"));
    }
    let batch = builder.finish(0, 0).expect("the batch is small");
    for text in ["a name that recurs", "a key that recurs", "a value that recurs"] {
        let found = batch.as_bytes().windows(text.len());
        assert_eq!(found.filter(|bytes| *bytes == text.as_bytes()).count(), 1);
    }
}

const SPAN_HEAD: SpanHead<'static> = SpanHead {
    trace_id: 1,
    span_id: 1,
    parent_span_id: 0,
    start_unix_nanos: 0,
    end_unix_nanos: 0,
    name: Text::Static("a literal"),
    kind: SpanKind::Internal,
    flags: 0,
};

#[test]
fn clause_4_5_attributes_belong_to_what_was_opened_last() {
    let mut builder = BatchBuilder::new(&[], 0);
    builder.attribute("of nothing".into(), &Value::I64(0));
    builder.begin_event("of nothing".into(), 0);
    builder.begin_span(&SPAN_HEAD);
    builder.attribute("of the span".into(), &Value::I64(1));
    builder.begin_event("event".into(), 5);
    builder.attribute("of the event".into(), &Value::I64(2));
    builder.begin_span(&SPAN_HEAD);
    builder.attribute("of the second span".into(), &Value::I64(3));
    let batch = builder.finish(0, 0).expect("the batch is small");

    let spans: Vec<_> = batch.view().spans().map(|span| SpanModel::read(&span)).collect();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].attributes, [("of the span".to_owned(), 1.into())]);
    assert_eq!(spans[0].events.len(), 1);
    assert_eq!(spans[0].events[0].attributes, [("of the event".to_owned(), 2.into())]);
    assert_eq!(spans[1].attributes, [("of the second span".to_owned(), 3.into())]);
    assert_eq!(spans[1].events, []);
}

#[test]
fn clause_4_8_values_keep_their_type_and_their_bits() {
    let values = all_values();
    let mut span = plain_span(1, "values");
    span.attributes =
        values.iter().enumerate().map(|(index, value)| (format!("key.{index}"), value.clone())).collect();
    let batch = plain_batch(0, vec![span]).write();
    let span = batch.view().span(0).expect("there is a span");
    let read: Vec<_> = span.attributes().map(|(_, value)| value.to_owned()).collect();
    assert_eq!(read, values);
}

#[test]
fn clause_4_8_values_are_equal_if_their_types_and_bits_are() {
    let mut span = plain_span(1, "values");
    span.attributes = all_values().into_iter().map(|value| ("key".to_owned(), value)).collect();
    let batch = plain_batch(0, vec![span.clone(), span]).write();
    let [first, second] = [0, 1].map(|index| batch.view().span(index).expect("it was added"));
    for (index, (_, a)) in first.attributes().enumerate() {
        for (other_index, (_, b)) in second.attributes().enumerate() {
            assert_eq!(a == b, index == other_index, "{a:?} and {b:?}");
            assert_eq!(a.to_owned() == b.to_owned(), index == other_index, "{a:?} and {b:?}");
        }
    }
}

/// Values of all types, with all that is special about floats.
fn all_values() -> Vec<OwnedValue> {
    let floats = [
        0.0,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::from_bits(0x7FF8_0000_0000_0001),
        f64::from_bits(0xFFF0_0000_DEAD_BEEF),
    ];
    let mut values: Vec<OwnedValue> = floats.iter().map(|&float| float.into()).collect();
    values.extend([
        "".into(),
        "caf\u{e9} \0 \u{10FFFF}".into(),
        true.into(),
        false.into(),
        i64::MIN.into(),
        i64::MAX.into(),
        vec![String::new(), "one".to_owned(), "one".to_owned()].into(),
        vec![true, false].into(),
        vec![i64::MIN, 0, i64::MAX].into(),
        floats.to_vec().into(),
        Vec::<String>::new().into(),
        Vec::<bool>::new().into(),
        Vec::<i64>::new().into(),
        Vec::<f64>::new().into(),
    ]);
    values
}

#[test]
fn clause_5_1_a_span_without_a_parent_is_a_root() {
    let mut child = plain_span(2, "child");
    child.parent_span_id = 1;
    let batch = plain_batch(0, vec![plain_span(1, "root"), child]).write();
    let parents: Vec<_> = batch.view().spans().map(|span| span.parent_span_id()).collect();
    assert_eq!(parents, [None, Some([0, 0, 0, 0, 0, 0, 0, 1])]);
}

#[test]
fn clause_5_3_flags_are_kept_as_they_are() {
    for flags in [0, 0x01, 0x02, 0x100, 0x301, u32::MAX] {
        let mut span = plain_span(1, "flags");
        span.flags = flags;
        span.links = vec![LinkModel {
            trace_id: 1,
            span_id: 1,
            flags: !flags,
            trace_state: String::new(),
            attributes: Vec::new(),
            dropped_attributes: 0,
        }];
        let batch = plain_batch(0, vec![span]).write();
        let span = batch.view().span(0).expect("there is a span");
        assert_eq!(span.flags(), flags);
        assert_eq!(span.links().next().map(|link| link.flags()), Some(!flags));
    }
}

#[test]
fn clause_5_6_dropped_counts_are_told_apart() {
    let mut span = plain_span(1, "dropped");
    span.dropped = (1, 2, u32::MAX);
    let batch = plain_batch(0, vec![span]).write();
    let span = batch.view().span(0).expect("there is a span");
    assert_eq!(span.dropped_attributes_count(), 1);
    assert_eq!(span.dropped_events_count(), 2);
    assert_eq!(span.dropped_links_count(), u32::MAX);
}

#[test]
fn clause_5_7_a_key_that_occurs_twice_is_handed_out_twice_and_in_order() {
    let mut span = plain_span(1, "twice");
    span.attributes = vec![("key".to_owned(), 1.into()), ("key".to_owned(), 2.into())];
    let batch = plain_batch(0, vec![span.clone()]).write();
    let view = batch.view().span(0).expect("there is a span");
    assert_eq!(SpanModel::read(&view).attributes, span.attributes);
}

#[test]
fn clause_5_8_a_batch_names_its_resource_and_this_library() {
    let mut builder = BatchBuilder::new(&[("service.name".to_owned(), "checkout".into())], 7);
    for sequence in 0..3 {
        let batch = builder.finish(sequence, 0).expect("the batch is small");
        let view = batch.view();
        let resource: Vec<_> = view.resource().collect();
        assert_eq!(resource.len(), 1);
        assert_eq!((resource[0].0, resource[0].1.to_owned()), ("service.name", "checkout".into()));
        assert_eq!(view.scope().name, "nanospan");
        assert_eq!(view.scope().version, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn clause_5_9_a_batch_states_its_tracer_number_and_time() {
    let batch = BatchBuilder::new(&[], u64::MAX).finish(3, 4).expect("the batch is small");
    let view = BatchView::parse(batch.as_bytes()).expect("the batch is valid");
    assert_eq!(view.instance_id(), u64::MAX);
    assert_eq!((view.sequence(), view.created_unix_nanos()), (3, 4));
    assert_eq!(view.version(), (1, 0));
}

/// What `tests/fixtures/golden-v1.segment` holds.
fn golden_batches() -> Vec<BatchModel> {
    let mut full = plain_span(0x00f0_67aa_0ba9_02b7, "GET /cart/{id}");
    full.parent_span_id = 0xb7ad_6b71_6920_3331;
    full.kind = SpanKind::Server;
    full.flags = 0x301;
    full.trace_state = "vendor=opaque,other=1".to_owned();
    full.status = (StatusCode::Error, "upstream timed out".to_owned());
    full.dropped = (1, 2, 3);
    full.attributes =
        all_values().into_iter().enumerate().map(|(index, value)| (format!("key.{index}"), value)).collect();
    full.events = vec![
        EventModel {
            name: "exception".to_owned(),
            time_unix_nanos: 1_700_000_000_000_100_000,
            attributes: vec![("exception.type".to_owned(), "Timeout".into())],
            dropped_attributes: 4,
        },
        EventModel {
            name: "retry".to_owned(),
            time_unix_nanos: 1_700_000_000_000_200_000,
            attributes: vec![],
            dropped_attributes: 0,
        },
    ];
    full.links = vec![LinkModel {
        trace_id: u128::MAX,
        span_id: u64::MAX,
        flags: 0x100,
        trace_state: "vendor=link".to_owned(),
        attributes: vec![(
            "link.weights".to_owned(),
            vec![0.5, f64::from_bits(0x7FF8_0000_0000_0000)].into(),
        )],
        dropped_attributes: 5,
    }];
    let mut first = plain_batch(0, vec![plain_span(1, "root"), full]);
    first.resource = vec![
        ("service.name".to_owned(), "checkout".into()),
        ("host.tags".to_owned(), vec!["a".to_owned(), "b".to_owned()].into()),
    ];
    vec![first, plain_batch(1, vec![])]
}

#[test]
fn clause_6_4_the_golden_segment_of_version_1_reads_back_to_its_content() {
    let bytes = include_bytes!("../fixtures/golden-v1.segment");
    let reader = SegmentReader::new(bytes).expect("the header is intact");
    let batches: Vec<_> = reader
        .map(|frame| frame.expect("the frame is intact").view())
        .inspect(|view| assert_eq!((view.scope().name, view.scope().version), ("nanospan", "0.1.0")))
        .map(|view| BatchModel::read(&view))
        .collect();
    assert_eq!(batches, golden_batches());
}

#[test]
fn clause_6_4_what_is_written_today_reads_back_to_the_content_of_the_golden_segment() {
    let bytes = segment(&golden_batches());
    let reader = SegmentReader::new(&bytes).expect("the header is intact");
    let batches: Vec<_> =
        reader.map(|frame| BatchModel::read(&frame.expect("the frame is intact").view())).collect();
    assert_eq!(batches, golden_batches());
}
