//! The format for the eye.

use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};

use crate::support::{event, human, pairs, record, start, start_at};

const CHECKOUT: &str = r#"trace TRACE
 48.2 ms  ✗ server POST /checkout  "payment service answered 502"  http.response.status_code=502
          │ • +2.40 ms retry  attempt=1 final=false
          │ • -50 ns received
 12.0 ms  ├╴✓ client SELECT cart  db.system.name="postgresql"
  850 µs  │ └╴· producer parse
          │     • +0 ns parsed
 31.1 ms  └╴✗ client POST /charge
 40.0 µs    ├╴· internal reserve
  999 ns    └╴· consumer audit
"#;

fn failed(description: &str) -> SpanStatus {
    SpanStatus::Error { description: description.to_owned() }
}

fn hex_trace(span: SpanHandle) -> String {
    format!("{:032x}", u128::from_be_bytes(span.trace_id))
}

fn hex_span(span: SpanHandle) -> String {
    format!("{:016x}", u64::from_be_bytes(span.span_id))
}

#[test]
fn the_spans_of_a_trace_are_a_tree_in_the_order_of_their_starts() {
    let (tracer, sink) = human();
    let begin = |name, parent, kind, at| tracer.start_span(SpanStart { kind, ..start_at(name, parent, at) });
    let root = begin("POST /checkout", None, SpanKind::Server, 1_000_000);
    let charge = begin("POST /charge", Some(root), SpanKind::Client, 15_000_000);
    let select = begin("SELECT cart", Some(root), SpanKind::Client, 1_100_000);
    let parse = begin("parse", Some(select), SpanKind::Producer, 2_000_000);
    let audit = begin("audit", Some(charge), SpanKind::Consumer, 17_000_000);
    let reserve = begin("reserve", Some(charge), SpanKind::Internal, 16_000_000);
    tracer.set_attribute(root, "http.response.status_code", 502_i64.into());
    tracer.set_attribute(select, "db.system.name", "postgresql".into());
    tracer.add_event(root, event("retry", 3_400_000, &[("attempt", 1_i64.into()), ("final", false.into())]));
    tracer.add_event(root, event("received", 999_950, &[]));
    tracer.add_event(parse, event("parsed", 2_000_000, &[]));
    tracer.set_status(root, failed("payment service answered 502"));
    tracer.set_status(select, SpanStatus::Ok);
    tracer.set_status(charge, failed(""));
    tracer.end_span(audit, Some(17_000_999));
    tracer.end_span(reserve, Some(16_040_000));
    tracer.end_span(parse, Some(2_850_000));
    tracer.end_span(charge, Some(46_100_000));
    tracer.end_span(select, Some(13_100_000));
    tracer.end_span(root, Some(49_200_000));
    tracer.flush().expect("the sink takes all");
    let text = sink.take_text();
    assert_eq!(text, CHECKOUT.replace("TRACE", &hex_trace(root)), "\n{text}");
}

#[test]
fn traces_stand_one_after_another_in_the_order_of_their_first_ends() {
    let (tracer, sink) = human();
    let [a, b] = ["a", "b"].map(|name| tracer.start_span(start(name, None)));
    let below = tracer.start_span(start("below a", Some(a)));
    for span in [below, b, a] {
        tracer.end_span(span, Some(1_000_007));
    }
    tracer.flush().expect("the sink takes all");
    let expected = format!(
        "trace {}\n    7 ns  · internal a\n    7 ns  └╴· internal below a\n\
         trace {}\n    7 ns  · internal b\n",
        hex_trace(a),
        hex_trace(b)
    );
    assert_eq!(sink.take_text(), expected);
}

#[test]
fn a_span_whose_parent_is_in_another_flush_names_it() {
    let (tracer, sink) = human();
    let root = tracer.start_span(start("root", None));
    let child = tracer.start_span(start("child", Some(root)));
    tracer.set_attribute(child, "key", true.into());
    tracer.end_span(child, Some(1_000_007));
    tracer.flush().expect("the sink takes all");
    let (trace, parent) = (hex_trace(root), hex_span(root));
    let expected = format!("trace {trace}\n    7 ns  · internal child  ↑ {parent}  key=true\n");
    assert_eq!(sink.take_text(), expected);
    tracer.end_span(root, Some(1_000_008));
    tracer.flush().expect("the sink takes all");
    assert_eq!(sink.take_text(), format!("trace {trace}\n    8 ns  · internal root\n"));
}

/// The only line below the trace's that is written for a span.
fn line_of(name: &str, attributes: &[(&str, AttrValue)]) -> String {
    let (tracer, sink) = human();
    let span = tracer.start_span(SpanStart { attributes: pairs(attributes), ..start(name, None) });
    tracer.end_span(span, Some(1_000_007));
    tracer.flush().expect("the sink takes all");
    let text = sink.take_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    lines[1].strip_prefix("    7 ns  · internal ").expect("every line begins like this").to_owned()
}

