//! The format for programs.

use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanKind, SpanStart, SpanStatus, TracerPlugin};

use crate::json_lines::{parse, parse_line};
use crate::support::{event, json, pairs, start_at};

/// What one span with a bit of everything, and its child, are written as.
const GOLDEN: &str = concat!(
    r#"{"trace_id":"TRACE","span_id":"CHILD","parent_span_id":"ROOT","name":"SELECT \"cart\"","#,
    r#""kind":"client","start_time_unix_nano":"1700000000000000100","end_time_unix_nano":"1700000000000000900","#,
    r#""status":{"code":"unset"},"attributes":[],"events":[]}"#,
    "\n",
    r#"{"trace_id":"TRACE","span_id":"ROOT","name":"POST /checkout","kind":"server","#,
    r#""start_time_unix_nano":"1700000000000000000","end_time_unix_nano":"1700000000000001000","#,
    r#""status":{"code":"error","description":"line one\nline two"},"attributes":["#,
    r#"{"key":"s","type":"string","value":"café"},"#,
    r#"{"key":"b","type":"bool","value":true},"#,
    r#"{"key":"i","type":"int","value":"-9223372036854775808"},"#,
    r#"{"key":"d","type":"double","value":1.0},"#,
    r#"{"key":"s[]","type":"string[]","value":["a",""]},"#,
    r#"{"key":"b[]","type":"bool[]","value":[false,true]},"#,
    r#"{"key":"i[]","type":"int[]","value":["1","-2"]},"#,
    r#"{"key":"d[]","type":"double[]","value":[-0.0,1e300,"NaN","Infinity","-Infinity"]},"#,
    r#"{"key":"empty","type":"double[]","value":[]}],"#,
    r#""events":[{"time_unix_nano":"7","name":"retry","attributes":[{"key":"n","type":"int","value":"1"}]},"#,
    r#"{"time_unix_nano":"6","name":"","attributes":[]}]}"#,
    "\n",
);

