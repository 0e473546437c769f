//! Batches that break one rule of `docs/batch-format.md` each, made by a builder that is tampered
//! with before it finishes; and what only the builder's inside shows.

use super::*;
use crate::batch::BatchView;

/// A builder with a span that has everything: one attribute, one event and one link with an
/// attribute each, and an array of strings and one of booleans among its attributes.
fn full_builder() -> BatchBuilder {
    let mut builder = BatchBuilder::new(&[("host.tags".into(), vec![1, 2].into())], 7);
    add_full_span(&mut builder);
    builder
}

fn add_full_span(builder: &mut BatchBuilder) {
    builder.begin_span(&SpanHead {
        trace_id: 1,
        span_id: 2,
        parent_span_id: 0,
        start_unix_nanos: 3,
        end_unix_nanos: 4,
        name: "\u{e9}t\u{e9}".into(),
        kind: SpanKind::Client,
        flags: 1,
    });
    builder.status(StatusCode::Error, "a reason");
    builder.trace_state("vendor=1");
    builder.attribute("flag".into(), &Value::Bool(true));
    builder.attribute("word".into(), &Value::Str("value"));
    builder.attribute("words".into(), &Value::StrArray(&["one", "two"]));
    builder.attribute("flags".into(), &Value::BoolArray(&[true]));
    builder.begin_event("event".into(), 5);
    builder.attribute("of event".into(), &Value::I64(6));
    builder.begin_link(&LinkHead { trace_id: 7, span_id: 8, flags: 0, trace_state: "vendor=2" });
    builder.attribute("of link".into(), &Value::I64(9));
    builder.end_span();
}

/// Why a batch is refused after `tamper` had its way with a builder that holds a full span.
fn refusal(tamper: impl FnOnce(&mut BatchBuilder)) -> (&'static str, usize) {
    let mut builder = full_builder();
    tamper(&mut builder);
    let batch = builder.finish(0, 0).expect("the batch is small");
    match BatchView::parse(batch.as_bytes()) {
        Err(BatchError::Malformed { field, index, .. }) => (field, index),
        other => panic!("the batch is malformed, and this came of it: {other:?}"),
    }
}

/// A text or element that does not exist.
const NOWHERE: u32 = 1_000_000;

#[test]
fn a_batch_that_is_not_tampered_with_is_accepted() {
    let batch = full_builder().finish(0, 0).expect("the batch is small");
    let view = BatchView::parse(batch.as_bytes()).expect("the batch is valid");
    assert_eq!(view.span_count(), 1);
}

#[test]
fn clause_4_3_texts_must_follow_each_other_on_character_boundaries() {
    let texts = full_builder().texts.ends().len();
    let first = |builder: &mut BatchBuilder| builder.texts.tamper_end(0, 1);
    assert_eq!(refusal(first), ("text_ends", 0));
    let decreasing = |builder: &mut BatchBuilder| builder.texts.tamper_end(2, 1);
    assert_eq!(refusal(decreasing), ("text_ends", 2));
    let past_the_end = |builder: &mut BatchBuilder| builder.texts.tamper_end(texts - 1, NOWHERE);
    assert_eq!(refusal(past_the_end), ("text_ends", texts - 1));
    let too_short = |builder: &mut BatchBuilder| {
        let before = builder.texts.ends()[texts - 2];
        builder.texts.tamper_end(texts - 1, before);
    };
    assert_eq!(refusal(too_short), ("text_ends", texts - 1));

    let name = full_builder().spans[0].name() as usize;
    let inside = |builder: &mut BatchBuilder| {
        let end = builder.texts.ends()[name];
        builder.texts.tamper_end(name, end - 1);
    };
    assert_eq!(refusal(inside), ("text_ends", name));
}

