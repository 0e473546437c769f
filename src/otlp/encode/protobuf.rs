//! Batches in protobuf.

use std::ops::Range;

use super::fields::{
    any_value, array_value, event, key_value, link, request, resource, resource_spans, scope, scope_spans,
    span, status,
};
use super::wire::{Stored, Texts, Writer, field_len, varint_len};
use crate::batch::{BatchView, Column, ValueType, array_range, ids, schema};

/// Appends a request with those of `spans` that take at most `limit` bytes together, and gives their
/// number. The batch has all of them.
pub(super) fn request(batch: &BatchView<'_>, spans: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize {
    if spans.is_empty() {
        return 0;
    }
    let before = into.len();
    let mut encoder = Encoder {
        batch,
        texts: Texts { bytes: batch.store.texts.text.as_bytes(), ends: batch.store.texts.ends },
        out: Writer { into },
        widths: Widths { span: 2, event: 1, link: 1 },
    };
    let count = encoder.request(spans, limit);
    if count == 0 {
        into.truncate(before);
    }
    count
}

/// Bytes that a span is expected to take, for the widths of what they are in.
const USUAL_SPAN_BYTES: u64 = 160;

/// Bytes that the lengths of the last messages of each kind took: what is expected of the next one.
#[derive(Debug)]
struct Widths {
    span: usize,
    event: usize,
    link: usize,
}

struct Encoder<'a, 'v> {
    batch: &'a BatchView<'a>,
    texts: Texts<'a>,
    out: Writer<'v>,
    widths: Widths,
}

/// Where the attributes, events and links of the next span begin.
struct Begin {
    attributes: usize,
    events: usize,
    links: usize,
}

impl Begin {
    /// Of the span `index`: where the span before it ends.
    fn of(spans: Column<'_, schema::Span>, index: usize) -> Self {
        let before = index.checked_sub(1).and_then(|before| spans.get(before)).unwrap_or_default();
        Self::behind(&before)
    }

    #[inline(always)]
    fn behind(span: &schema::Span) -> Self {
        Self {
            attributes: span.attributes_end() as usize,
            events: span.events_end() as usize,
            links: span.links_end() as usize,
        }
    }
}

/// The `KeyValue` that a value belongs to: the tag of the field that it is, and its key.
struct KeyValue<'a> {
    tag: u8,
    key: Stored<'a>,
}

impl Encoder<'_, '_> {
    fn request(&mut self, spans: Range<usize>, limit: usize) -> usize {
        let width = varint_len(spans.len() as u64 * USUAL_SPAN_BYTES);
        let resource_spans = self.out.open(request::RESOURCE_SPANS, width);
        let before = self.out.into.len();
        self.resource();
        let resource_len = self.out.into.len() - before;
        let scope_spans = self.out.open(resource_spans::SCOPE_SPANS, width);
        let before = self.out.into.len();
        self.scope();
        let mut begin = Begin::of(self.batch.spans, spans.start);
        let mut count = 0;
        for span in self.batch.spans.slice(spans).iter() {
            let end = self.out.into.len();
            self.span(&span, &begin);
            // As it will be, whatever room there is now for the lengths of the two.
            let scope_spans_len = self.out.into.len() - before;
            if field_len(resource_len + field_len(scope_spans_len)) > limit {
                self.out.into.truncate(end);
                break;
            }
            begin = Begin::behind(&span);
            count += 1;
        }
        self.out.close(scope_spans);
        self.out.close(resource_spans);
        count
    }

    fn resource(&mut self) {
        let open = self.out.open(resource_spans::RESOURCE, 1);
        let unknown = self.attributes(resource::ATTRIBUTES, self.batch.resource);
        self.out.number(resource::DROPPED_ATTRIBUTES_COUNT, unknown);
        self.out.close(open);
    }

    fn scope(&mut self) {
        let open = self.out.open(scope_spans::SCOPE, 1);
        self.out.text(scope::NAME, self.texts.get(self.batch.scope_name));
        self.out.text(scope::VERSION, self.texts.get(self.batch.scope_version));
        self.out.close(open);
    }

