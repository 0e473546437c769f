//! The limits of a span, and what is too large for them or for a record.

use nanospan::testing::{FinishedSpan, Recorder};
use nanospan::{
    OwnedValue, SpanContext, SpanId, SpanLimits, Status, StatusCode, Text, TraceFlags, TraceId, TraceState,
    Value, attributes,
};

fn limited(set: impl FnOnce(&mut SpanLimits)) -> Recorder {
    let mut limits = SpanLimits::default();
    set(&mut limits);
    Recorder::with(|builder| builder.span_limits(limits).memory_budget(96 << 20))
}

fn dropped(span: &FinishedSpan) -> [u32; 3] {
    [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count]
}

fn text(value: &OwnedValue) -> &str {
    match value {
        OwnedValue::Str(text) => text,
        other => panic!("a string was recorded, not {other:?}"),
    }
}

#[test]
fn what_is_over_a_limit_is_left_out_and_counted_in_the_span_and_in_the_account() {
    let recorder = limited(|limits| {
        limits.attributes = 3;
        limits.events = 2;
        limits.links = 1;
        limits.attributes_per_event = 2;
        limits.attributes_per_link = 1;
    });
    let many = attributes!["a" => 1, "b" => 2, "c" => 3, "d" => 4, "e" => 5];
    let span = recorder.tracer().span("s").start();
    span.set_attributes(&many);
    span.set_attribute("a", 10);
    for name in ["one", "two", "three", "four"] {
        span.add_event(name, &many);
    }
    for _ in 0..4 {
        span.add_link(&SpanContext::INVALID, &many);
    }
    span.end();
    let span = recorder.span("s");
    let keys: Vec<_> = span.attributes.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    assert_eq!(span.attribute("a"), Some(&10.into()), "a key that is present is always taken");
    assert_eq!(dropped(&span), [2, 2, 3]);
    let events: Vec<_> = span.events.iter().map(|event| &*event.name).collect();
    assert_eq!(events, ["one", "two"]);
    for event in &span.events {
        assert_eq!((event.attributes.len(), event.dropped_attributes_count), (2, 3));
    }
    assert_eq!(span.links.len(), 1);
    assert_eq!((span.links[0].attributes.len(), span.links[0].dropped_attributes_count), (1, 4));
    let stats = recorder.tracer().stats();
    assert_eq!([stats.lost_attributes, stats.lost_events, stats.lost_links], [2 + 2 * 3 + 4, 2, 3]);
}

#[test]
fn the_limits_are_128_unless_set() {
    let recorder = Recorder::new();
    let keys: Vec<String> = (0..130).map(|i| format!("k{i}")).collect();
    let many: Vec<_> = keys.iter().map(|key| (Text::Copied(key), Value::Bool(true))).collect();
    let span = recorder.tracer().span("s").start();
    span.set_attributes(&many);
    span.add_event("e", &many);
    span.add_link(&SpanContext::INVALID, &many);
    for _ in 1..130 {
        span.add_event("e", &[]);
        span.add_link(&SpanContext::INVALID, &[]);
    }
    span.end();
    let span = recorder.span("s");
    assert_eq!([span.attributes.len(), span.events.len(), span.links.len()], [128; 3]);
    assert_eq!([span.events[0].attributes.len(), span.links[0].attributes.len()], [128; 2]);
    assert_eq!(dropped(&span), [2; 3]);
}

#[test]
fn a_limit_of_zero_keeps_nothing() {
    let recorder = limited(|limits| {
        limits.attributes = 0;
        limits.events = 0;
        limits.links = 0;
    });
    let span = recorder.tracer().span("s").attributes(&attributes!["a" => 1]).start();
    span.add_event("e", &[]);
    span.add_link(&SpanContext::INVALID, &[]);
    span.end();
    let span = recorder.span("s");
    assert_eq!((span.attributes.len(), span.events.len(), span.links.len()), (0, 0, 0));
    assert_eq!(dropped(&span), [1, 1, 1]);
}

#[test]
fn a_limit_of_zero_on_an_event_or_a_link_keeps_it_without_attributes() {
    let recorder = limited(|limits| {
        limits.attributes_per_event = 0;
        limits.attributes_per_link = 0;
    });
    let two = attributes!["one" => true, "two" => true];
    let span = recorder.tracer().span("s").attributes(&two).start();
    span.add_event("e", &two);
    span.add_link(&SpanContext::INVALID, &two);
    span.end();
    let span = recorder.span("s");
    let ([event], [link]) = (&span.events[..], &span.links[..]) else { panic!("one of each: {span:?}") };
    assert_eq!((event.attributes.len(), event.dropped_attributes_count), (0, 2));
    assert_eq!((link.attributes.len(), link.dropped_attributes_count), (0, 2));
    assert_eq!((span.attributes.len(), dropped(&span)), (2, [0; 3]));
}