#[test]
fn clause_4_4_a_text_that_is_named_must_exist() {
    assert_eq!(refusal(|b| b.scope_name = NOWHERE), ("scope_name", 0));
    assert_eq!(refusal(|b| b.scope_version = NOWHERE), ("scope_version", 0));
    assert_eq!(refusal(|b| b.resource[0].set_key(NOWHERE)), ("resource", 0));
    assert_eq!(refusal(|b| b.spans[0].set_name(NOWHERE)), ("spans", 0));
    assert_eq!(refusal(|b| b.spans[0].set_trace_state(NOWHERE)), ("spans", 0));
    assert_eq!(refusal(|b| b.spans[0].set_status_message(NOWHERE)), ("spans", 0));
    assert_eq!(refusal(|b| b.attributes[2].set_key(NOWHERE)), ("attributes", 2));
    assert_eq!(refusal(|b| b.events[0].set_name(NOWHERE)), ("events", 0));
    assert_eq!(refusal(|b| b.event_attributes[0].set_key(NOWHERE)), ("event_attributes", 0));
    assert_eq!(refusal(|b| b.links[0].set_trace_state(NOWHERE)), ("links", 0));
    assert_eq!(refusal(|b| b.link_attributes[0].set_key(NOWHERE)), ("link_attributes", 0));
    let one_too_far = |builder: &mut BatchBuilder| {
        let texts = builder.texts.ends().len() as u32;
        builder.spans[0].set_name(texts);
    };
    assert_eq!(refusal(one_too_far), ("spans", 0));
}

#[test]
fn clause_4_5_parts_must_follow_each_other_and_use_up_what_they_cut() {
    for off in [-1, 1] {
        let moved = |end: u32| end.wrapping_add_signed(off);
        let attributes = |b: &mut BatchBuilder| {
            let end = moved(b.spans[0].attributes_end());
            b.spans[0].set_attributes_end(end);
        };
        assert_eq!(refusal(attributes), ("spans", 0));
        let events = |b: &mut BatchBuilder| {
            let end = moved(b.spans[0].events_end());
            b.spans[0].set_events_end(end);
        };
        assert_eq!(refusal(events), ("spans", 0));
        let links = |b: &mut BatchBuilder| {
            let end = moved(b.spans[0].links_end());
            b.spans[0].set_links_end(end);
        };
        assert_eq!(refusal(links), ("spans", 0));
        let of_event = |b: &mut BatchBuilder| {
            let end = moved(b.events[0].attributes_end());
            b.events[0].set_attributes_end(end);
        };
        assert_eq!(refusal(of_event), ("events", 0));
        let of_link = |b: &mut BatchBuilder| {
            let end = moved(b.links[0].attributes_end());
            b.links[0].set_attributes_end(end);
        };
        assert_eq!(refusal(of_link), ("links", 0));
    }
    let decreasing = |b: &mut BatchBuilder| {
        add_full_span(b);
        b.spans[1].set_events_end(0);
    };
    assert_eq!(refusal(decreasing), ("spans", 1));
    assert_eq!(refusal(|b| b.spans.clear()), ("spans", 0));
}

#[test]
fn clause_4_6_a_value_must_be_one_of_its_type() {
    assert_eq!(refusal(|b| b.attributes[0].set_value(2)), ("attributes", 0));
    assert_eq!(refusal(|b| b.attributes[1].set_value(NOWHERE.into())), ("attributes", 1));
    assert_eq!(refusal(|b| b.attributes[1].set_value(1 << 32)), ("attributes", 1));
    let words = full_builder().attributes[2].value() as u32 as usize;
    assert_eq!(refusal(|b| b.elements[words + 1] = NOWHERE.into()), ("attributes", 2));
    let flags = full_builder().attributes[3].value() as u32 as usize;
    assert_eq!(refusal(|b| b.elements[flags] = 2), ("attributes", 3));
}

#[test]
fn clause_4_7_arrays_must_lie_in_the_elements_and_not_overlap() {
    let count = full_builder().elements.len() as u64;
    let one_too_far = |b: &mut BatchBuilder| b.attributes[3].set_value(count | 1 << 32);
    assert_eq!(refusal(one_too_far), ("attributes", 3));
    let far_too_far = |b: &mut BatchBuilder| b.attributes[3].set_value(u64::MAX);
    assert_eq!(refusal(far_too_far), ("attributes", 3));
    // All of the elements, as integers, once more: each index is good, the sum is not.
    let shared = |b: &mut BatchBuilder| {
        b.event_attributes[0].set_type_(schema::ValueType::Int64Array);
        b.event_attributes[0].set_value(count << 32);
    };
    assert_eq!(refusal(shared), ("event_attributes", 0));
}

