//! Making a batch.

use std::fmt;

use flatbuffers::FlatBufferBuilder;

use super::encode::{Encoded, encode};
use super::generated::nanospan as schema;
use super::generated::nanospan::ValueType;
use super::intern::TextStore;
use super::table::MAX_BATCH_BYTES;
use super::{Batch, BatchError, FORMAT_MAJOR, FORMAT_MINOR};
use crate::{OwnedValue, SpanKind, StatusCode, Text, Value};

/// Upper bound of the bytes of a batch that do not depend on what is in it: the root offset and the
/// identifier, the table and its vtable, and for each vector its length and padding.
const FIXED_BYTES: usize = 320;

/// Buffers of recycled batches that are kept for the next ones.
const SPARE_BUFFERS: usize = 4;

/// Memory that a vector or a spare buffer keeps from one batch to the next, in bytes. An unusually
/// large batch gives back what it needed beyond that.
pub(super) const KEPT_BYTES: usize = 4 << 20;

/// What is known of a span when it is added to a batch.
#[derive(Debug, Clone, Copy)]
pub struct SpanHead<'a> {
    /// The trace id as a big-endian number: its first byte on the wire is the most significant one.
    pub trace_id: u128,
    /// The span id as a big-endian number.
    pub span_id: u64,
    /// The parent's span id as a big-endian number; 0 for a root.
    pub parent_span_id: u64,
    /// When the span began, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// When the span ended, in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// What the span is called.
    pub name: Text<'a>,
    /// The span's role.
    pub kind: SpanKind,
    /// OTLP's `Span.flags`.
    pub flags: u32,
}

/// What is known of a link when it is added to a batch.
#[derive(Debug, Clone, Copy)]
pub struct LinkHead<'a> {
    /// The trace id of the span that is referred to, as a big-endian number.
    pub trace_id: u128,
    /// The span id of the span that is referred to, as a big-endian number.
    pub span_id: u64,
    /// OTLP's `Link.flags`.
    pub flags: u32,
    /// The W3C `tracestate` of the span that is referred to; empty if there is none.
    pub trace_state: &'a str,
}

/// What [`BatchBuilder::attribute`] adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Span,
    Event,
    Link,
}

/// Where [`BatchBuilder::set_word`] put an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set {
    /// For [`BatchBuilder::set_value`].
    pub(crate) at: usize,
    /// Whether the key was not there before.
    pub(crate) is_new: bool,
}

/// Makes batches, one after another, out of spans that are streamed into it.
///
/// A span is opened with [`begin_span`](Self::begin_span), described by the calls that follow, and
/// closed with [`end_span`](Self::end_span). Calls that describe a span are ignored while none is
/// open. Once enough spans are in, [`finish`](Self::finish) makes the batch and leaves the builder
/// empty for the next one.
///
/// Memory is reused: with finished batches handed back through [`recycle`](Self::recycle), a span
/// costs no allocation, and a batch a handful of small ones.
///
/// ```
/// use nanospan::batch::{BatchBuilder, SpanHead};
/// use nanospan::{SpanKind, Value};
///
/// let mut builder = BatchBuilder::new(&[("service.name".into(), "checkout".into())], 7);
/// builder.begin_span(&SpanHead {
///     trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
///     span_id: 0x00f0_67aa_0ba9_02b7,
///     parent_span_id: 0,
///     start_unix_nanos: 1_700_000_000_000_000_000,
///     end_unix_nanos: 1_700_000_000_000_250_000,
///     name: "GET /cart".into(),
///     kind: SpanKind::Server,
///     flags: 0x01,
/// });
/// builder.attribute("http.response.status_code".into(), &Value::I64(200));
/// builder.end_span();
/// let batch = builder.finish(0, 1_700_000_000_001_000_000)?;
///
/// let span = batch.view().span(0).expect("one span was added");
/// assert_eq!(span.name(), "GET /cart");
/// assert_eq!(span.attributes().count(), 1);
/// # Ok::<(), nanospan::batch::BatchError>(())
/// ```
pub struct BatchBuilder {
    instance_id: u64,
    texts: TextStore,
    scope_name: u32,
    scope_version: u32,
    resource: Vec<schema::Attribute>,
    /// How many elements belong to the resource, and stay from batch to batch.
    resource_elements: usize,
    elements: Vec<u64>,
    spans: Vec<schema::Span>,
    attributes: Vec<schema::Attribute>,
    /// Where the attributes of the span that was begun last start.
    first_attribute: usize,
    events: Vec<schema::Event>,
    event_attributes: Vec<schema::Attribute>,
    links: Vec<schema::Link>,
    link_attributes: Vec<schema::Attribute>,
    open: Open,
    /// The size above which [`finish`](Self::finish) refuses, in bytes.
    limit: usize,
    spares: Vec<Vec<u8>>,
}