#[test]
fn the_lines_are_these() {
    let (tracer, sink) = json();
    let attributes = pairs(&[
        ("s", "café".into()),
        ("b", true.into()),
        ("i", i64::MIN.into()),
        ("d", 1.0.into()),
        ("s[]", AttrValue::StringArray(vec!["a".to_owned(), String::new()])),
        ("b[]", AttrValue::BoolArray(vec![false, true])),
        ("i[]", AttrValue::I64Array(vec![1, -2])),
        ("d[]", AttrValue::F64Array(vec![-0.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
        ("empty", AttrValue::F64Array(vec![])),
    ]);
    let at = 1_700_000_000_000_000_000;
    let root = tracer.start_span(SpanStart {
        kind: SpanKind::Server,
        attributes,
        ..start_at("POST /checkout", None, at)
    });
    let child = start_at("SELECT \"cart\"", Some(root), at + 100);
    let child = tracer.start_span(SpanStart { kind: SpanKind::Client, ..child });
    tracer.end_span(child, Some(at + 900));
    tracer.add_event(root, event("retry", 7, &[("n", 1_i64.into())]));
    tracer.add_event(root, event("", 6, &[]));
    tracer.set_status(root, SpanStatus::Error { description: "line one\nline two".to_owned() });
    tracer.end_span(root, Some(at + 1_000));
    tracer.flush().expect("the sink takes all");

    let trace_id = format!("{:032x}", u128::from_be_bytes(root.trace_id));
    let [root_id, child_id] = [root, child].map(|span| format!("{:016x}", u64::from_be_bytes(span.span_id)));
    let golden = GOLDEN.replace("TRACE", &trace_id).replace("ROOT", &root_id).replace("CHILD", &child_id);
    assert_eq!(sink.take_text(), golden);
}

/// Writes a span with that attribute and reads it back.
#[track_caller]
fn there_and_back(value: AttrValue) -> AttrValue {
    let (tracer, sink) = json();
    let span = tracer.start_span(start_at("span", None, 1));
    tracer.set_attribute(span, "key", value);
    tracer.end_span(span, None);
    tracer.flush().expect("the sink takes all");
    sink.take_spans()[0].attribute("key").expect("the attribute was set").clone()
}

#[test]
fn every_value_comes_back_with_its_type() {
    let text = |text: &str| text.to_owned();
    let values = [
        AttrValue::String(text("12")),
        AttrValue::String(text("NaN")),
        AttrValue::Bool(false),
        AttrValue::I64(i64::MAX),
        AttrValue::I64(i64::MIN),
        AttrValue::F64(12.0),
        AttrValue::StringArray(vec![text("true"), text("\0")]),
        AttrValue::StringArray(vec![]),
        AttrValue::BoolArray(vec![true]),
        AttrValue::BoolArray(vec![]),
        AttrValue::I64Array(vec![0, i64::MAX]),
        AttrValue::I64Array(vec![]),
        AttrValue::F64Array(vec![1.0]),
        AttrValue::F64Array(vec![]),
    ];
    for value in values {
        assert_eq!(there_and_back(value.clone()), value);
    }
}

#[test]
fn doubles_come_back_to_the_last_bit_and_nan_as_nan() {
    let mut doubles = vec![0.0, -0.0, 0.1, 1e16, 1e-7, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN];
    doubles.extend([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN]);
    // Weyl's sequence: bits of every sort.
    doubles.extend((1..20_000_u64).map(|n| f64::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    let AttrValue::F64Array(back) = there_and_back(AttrValue::F64Array(doubles.clone())) else {
        panic!("the type has changed");
    };
    assert_eq!(back.len(), doubles.len());
    for (double, back) in doubles.into_iter().zip(back) {
        assert!(
            double.to_bits() == back.to_bits() || double.is_nan() && back.is_nan(),
            "{double:?} {back:?}"
        );
    }
}

#[test]
fn every_character_comes_back_wherever_it_stood() {
    let every: Vec<char> = ('\0'..=char::MAX).collect();
    let (tracer, sink) = json();
    let mut texts = Vec::new();
    for part in every.chunks(10_000) {
        let text: String = part.iter().collect();
        let span = tracer.start_span(SpanStart {
            attributes: vec![(text.clone(), AttrValue::StringArray(vec![text.clone()]))],
            ..start_at(&text, None, 1)
        });
        tracer.add_event(span, event(&text, 1, &[]));
        tracer.set_status(span, SpanStatus::Error { description: text.clone() });
        tracer.end_span(span, None);
        texts.push(text);
    }
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(spans.len(), texts.len());
    for (span, text) in spans.into_iter().zip(texts) {
        assert!(span.name == text && span.events[0].name == text);
        assert!(span.status == SpanStatus::Error { description: text.clone() });
        assert!(span.attributes == [(text.clone(), AttrValue::StringArray(vec![text]))]);
    }
}

#[test]
fn no_line_holds_what_a_terminal_might_obey_or_hide() {
    let hostile = "\x1b[2J\r\n\u{9b}31m\x7f\u{85}\u{2028}\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{e0041}\0";
    let (tracer, sink) = json();
    let span = tracer.start_span(SpanStart {
        attributes: pairs(&[(hostile, hostile.into())]),
        ..start_at(hostile, None, 1)
    });
    tracer.add_event(span, event(hostile, 1, &[]));
    tracer.set_status(span, SpanStatus::Error { description: hostile.to_owned() });
    tracer.end_span(span, None);
    tracer.flush().expect("the sink takes all");
    let text = sink.take_text();
    let line = text.strip_suffix('\n').expect("the line ends");
    assert!(line.is_ascii() && !line.contains(|c: char| c.is_control()), "{line:?}");
}

#[test]
fn the_reader_of_these_tests_refuses_what_is_not_of_the_documented_form() {
    let good = GOLDEN.replace("TRACE", &"1".repeat(32)).replace("ROOT", &"2".repeat(16));
    let good = good.replace("CHILD", &"3".repeat(16));
    assert_eq!(parse(good.as_bytes()).map(|spans| spans.len()), Ok(2));
    let line = good.lines().next().expect("there are two lines");
    let bad = [
        ("\"name\"", "\"nom\""),
        ("\"2222", "\"222"),
        ("\"2222", "\"G222"),
        ("\"client\"", "\"CLIENT\""),
        ("\"1700000000000000100\"", "1700000000000000100"),
        ("\"1700000000000000100\"", "\"+1700000000000000100\""),
        ("\"unset\"", "\"error\""),
        ("\"unset\"", "\"unset\",\"description\":\"\""),
        ("\"events\":[]", "\"events\":{}"),
        ("\"events\":[]", "\"events\":[],\"more\":1"),
        ("\"attributes\":[]", "\"attributes\":[{\"key\":\"k\",\"type\":\"int\",\"value\":1}]"),
        ("\"attributes\":[]", "\"attributes\":[{\"key\":\"k\",\"type\":\"double\",\"value\":\"1\"}]"),
        ("}", "}}"),
    ];
    assert!(parse_line(line).is_ok());
    for (from, to) in bad {
        let damaged = line.replacen(from, to, 1);
        assert_ne!(damaged, line);
        assert!(parse_line(&damaged).is_err(), "{damaged}");
    }
    assert!(parse(line.as_bytes()).is_err(), "the line does not end");
}