#[test]
fn clause_5_4_unknown_kinds_and_status_codes_have_a_reading() {
    for (number, kind) in [
        (0, SpanKind::Internal),
        (1, SpanKind::Internal),
        (2, SpanKind::Server),
        (3, SpanKind::Client),
        (4, SpanKind::Producer),
        (5, SpanKind::Consumer),
        (6, SpanKind::Internal),
        (255, SpanKind::Internal),
    ] {
        let mut builder = full_builder();
        builder.spans[0].set_kind(schema::SpanKind(number));
        builder.spans[0].set_status(schema::StatusCode(number));
        let batch = builder.finish(0, 0).expect("the batch is small");
        let view = BatchView::parse(batch.as_bytes()).expect("the batch is valid");
        let span = view.span(0).expect("there is a span");
        assert_eq!(span.kind(), kind);
        let code = match number {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        };
        assert_eq!(span.status(), (code, "a reason"));
    }
}

#[test]
fn clause_5_5_attributes_of_an_unknown_type_are_left_out_and_counted() {
    let mut builder = full_builder();
    builder.begin_span(&SpanHead {
        trace_id: 1,
        span_id: 2,
        parent_span_id: 0,
        start_unix_nanos: 0,
        end_unix_nanos: 0,
        name: "another".into(),
        kind: SpanKind::Internal,
        flags: 0,
    });
    builder.dropped(10, 0, 0);
    builder.attributes[1].set_type_(schema::ValueType(0));
    builder.attributes[1].set_value(u64::MAX);
    builder.attributes[2].set_type_(schema::ValueType(9));
    builder.attributes[2].set_value(u64::MAX);
    builder.event_attributes[0].set_type_(schema::ValueType(255));
    builder.link_attributes[0].set_type_(schema::ValueType(255));
    let batch = builder.finish(0, 0).expect("the batch is small");
    let view = BatchView::parse(batch.as_bytes()).expect("the batch is valid");

    let spans: Vec<_> = view.spans().collect();
    let keys: Vec<_> = spans[0].attributes().map(|(key, _)| key).collect();
    assert_eq!(keys, ["flag", "flags"]);
    assert_eq!(spans[0].dropped_attributes_count(), 2);
    assert_eq!(spans[1].dropped_attributes_count(), 10);
    let event = spans[0].events().next().expect("there is an event");
    assert_eq!((event.attributes().count(), event.dropped_attributes_count()), (0, 1));
    let link = spans[0].links().next().expect("there is a link");
    assert_eq!((link.attributes().count(), link.dropped_attributes_count()), (0, 1));
}

#[test]
fn a_batch_over_the_limit_is_an_error_and_leaves_the_builder_empty_and_usable() {
    let mut builder = full_builder();
    builder.limit = builder.byte_len() - 1;
    let error = builder.finish(0, 0).expect_err("the batch is over the limit");
    assert_eq!(error, BatchError::TooLarge { bytes: builder.limit + 1, limit: builder.limit });
    assert_eq!(builder.span_count(), 0);
    builder.limit = MAX_BATCH_BYTES;
    add_full_span(&mut builder);
    let batch = builder.finish(0, 0).expect("the batch is small");
    let alone = full_builder().finish(0, 0).expect("the batch is small");
    assert_eq!(batch.as_bytes(), alone.as_bytes());
}

#[test]
fn a_recycled_batch_lends_its_memory_to_the_next_one() {
    let mut builder = full_builder();
    let batch = builder.finish(0, 0).expect("the batch is small");
    let memory = batch.as_bytes().as_ptr();
    builder.recycle(batch);
    add_full_span(&mut builder);
    let batch = builder.finish(0, 0).expect("the batch is small");
    assert_eq!(batch.as_bytes().as_ptr(), memory);
}