impl BatchBuilder {
    /// A builder for the batches of the tracer `instance_id`, whose spans are made by `resource`.
    #[must_use]
    pub fn new(resource: &[(String, OwnedValue)], instance_id: u64) -> Self {
        let mut texts = TextStore::new();
        let scope_name = texts.append(env!("CARGO_PKG_NAME"));
        let scope_version = texts.append(env!("CARGO_PKG_VERSION"));
        let mut elements = Vec::new();
        let mut attributes = Vec::with_capacity(resource.len());
        for (key, value) in resource {
            let key = texts.append(key);
            let value = encode(&mut texts, &mut elements, &value.as_value());
            push_attribute(&mut attributes, key, value);
        }
        texts.keep();
        Self {
            instance_id,
            texts,
            scope_name,
            scope_version,
            resource: attributes,
            resource_elements: elements.len(),
            elements,
            spans: Vec::new(),
            attributes: Vec::new(),
            first_attribute: 0,
            events: Vec::new(),
            event_attributes: Vec::new(),
            links: Vec::new(),
            link_attributes: Vec::new(),
            open: Open::Nothing,
            limit: MAX_BATCH_BYTES,
            spares: Vec::with_capacity(SPARE_BUFFERS),
        }
    }

    /// Opens a span, and closes the one that is open.
    #[inline]
    pub fn begin_span(&mut self, head: &SpanHead<'_>) {
        self.end_span();
        self.begin_attributes();
        self.open_span(head);
    }

    /// Begins the attributes of a span that is opened afterwards, or pushed. None may be open.
    #[inline]
    pub(crate) fn begin_attributes(&mut self) {
        debug_assert_eq!(self.open, Open::Nothing);
        self.first_attribute = self.attributes.len();
    }

    /// Opens a span whose attributes were begun before.
    #[inline]
    pub(crate) fn open_span(&mut self, head: &SpanHead<'_>) {
        self.push_span(head);
        self.open = Open::Span;
    }

