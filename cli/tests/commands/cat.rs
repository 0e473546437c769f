//! `nanospan cat`: the encoding, the filters, and pipes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nanospan::batch::{BatchBuilder, LinkHead, SpanHead};
use nanospan::{OwnedValue, SpanKind, StatusCode, Value};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{EPOCH, Spool, TRACE, batch, checkout, nanospan, plain_batch, printed, span};

/// The lines of output, each parsed.
fn lines(spool: &Spool, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = printed("cat", spool.path(), arguments);
    let parse = |line: &str| serde_json::from_str(line).expect("each line is a JSON value");
    output.lines().map(parse).collect()
}

/// The names of all spans in the output, in order.
fn names(spool: &Spool, arguments: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for line in lines(spool, arguments) {
        let spans = &line["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let spans = spans.as_array().expect("no envelope is without spans");
        assert!(!spans.is_empty(), "an empty envelope");
        names.extend(spans.iter().map(|span| span["name"].as_str().expect("a name").to_owned()));
    }
    names
}

#[test]
fn a_span_with_everything_has_every_field_of_otlp() {
    let full = batch("shop", 0, |builder| {
        builder.begin_span(&SpanHead {
            kind: SpanKind::Consumer,
            flags: 0x301,
            ..span(0xa, 0xb, "take", 1, 2)
        });
        builder.trace_state("vendor=1,other=2");
        builder.attribute("s".into(), &Value::Str("line\nend \u{1b}[0m \u{9b}"));
        builder.attribute("i".into(), &Value::I64(i64::MIN));
        builder.attribute("f".into(), &Value::F64(-0.5));
        builder.attribute("b".into(), &Value::Bool(false));
        builder.attribute("ss".into(), &Value::StrArray(&["x", ""]));
        builder.attribute("none".into(), &Value::I64Array(&[]));
        builder.status(StatusCode::Error, "broken");
        builder.dropped(1, 2, 3);
        builder.begin_event("retry".into(), EPOCH + 1_500);
        builder.attribute("attempt".into(), &Value::I64(2));
        builder.item_dropped_attributes(4);
        builder.begin_link(&LinkHead { trace_id: 1, span_id: 2, flags: 0x100, trace_state: "k=v" });
        builder.attribute("why".into(), &Value::StaticStr("fan-in"));
        builder.item_dropped_attributes(5);
    });
    let expected = json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
        ]},
        "scopeSpans": [{
            "scope": {"name": "nanospan", "version": env!("CARGO_PKG_VERSION")},
            "spans": [{
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "000000000000000a",
                "traceState": "vendor=1,other=2",
                "parentSpanId": "000000000000000b",
                "flags": 0x301,
                "name": "take",
                "kind": 5,
                "startTimeUnixNano": "1700000000000001000",
                "endTimeUnixNano": "1700000000000002000",
                "attributes": [
                    {"key": "s", "value": {"stringValue": "line\nend \u{1b}[0m \u{9b}"}},
                    {"key": "i", "value": {"intValue": "-9223372036854775808"}},
                    {"key": "f", "value": {"doubleValue": -0.5}},
                    {"key": "b", "value": {"boolValue": false}},
                    {"key": "ss", "value": {"arrayValue": {"values": [
                        {"stringValue": "x"}, {"stringValue": ""},
                    ]}}},
                    {"key": "none", "value": {"arrayValue": {"values": []}}},
                ],
                "droppedAttributesCount": 1,
                "events": [{
                    "timeUnixNano": "1700000000000001500",
                    "name": "retry",
                    "attributes": [{"key": "attempt", "value": {"intValue": "2"}}],
                    "droppedAttributesCount": 4,
                }],
                "droppedEventsCount": 2,
                "links": [{
                    "traceId": "00000000000000000000000000000001",
                    "spanId": "0000000000000002",
                    "traceState": "k=v",
                    "attributes": [{"key": "why", "value": {"stringValue": "fan-in"}}],
                    "droppedAttributesCount": 5,
                    "flags": 0x100,
                }],
                "droppedLinksCount": 3,
                "status": {"message": "broken", "code": 2},
            }],
        }],
    }]});
    assert_eq!(lines(&Spool::with(&[full]), &[]), [expected]);
}

