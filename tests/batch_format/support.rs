//! Spans as plain values: written through the builder, read back from a view, and compared.

use nanospan::batch::segment::{frame_header, padding, segment_header};
use nanospan::batch::{
    Attributes, Batch, BatchBuilder, BatchView, EventView, LinkHead, LinkView, SpanHead, SpanView,
};
use nanospan::{OwnedValue, SpanKind, StatusCode, Text};

pub(crate) type Pairs = Vec<(String, OwnedValue)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpanModel {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) parent_span_id: u64,
    pub(crate) start_unix_nanos: u64,
    pub(crate) end_unix_nanos: u64,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) flags: u32,
    pub(crate) trace_state: String,
    pub(crate) status: (StatusCode, String),
    pub(crate) attributes: Pairs,
    pub(crate) events: Vec<EventModel>,
    pub(crate) links: Vec<LinkModel>,
    pub(crate) dropped: (u32, u32, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventModel {
    pub(crate) name: String,
    pub(crate) time_unix_nanos: u64,
    pub(crate) attributes: Pairs,
    pub(crate) dropped_attributes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkModel {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) flags: u32,
    pub(crate) trace_state: String,
    pub(crate) attributes: Pairs,
    pub(crate) dropped_attributes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchModel {
    pub(crate) instance_id: u64,
    pub(crate) sequence: u64,
    pub(crate) created_unix_nanos: u64,
    pub(crate) resource: Pairs,
    pub(crate) spans: Vec<SpanModel>,
}

/// A span without anything that is optional.
pub(crate) fn plain_span(span_id: u64, name: &str) -> SpanModel {
    SpanModel {
        trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
        span_id,
        parent_span_id: 0,
        start_unix_nanos: 1_700_000_000_000_000_000,
        end_unix_nanos: 1_700_000_000_000_250_000,
        name: name.to_owned(),
        kind: SpanKind::Internal,
        flags: 0,
        trace_state: String::new(),
        status: (StatusCode::Unset, String::new()),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        dropped: (0, 0, 0),
    }
}

/// A batch of `spans` without anything that is optional.
pub(crate) fn plain_batch(sequence: u64, spans: Vec<SpanModel>) -> BatchModel {
    BatchModel {
        instance_id: 7,
        sequence,
        created_unix_nanos: 1_700_000_000_001_000_000,
        resource: Vec::new(),
        spans,
    }
}

fn add_attributes(builder: &mut BatchBuilder, attributes: &Pairs) {
    for (key, value) in attributes {
        builder.attribute(Text::Copied(key), &value.as_value());
    }
}

impl SpanModel {
    pub(crate) fn add_to(&self, builder: &mut BatchBuilder) {
        builder.begin_span(&SpanHead {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            start_unix_nanos: self.start_unix_nanos,
            end_unix_nanos: self.end_unix_nanos,
            name: Text::Copied(&self.name),
            kind: self.kind,
            flags: self.flags,
        });
        builder.trace_state(&self.trace_state);
        builder.status(self.status.0, &self.status.1);
        add_attributes(builder, &self.attributes);
        for event in &self.events {
            builder.begin_event(Text::Copied(&event.name), event.time_unix_nanos);
            add_attributes(builder, &event.attributes);
            builder.item_dropped_attributes(event.dropped_attributes);
        }
        for link in &self.links {
            builder.begin_link(&LinkHead {
                trace_id: link.trace_id,
                span_id: link.span_id,
                flags: link.flags,
                trace_state: &link.trace_state,
            });
            add_attributes(builder, &link.attributes);
            builder.item_dropped_attributes(link.dropped_attributes);
        }
        builder.dropped(self.dropped.0, self.dropped.1, self.dropped.2);
        builder.end_span();
    }

    pub(crate) fn read(span: &SpanView<'_>) -> Self {
        let (code, message) = span.status();
        Self {
            trace_id: u128::from_be_bytes(span.trace_id()),
            span_id: u64::from_be_bytes(span.span_id()),
            parent_span_id: span.parent_span_id().map_or(0, u64::from_be_bytes),
            start_unix_nanos: span.start_unix_nanos(),
            end_unix_nanos: span.end_unix_nanos(),
            name: span.name().to_owned(),
            kind: span.kind(),
            flags: span.flags(),
            trace_state: span.trace_state().to_owned(),
            status: (code, message.to_owned()),
            attributes: pairs(span.attributes()),
            events: span.events().map(|event| EventModel::read(&event)).collect(),
            links: span.links().map(|link| LinkModel::read(&link)).collect(),
            dropped: (
                span.dropped_attributes_count(),
                span.dropped_events_count(),
                span.dropped_links_count(),
            ),
        }
    }
}

impl EventModel {
    fn read(event: &EventView<'_>) -> Self {
        Self {
            name: event.name().to_owned(),
            time_unix_nanos: event.time_unix_nanos(),
            attributes: pairs(event.attributes()),
            dropped_attributes: event.dropped_attributes_count(),
        }
    }
}

impl LinkModel {
    fn read(link: &LinkView<'_>) -> Self {
        Self {
            trace_id: u128::from_be_bytes(link.trace_id()),
            span_id: u64::from_be_bytes(link.span_id()),
            flags: link.flags(),
            trace_state: link.trace_state().to_owned(),
            attributes: pairs(link.attributes()),
            dropped_attributes: link.dropped_attributes_count(),
        }
    }
}

impl BatchModel {
    pub(crate) fn write(&self) -> Batch {
        let mut builder = BatchBuilder::new(&self.resource, self.instance_id);
        for span in &self.spans {
            span.add_to(&mut builder);
        }
        builder.finish(self.sequence, self.created_unix_nanos).expect("the batch is small")
    }

    pub(crate) fn read(batch: &BatchView<'_>) -> Self {
        Self {
            instance_id: batch.instance_id(),
            sequence: batch.sequence(),
            created_unix_nanos: batch.created_unix_nanos(),
            resource: pairs(batch.resource()),
            spans: batch.spans().map(|span| SpanModel::read(&span)).collect(),
        }
    }
}

fn pairs(attributes: Attributes<'_>) -> Pairs {
    attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A frame around `payload`, padding included.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    [&frame_header(payload), payload, padding(payload.len())].concat()
}

/// A segment of `batches`.
pub(crate) fn segment<'a>(batches: impl IntoIterator<Item = &'a BatchModel>) -> Vec<u8> {
    let mut bytes = segment_header(1_700_000_000_000_000_000).to_vec();
    for batch in batches {
        bytes.extend(frame(batch.write().as_bytes()));
    }
    bytes
}
