//! Reads what `StdoutExporter` writes as OTLP's JSON Lines back into spans.
//!
//! Strict: each field must be of the form that OTLP's JSON encoding gives it, and there is no other. Used
//! beside `finished_lines`, whose readers of single values it shares.
#![allow(dead_code, reason = "no test binary uses all of it")]

use crate::finished_lines::{Fields, boolean, double, hex, int, list, number, text};
use nanospan::export::{FinishedEvent, FinishedLink, FinishedSpan};
use nanospan::{OwnedValue, SpanKind, StatusCode};
use serde_json::Value;

/// A line: the attributes of its resource, and its spans.
pub(crate) struct Line {
    pub(crate) resource: Vec<(String, OwnedValue)>,
    pub(crate) spans: Vec<FinishedSpan>,
}

/// Reads any number of lines, each of which must end in a line feed.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Line>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let parsed = |line: &str| {
        let line = line.strip_suffix('\n').ok_or("the line does not end")?;
        parse_line(line)
    };
    text.split_inclusive('\n')
        .map(|line| parsed(line).map_err(|error| format!("{error}: {line:?}")))
        .collect()
}

/// The spans of all lines.
pub(crate) fn spans(text: &[u8]) -> Result<Vec<FinishedSpan>, String> {
    Ok(parse(text)?.into_iter().flat_map(|line| line.spans).collect())
}

fn parse_line(line: &str) -> Result<Line, String> {
    let mut data = Fields::of(serde_json::from_str(line).map_err(|error| error.to_string())?)?;
    let mut of_resource = Fields::of(only(data.take("resourceSpans")?)?)?;
    data.end()?;
    let mut resource = Fields::of(of_resource.take("resource")?)?;
    let attributes = attributes(&mut resource)?;
    resource.end()?;
    let mut of_scope = Fields::of(only(of_resource.take("scopeSpans")?)?)?;
    of_resource.end()?;
    let mut scope = Fields::of(of_scope.take("scope")?)?;
    scope.text("name")?;
    scope.text("version")?;
    scope.end()?;
    let spans = list(of_scope.take("spans")?)?.into_iter().map(span).collect::<Result<_, _>>()?;
    of_scope.end()?;
    Ok(Line { resource: attributes, spans })
}

fn span(value: Value) -> Result<FinishedSpan, String> {
    let mut fields = Fields::of(value)?;
    let mut span = FinishedSpan::default();
    span.trace_id = hex(&fields.text("traceId")?)?;
    span.span_id = hex(&fields.text("spanId")?)?;
    span.parent_span_id = fields.optional("parentSpanId").map(|id| hex(&text(id)?)).transpose()?;
    span.flags = fields.count("flags")?;
    span.trace_state = fields.optional_text("traceState")?;
    span.name = fields.text("name")?;
    span.kind = match fields.take("kind")?.as_u64() {
        Some(1) => SpanKind::Internal,
        Some(2) => SpanKind::Server,
        Some(3) => SpanKind::Client,
        Some(4) => SpanKind::Producer,
        Some(5) => SpanKind::Consumer,
        other => return Err(format!("no kind: {other:?}")),
    };
    span.start_unix_nanos = number(&fields.text("startTimeUnixNano")?)?;
    span.end_unix_nanos = number(&fields.text("endTimeUnixNano")?)?;
    if let Some(status) = fields.optional("status") {
        let mut status = Fields::of(status)?;
        span.status = match status.count("code")? {
            0 => StatusCode::Unset,
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            other => return Err(format!("no status: {other}")),
        };
        span.status_message = status.optional_text("message")?;
        status.end()?;
    }
    span.attributes = attributes(&mut fields)?;
    span.events = all(&mut fields, "events", event)?;
    span.links = all(&mut fields, "links", link)?;
    span.dropped_attributes_count = fields.count("droppedAttributesCount")?;
    span.dropped_events_count = fields.count("droppedEventsCount")?;
    span.dropped_links_count = fields.count("droppedLinksCount")?;
    fields.end()?;
    Ok(span)
}

