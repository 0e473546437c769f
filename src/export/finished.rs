//! Spans copied out of a batch.

use crate::batch::{Attributes, EventView, LinkView, SpanView};
use crate::{OwnedValue, SpanKind, StatusCode};

/// A finished span that outlives the batch it came from.
///
/// It can be made from nothing, too, by whoever reads spans back from where an exporter sent them:
///
/// ```
/// let mut span = nanospan::export::FinishedSpan::default();
/// span.name = "GET /cart".to_owned();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FinishedSpan {
    /// The trace that the span is a part of, big-endian.
    pub trace_id: [u8; 16],
    /// The span's id, big-endian.
    pub span_id: [u8; 8],
    /// The parent's span id; `None` for a root.
    pub parent_span_id: Option<[u8; 8]>,
    /// What the span is called.
    pub name: String,
    /// The span's role.
    pub kind: SpanKind,
    /// When the span began, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// When the span ended, in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// How the operation ended.
    pub status: StatusCode,
    /// The status's description; empty if none was given.
    pub status_message: String,
    /// OTLP's `Span.flags`: the W3C trace flags, and whether the parent is remote.
    pub flags: u32,
    /// The W3C `tracestate`; empty if there is none.
    pub trace_state: String,
    /// The attributes, in the order in which they were recorded.
    pub attributes: Vec<(String, OwnedValue)>,
    /// What happened during the span, in the order in which it was recorded.
    pub events: Vec<FinishedEvent>,
    /// The other spans that the span refers to.
    pub links: Vec<FinishedLink>,
    /// How many attributes are missing.
    pub dropped_attributes_count: u32,
    /// How many events are missing.
    pub dropped_events_count: u32,
    /// How many links are missing.
    pub dropped_links_count: u32,
}

impl FinishedSpan {
    /// The value of the attribute `key`, if the span has it.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&OwnedValue> {
        find(&self.attributes, key)
    }

    /// The first event called `name`, if the span has one.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&FinishedEvent> {
        self.events.iter().find(|event| event.name == name)
    }
}

impl From<SpanView<'_>> for FinishedSpan {
    fn from(span: SpanView<'_>) -> Self {
        let (status, status_message) = span.status();
        Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            parent_span_id: span.parent_span_id(),
            name: span.name().to_owned(),
            kind: span.kind(),
            start_unix_nanos: span.start_unix_nanos(),
            end_unix_nanos: span.end_unix_nanos(),
            status,
            status_message: status_message.to_owned(),
            flags: span.flags(),
            trace_state: span.trace_state().to_owned(),
            attributes: copied(span.attributes()),
            events: span.events().map(FinishedEvent::from).collect(),
            links: span.links().map(FinishedLink::from).collect(),
            dropped_attributes_count: span.dropped_attributes_count(),
            dropped_events_count: span.dropped_events_count(),
            dropped_links_count: span.dropped_links_count(),
        }
    }
}

/// Something that happened during a [`FinishedSpan`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FinishedEvent {
    /// What the event is called.
    pub name: String,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// The attributes, in the order in which they were recorded.
    pub attributes: Vec<(String, OwnedValue)>,
    /// How many attributes are missing.
    pub dropped_attributes_count: u32,
}

impl FinishedEvent {
    /// The value of the attribute `key`, if the event has it.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&OwnedValue> {
        find(&self.attributes, key)
    }
}

impl From<EventView<'_>> for FinishedEvent {
    fn from(event: EventView<'_>) -> Self {
        Self {
            name: event.name().to_owned(),
            time_unix_nanos: event.time_unix_nanos(),
            attributes: copied(event.attributes()),
            dropped_attributes_count: event.dropped_attributes_count(),
        }
    }
}

/// A reference from a [`FinishedSpan`] to another span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FinishedLink {
    /// The trace of the span that is referred to, big-endian.
    pub trace_id: [u8; 16],
    /// The span that is referred to, big-endian.
    pub span_id: [u8; 8],
    /// OTLP's `Link.flags`: the same bits as [`FinishedSpan::flags`].
    pub flags: u32,
    /// The W3C `tracestate` of the span that is referred to; empty if there is none.
    pub trace_state: String,
    /// The attributes, in the order in which they were recorded.
    pub attributes: Vec<(String, OwnedValue)>,
    /// How many attributes are missing.
    pub dropped_attributes_count: u32,
}

impl From<LinkView<'_>> for FinishedLink {
    fn from(link: LinkView<'_>) -> Self {
        Self {
            trace_id: link.trace_id(),
            span_id: link.span_id(),
            flags: link.flags(),
            trace_state: link.trace_state().to_owned(),
            attributes: copied(link.attributes()),
            dropped_attributes_count: link.dropped_attributes_count(),
        }
    }
}

fn copied(attributes: Attributes<'_>) -> Vec<(String, OwnedValue)> {
    attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn find<'a>(attributes: &'a [(String, OwnedValue)], key: &str) -> Option<&'a OwnedValue> {
    let found = attributes.iter().find(|(found, _)| found == key);
    found.map(|(_, value)| value)
}