#[test]
fn limits_set_twice_are_those_of_the_last_call() {
    let limits_of = |events| {
        let mut limits = SpanLimits::default();
        limits.events = events;
        limits
    };
    let recorder = Recorder::with(|builder| builder.span_limits(limits_of(1)).span_limits(limits_of(3)));
    let span = recorder.tracer().span("s").start();
    (0..5).for_each(|_| span.add_event("e", &[]));
    span.end();
    assert_eq!(recorder.span("s").events.len(), 3);
}

#[test]
fn of_links_given_at_the_start_those_beyond_the_limit_are_left_out_and_counted() {
    let recorder = limited(|limits| limits.links = 2);
    let to = |id| {
        SpanContext::new(TraceId::from_u128(1), SpanId::from_u64(id), TraceFlags::NONE, TraceState::EMPTY)
    };
    recorder.tracer().span("s").links(&[to(1), to(2), to(3)]).start().end();
    let span = recorder.span("s");
    let linked: Vec<_> = span.links.iter().map(|link| u64::from_be_bytes(link.span_id)).collect();
    assert_eq!((&linked[..], dropped(&span)), (&[1, 2][..], [0, 0, 1]));
}

/// Attributes as Go's tests have them: key 1 to 3, and with other values.
#[test]
fn a_full_span_takes_new_values_and_no_new_keys_whichever_calls_bring_them() {
    type Set = [(&'static str, &'static str)];
    const FIRST: &Set = &[("key1", "value1"), ("key2", "value2"), ("key3", "value3")];
    const FOURTH: &Set = &[("key4", "value4")];
    const OTHER: &Set = &[("key1", "value5"), ("key2", "value6"), ("key3", "value7")];
    const THIRD_THRICE: &Set = &[("key3", "value3"), ("key3", "value3"), ("key3", "value3")];
    let one = |n: usize| &FIRST[n..=n];
    let cases: [(&str, &[&Set], &Set, u32); 12] = [
        ("at once", &[FIRST], FIRST, 0),
        ("one and two", &[one(0), &FIRST[1..]], FIRST, 0),
        ("two and one", &[&FIRST[..2], one(2)], FIRST, 0),
        ("one by one", &[one(0), one(1), one(2)], FIRST, 0),
        ("more than three", &[FIRST, FOURTH, FOURTH], FIRST, 2),
        ("one again", &[one(0), FIRST], FIRST, 0),
        ("all again", &[FIRST, OTHER], OTHER, 0),
        ("all back again", &[FIRST, OTHER, FIRST], FIRST, 0),
        ("the same thrice", &[one(0), one(0), one(0)], one(0), 0),
        ("the same thrice and more", &[one(0), one(0), one(0), FIRST], FIRST, 0),
        ("one thrice in a call", &[&FIRST[..2], THIRD_THRICE], FIRST, 0),
        ("one thrice in a call when full", &[FIRST, THIRD_THRICE], FIRST, 0),
    ];
    let recorder = limited(|limits| limits.attributes = 3);
    for (name, calls, expected, lost) in cases {
        let span = recorder.tracer().span(name).start();
        for call in calls {
            let attributes: Vec<_> =
                call.iter().map(|&(key, value)| (Text::Static(key), Value::Str(value))).collect();
            span.set_attributes(&attributes);
        }
        span.end();
        let span = recorder.span(name);
        let expected: Vec<(String, OwnedValue)> =
            expected.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect();
        assert_eq!((&span.attributes, dropped(&span)), (&expected, [lost, 0, 0]), "{name}");
    }
}

#[test]
fn a_length_limit_of_zero_leaves_strings_empty() {
    let recorder = limited(|limits| limits.attribute_value_length = Some(0));
    let span = recorder.tracer().span("s").start();
    span.set_attributes(&attributes!["euro" => "€", "strs" => Value::StrArray(&["abc", "def"]), "n" => 7]);
    span.end();
    let empty = OwnedValue::StrArray(vec![String::new(); 2]);
    let expected = [("euro", "".into()), ("strs", empty), ("n", 7.into())];
    assert_eq!(recorder.span("s").attributes, expected.map(|(key, value)| (key.to_owned(), value)));
}

