//! Reads what `StdoutExporter` writes as JSON Lines back into spans.
//!
//! Strict: each field must be of the documented form, and there is no other.
#![allow(dead_code, reason = "no test binary uses all of it")]

use nanospan::export::{FinishedEvent, FinishedLink, FinishedSpan};
use nanospan::{OwnedValue, SpanKind, StatusCode};
use serde_json::{Map, Value};

/// Reads any number of lines, each of which must end in a line feed.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<FinishedSpan>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let span = |line: &str| {
        let line = line.strip_suffix('\n').ok_or("the line does not end")?;
        parse_line(line)
    };
    text.split_inclusive('\n').map(|line| span(line).map_err(|error| format!("{error}: {line:?}"))).collect()
}

fn parse_line(line: &str) -> Result<FinishedSpan, String> {
    let mut fields = Fields::of(serde_json::from_str(line).map_err(|error| error.to_string())?)?;
    let mut span = FinishedSpan::default();
    span.trace_id = hex(&fields.text("trace_id")?)?;
    span.span_id = hex(&fields.text("span_id")?)?;
    span.parent_span_id = fields.optional("parent_span_id").map(|id| hex(&text(id)?)).transpose()?;
    span.flags = fields.count("flags")?;
    span.trace_state = fields.optional_text("trace_state")?;
    span.name = fields.text("name")?;
    span.kind = match &*fields.text("kind")? {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        other => return Err(format!("no kind: {other}")),
    };
    span.start_unix_nanos = number(&fields.text("start_time_unix_nano")?)?;
    span.end_unix_nanos = number(&fields.text("end_time_unix_nano")?)?;
    let mut status = Fields::of(fields.take("status")?)?;
    span.status = match &*status.text("code")? {
        "unset" => StatusCode::Unset,
        "ok" => StatusCode::Ok,
        "error" => StatusCode::Error,
        other => return Err(format!("no status: {other}")),
    };
    span.status_message = status.optional_text("description")?;
    status.end()?;
    span.attributes = attributes(fields.take("attributes")?)?;
    span.events = list(fields.take("events")?)?.into_iter().map(event).collect::<Result<_, _>>()?;
    if let Some(links) = fields.optional("links") {
        span.links = list(links)?.into_iter().map(link).collect::<Result<_, _>>()?;
    }
    span.dropped_attributes_count = fields.count("dropped_attributes_count")?;
    span.dropped_events_count = fields.count("dropped_events_count")?;
    span.dropped_links_count = fields.count("dropped_links_count")?;
    fields.end()?;
    Ok(span)
}

fn event(value: Value) -> Result<FinishedEvent, String> {
    let mut fields = Fields::of(value)?;
    let mut event = FinishedEvent::default();
    event.time_unix_nanos = number(&fields.text("time_unix_nano")?)?;
    event.name = fields.text("name")?;
    event.attributes = attributes(fields.take("attributes")?)?;
    event.dropped_attributes_count = fields.count("dropped_attributes_count")?;
    fields.end()?;
    Ok(event)
}

fn link(value: Value) -> Result<FinishedLink, String> {
    let mut fields = Fields::of(value)?;
    let mut link = FinishedLink::default();
    link.trace_id = hex(&fields.text("trace_id")?)?;
    link.span_id = hex(&fields.text("span_id")?)?;
    link.flags = fields.count("flags")?;
    link.trace_state = fields.optional_text("trace_state")?;
    link.attributes = attributes(fields.take("attributes")?)?;
    link.dropped_attributes_count = fields.count("dropped_attributes_count")?;
    fields.end()?;
    Ok(link)
}

fn attributes(value: Value) -> Result<Vec<(String, OwnedValue)>, String> {
    list(value)?.into_iter().map(attribute).collect()
}

fn attribute(value: Value) -> Result<(String, OwnedValue), String> {
    fn each<T>(value: Value, of: fn(Value) -> Result<T, String>) -> Result<Vec<T>, String> {
        list(value)?.into_iter().map(of).collect()
    }
    let mut fields = Fields::of(value)?;
    let (key, kind, value) = (fields.text("key")?, fields.text("type")?, fields.take("value")?);
    fields.end()?;
    let value = match &*kind {
        "string" => OwnedValue::Str(text(value)?),
        "bool" => OwnedValue::Bool(boolean(value)?),
        "int" => OwnedValue::I64(int(value)?),
        "double" => OwnedValue::F64(double(value)?),
        "string[]" => OwnedValue::StrArray(each(value, text)?),
        "bool[]" => OwnedValue::BoolArray(each(value, boolean)?),
        "int[]" => OwnedValue::I64Array(each(value, int)?),
        "double[]" => OwnedValue::F64Array(each(value, double)?),
        other => return Err(format!("no type: {other}")),
    };
    Ok((key, value))
}

pub(crate) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("no string: {other}")),
    }
}

pub(crate) fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("no boolean: {value}"))
}

pub(crate) fn int(value: Value) -> Result<i64, String> {
    number(&text(value)?)
}

pub(crate) fn double(value: Value) -> Result<f64, String> {
    match &value {
        Value::String(text) if text == "NaN" => Ok(f64::NAN),
        Value::String(text) if text == "Infinity" => Ok(f64::INFINITY),
        Value::String(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
        other => other.as_f64().ok_or_else(|| format!("no number: {other}")),
    }
}

pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("no number: {text:?}"))
}

pub(crate) fn hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|error| error.to_string())?;
    }
    if is_hex { Ok(bytes) } else { Err(format!("not {} digits: {text:?}", 2 * N)) }
}

pub(crate) fn list(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(format!("no array: {other}")),
    }
}

/// An object whose fields are taken one by one until none may be left.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(format!("no object: {other}")),
        }
    }

    pub(crate) fn optional(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }

    pub(crate) fn take(&mut self, field: &str) -> Result<Value, String> {
        self.optional(field).ok_or_else(|| format!("no field {field}"))
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<String, String> {
        text(self.take(field)?)
    }

    /// A text that is absent if empty.
    pub(crate) fn optional_text(&mut self, field: &str) -> Result<String, String> {
        self.optional(field).map_or(Ok(String::new()), text)
    }

    /// A number that is absent if zero.
    pub(crate) fn count(&mut self, field: &str) -> Result<u32, String> {
        match self.optional(field) {
            None => Ok(0),
            Some(value) => {
                let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
                count.filter(|count| *count > 0).ok_or_else(|| format!("no count in {field}: {value}"))
            }
        }
    }

    pub(crate) fn end(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("more fields: {:?}", self.0)) }
    }
}