#[test]
fn values_show_their_type() {
    let values = [
        ("12".into(), r#""12""#),
        ("".into(), r#""""#),
        ("a \"b\" \\".into(), r#""a \"b\" \\""#),
        (12_i64.into(), "12"),
        (12.0.into(), "12.0"),
        (1e300.into(), "1e300"),
        (f64::NAN.into(), "NaN"),
        (f64::NEG_INFINITY.into(), "-inf"),
        (true.into(), "true"),
        (AttrValue::StringArray(vec!["a".to_owned(), "b, c".to_owned()]), r#"["a", "b, c"]"#),
        (AttrValue::BoolArray(vec![true, false]), "[true, false]"),
        (AttrValue::I64Array(vec![1, 2]), "[1, 2]"),
        (AttrValue::F64Array(vec![1.0, f64::INFINITY]), "[1.0, inf]"),
        (AttrValue::F64Array(vec![]), "[]"),
    ];
    for (value, shown) in values {
        assert_eq!(line_of("x", &[("key", value)]), format!("x  key={shown}"));
    }
}

#[test]
fn a_name_or_key_that_could_be_taken_for_more_is_in_quotes() {
    for name in ["GET /cart/{id}?", "SELECT naïve 日本", "a.b:c", "↑ x"] {
        assert_eq!(line_of(name, &[]), name);
    }
    let quoted = ["", " ", " a", "a ", "a  b", "a=b", "a\"b", "a\\b", "a\tb", "a\nb", "a\u{a0}\u{a0}b"];
    for name in quoted {
        let shown = line_of(name, &[]);
        let inner = shown.strip_prefix('"').and_then(|shown| shown.strip_suffix('"'));
        assert!(inner.is_some(), "{name:?} is shown as {shown:?}");
    }
    assert_eq!(line_of("a\n \"b\" \\", &[]), r#""a\n \"b\" \\""#);
    for key in quoted.into_iter().chain(["a b"]) {
        let shown = line_of("x", &[(key, true.into())]);
        assert!(shown.starts_with("x  \"") && shown.ends_with("\"=true"), "{key:?} is shown as {shown:?}");
    }
}

#[test]
fn no_text_can_fake_a_line_or_reach_the_terminal_as_a_command() {
    let hostile =
        "x\ntrace 0\r\x1b]0;t\x07\u{9b}2J\u{85}\u{2028}\u{202e}\u{2066}\u{200b}\u{ad}\u{e0041}\x7f\0";
    let (tracer, sink) = human();
    let list = AttrValue::StringArray(vec![hostile.to_owned()]);
    let attributes = [(hostile, AttrValue::from(hostile)), ("list", list)];
    let span = tracer.start_span(SpanStart { attributes: pairs(&attributes), ..start(hostile, None) });
    tracer.add_event(span, event(hostile, 1_000_000, &attributes));
    tracer.set_status(span, failed(hostile));
    tracer.end_span(span, Some(1_000_007));
    tracer.flush().expect("the sink takes all");
    let text = sink.take_text();
    assert_eq!(text.lines().count(), 3, "{text:?}");
    let shown: String = text.lines().collect();
    let added = |c: char| matches!(c, '✗' | '•');
    assert!(shown.chars().all(|c| c.is_ascii_graphic() || c == ' ' || added(c)), "{text:?}");
    assert!(text.contains(
        r"\u{1b}]0;t\u{7}\u{9b}2J\u{85}\u{2028}\u{202e}\u{2066}\u{200b}\u{ad}\u{e0041}\u{7f}\u{0}"
    ));
}

#[test]
fn durations_have_three_digits_and_the_unit_that_fits() {
    let cases = [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (9_994, "9.99 µs"),
        (9_996, "10.0 µs"),
        (99_960, "100 µs"),
        (999_400, "999 µs"),
        (999_600, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (1_500_000_000, "1.50 s"),
        (59_940_000_000, "59.9 s"),
        (59_960_000_000, "1m 00s"),
        (125_000_000_000, "2m 05s"),
        (3_725_000_000_000, "1h 02m"),
        (u64::MAX, "5124095h 34m"),
    ];
    for (nanos, shown) in cases {
        let (tracer, sink) = human();
        let span = tracer.start_span(start_at("x", None, 0));
        tracer.end_span(span, Some(nanos));
        tracer.flush().expect("the sink takes all");
        let text = sink.take_text();
        let line = text.lines().nth(1).expect("a line for the span");
        assert_eq!(line, format!("{shown:>8}  · internal x"), "{nanos} ns");
    }
}

#[test]
fn a_long_chain_is_indented_to_a_limit_and_then_numbered() {
    let (tracer, sink) = human();
    let mut chain = Vec::new();
    for _ in 0..5_000 {
        chain.push(tracer.start_span(start("x", chain.last().copied())));
    }
    for span in chain.iter().rev() {
        tracer.end_span(*span, Some(1_000_007));
    }
    tracer.flush().expect("the sink takes all");
    let text = sink.take_text();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), chain.len());
    let indented = |levels| format!("    7 ns  {}└╴· internal x", "  ".repeat(levels));
    assert_eq!(lines[1], indented(0));
    assert_eq!(lines[25], indented(24));
    assert_eq!(lines[26], format!("    7 ns  ⋯1 {}└╴· internal x", "  ".repeat(24)));
    assert_eq!(lines[4_999], format!("    7 ns  ⋯4974 {}└╴· internal x", "  ".repeat(24)));
}

#[test]
fn an_empty_flush_writes_nothing() {
    let (tracer, sink) = human();
    tracer.flush().expect("there is nothing to write");
    record(&tracer, &["a"]);
    tracer.flush().expect("the sink takes all");
    assert_ne!(sink.take(), b"");
    tracer.flush().expect("there is nothing left to write");
    assert_eq!(sink.take(), b"");
}
