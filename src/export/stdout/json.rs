//! Spans as JSON Lines. The fields are described in the documentation of
//! [`StdoutFormat::Json`](super::StdoutFormat::Json).

use std::fmt::Write as _;

use super::text::{Page, json_string, put};
use super::{kind_name, status_name};
use crate::export::{FinishedEvent, FinishedLink, FinishedSpan};
use crate::{OwnedValue, SpanId, StatusCode, TraceId};

/// One line for each span, in their order.
pub(super) fn render(spans: &[FinishedSpan]) -> Page {
    let mut page = Page::default();
    for span in spans {
        line(&mut page.text, span);
        page.end_item();
    }
    page
}

fn line(out: &mut String, span: &FinishedSpan) {
    put!(out, "{{\"trace_id\":\"{}\"", TraceId::from_bytes(span.trace_id));
    put!(out, ",\"span_id\":\"{}\"", SpanId::from_bytes(span.span_id));
    if let Some(parent) = span.parent_span_id {
        put!(out, ",\"parent_span_id\":\"{}\"", SpanId::from_bytes(parent));
    }
    flags_and_state(out, span.flags, &span.trace_state);
    out.push_str(",\"name\":");
    json_string(out, &span.name);
    put!(out, ",\"kind\":\"{}\"", kind_name(span.kind));
    put!(out, ",\"start_time_unix_nano\":\"{}\"", span.start_unix_nanos);
    put!(out, ",\"end_time_unix_nano\":\"{}\"", span.end_unix_nanos);
    put!(out, ",\"status\":{{\"code\":\"{}\"", status_name(span.status));
    if span.status == StatusCode::Error || !span.status_message.is_empty() {
        out.push_str(",\"description\":");
        json_string(out, &span.status_message);
    }
    out.push_str("},\"attributes\":");
    attributes(out, &span.attributes);
    out.push_str(",\"events\":");
    list(out, &span.events, event);
    if !span.links.is_empty() {
        out.push_str(",\"links\":");
        list(out, &span.links, link);
    }
    dropped(out, "attributes", span.dropped_attributes_count);
    dropped(out, "events", span.dropped_events_count);
    dropped(out, "links", span.dropped_links_count);
    out.push_str("}\n");
}

fn event(out: &mut String, event: &FinishedEvent) {
    put!(out, "{{\"time_unix_nano\":\"{}\",\"name\":", event.time_unix_nanos);
    json_string(out, &event.name);
    out.push_str(",\"attributes\":");
    attributes(out, &event.attributes);
    dropped(out, "attributes", event.dropped_attributes_count);
    out.push('}');
}

fn link(out: &mut String, link: &FinishedLink) {
    put!(out, "{{\"trace_id\":\"{}\"", TraceId::from_bytes(link.trace_id));
    put!(out, ",\"span_id\":\"{}\"", SpanId::from_bytes(link.span_id));
    flags_and_state(out, link.flags, &link.trace_state);
    out.push_str(",\"attributes\":");
    attributes(out, &link.attributes);
    dropped(out, "attributes", link.dropped_attributes_count);
    out.push('}');
}

fn flags_and_state(out: &mut String, flags: u32, trace_state: &str) {
    if flags != 0 {
        put!(out, ",\"flags\":{flags}");
    }
    if !trace_state.is_empty() {
        out.push_str(",\"trace_state\":");
        json_string(out, trace_state);
    }
}

fn dropped(out: &mut String, what: &str, count: u32) {
    if count > 0 {
        put!(out, ",\"dropped_{what}_count\":{count}");
    }
}

fn attributes(out: &mut String, attributes: &[(String, OwnedValue)]) {
    list(out, attributes, |out, (key, value)| {
        out.push_str("{\"key\":");
        json_string(out, key);
        put!(out, ",\"type\":\"{}\",\"value\":", type_name(value));
        match value {
            OwnedValue::Str(value) => json_string(out, value),
            OwnedValue::Bool(value) => boolean(out, value),
            OwnedValue::I64(value) => int(out, value),
            OwnedValue::F64(value) => double(out, value),
            OwnedValue::StrArray(values) => list(out, values, |out, value| json_string(out, value)),
            OwnedValue::BoolArray(values) => list(out, values, boolean),
            OwnedValue::I64Array(values) => list(out, values, int),
            OwnedValue::F64Array(values) => list(out, values, double),
        }
        out.push('}');
    });
}

fn type_name(value: &OwnedValue) -> &'static str {
    match value {
        OwnedValue::Str(_) => "string",
        OwnedValue::Bool(_) => "bool",
        OwnedValue::I64(_) => "int",
        OwnedValue::F64(_) => "double",
        OwnedValue::StrArray(_) => "string[]",
        OwnedValue::BoolArray(_) => "bool[]",
        OwnedValue::I64Array(_) => "int[]",
        OwnedValue::F64Array(_) => "double[]",
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