fn event(value: Value) -> Result<FinishedEvent, String> {
    let mut fields = Fields::of(value)?;
    let mut event = FinishedEvent::default();
    event.time_unix_nanos = number(&fields.text("timeUnixNano")?)?;
    event.name = fields.text("name")?;
    event.attributes = attributes(&mut fields)?;
    event.dropped_attributes_count = fields.count("droppedAttributesCount")?;
    fields.end()?;
    Ok(event)
}

fn link(value: Value) -> Result<FinishedLink, String> {
    let mut fields = Fields::of(value)?;
    let mut link = FinishedLink::default();
    link.trace_id = hex(&fields.text("traceId")?)?;
    link.span_id = hex(&fields.text("spanId")?)?;
    link.flags = fields.count("flags")?;
    link.trace_state = fields.optional_text("traceState")?;
    link.attributes = attributes(&mut fields)?;
    link.dropped_attributes_count = fields.count("droppedAttributesCount")?;
    fields.end()?;
    Ok(link)
}

fn attributes(fields: &mut Fields) -> Result<Vec<(String, OwnedValue)>, String> {
    all(fields, "attributes", |attribute| {
        let mut attribute = Fields::of(attribute)?;
        let (key, value) = (attribute.text("key")?, any(attribute.take("value")?)?);
        attribute.end()?;
        Ok((key, value))
    })
}

fn any(value: Value) -> Result<OwnedValue, String> {
    let (kind, value) = field(value)?;
    match &*kind {
        "stringValue" => text(value).map(OwnedValue::Str),
        "boolValue" => boolean(value).map(OwnedValue::Bool),
        "intValue" => int(value).map(OwnedValue::I64),
        "doubleValue" => double(value).map(OwnedValue::F64),
        "arrayValue" => {
            let mut fields = Fields::of(value)?;
            let values = fields.take("values")?;
            fields.end()?;
            array(list(values)?.into_iter().map(field).collect::<Result<_, _>>()?)
        }
        other => Err(format!("no value: {other}")),
    }
}

/// All of one type. OTLP does not keep that of an empty array; then it is one of texts.
fn array(values: Vec<(String, Value)>) -> Result<OwnedValue, String> {
    let kind = values.first().map_or_else(|| "stringValue".to_owned(), |(kind, _)| kind.clone());
    if let Some((other, _)) = values.iter().find(|(other, _)| *other != kind) {
        return Err(format!("a {other} beside a {kind}"));
    }
    let mut values = values.into_iter().map(|(_, value)| value);
    match &*kind {
        "stringValue" => values.try_fold(Vec::new(), with(text)).map(OwnedValue::StrArray),
        "boolValue" => values.try_fold(Vec::new(), with(boolean)).map(OwnedValue::BoolArray),
        "intValue" => values.try_fold(Vec::new(), with(int)).map(OwnedValue::I64Array),
        "doubleValue" => values.try_fold(Vec::new(), with(double)).map(OwnedValue::F64Array),
        other => Err(format!("no element: {other}")),
    }
}

fn with<T>(read: impl Fn(Value) -> Result<T, String>) -> impl Fn(Vec<T>, Value) -> Result<Vec<T>, String> {
    move |mut list, value| {
        list.push(read(value)?);
        Ok(list)
    }
}

/// The one field of an object.
fn field(value: Value) -> Result<(String, Value), String> {
    match value {
        Value::Object(fields) if fields.len() == 1 => fields.into_iter().next().ok_or_else(String::new),
        other => Err(format!("no object of one field: {other}")),
    }
}

/// The one element of a list.
fn only(value: Value) -> Result<Value, String> {
    let mut values = list(value)?;
    match (values.pop(), values.pop()) {
        (Some(value), None) => Ok(value),
        _ => Err("not one element".to_owned()),
    }
}

/// What is in a list that is absent if empty.
fn all<T>(
    fields: &mut Fields,
    field: &str,
    read: impl Fn(Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let Some(value) = fields.optional(field) else { return Ok(Vec::new()) };
    let values = list(value)?;
    if values.is_empty() {
        return Err(format!("an empty list: {field}"));
    }
    values.into_iter().map(read).collect()
}
