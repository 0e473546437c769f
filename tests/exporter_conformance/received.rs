//! What came over OTLP, read by OpenTelemetry's own types: what they refuse, or what has no place in a span
//! of ours, is a panic, and so the case's failure.

use nanospan::export::{FinishedEvent, FinishedLink, FinishedSpan};
use nanospan::{OwnedValue, SpanKind, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message;

/// The spans of a request in protobuf.
pub(crate) fn protobuf(request: &[u8]) -> Vec<FinishedSpan> {
    spans(ExportTraceServiceRequest::decode(request).expect("a request in protobuf"))
}

/// The spans of a request in JSON. Numbers in it must be finite: OpenTelemetry's types do not read the
/// strings that ProtoJSON has for others.
pub(crate) fn json(request: &[u8]) -> Vec<FinishedSpan> {
    spans(serde_json::from_slice(request).expect("a request in JSON"))
}

fn spans(request: ExportTraceServiceRequest) -> Vec<FinishedSpan> {
    let of_scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    of_scopes.flat_map(|scope| scope.spans).map(finished).collect()
}

fn finished(span: Span) -> FinishedSpan {
    let status = span.status.unwrap_or_default();
    let mut finished = FinishedSpan::default();
    finished.trace_id = id(span.trace_id);
    finished.span_id = id(span.span_id);
    finished.parent_span_id = (!span.parent_span_id.is_empty()).then(|| id(span.parent_span_id));
    finished.name = span.name;
    finished.kind = match span.kind {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        other => panic!("no kind: {other}"),
    };
    finished.start_unix_nanos = span.start_time_unix_nano;
    finished.end_unix_nanos = span.end_time_unix_nano;
    finished.status = match status.code {
        0 => StatusCode::Unset,
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        other => panic!("no status: {other}"),
    };
    finished.status_message = status.message;
    finished.flags = span.flags;
    finished.trace_state = span.trace_state;
    finished.attributes = attributes(span.attributes);
    finished.events = span.events.into_iter().map(event).collect();
    finished.links = span.links.into_iter().map(link).collect();
    finished.dropped_attributes_count = span.dropped_attributes_count;
    finished.dropped_events_count = span.dropped_events_count;
    finished.dropped_links_count = span.dropped_links_count;
    finished
}

fn event(event: Event) -> FinishedEvent {
    let mut finished = FinishedEvent::default();
    finished.name = event.name;
    finished.time_unix_nanos = event.time_unix_nano;
    finished.attributes = attributes(event.attributes);
    finished.dropped_attributes_count = event.dropped_attributes_count;
    finished
}

fn link(link: Link) -> FinishedLink {
    let mut finished = FinishedLink::default();
    finished.trace_id = id(link.trace_id);
    finished.span_id = id(link.span_id);
    finished.flags = link.flags;
    finished.trace_state = link.trace_state;
    finished.attributes = attributes(link.attributes);
    finished.dropped_attributes_count = link.dropped_attributes_count;
    finished
}

fn id<const N: usize>(bytes: Vec<u8>) -> [u8; N] {
    bytes.try_into().unwrap_or_else(|bytes: Vec<u8>| panic!("an id of {} bytes, not {N}", bytes.len()))
}

fn attributes(pairs: Vec<KeyValue>) -> Vec<(String, OwnedValue)> {
    pairs.into_iter().map(|pair| (pair.key, owned(content(pair.value)))).collect()
}

fn content(value: Option<AnyValue>) -> Value {
    value.and_then(|value| value.value).expect("a value")
}

fn owned(value: Value) -> OwnedValue {
    match value {
        Value::StringValue(text) => OwnedValue::Str(text),
        Value::BoolValue(value) => OwnedValue::Bool(value),
        Value::IntValue(value) => OwnedValue::I64(value),
        Value::DoubleValue(value) => OwnedValue::F64(value),
        Value::ArrayValue(array) => {
            list(array.values.into_iter().map(|value| content(Some(value))).collect())
        }
        other => panic!("no value of a span: {other:?}"),
    }
}

/// A list, of the type that its first value has; without one it has none, and is taken for one of texts.
fn list(values: Vec<Value>) -> OwnedValue {
    fn all<T>(values: Vec<Value>, of: fn(Value) -> Option<T>) -> Vec<T> {
        let all: Option<Vec<T>> = values.into_iter().map(of).collect();
        all.expect("a list whose values are of one type")
    }
    match values.first() {
        None | Some(Value::StringValue(_)) => OwnedValue::StrArray(all(values, |value| match value {
            Value::StringValue(text) => Some(text),
            _ => None,
        })),
        Some(Value::BoolValue(_)) => OwnedValue::BoolArray(all(values, |value| match value {
            Value::BoolValue(value) => Some(value),
            _ => None,
        })),
        Some(Value::IntValue(_)) => OwnedValue::I64Array(all(values, |value| match value {
            Value::IntValue(value) => Some(value),
            _ => None,
        })),
        Some(Value::DoubleValue(_)) => OwnedValue::F64Array(all(values, |value| match value {
            Value::DoubleValue(value) => Some(value),
            _ => None,
        })),
        Some(other) => panic!("no value of a list: {other:?}"),
    }
}