#[test]
fn a_span_with_nothing_has_no_field_of_default_value() {
    let mut builder = BatchBuilder::new(&[], 7);
    builder.begin_span(&SpanHead { flags: 0, ..span(1, 0, "", 0, 0) });
    let bare = builder.finish(0, EPOCH).expect("the batch is small");
    let expected = json!({"resourceSpans": [{
        "resource": {},
        "scopeSpans": [{
            "scope": {"name": "nanospan", "version": env!("CARGO_PKG_VERSION")},
            "spans": [{
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "0000000000000001",
                "name": "",
                "kind": 1,
                "startTimeUnixNano": "1700000000000000000",
                "endTimeUnixNano": "1700000000000000000",
            }],
        }],
    }]});
    assert_eq!(lines(&Spool::with(&[bare]), &[]), [expected]);
}

#[test]
fn kinds_and_status_codes_have_otlps_numbers() {
    let kinds = [
        (SpanKind::Internal, 1),
        (SpanKind::Server, 2),
        (SpanKind::Client, 3),
        (SpanKind::Producer, 4),
        (SpanKind::Consumer, 5),
    ];
    let codes = [(StatusCode::Unset, None), (StatusCode::Ok, Some(1)), (StatusCode::Error, Some(2))];
    let batch = batch("shop", 0, |builder| {
        for (kind, _) in kinds {
            for (code, _) in codes {
                builder.begin_span(&SpanHead { kind, ..span(1, 0, "x", 0, 1) });
                builder.status(code, "");
            }
        }
    });
    let line = lines(&Spool::with(&[batch]), &[]).remove(0);
    let spans = line["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned();
    let spans = spans.expect("spans");
    assert_eq!(spans.len(), 15);
    for (index, span) in spans.iter().enumerate() {
        assert_eq!(span["kind"], kinds[index / 3].1);
        assert_eq!(span["status"]["code"].as_i64(), codes[index % 3].1);
    }
}

#[test]
fn a_batch_without_spans_gives_no_line() {
    let spool = Spool::with(&[plain_batch(0, &[]), plain_batch(1, &[span(1, 0, "x", 0, 1)])]);
    assert_eq!(lines(&spool, &[]).len(), 1);
}

#[test]
fn segments_of_a_directory_come_oldest_first() {
    let spool = Spool::new();
    for (begun, name) in [(30, "c"), (4, "a"), (5, "b")] {
        let batch = plain_batch(begun, &[span(begun, 0, name, 0, 1)]);
        spool.sealed(begun, &crate::support::segment(&[batch]));
    }
    spool.file("notes.txt", b"this is no segment, and is not named like one");
    assert_eq!(names(&spool, &[]), ["a", "b", "c"]);
}

#[test]
fn filters_choose_spans() {
    let other = SpanHead { trace_id: 0xff, ..span(9, 0, "GET /", 0, 1) };
    let spool = Spool::with(&[
        plain_batch(0, &[span(1, 0, "GET /", 0, 1), other, span(2, 0, "GET /cart", 0, 1)]),
        plain_batch(1, &[span(3, 0, "POST /cart", 0, 1), span(4, 0, "GET /", 0, 1)]),
    ]);
    let trace = format!("{TRACE:032X}");
    assert_eq!(names(&spool, &["--trace", &trace, "--name", "GET *"]), ["GET /", "GET /cart", "GET /"]);
    assert_eq!(names(&spool, &["--name", "*cart"]), ["GET /cart", "POST /cart"]);
    assert_eq!(names(&spool, &["--name", "GET /"]), ["GET /", "GET /", "GET /"]);
    assert_eq!(names(&spool, &["--trace", &format!("{:032x}", 0xff)]), ["GET /"]);
    assert_eq!(names(&spool, &["--limit", "4"]), ["GET /", "GET /", "GET /cart", "POST /cart"]);
    assert_eq!(names(&spool, &["--name", "*cart", "--limit", "1"]), ["GET /cart"]);
    assert!(names(&spool, &["--limit", "0"]).is_empty());
    assert!(names(&spool, &["--name", "nothing"]).is_empty());
}

#[test]
fn a_closed_pipe_ends_the_command_without_an_error() {
    let spans: Vec<_> = (1..2_000).map(|id| span(id, 0, "some name", 0, 1)).collect();
    let batches: Vec<_> = (0..20).map(|number| plain_batch(number, &spans)).collect();
    let spool = Spool::with(&batches);
    let mut child = nanospan()
        .arg("cat")
        .arg(spool.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("the first line");
    drop(reader);
    let output = child.wait_with_output().expect("the command ends");
    assert!(line.starts_with("{\"resourceSpans\""));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn what_a_terminal_might_obey_is_escaped_in_json_too() {
    let name = "\u{9b}31m\u{202e}x\u{7f}";
    let spool = Spool::with(&[plain_batch(0, &[span(1, 0, name, 0, 1)])]);
    let output = printed("cat", spool.path(), &[]);
    assert!(output.trim_end().is_ascii(), "{output:?}");
    assert_eq!(names(&spool, &[]), [name]);
}

#[test]
fn the_example_is_two_lines_of_json() {
    assert_eq!(lines(&Spool::with(&checkout()), &[]).len(), 2);
}

fn any_value() -> impl Strategy<Value = OwnedValue> {
    use proptest::collection::vec;
    let float = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
    ];
    prop_oneof![
        any::<String>().prop_map(OwnedValue::from),
        any::<bool>().prop_map(OwnedValue::from),
        any::<i64>().prop_map(OwnedValue::from),
        float.clone().prop_map(OwnedValue::from),
        vec(any::<String>(), 0..4).prop_map(OwnedValue::from),
        vec(any::<bool>(), 0..4).prop_map(OwnedValue::from),
        vec(any::<i64>(), 0..4).prop_map(OwnedValue::from),
        vec(float, 0..4).prop_map(OwnedValue::from),
    ]
}

/// Decodes OTLP's `AnyValue` by the rules of the specification, strictly.
fn decoded(value: &serde_json::Value) -> OwnedValue {
    let fields = value.as_object().expect("an AnyValue is an object");
    assert_eq!(fields.len(), 1, "exactly one field of the union: {value}");
    let (field, value) = fields.iter().next().expect("one field");
    match field.as_str() {
        "stringValue" => value.as_str().expect("a string").into(),
        "boolValue" => value.as_bool().expect("a boolean").into(),
        "intValue" => {
            let digits = value.as_str().expect("a 64-bit integer is a decimal string");
            digits.parse::<i64>().expect("a decimal number").into()
        }
        "doubleValue" => match value.as_str() {
            Some("NaN") => f64::NAN.into(),
            Some("Infinity") => f64::INFINITY.into(),
            Some("-Infinity") => f64::NEG_INFINITY.into(),
            Some(other) => panic!("a double cannot be {other:?}"),
            None => value.as_f64().expect("a number").into(),
        },
        "arrayValue" => {
            let values = value["values"].as_array().expect("a list");
            array_of(values.iter().map(decoded).collect())
        }
        other => panic!("there is no field {other:?} in an AnyValue"),
    }
}

/// The array whose elements were decoded one by one. An empty one is taken for strings.
fn array_of(values: Vec<OwnedValue>) -> OwnedValue {
    macro_rules! collect {
        ($variant:ident) => {
            values
                .into_iter()
                .map(|value| match value {
                    OwnedValue::$variant(value) => value,
                    other => panic!("{other:?} in an array of another type"),
                })
                .collect::<Vec<_>>()
                .into()
        };
    }
    match values.first() {
        None | Some(OwnedValue::Str(_)) => collect!(Str),
        Some(OwnedValue::Bool(_)) => collect!(Bool),
        Some(OwnedValue::I64(_)) => collect!(I64),
        Some(OwnedValue::F64(_)) => collect!(F64),
        Some(other) => panic!("an array of {other:?}"),
    }
}

/// The value that `written` is in JSON, which knows one NaN and cannot tell empty arrays apart.
fn expected(written: &OwnedValue) -> OwnedValue {
    let canonical = |value: f64| if value.is_nan() { f64::NAN } else { value };
    match written {
        OwnedValue::F64(value) => canonical(*value).into(),
        OwnedValue::F64Array(values) if !values.is_empty() => {
            values.iter().copied().map(canonical).collect::<Vec<_>>().into()
        }
        OwnedValue::BoolArray(values) if values.is_empty() => array_of(Vec::new()),
        OwnedValue::I64Array(values) if values.is_empty() => array_of(Vec::new()),
        OwnedValue::F64Array(_) => array_of(Vec::new()),
        other => other.clone(),
    }
}

proptest! {
    // Each case runs the command, so there are fewer cases with more values each.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_value_decodes_to_what_was_written(
        values in proptest::collection::vec((any::<String>(), any_value()), 1..24),
    ) {
        let batch = batch("shop", 0, |builder| {
            builder.begin_span(&span(1, 0, "x", 0, 1));
            for (key, value) in &values {
                builder.attribute(nanospan::Text::Copied(key), &value.as_value());
            }
        });
        let line = lines(&Spool::with(&[batch]), &[]).remove(0);
        let found = &line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"];
        let found = found.as_array().expect("attributes");
        prop_assert_eq!(found.len(), values.len());
        for (found, (key, written)) in found.iter().zip(&values) {
            prop_assert_eq!(found["key"].as_str(), Some(key.as_str()));
            prop_assert_eq!(decoded(&found["value"]), expected(written));
        }
    }
}
