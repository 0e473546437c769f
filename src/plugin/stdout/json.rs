//! Spans as JSON Lines. The fields are described in the documentation of
//! [`StdoutFormat::Json`](super::StdoutFormat::Json).

use std::fmt::Write as _;

use bext_plugin_api::tracer::{AttrValue, SpanStatus};

use super::book::{Event, Span};
use super::text::{Page, json_string, put};
use super::{kind_name, status_name};
use crate::{SpanId, TraceId};

/// One line for each span, in the order of their ends.
pub(super) fn render(spans: &[Span]) -> Page {
    let mut page = Page::default();
    for span in spans {
        line(&mut page.text, span);
        page.end_span();
    }
    page
}

fn line(out: &mut String, span: &Span) {
    put!(out, "{{\"trace_id\":\"{}\"", TraceId::from_bytes(span.handle.trace_id));
    put!(out, ",\"span_id\":\"{}\"", SpanId::from_bytes(span.handle.span_id));
    if let Some(parent) = span.parent {
        put!(out, ",\"parent_span_id\":\"{}\"", SpanId::from_bytes(parent));
    }
    out.push_str(",\"name\":");
    json_string(out, &span.name);
    put!(out, ",\"kind\":\"{}\"", kind_name(span.kind));
    put!(out, ",\"start_time_unix_nano\":\"{}\"", span.start);
    put!(out, ",\"end_time_unix_nano\":\"{}\"", span.end);
    put!(out, ",\"status\":{{\"code\":\"{}\"", status_name(&span.status));
    if let SpanStatus::Error { description } = &span.status {
        out.push_str(",\"description\":");
        json_string(out, description);
    }
    out.push_str("},\"attributes\":");
    attributes(out, &span.attributes);
    out.push_str(",\"events\":");
    list(out, &span.events, event);
    out.push_str("}\n");
}

fn event(out: &mut String, event: &Event) {
    put!(out, "{{\"time_unix_nano\":\"{}\",\"name\":", event.time);
    json_string(out, &event.name);
    out.push_str(",\"attributes\":");
    attributes(out, &event.attributes);
    out.push('}');
}

fn attributes(out: &mut String, attributes: &[(String, AttrValue)]) {
    list(out, attributes, |out, (key, value)| {
        out.push_str("{\"key\":");
        json_string(out, key);
        put!(out, ",\"type\":\"{}\",\"value\":", type_name(value));
        match value {
            AttrValue::String(value) => json_string(out, value),
            AttrValue::Bool(value) => boolean(out, value),
            AttrValue::I64(value) => int(out, value),
            AttrValue::F64(value) => double(out, value),
            AttrValue::StringArray(values) => list(out, values, |out, value| json_string(out, value)),
            AttrValue::BoolArray(values) => list(out, values, boolean),
            AttrValue::I64Array(values) => list(out, values, int),
            AttrValue::F64Array(values) => list(out, values, double),
        }
        out.push('}');
    });
}

fn type_name(value: &AttrValue) -> &'static str {
    match value {
        AttrValue::String(_) => "string",
        AttrValue::Bool(_) => "bool",
        AttrValue::I64(_) => "int",
        AttrValue::F64(_) => "double",
        AttrValue::StringArray(_) => "string[]",
        AttrValue::BoolArray(_) => "bool[]",
        AttrValue::I64Array(_) => "int[]",
        AttrValue::F64Array(_) => "double[]",
    }
}

fn boolean(out: &mut String, value: &bool) {
    put!(out, "{value}");
}

/// A 64-bit integer is a string: many readers hold numbers as doubles, which have 53 bits.
fn int(out: &mut String, value: &i64) {
    put!(out, "\"{value}\"");
}

/// The shortest number that reads back as `value`; what JSON has no number for is a string.
fn double(out: &mut String, value: &f64) {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if *value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        // `Debug` keeps the fraction or the exponent, so the number stays one of a double, and the
        // sign of zero.
        put!(out, "{value:?}");
    }
}

fn list<T>(out: &mut String, items: &[T], mut item: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, one);
    }
    out.push(']');
}
