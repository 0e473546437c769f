//! Spans as they reached a back-end.

use crate::export::{FinishedEvent, FinishedSpan};
use crate::{OwnedValue, StatusCode};
use bext_plugin_api::tracer::{AttrValue, SpanKind, SpanStatus};

/// A span as it reached a back-end, in the trait's own types.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delivered {
    /// The trace id, 16 bytes big-endian.
    pub trace_id: [u8; 16],
    /// The span's id, 8 bytes.
    pub span_id: [u8; 8],
    /// The parent's span id; `None` for a root.
    pub parent_span_id: Option<[u8; 8]>,
    /// What the span is called.
    pub name: String,
    /// The span's role.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// When it ended, in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// The attributes, in any order, as many as the back-end got.
    pub attributes: Vec<(String, AttrValue)>,
    /// The events, in the order in which the back-end got them.
    pub events: Vec<DeliveredEvent>,
    /// The status.
    pub status: SpanStatus,
}

/// An event of a [`Delivered`] span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeliveredEvent {
    /// What the event is called.
    pub name: String,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// The attributes, in any order.
    pub attributes: Vec<(String, AttrValue)>,
}

impl From<FinishedSpan> for Delivered {
    fn from(span: FinishedSpan) -> Self {
        Self {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            name: span.name,
            kind: kind(span.kind),
            start_unix_nanos: span.start_unix_nanos,
            end_unix_nanos: span.end_unix_nanos,
            attributes: attributes(span.attributes),
            events: span.events.into_iter().map(DeliveredEvent::from).collect(),
            status: match span.status {
                StatusCode::Unset => SpanStatus::Unset,
                StatusCode::Ok => SpanStatus::Ok,
                StatusCode::Error => SpanStatus::Error { description: span.status_message },
            },
        }
    }
}

impl From<FinishedEvent> for DeliveredEvent {
    fn from(event: FinishedEvent) -> Self {
        Self {
            name: event.name,
            time_unix_nanos: event.time_unix_nanos,
            attributes: attributes(event.attributes),
        }
    }
}

fn kind(kind: crate::SpanKind) -> SpanKind {
    match kind {
        crate::SpanKind::Internal => SpanKind::Internal,
        crate::SpanKind::Server => SpanKind::Server,
        crate::SpanKind::Client => SpanKind::Client,
        crate::SpanKind::Producer => SpanKind::Producer,
        crate::SpanKind::Consumer => SpanKind::Consumer,
    }
}

fn attributes(attributes: Vec<(String, OwnedValue)>) -> Vec<(String, AttrValue)> {
    attributes.into_iter().map(|(key, found)| (key, value(found))).collect()
}

fn value(value: OwnedValue) -> AttrValue {
    match value {
        OwnedValue::Str(value) => AttrValue::String(value),
        OwnedValue::Bool(value) => AttrValue::Bool(value),
        OwnedValue::I64(value) => AttrValue::I64(value),
        OwnedValue::F64(value) => AttrValue::F64(value),
        OwnedValue::StrArray(values) => AttrValue::StringArray(values),
        OwnedValue::BoolArray(values) => AttrValue::BoolArray(values),
        OwnedValue::I64Array(values) => AttrValue::I64Array(values),
        OwnedValue::F64Array(values) => AttrValue::F64Array(values),
    }
}