#[test]
fn only_so_many_recycled_buffers_of_a_common_size_are_kept() {
    let mut builder = full_builder();
    let batch = builder.finish(0, 0).expect("the batch is small");
    for _ in 0..2 * SPARE_BUFFERS {
        builder.recycle(batch.clone());
    }
    assert_eq!(builder.spares.len(), SPARE_BUFFERS);
    builder.spares.clear();
    builder.recycle(Batch::new(vec![0; KEPT_BYTES + 1], 0, 0));
    assert_eq!(builder.spares.len(), 0);
}

#[test]
fn an_unusually_large_batch_gives_its_memory_back() {
    let mut builder = full_builder();
    for _ in 0..2 * KEPT_BYTES / size_of::<schema::Span>() {
        builder.begin_span(&SpanHead {
            trace_id: 1,
            span_id: 2,
            parent_span_id: 0,
            start_unix_nanos: 0,
            end_unix_nanos: 0,
            name: "one of many".into(),
            kind: SpanKind::Internal,
            flags: 0,
        });
    }
    assert!(size_of_val(&*builder.spans) > KEPT_BYTES);
    builder.finish(0, 0).expect("the batch is below 2 GiB");
    assert!(builder.spans.capacity() * size_of::<schema::Span>() <= KEPT_BYTES);
}

fn begin(builder: &mut BatchBuilder) {
    builder.begin_span(&SpanHead {
        trace_id: 1,
        span_id: 2,
        parent_span_id: 0,
        start_unix_nanos: 3,
        end_unix_nanos: 4,
        name: "a span".into(),
        kind: SpanKind::Internal,
        flags: 0,
    });
}

/// Key and value of each attribute of the last span.
fn attributes(builder: &mut BatchBuilder) -> Vec<(String, String)> {
    let batch = builder.finish(0, 0).expect("the batch is small");
    let span = batch.view().spans().last().expect("a span was added");
    span.attributes().map(|(key, value)| (key.to_owned(), format!("{value:?}"))).collect()
}

/// A literal at a place of its own.
fn elsewhere(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Sets `a`, `b` and `a` once more, each at another place, directly or in the way for what is unusual.
fn sets_twice(builder: &mut BatchBuilder, mut set: impl FnMut(&mut BatchBuilder, &'static str, u64)) {
    begin(builder);
    for (key, word) in [("a", 1), ("b", 2), ("a", 3)] {
        set(builder, elsewhere(key), word);
    }
    let (one, two) = ("a".to_owned(), "b".to_owned());
    assert_eq!(attributes(builder), [(one, "3".to_owned()), (two, "2".to_owned())]);
}

#[test]
fn a_key_that_is_set_twice_stands_once_with_its_last_value_wherever_its_text_lies() {
    let mut builder = BatchBuilder::new(&[], 7);
    for full in [false, true] {
        let fill = |builder: &mut BatchBuilder| {
            // More texts than are remembered: from then on one text may have two indices.
            begin(builder);
            for n in 0..if full { 10_000 } else { 0 } {
                builder.attribute(Text::Copied(&format!("key {n}")), &Value::Bool(true));
            }
            builder.end_span();
        };
        fill(&mut builder);
        let mut keys = 0;
        sets_twice(&mut builder, |builder, key, word| {
            builder.set_short(key, ValueType::Int64, word, &mut keys);
        });
        fill(&mut builder);
        sets_twice(&mut builder, |builder, key, word| {
            builder.set_word(key.into(), ValueType::Int64, word, 128).expect("there is room");
        });
    }
}

#[test]
fn a_span_without_room_takes_a_new_value_and_no_new_key() {
    let mut builder = BatchBuilder::new(&[], 7);
    begin(&mut builder);
    let mut set = |key: &'static str, word| builder.set_word(key.into(), ValueType::Int64, word, 2);
    assert_eq!(set("a", 1).map(|set| set.is_new), Some(true));
    assert_eq!(set("b", 2).map(|set| set.is_new), Some(true));
    assert_eq!(set("c", 3), None);
    assert_eq!(set("b", 4).map(|set| set.is_new), Some(false));
    let texts = builder.texts.ends().len();
    assert_eq!(builder.set_word("d".into(), ValueType::Int64, 5, 2), None);
    assert_eq!(builder.texts.ends().len(), texts, "a key that is refused does not get into the batch");
    assert_eq!(attributes(&mut builder).len(), 2);
}