    #[inline(always)]
    fn span(&mut self, raw: &schema::Span, begin: &Begin) {
        let open = self.out.open(scope_spans::SPANS, self.widths.span);
        let ids = ids(raw);
        let [trace_id, span_id, parent] = [&ids[..16], &ids[16..24], &ids[24..]];
        // What has a fixed size is put together first: one capacity check instead of many.
        let mut head = [0; 28];
        head[..2].copy_from_slice(&[span::TRACE_ID, 16]);
        head[2..18].copy_from_slice(trace_id);
        head[18..20].copy_from_slice(&[span::SPAN_ID, 8]);
        head[20..].copy_from_slice(span_id);
        self.out.put(head);
        self.out.text(span::TRACE_STATE, self.texts.get(raw.trace_state()));
        if parent != [0; 8] {
            let mut field = [span::PARENT_SPAN_ID, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            field[2..].copy_from_slice(parent);
            self.out.put(field);
        }
        self.out.text(span::NAME, self.texts.get(raw.name()));
        self.out.put([span::KIND, kind(raw.kind())]);
        self.time(span::START_TIME_UNIX_NANO, raw.start_unix_nanos());
        self.time(span::END_TIME_UNIX_NANO, raw.end_unix_nanos());

        let attributes = begin.attributes..raw.attributes_end() as usize;
        let unknown = self.attributes(span::ATTRIBUTES, self.batch.attributes.slice(attributes));
        self.out.number(span::DROPPED_ATTRIBUTES_COUNT, raw.dropped_attributes().saturating_add(unknown));
        let (events, links) =
            (begin.events..raw.events_end() as usize, begin.links..raw.links_end() as usize);
        if !events.is_empty() {
            self.events(events);
        }
        self.out.number(span::DROPPED_EVENTS_COUNT, raw.dropped_events());
        if !links.is_empty() {
            self.links(links);
        }
        self.out.number(span::DROPPED_LINKS_COUNT, raw.dropped_links());

        self.status(raw);
        if raw.flags() != 0 {
            self.out.put(span::FLAGS);
            self.out.put(raw.flags().to_le_bytes());
        }
        self.widths.span = self.out.close(open);
    }

    #[inline(always)]
    fn id<const N: usize>(&mut self, tag: u8, id: [u8; N]) {
        self.out.put([tag, N as u8]);
        self.out.put(id);
    }

    #[inline(always)]
    fn time(&mut self, tag: u8, unix_nanos: u64) {
        if unix_nanos != 0 {
            let mut field = [tag, 0, 0, 0, 0, 0, 0, 0, 0];
            field[1..].copy_from_slice(&unix_nanos.to_le_bytes());
            self.out.put(field);
        }
    }

    /// A status that says something.
    #[inline(always)]
    fn status(&mut self, raw: &schema::Span) {
        let code = code(raw.status());
        let message = self.texts.get(raw.status_message());
        if code == 0 && message.len() == 0 {
            return;
        }
        let code_len = if code == 0 { 0 } else { 2 };
        let message_len = if message.len() == 0 { 0 } else { field_len(message.len()) };
        self.out.head(span::STATUS, message_len + code_len);
        self.out.text(status::MESSAGE, message);
        if code != 0 {
            self.out.put([status::CODE, code]);
        }
    }

    #[inline(never)]
    fn events(&mut self, events: Range<usize>) {
        let before = events.start.checked_sub(1).and_then(|before| self.batch.events.get(before));
        let mut begin = before.map_or(0, |before| before.attributes_end() as usize);
        for raw in self.batch.events.slice(events).iter() {
            let open = self.out.open(span::EVENTS, self.widths.event);
            self.time(event::TIME_UNIX_NANO, raw.time_unix_nanos());
            self.out.text(event::NAME, self.texts.get(raw.name()));
            let end = raw.attributes_end() as usize;
            let attributes = self.batch.event_attributes.slice(begin..end);
            let unknown = self.attributes(event::ATTRIBUTES, attributes);
            let dropped = raw.dropped_attributes().saturating_add(unknown);
            self.out.number(event::DROPPED_ATTRIBUTES_COUNT, dropped);
            self.widths.event = self.out.close(open);
            begin = end;
        }
    }

    #[inline(never)]
    fn links(&mut self, links: Range<usize>) {
        let before = links.start.checked_sub(1).and_then(|before| self.batch.links.get(before));
        let mut begin = before.map_or(0, |before| before.attributes_end() as usize);
        for raw in self.batch.links.slice(links).iter() {
            let open = self.out.open(span::LINKS, self.widths.link);
            self.id(link::TRACE_ID, <[u8; 16]>::from(raw.trace_id()));
            self.id(link::SPAN_ID, <[u8; 8]>::from(raw.span_id()));
            self.out.text(link::TRACE_STATE, self.texts.get(raw.trace_state()));
            let end = raw.attributes_end() as usize;
            let attributes = self.batch.link_attributes.slice(begin..end);
            let unknown = self.attributes(link::ATTRIBUTES, attributes);
            let dropped = raw.dropped_attributes().saturating_add(unknown);
            self.out.number(link::DROPPED_ATTRIBUTES_COUNT, dropped);
            if raw.flags() != 0 {
                self.out.put([link::FLAGS]);
                self.out.put(raw.flags().to_le_bytes());
            }
            self.widths.link = self.out.close(open);
            begin = end;
        }
    }

    /// Attributes, and how many were left out because their type is not known.
    #[inline(always)]
    fn attributes(&mut self, tag: u8, attributes: Column<'_, schema::Attribute>) -> u32 {
        let mut unknown = 0;
        for attribute in attributes.iter() {
            let owner = KeyValue { tag, key: self.texts.get(attribute.key()) };
            let (value_type, value) = (attribute.type_(), attribute.value());
            if !self.scalar(Some(&owner), key_value::VALUE, value_type, value) {
                match element_type(value_type) {
                    Some(element_type) => self.array(&owner, element_type, array_range(value)),
                    None => unknown += 1,
                }
            }
        }
        unknown
    }

    /// The beginning of a `KeyValue`, of which the value takes `value_len` bytes.
    #[inline(always)]
    fn key(&mut self, owner: &KeyValue<'_>, value_len: usize) {
        let &KeyValue { tag, key } = owner;
        let key_len = if key.len() == 0 { 0 } else { field_len(key.len()) };
        let length = key_len + value_len;
        if length < 1 << 7 && key_len > 0 {
            self.out.put([tag, length as u8, key_value::KEY, key.len() as u8]);
            self.out.copy(key);
        } else {
            self.out.head(tag, length);
            self.out.text(key_value::KEY, key);
        }
    }

    /// An `AnyValue` that is no array, and in front of it the beginning of the `KeyValue` that it belongs
    /// to, if it belongs to one: that needs to know how long the value will be.
    ///
    /// Says whether the value is of such a type. Inside of `oneof` default values are not left out.
    #[inline(always)]
    fn scalar(&mut self, owner: Option<&KeyValue<'_>>, tag: u8, value_type: ValueType, value: u64) -> bool {
        match value_type {
            ValueType::String => {
                let text = self.texts.get(value as u32);
                let length = field_len(text.len());
                if let Some(owner) = owner {
                    self.key(owner, field_len(length));
                }
                if length < 1 << 7 {
                    self.out.put([tag, length as u8, any_value::STRING, text.len() as u8]);
                } else {
                    self.out.head(tag, length);
                    self.out.head(any_value::STRING, text.len());
                }
                self.out.copy(text);
            }
            ValueType::Bool => {
                if let Some(owner) = owner {
                    self.key(owner, 4);
                }
                self.out.put([tag, 2, any_value::BOOL, u8::from(value != 0)]);
            }
            ValueType::Int64 => {
                let length = 1 + varint_len(value);
                if let Some(owner) = owner {
                    self.key(owner, 2 + length);
                }
                self.out.put([tag, length as u8, any_value::INT]);
                self.out.varint(value);
            }
            ValueType::Float64 => {
                if let Some(owner) = owner {
                    self.key(owner, 11);
                }
                self.out.put([tag, 9, any_value::DOUBLE]);
                self.out.put(value.to_le_bytes());
            }
            _ => return false,
        }
        true
    }

    /// A `KeyValue` whose value is an array.
    #[cold]
    fn array(&mut self, owner: &KeyValue<'_>, element_type: ValueType, elements: Range<usize>) {
        let key_value = self.out.open(owner.tag, 1);
        self.out.text(key_value::KEY, owner.key);
        let any_value = self.out.open(key_value::VALUE, 1);
        let array_value = self.out.open(any_value::ARRAY, 1);
        for element in self.batch.store.elements.slice(elements).iter() {
            self.scalar(None, array_value::VALUES, element_type, element);
        }
        self.out.close(array_value);
        self.out.close(any_value);
        self.out.close(key_value);
    }
}

/// Of which type the elements of an array are; `None` if it is not known.
fn element_type(array: ValueType) -> Option<ValueType> {
    Some(match array {
        ValueType::StringArray => ValueType::String,
        ValueType::BoolArray => ValueType::Bool,
        ValueType::Int64Array => ValueType::Int64,
        ValueType::Float64Array => ValueType::Float64,
        _ => return None,
    })
}

/// OTLP's number of a kind. The batch's numbers are OTLP's; one that is not known is taken for internal.
#[inline(always)]
fn kind(kind: schema::SpanKind) -> u8 {
    match kind {
        schema::SpanKind::Server
        | schema::SpanKind::Client
        | schema::SpanKind::Producer
        | schema::SpanKind::Consumer => kind.0,
        _ => schema::SpanKind::Internal.0,
    }
}

/// OTLP's number of a status code. The batch's numbers are OTLP's; one that is not known is taken for unset.
#[inline(always)]
fn code(code: schema::StatusCode) -> u8 {
    match code {
        schema::StatusCode::Ok | schema::StatusCode::Error => code.0,
        _ => schema::StatusCode::Unset.0,
    }
}
