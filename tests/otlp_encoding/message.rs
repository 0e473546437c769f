//! The message that OpenTelemetry's own types make of a batch.

use nanospan::OwnedValue;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use crate::support::{BatchModel, EventModel, LinkModel, Pairs, SpanModel};

/// The request with the spans of `model`.
pub(crate) fn request(model: &BatchModel) -> ExportTraceServiceRequest {
    if model.spans.is_empty() {
        return ExportTraceServiceRequest::default();
    }
    let scope_spans = ScopeSpans {
        scope: Some(InstrumentationScope {
            name: "nanospan".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        }),
        spans: model.spans.iter().map(span_of).collect(),
        schema_url: String::new(),
    };
    let resource = Resource { attributes: key_values(&model.resource), ..Default::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            schema_url: String::new(),
        }],
    }
}

fn span_of(model: &SpanModel) -> Span {
    let (code, message) = &model.status;
    let has_status = *code as i32 != 0 || !message.is_empty();
    let parent = match model.parent_span_id {
        0 => Vec::new(),
        parent => parent.to_be_bytes().to_vec(),
    };
    Span {
        trace_id: model.trace_id.to_be_bytes().to_vec(),
        span_id: model.span_id.to_be_bytes().to_vec(),
        trace_state: model.trace_state.clone(),
        parent_span_id: parent,
        flags: model.flags,
        name: model.name.clone(),
        kind: model.kind as i32,
        start_time_unix_nano: model.start_unix_nanos,
        end_time_unix_nano: model.end_unix_nanos,
        attributes: key_values(&model.attributes),
        dropped_attributes_count: model.dropped.0,
        events: model.events.iter().map(event_of).collect(),
        dropped_events_count: model.dropped.1,
        links: model.links.iter().map(link_of).collect(),
        dropped_links_count: model.dropped.2,
        status: has_status.then(|| Status { message: message.clone(), code: *code as i32 }),
    }
}

fn event_of(model: &EventModel) -> span::Event {
    span::Event {
        time_unix_nano: model.time_unix_nanos,
        name: model.name.clone(),
        attributes: key_values(&model.attributes),
        dropped_attributes_count: model.dropped_attributes,
    }
}

fn link_of(model: &LinkModel) -> span::Link {
    span::Link {
        trace_id: model.trace_id.to_be_bytes().to_vec(),
        span_id: model.span_id.to_be_bytes().to_vec(),
        trace_state: model.trace_state.clone(),
        attributes: key_values(&model.attributes),
        dropped_attributes_count: model.dropped_attributes,
        flags: model.flags,
    }
}

fn key_values(pairs: &Pairs) -> Vec<KeyValue> {
    let key_value = |(key, value): &(String, OwnedValue)| KeyValue {
        key: key.clone(),
        value: Some(any(value)),
        ..Default::default()
    };
    pairs.iter().map(key_value).collect()
}

pub(crate) fn any(value: &OwnedValue) -> AnyValue {
    let value = match value {
        OwnedValue::Str(text) => Value::StringValue(text.clone()),
        OwnedValue::Bool(flag) => Value::BoolValue(*flag),
        OwnedValue::I64(number) => Value::IntValue(*number),
        OwnedValue::F64(number) => Value::DoubleValue(*number),
        OwnedValue::StrArray(texts) => array(texts.iter().cloned().map(Value::StringValue)),
        OwnedValue::BoolArray(flags) => array(flags.iter().copied().map(Value::BoolValue)),
        OwnedValue::I64Array(numbers) => array(numbers.iter().copied().map(Value::IntValue)),
        OwnedValue::F64Array(numbers) => array(numbers.iter().copied().map(Value::DoubleValue)),
        other => panic!("a type without a counterpart: {other:?}"),
    };
    AnyValue { value: Some(value) }
}

fn array(values: impl Iterator<Item = Value>) -> Value {
    Value::ArrayValue(ArrayValue { values: values.map(|value| AnyValue { value: Some(value) }).collect() })
}
