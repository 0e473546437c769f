//! Reads what `StdoutTracer` writes as JSON Lines back into plain data.
//!
//! Strict: each field must be there, of the documented form, and no other.
#![allow(dead_code, reason = "no test binary uses all of it")]

use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanHandle, SpanKind, SpanStatus};
use serde_json::{Map, Value};

/// A span as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonSpan {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_span_id: Option<[u8; 8]>,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) start_unix_nanos: u64,
    pub(crate) end_unix_nanos: u64,
    pub(crate) status: SpanStatus,
    pub(crate) attributes: Vec<(String, AttrValue)>,
    pub(crate) events: Vec<JsonEvent>,
}

/// An event as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonEvent {
    pub(crate) time_unix_nanos: u64,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, AttrValue)>,
}

impl JsonSpan {
    pub(crate) fn handle(&self) -> SpanHandle {
        SpanHandle { trace_id: self.trace_id, span_id: self.span_id }
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<&AttrValue> {
        self.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

/// Reads any number of lines, each of which must end in a line feed.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<JsonSpan>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut spans = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let span = match line.strip_suffix('\n') {
            Some(line) => parse_line(line),
            None => Err("the line does not end".to_owned()),
        };
        spans.push(span.map_err(|error| format!("line {}: {error}: {line:?}", index + 1))?);
    }
    Ok(spans)
}

/// Reads one line, without its line feed.
pub(crate) fn parse_line(line: &str) -> Result<JsonSpan, String> {
    let mut fields = Fields::of(serde_json::from_str(line).map_err(|error| error.to_string())?)?;
    let span = JsonSpan {
        trace_id: hex(&fields.text("trace_id")?)?,
        span_id: hex(&fields.text("span_id")?)?,
        parent_span_id: match fields.0.remove("parent_span_id") {
            Some(id) => Some(hex(&text(id)?)?),
            None => None,
        },
        name: fields.text("name")?,
        kind: match fields.text("kind")?.as_str() {
            "internal" => SpanKind::Internal,
            "server" => SpanKind::Server,
            "client" => SpanKind::Client,
            "producer" => SpanKind::Producer,
            "consumer" => SpanKind::Consumer,
            other => return Err(format!("no kind: {other:?}")),
        },
        start_unix_nanos: number(&fields.text("start_time_unix_nano")?)?,
        end_unix_nanos: number(&fields.text("end_time_unix_nano")?)?,
        status: status(fields.take("status")?)?,
        attributes: attributes(fields.take("attributes")?)?,
        events: list(fields.take("events")?, event)?,
    };
    fields.end()?;
    Ok(span)
}

fn status(value: Value) -> Result<SpanStatus, String> {
    let mut fields = Fields::of(value)?;
    let status = match fields.text("code")?.as_str() {
        "unset" => SpanStatus::Unset,
        "ok" => SpanStatus::Ok,
        "error" => SpanStatus::Error { description: fields.text("description")? },
        other => return Err(format!("no status code: {other:?}")),
    };
    fields.end()?;
    Ok(status)
}

fn event(value: Value) -> Result<JsonEvent, String> {
    let mut fields = Fields::of(value)?;
    let event = JsonEvent {
        time_unix_nanos: number(&fields.text("time_unix_nano")?)?,
        name: fields.text("name")?,
        attributes: attributes(fields.take("attributes")?)?,
    };
    fields.end()?;
    Ok(event)
}

fn attributes(value: Value) -> Result<Vec<(String, AttrValue)>, String> {
    list(value, |pair| {
        let mut fields = Fields::of(pair)?;
        let key = fields.text("key")?;
        let kind = fields.text("type")?;
        let value = fields.take("value")?;
        fields.end()?;
        let value = match kind.as_str() {
            "string" => AttrValue::String(text(value)?),
            "bool" => AttrValue::Bool(boolean(value)?),
            "int" => AttrValue::I64(int(value)?),
            "double" => AttrValue::F64(double(value)?),
            "string[]" => AttrValue::StringArray(list(value, text)?),
            "bool[]" => AttrValue::BoolArray(list(value, boolean)?),
            "int[]" => AttrValue::I64Array(list(value, int)?),
            "double[]" => AttrValue::F64Array(list(value, double)?),
            other => return Err(format!("no type: {other:?}")),
        };
        Ok((key, value))
    })
}

/// The fields of an object that were not read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(format!("no object: {other}")),
        }
    }

    fn take(&mut self, name: &str) -> Result<Value, String> {
        self.0.remove(name).ok_or_else(|| format!("{name:?} is missing"))
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        text(self.take(name)?)
    }

    fn end(self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("{name:?} is not expected")),
            None => Ok(()),
        }
    }
}

fn list<T>(value: Value, item: impl Fn(Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    match value {
        Value::Array(items) => items.into_iter().map(item).collect(),
        other => Err(format!("no array: {other}")),
    }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("no string: {other}")),
    }
}

fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("no bool: {value}"))
}

fn int(value: Value) -> Result<i64, String> {
    number(&text(value)?)
}

fn double(value: Value) -> Result<f64, String> {
    match &value {
        Value::Number(number) => number.as_f64().ok_or_else(|| format!("no double: {value}")),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(format!("no double: {value}")),
        },
        _ => Err(format!("no double: {value}")),
    }
}

/// A number in the only decimal form that is written.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Result<T, String> {
    let number: T = text.parse().map_err(|_| format!("no number: {text:?}"))?;
    if number.to_string() == text { Ok(number) } else { Err(format!("not as a number is written: {text:?}")) }
}

fn hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || format!("not {} lowercase hexadecimal digits: {text:?}", 2 * N);
    if text.len() != 2 * N || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(wrong());
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
