//! Reading spans, events and links where they lie.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

use super::BatchView;
use super::attributes::Attributes;
use super::generated::nanospan as schema;
use super::table::{Column, Fixed};
use crate::{SpanKind, StatusCode};

/// The range that belongs to entry `index` of `owners`, of which `end_of` tells the end. It begins
/// where that of the entry before ended.
pub(super) fn range_of<T: Fixed>(
    owners: Column<'_, T>,
    index: usize,
    end_of: impl Fn(&T) -> u32,
) -> Range<usize> {
    let end = |index| owners.get(index).map_or(0, |owner: T| end_of(&owner) as usize);
    index.checked_sub(1).map_or(0, end)..end(index)
}

/// What stands first in a span's struct: 16 bytes of trace id, 8 of its own id, 8 of its parent's.
///
/// The generated accessors for these copy byte by byte.
#[cfg(feature = "otlp")]
#[inline(always)]
pub(crate) fn ids(raw: &schema::Span) -> [u8; 32] {
    let mut ids = [0; 32];
    ids.copy_from_slice(&raw.0[..32]);
    ids
}

/// A finished span, read from a batch.
#[derive(Clone, Copy)]
pub struct SpanView<'a> {
    batch: BatchView<'a>,
    index: usize,
    raw: schema::Span,
}

impl<'a> SpanView<'a> {
    #[inline]
    pub(super) fn new(batch: BatchView<'a>, index: usize) -> Option<Self> {
        let raw = batch.spans.get(index)?;
        Some(Self { batch, index, raw })
    }

    /// The trace that the span is a part of.
    #[must_use]
    #[inline]
    pub fn trace_id(&self) -> [u8; 16] {
        self.raw.trace_id().into()
    }

    /// The span's id.
    #[must_use]
    #[inline]
    pub fn span_id(&self) -> [u8; 8] {
        self.raw.span_id().into()
    }

    /// The parent's span id; `None` for a root. The parent need not be in the same batch.
    #[must_use]
    #[inline]
    pub fn parent_span_id(&self) -> Option<[u8; 8]> {
        let id: [u8; 8] = self.raw.parent_span_id().into();
        (id != [0; 8]).then_some(id)
    }

    /// What the span is called.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'a str {
        self.batch.store.texts.get(self.raw.name())
    }

    /// The span's role. A kind that this library does not know reads as [`SpanKind::Internal`].
    #[must_use]
    #[inline]
    pub fn kind(&self) -> SpanKind {
        match self.raw.kind() {
            schema::SpanKind::Server => SpanKind::Server,
            schema::SpanKind::Client => SpanKind::Client,
            schema::SpanKind::Producer => SpanKind::Producer,
            schema::SpanKind::Consumer => SpanKind::Consumer,
            _ => SpanKind::Internal,
        }
    }

    /// When the span began, in nanoseconds since the Unix epoch.
    #[must_use]
    #[inline]
    pub fn start_unix_nanos(&self) -> u64 {
        self.raw.start_unix_nanos()
    }

    /// When the span ended, in nanoseconds since the Unix epoch.
    #[must_use]
    #[inline]
    pub fn end_unix_nanos(&self) -> u64 {
        self.raw.end_unix_nanos()
    }

    /// OTLP's `Span.flags`: bits 0 to 7 are the W3C trace flags, `0x100` says that the next bit is
    /// meant, `0x200` that the parent is remote.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> u32 {
        self.raw.flags()
    }

    /// The W3C `tracestate`; empty if there is none.
    #[must_use]
    #[inline]
    pub fn trace_state(&self) -> &'a str {
        self.batch.store.texts.get(self.raw.trace_state())
    }

    /// How the operation ended, and its description; that is empty if none was given. A code that
    /// this library does not know reads as [`StatusCode::Unset`].
    #[must_use]
    #[inline]
    pub fn status(&self) -> (StatusCode, &'a str) {
        let code = match self.raw.status() {
            schema::StatusCode::Ok => StatusCode::Ok,
            schema::StatusCode::Error => StatusCode::Error,
            _ => StatusCode::Unset,
        };
        (code, self.batch.store.texts.get(self.raw.status_message()))
    }

    /// The span's attributes.
    #[must_use]
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        let range = range_of(self.batch.spans, self.index, schema::Span::attributes_end);
        Attributes::new(self.batch.store, self.batch.attributes.slice(range))
    }

    /// What happened during the span, in the order in which it was recorded.
    #[must_use]
    #[inline]
    pub fn events(&self) -> Events<'a> {
        Events { batch: self.batch, range: range_of(self.batch.spans, self.index, schema::Span::events_end) }
    }

    /// The other spans that the span refers to.
    #[must_use]
    #[inline]
    pub fn links(&self) -> Links<'a> {
        Links { batch: self.batch, range: range_of(self.batch.spans, self.index, schema::Span::links_end) }
    }

    /// How many attributes of the span are missing: left out by the producer, or of a type that
    /// this library does not know.
    #[must_use]
    #[inline]
    pub fn dropped_attributes_count(&self) -> u32 {
        let unknown = unknown(&self.batch, || self.attributes());
        self.raw.dropped_attributes().saturating_add(unknown)
    }

    /// How many events of the span the producer left out.
    #[must_use]
    #[inline]
    pub fn dropped_events_count(&self) -> u32 {
        self.raw.dropped_events()
    }

    /// How many links of the span the producer left out.
    #[must_use]
    #[inline]
    pub fn dropped_links_count(&self) -> u32 {
        self.raw.dropped_links()
    }
}