    /// Adds a span that has its attributes, and nothing else.
    #[inline(always)]
    pub(crate) fn push_span(&mut self, head: &SpanHead<'_>) {
        let name = self.texts.intern(head.name);
        let pair = |low: u32, high: u32| (u64::from(low) | u64::from(high) << 32).to_le_bytes();
        // In the order of the schema, whole words, for which the compiler needs no more than a store each.
        let words: [[u8; 8]; 12] = [
            ((head.trace_id >> 64) as u64).to_be_bytes(),
            (head.trace_id as u64).to_be_bytes(),
            head.span_id.to_be_bytes(),
            head.parent_span_id.to_be_bytes(),
            head.start_unix_nanos.to_le_bytes(),
            head.end_unix_nanos.to_le_bytes(),
            // Name and trace state.
            pair(name, 0),
            // Status message and flags.
            pair(0, head.flags),
            // Where the span's attributes, events and links end.
            pair(self.attributes.len() as u32, self.events.len() as u32),
            pair(self.links.len() as u32, 0),
            // What was dropped besides attributes.
            pair(0, 0),
            // Kind and status.
            u64::from(head.kind as u8).to_le_bytes(),
        ];
        let index = self.spans.len();
        self.spans.push(schema::Span::default());
        for (bytes, word) in self.spans[index].0.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word);
        }
    }

    /// Gives the open span another name.
    pub(crate) fn name(&mut self, name: Text<'_>) {
        if let Some(index) = self.opened() {
            let name = self.texts.intern(name);
            self.spans[index].set_name(name);
        }
    }

    /// Gives the open span other times.
    pub(crate) fn times(&mut self, start_unix_nanos: u64, end_unix_nanos: u64) {
        if let Some(index) = self.opened() {
            self.spans[index].set_start_unix_nanos(start_unix_nanos);
            self.spans[index].set_end_unix_nanos(end_unix_nanos);
        }
    }

    /// How many attributes more the span, before any event or link of it, may have if it may have `max`.
    #[inline]
    pub(crate) fn room_for_attributes(&self, max: usize) -> usize {
        max.saturating_sub(self.attributes.len() - self.first_attribute)
    }

    /// Gives the span whose attributes were begun, and which has room, an attribute or, where the key is
    /// there already, another value: a number by its bits, a string by its [index](Self::literal). `keys` is what earlier calls for the
    /// span made of it, 0 before the first attribute.
    #[inline(always)]
    pub(crate) fn set_short(&mut self, key: &'static str, value_type: ValueType, word: u64, keys: &mut u64) {
        let value = Encoded { value_type, word };
        if let Some(index) = self.texts.find_literal(key) {
            // One bit for each key: if it is not set, the key is not there.
            let bit = 1 << (index % u64::BITS);
            if *keys & bit == 0 {
                *keys |= bit;
                push_attribute(&mut self.attributes, index, value);
                return;
            }
        }
        self.set_unusual(key, value, keys);
    }

    /// The same for a key that was not met before, or may stand in the span already.
    #[cold]
    #[inline(never)]
    fn set_unusual(&mut self, key: &'static str, value: Encoded, keys: &mut u64) {
        *keys |= 1 << (self.texts.intern_literal(key) % u64::BITS);
        self.set_by_content(Text::Static(key), value, usize::MAX);
    }

    /// Gives the span an attribute or, where the key is there already, another value. `None` when the span has `max` others.
    pub(crate) fn set_word(
        &mut self,
        key: Text<'_>,
        value_type: ValueType,
        word: u64,
        max: usize,
    ) -> Option<Set> {
        debug_assert_eq!(self.open, Open::Span);
        let value = Encoded { value_type, word };
        if self.room_for_attributes(max) == 0 || !self.texts.is_exact() {
            return self.set_by_content(key, value, max);
        }
        let key = self.texts.intern(key);
        let own = self.attributes.get(self.first_attribute..).unwrap_or_default();
        match own.iter().position(|attribute| attribute.key() == key) {
            Some(at) => Some(self.replace(self.first_attribute + at, value)),
            None => {
                push_attribute(&mut self.attributes, key, value);
                Some(Set { at: self.attributes.len() - 1, is_new: true })
            }
        }
    }

    /// The index of a static string.
    #[inline(always)]
    pub(crate) fn literal(&mut self, text: &'static str) -> u32 {
        self.texts.intern_literal(text)
    }

    /// The same for a key that may be one that does not get into the batch, or stand in it twice.
    #[cold]
    fn set_by_content(&mut self, key: Text<'_>, value: Encoded, max: usize) -> Option<Set> {
        let own = self.attributes.get(self.first_attribute..).unwrap_or_default();
        let text = key.as_str().as_bytes();
        if let Some(at) = own.iter().position(|attribute| self.texts.get(attribute.key()) == Some(text)) {
            return Some(self.replace(self.first_attribute + at, value));
        }
        if own.len() >= max {
            return None;
        }
        let key = self.texts.intern(key);
        push_attribute(&mut self.attributes, key, value);
        Some(Set { at: self.attributes.len() - 1, is_new: true })
    }

    #[cold]
    fn replace(&mut self, at: usize, value: Encoded) -> Set {
        if let Some(attribute) = self.attributes.get_mut(at) {
            attribute.set_value(value.word);
            attribute.set_type_(value.value_type);
        }
        Set { at, is_new: false }
    }

    /// Gives an attribute of the span another value.
    pub(crate) fn set_value(&mut self, at: usize, value: &Value<'_>) {
        let value = encode(&mut self.texts, &mut self.elements, value);
        self.replace(at, value);
    }

    /// Adds an attribute to what was opened last: the span, an event of it or a link of it.
    ///
    /// Keys are not compared: who calls sees to it that a key occurs once.
    #[inline]
    pub fn attribute(&mut self, key: Text<'_>, value: &Value<'_>) {
        if self.open == Open::Nothing {
            return;
        }
        let key = self.texts.intern(key);
        let value = encode(&mut self.texts, &mut self.elements, value);
        match self.open {
            Open::Nothing => {}
            Open::Span => push_attribute(&mut self.attributes, key, value),
            Open::Event => {
                push_attribute(&mut self.event_attributes, key, value);
                if let Some(event) = self.events.last_mut() {
                    event.set_attributes_end(self.event_attributes.len() as u32);
                }
            }
            Open::Link => {
                push_attribute(&mut self.link_attributes, key, value);
                if let Some(link) = self.links.last_mut() {
                    link.set_attributes_end(self.link_attributes.len() as u32);
                }
            }
        }
    }

    /// Adds an event to the open span. Attributes that follow belong to it.
    pub fn begin_event(&mut self, name: Text<'_>, time_unix_nanos: u64) {
        if self.open == Open::Nothing {
            return;
        }
        let name = self.texts.intern(name);
        let attributes_end = self.event_attributes.len() as u32;
        self.events.push(schema::Event::new(time_unix_nanos, name, attributes_end, 0));
        self.open = Open::Event;
    }

    /// Adds a link to the open span. Attributes that follow belong to it.
    pub fn begin_link(&mut self, link: &LinkHead<'_>) {
        if self.open == Open::Nothing {
            return;
        }
        let trace_state = self.texts.intern(Text::Copied(link.trace_state));
        self.links.push(schema::Link::new(
            &link.trace_id.to_be_bytes(),
            &link.span_id.to_be_bytes(),
            trace_state,
            link.flags,
            self.link_attributes.len() as u32,
            0,
        ));
        self.open = Open::Link;
    }

    /// Says how many attributes of the event or link that was opened last had to be left out.
    pub fn item_dropped_attributes(&mut self, count: u32) {
        match self.open {
            Open::Nothing | Open::Span => {}
            Open::Event => {
                if let Some(event) = self.events.last_mut() {
                    event.set_dropped_attributes(count);
                }
            }
            Open::Link => {
                if let Some(link) = self.links.last_mut() {
                    link.set_dropped_attributes(count);
                }
            }
        }
    }

    /// Says how the open span's operation ended. `message` may be empty.
    pub fn status(&mut self, code: StatusCode, message: &str) {
        if let Some(index) = self.opened() {
            let message = self.texts.append(message);
            self.spans[index].set_status(schema::StatusCode(code as u8));
            self.spans[index].set_status_message(message);
        }
    }

    /// Gives the open span's W3C `tracestate`.
    pub fn trace_state(&mut self, trace_state: &str) {
        if let Some(index) = self.opened() {
            let trace_state = self.texts.intern(Text::Copied(trace_state));
            self.spans[index].set_trace_state(trace_state);
        }
    }

    /// Says how many attributes, events and links of the open span had to be left out.
    pub fn dropped(&mut self, attributes: u32, events: u32, links: u32) {
        if let Some(index) = self.opened() {
            let span = &mut self.spans[index];
            span.set_dropped_attributes(attributes);
            span.set_dropped_events(events);
            span.set_dropped_links(links);
        }
    }

    /// Closes the open span, if there is one.
    #[inline]
    pub fn end_span(&mut self) {
        if let Some(index) = self.opened() {
            let span = &mut self.spans[index];
            span.set_attributes_end(self.attributes.len() as u32);
            span.set_events_end(self.events.len() as u32);
            span.set_links_end(self.links.len() as u32);
            self.open = Open::Nothing;
        }
    }

    fn opened(&self) -> Option<usize> {
        match self.open {
            Open::Nothing => None,
            Open::Span | Open::Event | Open::Link => self.spans.len().checked_sub(1),
        }
    }

    /// Number of spans added since the last batch, an open one included.
    #[must_use]
    pub fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// Size of the batch if it were finished now, in bytes. The batch is never larger, and at most
    /// a few hundred bytes smaller. The size of an empty batch is counted in.
    #[must_use]
    #[inline]
    pub fn byte_len(&self) -> usize {
        let attributes = self.resource.len()
            + self.attributes.len()
            + self.event_attributes.len()
            + self.link_attributes.len();
        FIXED_BYTES
            + self.texts.text().len()
            + size_of_val(self.texts.ends())
            + size_of_val(&*self.elements)
            + size_of_val(&*self.spans)
            + attributes * size_of::<schema::Attribute>()
            + size_of_val(&*self.events)
            + size_of_val(&*self.links)
    }

    /// Closes the open span and makes a batch of all that was added since the last one.
    ///
    /// `sequence` is the batch's number among those of its tracer. The builder is empty afterwards,
    /// whatever the outcome.
    ///
    /// # Errors
    ///
    /// [`BatchError::TooLarge`] if the batch does not fit into the 2 GiB that FlatBuffers can
    /// address. Its spans are lost: a caller seals batches by [`byte_len`](Self::byte_len) long
    /// before that.
    pub fn finish(&mut self, sequence: u64, created_unix_nanos: u64) -> Result<Batch, BatchError> {
        self.end_span();
        let bytes = self.byte_len();
        let result = if bytes <= self.limit {
            Ok(self.assemble(bytes, sequence, created_unix_nanos))
        } else {
            Err(BatchError::TooLarge { bytes, limit: self.limit })
        };
        self.reset();
        result
    }

    /// Copies all vectors into one buffer of at most `bytes` bytes.
    ///
    /// The buffer is large enough from the start, so that FlatBuffers never grows it, which would
    /// copy it and could panic. It is wiped first, because padding is skipped and not written.
    fn assemble(&mut self, bytes: usize, sequence: u64, created_unix_nanos: u64) -> Batch {
        let mut buffer = self.spares.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(bytes.next_multiple_of(8), 0);
        let mut fbb = FlatBufferBuilder::from_vec(buffer);
        let args = schema::BatchArgs {
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            instance_id: self.instance_id,
            sequence,
            created_unix_nanos,
            scope_name: self.scope_name,
            scope_version: self.scope_version,
            text: Some(fbb.create_string(self.texts.text())),
            text_ends: Some(fbb.create_vector(self.texts.ends())),
            elements: Some(fbb.create_vector(&self.elements)),
            resource: Some(fbb.create_vector(&self.resource)),
            spans: Some(fbb.create_vector(&self.spans)),
            attributes: Some(fbb.create_vector(&self.attributes)),
            events: Some(fbb.create_vector(&self.events)),
            event_attributes: Some(fbb.create_vector(&self.event_attributes)),
            links: Some(fbb.create_vector(&self.links)),
            link_attributes: Some(fbb.create_vector(&self.link_attributes)),
        };
        let root = schema::Batch::create(&mut fbb, &args);
        schema::finish_batch_buffer(&mut fbb, root);
        let (buffer, start) = fbb.collapse();
        Batch::new(buffer, start, self.spans.len())
    }

    fn reset(&mut self) {
        self.texts.reset(KEPT_BYTES);
        self.elements.truncate(self.resource_elements);
        self.elements.shrink_to(KEPT_BYTES / size_of::<u64>());
        clear(&mut self.spans);
        clear(&mut self.attributes);
        clear(&mut self.events);
        clear(&mut self.event_attributes);
        clear(&mut self.links);
        clear(&mut self.link_attributes);
        self.open = Open::Nothing;
    }

    /// Takes back the memory of a batch that is no longer needed, from whichever builder it came.
    pub fn recycle(&mut self, batch: Batch) {
        let buffer = batch.into_buffer();
        if self.spares.len() < SPARE_BUFFERS && buffer.capacity() <= KEPT_BYTES {
            self.spares.push(buffer);
        }
    }
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("instance_id", &self.instance_id)
            .field("span_count", &self.span_count())
            .field("byte_len", &self.byte_len())
            .finish_non_exhaustive()
    }
}

/// Empties `vector` but keeps memory for the next batch.
pub(super) fn clear<T>(vector: &mut Vec<T>) {
    vector.clear();
    vector.shrink_to(KEPT_BYTES / size_of::<T>());
}

/// Adds an attribute to `attributes`.
#[inline]
pub(super) fn push_attribute(attributes: &mut Vec<schema::Attribute>, key: u32, value: Encoded) {
    // Two stores; field by field it would be six.
    let tail = u64::from(key) | u64::from(value.value_type.0) << 32;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&value.word.to_le_bytes());
    bytes[8..].copy_from_slice(&tail.to_le_bytes());
    attributes.push(schema::Attribute(bytes));
}

#[cfg(test)]
mod tests;