#[test]
fn the_length_limit_counts_characters_and_cuts_every_string() {
    let recorder = limited(|limits| limits.attribute_value_length = Some(3));
    let strings = ["wxyz".to_owned()];
    let values = attributes![
        "str" => "äöüß",
        "fits" => "𝄞𝄞𝄞",
        "static" => Value::StaticStr("€€€€"),
        "strs" => Value::StrArray(&["abcd", "ß", "€€€€"]),
        "strings" => Value::StringArray(&strings),
        "i64" => 12345,
    ];
    let span = recorder.tracer().span("name is not cut").start();
    span.set_attributes(&values);
    span.add_event("event", &values);
    span.end();
    let span = recorder.span("name is not cut");
    let array = |texts: &[&str]| OwnedValue::StrArray(texts.iter().map(|&text| text.to_owned()).collect());
    for attributes in [&span.attributes, &span.events[0].attributes] {
        let values: Vec<_> = attributes.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(
            values,
            [
                "äöü".into(),
                "𝄞𝄞𝄞".into(),
                "€€€".into(),
                array(&["abc", "ß", "€€€"]),
                array(&["wxy"]),
                12345.into()
            ]
        );
    }
}

#[test]
fn a_key_a_name_and_a_message_of_a_megabyte_are_cut_on_a_character_and_counted() {
    let recorder = Recorder::new();
    // Three bytes each, so that no power of two is a boundary.
    let huge = "€".repeat(350_000);
    let mut span = recorder.tracer().span(Text::Copied(&huge)).start();
    span.set_attribute(Text::Copied(&huge), 1);
    span.add_event(Text::Copied(&huge), &[(Text::Copied(&huge), Value::Bool(true))]);
    span.set_status(Status::error(&huge));
    span.end();
    let [span] = &recorder.spans()[..] else { panic!("one span was recorded") };
    for cut in [&span.name, &span.attributes[0].0, &span.events[0].name, &span.status_message] {
        assert!(huge.starts_with(&**cut), "a prefix on a character boundary");
    }
    let left =
        [&span.name, &span.attributes[0].0, &span.events[0].name, &span.status_message].map(|cut| cut.len());
    for (left, most) in left.into_iter().zip([1024, 1024, 1024, 2048]) {
        assert!((most - 3..=most).contains(&left), "{left} bytes are left of {most}");
    }
    assert_eq!(span.attributes[0].1, 1.into());
    assert_eq!(recorder.tracer().stats().truncated, 5);
}

/// A static text has 16 bits for its length, a static key 12. What is longer is copied: of a value 64 KiB, of
/// a status message 2 KiB, of a key or name 1 KiB.
#[test]
fn static_texts_too_long_for_a_word_are_copied() {
    const fn ascii(bytes: &'static [u8]) -> &'static str {
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => panic!("not ASCII"),
        }
    }
    let value = ascii(&[b'v'; 1 << 16]);
    let [number, text, copied] = [&[b'n'; 1 << 12], &[b't'; 1 << 12], &[b'c'; 1 << 12]].map(|key| ascii(key));
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let span = tracer.span("one by one").start();
    span.set_attribute("short key", Value::StaticStr(value));
    span.set_attribute(number, 1);
    span.set_attribute(text, Value::StaticStr("static"));
    span.set_attribute(copied, "copied");
    span.end();
    let span = tracer.span("in one call").start();
    span.set_attributes(&attributes![
        "short key" => Value::StaticStr(value),
        number => 1,
        text => Value::StaticStr("static"),
        copied => "copied",
    ]);
    span.end();
    let mut span = tracer.span("values alone").start();
    span.set_attributes(&attributes!["n" => 1, "short key" => Value::StaticStr(value)]);
    span.add_event(value, &attributes!["n" => 1]);
    span.set_status(Status::Error(Text::Static(value)));
    span.end();
    let span = recorder.span("values alone");
    let alone = [("n".to_owned(), 1.into()), ("short key".to_owned(), value.into())];
    assert!(span.attributes == alone);
    assert_eq!((&*span.events[0].name, &span.events[0].attributes[..]), (&value[..1024], &alone[..1]));
    assert_eq!((span.status, &*span.status_message), (StatusCode::Error, &value[..2048]));
    let expected: [(String, OwnedValue); 4] = [
        ("short key".to_owned(), value.into()),
        (number[..1024].to_owned(), 1.into()),
        (text[..1024].to_owned(), "static".into()),
        (copied[..1024].to_owned(), "copied".into()),
    ];
    for name in ["one by one", "in one call"] {
        assert!(recorder.span(name).attributes == expected, "{name}");
    }
    let stats = tracer.stats();
    assert_eq!(
        (stats.truncated, stats.lost_attributes),
        (8, 0),
        "three keys of two spans, a name and a message"
    );
}

