//! Spans, their events and their links.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::value::{Fixed64, Id, Sequence, attributes, number, text};
use crate::StatusCode;
use crate::batch::{EventView, LinkView, SpanView};

pub(super) struct Span<'a>(pub(super) SpanView<'a>);

impl Serialize for Span<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = &self.0;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("traceId", &Id(span.trace_id()))?;
        fields.serialize_entry("spanId", &Id(span.span_id()))?;
        text(&mut fields, "traceState", span.trace_state())?;
        if let Some(parent) = span.parent_span_id() {
            fields.serialize_entry("parentSpanId", &Id(parent))?;
        }
        number(&mut fields, "flags", span.flags())?;
        fields.serialize_entry("name", span.name())?;
        fields.serialize_entry("kind", &(span.kind() as u8))?;
        fields.serialize_entry("startTimeUnixNano", &Fixed64(span.start_unix_nanos()))?;
        fields.serialize_entry("endTimeUnixNano", &Fixed64(span.end_unix_nanos()))?;
        attributes(&mut fields, span.attributes())?;
        number(&mut fields, "droppedAttributesCount", span.dropped_attributes_count())?;
        if span.events().len() > 0 {
            fields.serialize_entry("events", &Sequence(|| span.events().map(Event)))?;
        }
        number(&mut fields, "droppedEventsCount", span.dropped_events_count())?;
        if span.links().len() > 0 {
            fields.serialize_entry("links", &Sequence(|| span.links().map(Link)))?;
        }
        number(&mut fields, "droppedLinksCount", span.dropped_links_count())?;
        let (code, message) = span.status();
        if code != StatusCode::Unset || !message.is_empty() {
            fields.serialize_entry("status", &Status { code, message })?;
        }
        fields.end()
    }
}

struct Status<'a> {
    code: StatusCode,
    message: &'a str,
}

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        text(&mut fields, "message", self.message)?;
        number(&mut fields, "code", self.code as u32)?;
        fields.end()
    }
}

struct Event<'a>(EventView<'a>);

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = &self.0;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("timeUnixNano", &Fixed64(event.time_unix_nanos()))?;
        fields.serialize_entry("name", event.name())?;
        attributes(&mut fields, event.attributes())?;
        number(&mut fields, "droppedAttributesCount", event.dropped_attributes_count())?;
        fields.end()
    }
}

struct Link<'a>(LinkView<'a>);

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = &self.0;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("traceId", &Id(link.trace_id()))?;
        fields.serialize_entry("spanId", &Id(link.span_id()))?;
        text(&mut fields, "traceState", link.trace_state())?;
        attributes(&mut fields, link.attributes())?;
        number(&mut fields, "droppedAttributesCount", link.dropped_attributes_count())?;
        number(&mut fields, "flags", link.flags())?;
        fields.end()
    }
}