/// How many of `attributes` are of an unknown type. Only a batch that has such is searched.
fn unknown<'a>(batch: &BatchView<'_>, attributes: impl FnOnce() -> Attributes<'a>) -> u32 {
    if batch.unknown_values { attributes().unknown() } else { 0 }
}

impl fmt::Debug for SpanView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanView")
            .field("trace_id", &Hex(self.trace_id()))
            .field("span_id", &Hex(self.span_id()))
            .field("parent_span_id", &self.parent_span_id().map(Hex))
            .field("name", &self.name())
            .field("kind", &self.kind())
            .field("start_unix_nanos", &self.start_unix_nanos())
            .field("end_unix_nanos", &self.end_unix_nanos())
            .field("flags", &self.flags())
            .field("trace_state", &self.trace_state())
            .field("status", &self.status())
            .field("attributes", &self.attributes())
            .field("events", &self.events())
            .field("links", &self.links())
            .field("dropped_attributes_count", &self.dropped_attributes_count())
            .field("dropped_events_count", &self.dropped_events_count())
            .field("dropped_links_count", &self.dropped_links_count())
            .finish()
    }
}

/// Something that happened during a span.
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    batch: BatchView<'a>,
    index: usize,
    raw: schema::Event,
}

impl<'a> EventView<'a> {
    #[inline]
    fn new(batch: BatchView<'a>, index: usize) -> Option<Self> {
        let raw = batch.events.get(index)?;
        Some(Self { batch, index, raw })
    }

    /// What the event is called.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'a str {
        self.batch.store.texts.get(self.raw.name())
    }

    /// When it happened, in nanoseconds since the Unix epoch.
    #[must_use]
    #[inline]
    pub fn time_unix_nanos(&self) -> u64 {
        self.raw.time_unix_nanos()
    }

    /// The event's attributes.
    #[must_use]
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        let range = range_of(self.batch.events, self.index, schema::Event::attributes_end);
        Attributes::new(self.batch.store, self.batch.event_attributes.slice(range))
    }

    /// How many attributes of the event are missing: left out by the producer, or of a type that
    /// this library does not know.
    #[must_use]
    #[inline]
    pub fn dropped_attributes_count(&self) -> u32 {
        let unknown = unknown(&self.batch, || self.attributes());
        self.raw.dropped_attributes().saturating_add(unknown)
    }
}

impl fmt::Debug for EventView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventView")
            .field("name", &self.name())
            .field("time_unix_nanos", &self.time_unix_nanos())
            .field("attributes", &self.attributes())
            .field("dropped_attributes_count", &self.dropped_attributes_count())
            .finish()
    }
}

/// A reference from a span to another one.
#[derive(Clone, Copy)]
pub struct LinkView<'a> {
    batch: BatchView<'a>,
    index: usize,
    raw: schema::Link,
}

impl<'a> LinkView<'a> {
    #[inline]
    fn new(batch: BatchView<'a>, index: usize) -> Option<Self> {
        let raw = batch.links.get(index)?;
        Some(Self { batch, index, raw })
    }

    /// The trace of the span that is referred to.
    #[must_use]
    #[inline]
    pub fn trace_id(&self) -> [u8; 16] {
        self.raw.trace_id().into()
    }

    /// The span that is referred to.
    #[must_use]
    #[inline]
    pub fn span_id(&self) -> [u8; 8] {
        self.raw.span_id().into()
    }

    /// OTLP's `Link.flags`: the same bits as [`SpanView::flags`].
    #[must_use]
    #[inline]
    pub fn flags(&self) -> u32 {
        self.raw.flags()
    }

    /// The W3C `tracestate` of the span that is referred to; empty if there is none.
    #[must_use]
    #[inline]
    pub fn trace_state(&self) -> &'a str {
        self.batch.store.texts.get(self.raw.trace_state())
    }

    /// The link's attributes.
    #[must_use]
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        let range = range_of(self.batch.links, self.index, schema::Link::attributes_end);
        Attributes::new(self.batch.store, self.batch.link_attributes.slice(range))
    }

    /// How many attributes of the link are missing: left out by the producer, or of a type that
    /// this library does not know.
    #[must_use]
    #[inline]
    pub fn dropped_attributes_count(&self) -> u32 {
        let unknown = unknown(&self.batch, || self.attributes());
        self.raw.dropped_attributes().saturating_add(unknown)
    }
}

impl fmt::Debug for LinkView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkView")
            .field("trace_id", &Hex(self.trace_id()))
            .field("span_id", &Hex(self.span_id()))
            .field("flags", &self.flags())
            .field("trace_state", &self.trace_state())
            .field("attributes", &self.attributes())
            .field("dropped_attributes_count", &self.dropped_attributes_count())
            .finish()
    }
}

/// Shows an id as W3C Trace Context prints it.
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

macro_rules! entries {
    ($(#[$doc:meta])* $name:ident of $view:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<'a> {
            batch: BatchView<'a>,
            range: Range<usize>,
        }

        impl<'a> Iterator for $name<'a> {
            type Item = $view<'a>;

            #[inline]
            fn next(&mut self) -> Option<$view<'a>> {
                $view::new(self.batch, self.range.next()?)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.range.size_hint()
            }
        }

        impl ExactSizeIterator for $name<'_> {}

        impl FusedIterator for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    };
}

entries! {
    /// The spans of a batch.
    Spans of SpanView
}
entries! {
    /// The events of a span.
    Events of EventView
}
entries! {
    /// The links of a span.
    Links of LinkView
}

impl<'a> Spans<'a> {
    #[inline]
    pub(super) fn new(batch: BatchView<'a>) -> Self {
        Self { batch, range: 0..batch.spans.len() }
    }
}
