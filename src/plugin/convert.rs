//! Between the host's plain data and ours.

use crate::raw::wide;
use crate::{OwnedValue, SpanHandle, SpanId, SpanKind, Status, TraceId, Value};
use bext_plugin_api::tracer::{self as host, AttrValue, SpanStatus};

impl From<host::SpanHandle> for SpanHandle {
    #[inline]
    fn from(handle: host::SpanHandle) -> Self {
        Self { trace_id: TraceId::from_bytes(handle.trace_id), span_id: SpanId::from_bytes(handle.span_id) }
    }
}

impl From<SpanHandle> for host::SpanHandle {
    #[inline]
    fn from(handle: SpanHandle) -> Self {
        let trace_id = handle.trace_id.to_u128();
        let trace_id = wide::le_bytes(((trace_id >> 64) as u64).swap_bytes(), (trace_id as u64).swap_bytes());
        Self { trace_id, span_id: handle.span_id.to_bytes() }
    }
}

impl From<host::SpanKind> for SpanKind {
    #[inline]
    fn from(kind: host::SpanKind) -> Self {
        match kind {
            host::SpanKind::Internal => SpanKind::Internal,
            host::SpanKind::Server => SpanKind::Server,
            host::SpanKind::Client => SpanKind::Client,
            host::SpanKind::Producer => SpanKind::Producer,
            host::SpanKind::Consumer => SpanKind::Consumer,
        }
    }
}

impl<'a> From<&'a AttrValue> for Value<'a> {
    #[inline]
    fn from(value: &'a AttrValue) -> Self {
        match value {
            AttrValue::String(value) => Value::Str(value),
            AttrValue::Bool(value) => Value::Bool(*value),
            AttrValue::I64(value) => Value::I64(*value),
            AttrValue::F64(value) => Value::F64(*value),
            AttrValue::StringArray(values) => Value::StringArray(values),
            AttrValue::BoolArray(values) => Value::BoolArray(values),
            AttrValue::I64Array(values) => Value::I64Array(values),
            AttrValue::F64Array(values) => Value::F64Array(values),
        }
    }
}

impl From<AttrValue> for OwnedValue {
    fn from(value: AttrValue) -> Self {
        match value {
            AttrValue::String(value) => OwnedValue::Str(value),
            AttrValue::Bool(value) => OwnedValue::Bool(value),
            AttrValue::I64(value) => OwnedValue::I64(value),
            AttrValue::F64(value) => OwnedValue::F64(value),
            AttrValue::StringArray(values) => OwnedValue::StrArray(values),
            AttrValue::BoolArray(values) => OwnedValue::BoolArray(values),
            AttrValue::I64Array(values) => OwnedValue::I64Array(values),
            AttrValue::F64Array(values) => OwnedValue::F64Array(values),
        }
    }
}

impl<'a> From<&'a SpanStatus> for Status<'a> {
    #[inline]
    fn from(status: &'a SpanStatus) -> Self {
        match status {
            SpanStatus::Unset => Status::Unset,
            SpanStatus::Ok => Status::Ok,
            SpanStatus::Error { description } => Status::error(description),
        }
    }
}