#[test]
fn a_trace_state_that_is_too_long_is_cut_between_two_members_and_counted() {
    let recorder = Recorder::new();
    let members: Vec<String> = (0..12).map(|n| format!("vendor{n}={}", "v".repeat(240))).collect();
    let long: TraceState = members.join(",").parse().unwrap();
    let ids = (TraceId::from_u128(1), SpanId::from_u64(2));
    let remote = SpanContext::remote(ids.0, ids.1, TraceFlags::SAMPLED, long);
    let span = recorder.tracer().span("s").child_of_context(&remote).start();
    span.add_link(&remote, &[]);
    drop(span);
    let [span] = &recorder.spans()[..] else { panic!("one span was recorded") };
    for cut in [&span.trace_state, &span.links[0].trace_state] {
        let whole = members.iter().zip(cut.split(',')).all(|(member, cut)| member == cut);
        assert!(whole, "{cut}");
        assert!((1700..=2048).contains(&cut.len()), "{} bytes are left", cut.len());
    }
    assert_eq!(recorder.tracer().stats().truncated, 2);
}

#[test]
fn a_value_of_64_megabytes_is_cut_to_64_kib_and_counted() {
    let recorder = limited(|_| {});
    let huge = "€".repeat((64 << 20) / 3);
    let span = recorder.tracer().span("s").start();
    span.set_attribute("huge", &huge);
    span.set_attribute("after", 1);
    span.end();
    let span = recorder.span("s");
    let kept = text(&span.attributes[0].1);
    assert!(huge.starts_with(kept));
    assert_eq!(kept.len(), (64 << 10) / 3 * 3);
    assert_eq!(span.attribute("after"), Some(&1.into()));
    let stats = recorder.tracer().stats();
    assert_eq!((stats.truncated, stats.lost_attributes), (1, 0));
}

#[test]
fn arrays_of_a_hundred_thousand_elements_keep_what_64_kib_hold() {
    let recorder = limited(|_| {});
    let numbers: Vec<i64> = (0..100_000).collect();
    let floats: Vec<f64> = numbers.iter().map(|&n| n as f64 / 7.0).collect();
    let bools: Vec<bool> = numbers.iter().map(|n| n % 3 == 0).collect();
    let strings: Vec<String> = numbers.iter().map(|n| n.to_string()).collect();
    let strs: Vec<&str> = strings.iter().map(|text| &**text).collect();
    let span = recorder.tracer().span("s").start();
    span.set_attributes(&attributes![
        "numbers" => &numbers[..],
        "floats" => &floats[..],
        "bools" => &bools[..],
        "strings" => &strings[..],
        "strs" => &strs[..],
    ]);
    span.end();
    let span = recorder.span("s");
    let value = |key: &str| span.attribute(key).unwrap().clone();
    assert_eq!(value("numbers"), numbers[..8192].to_vec().into());
    assert_eq!(value("floats"), floats[..8192].to_vec().into());
    assert_eq!(value("bools"), bools[..65536].to_vec().into());
    // A word for the length and a word for the text.
    assert_eq!(value("strings"), strings[..4096].to_vec().into());
    assert_eq!(value("strs"), value("strings"));
    assert_eq!(recorder.tracer().stats().truncated, 5);
}

#[test]
fn ten_thousand_attributes_arrive_set_in_one_call_or_one_by_one() {
    let recorder = limited(|limits| limits.attributes = 10_000);
    let keys: Vec<String> = (0..10_000).map(|i| format!("key {i}")).collect();
    let many: Vec<_> = keys.iter().zip(0..).map(|(key, i)| (Text::Copied(key), Value::I64(i))).collect();
    let one_call = recorder.tracer().span("one call").start();
    one_call.set_attributes(&many);
    let one_by_one = recorder.tracer().span("one by one").start();
    for &(key, value) in &many {
        one_by_one.set_attribute(key, value);
    }
    let over = recorder.tracer().span("over").start();
    over.set_attributes(&many);
    over.set_attributes(&attributes!["one" => 1, "too many" => 2]);
    drop((one_call, one_by_one, over));
    let expected: Vec<(String, OwnedValue)> =
        keys.iter().cloned().zip((0..10_000i64).map(Into::into)).collect();
    for (name, lost) in [("one call", 0), ("one by one", 0), ("over", 2)] {
        let span = recorder.span(name);
        assert_eq!(span.attributes, expected, "{name}");
        assert_eq!(dropped(&span), [lost, 0, 0], "{name}");
    }
}

#[test]
fn ten_thousand_events_arrive_in_order() {
    let recorder = limited(|limits| {
        limits.events = 10_000;
        limits.links = 1;
    });
    let span = recorder.tracer().span("s").start();
    for i in 0..10_000i64 {
        span.add_event("e", &attributes!["i" => i]);
    }
    span.end();
    let span = recorder.span("s");
    assert_eq!(span.events.len(), 10_000);
    for (i, event) in span.events.iter().enumerate() {
        assert_eq!(event.attributes, [("i".to_owned(), OwnedValue::I64(i as i64))]);
    }
    assert!(span.events.is_sorted_by_key(|event| event.time_unix_nanos));
    assert_eq!(recorder.tracer().stats().lost_events, 0);
}
