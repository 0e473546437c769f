//! Reading a batch where it lies.

use std::fmt;

use super::BatchError;
use super::attributes::{Attributes, Store, Texts};
use super::generated::nanospan as schema;
use super::span::{SpanView, Spans};
use super::table::{Column, Table};
use super::verify;

/// The major version of the format that this library writes and reads.
pub const FORMAT_MAJOR: u16 = 1;

/// The minor version of the format that this library writes. It reads every minor version.
pub const FORMAT_MINOR: u16 = 0;

/// A batch of spans, read where it lies: nothing is copied.
///
/// Everything that the accessors follow was checked when the view was made, so they are infallible.
/// The bytes may lie at any address: unlike FlatBuffers' own readers this one does not need them
/// aligned in memory.
#[derive(Clone, Copy)]
pub struct BatchView<'a> {
    bytes: &'a [u8],
    version: (u16, u16),
    instance_id: u64,
    sequence: u64,
    created_unix_nanos: u64,
    pub(crate) scope_name: u32,
    pub(crate) scope_version: u32,
    pub(crate) store: Store<'a>,
    pub(crate) resource: Column<'a, schema::Attribute>,
    pub(crate) spans: Column<'a, schema::Span>,
    pub(crate) attributes: Column<'a, schema::Attribute>,
    pub(crate) events: Column<'a, schema::Event>,
    pub(crate) event_attributes: Column<'a, schema::Attribute>,
    pub(crate) links: Column<'a, schema::Link>,
    pub(crate) link_attributes: Column<'a, schema::Attribute>,
    /// Whether there are attributes of a type that is not known.
    pub(crate) unknown_values: bool,
}

/// What made the spans of a batch: OpenTelemetry's instrumentation scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope<'a> {
    /// The name of the instrumentation library.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
}

impl<'a> BatchView<'a> {
    /// Checks `bytes` in full and gives access to the batch that they hold.
    ///
    /// The time is linear in the length of `bytes`, whatever they hold, and nothing is allocated.
    ///
    /// # Errors
    ///
    /// If `bytes` are not a batch, are of a major version that is not known, or break a rule of the
    /// format; the error says which and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let mut view = Self::locate(bytes)?;
        view.unknown_values = verify::check(&view)?;
        Ok(view)
    }

    /// Finds the parts of a batch without checking what they hold: for bytes that were checked
    /// before, or that this library made. On other bytes the accessors give nonsense, but no more
    /// than that.
    pub(super) fn locate(bytes: &'a [u8]) -> Result<Self, BatchError> {
        use schema::Batch as Slot;

        let table = Table::root(bytes, schema::BATCH_IDENTIFIER, "Batch")?;
        let version = (table.number("major", Slot::VT_MAJOR)?, table.number("minor", Slot::VT_MINOR)?);
        if version.0 != FORMAT_MAJOR {
            return Err(BatchError::UnknownVersion { major: version.0, minor: version.1 });
        }
        let ends = table.column("text_ends", Slot::VT_TEXT_ENDS)?;
        Ok(Self {
            bytes,
            version,
            instance_id: table.number("instance_id", Slot::VT_INSTANCE_ID)?,
            sequence: table.number("sequence", Slot::VT_SEQUENCE)?,
            created_unix_nanos: table.number("created_unix_nanos", Slot::VT_CREATED_UNIX_NANOS)?,
            scope_name: table.number("scope_name", Slot::VT_SCOPE_NAME)?,
            scope_version: table.number("scope_version", Slot::VT_SCOPE_VERSION)?,
            store: Store {
                texts: Texts { text: table.string("text", Slot::VT_TEXT)?, ends },
                elements: table.column("elements", Slot::VT_ELEMENTS)?,
            },
            resource: table.column("resource", Slot::VT_RESOURCE)?,
            spans: table.column("spans", Slot::VT_SPANS)?,
            attributes: table.column("attributes", Slot::VT_ATTRIBUTES)?,
            events: table.column("events", Slot::VT_EVENTS)?,
            event_attributes: table.column("event_attributes", Slot::VT_EVENT_ATTRIBUTES)?,
            links: table.column("links", Slot::VT_LINKS)?,
            link_attributes: table.column("link_attributes", Slot::VT_LINK_ATTRIBUTES)?,
            unknown_values: false,
        })
    }

    /// The bytes that the view reads.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The version of the format that the batch states: major, minor.
    #[must_use]
    #[inline]
    pub fn version(&self) -> (u16, u16) {
        self.version
    }

    /// Which tracer made the batch: a random number, drawn once per tracer.
    #[must_use]
    #[inline]
    pub fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// The number of the batch among those of its tracer. A gap is a batch that was lost.
    #[must_use]
    #[inline]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the batch was closed, in nanoseconds since the Unix epoch.
    #[must_use]
    #[inline]
    pub fn created_unix_nanos(&self) -> u64 {
        self.created_unix_nanos
    }

    /// The attributes of the resource that made the spans.
    #[must_use]
    #[inline]
    pub fn resource(&self) -> Attributes<'a> {
        Attributes::new(self.store, self.resource)
    }

    /// The instrumentation scope of the spans.
    #[must_use]
    #[inline]
    pub fn scope(&self) -> Scope<'a> {
        Scope {
            name: self.store.texts.get(self.scope_name),
            version: self.store.texts.get(self.scope_version),
        }
    }

    /// Number of spans.
    #[must_use]
    #[inline]
    pub fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// The spans, in the order in which they were gathered, which says nothing about time.
    #[must_use]
    #[inline]
    pub fn spans(&self) -> Spans<'a> {
        Spans::new(*self)
    }

    /// The span `index`, counted from 0 in the order of [`spans`](Self::spans).
    #[must_use]
    #[inline]
    pub fn span(&self, index: usize) -> Option<SpanView<'a>> {
        SpanView::new(*self, index)
    }
}

impl fmt::Debug for BatchView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchView")
            .field("instance_id", &self.instance_id)
            .field("sequence", &self.sequence)
            .field("created_unix_nanos", &self.created_unix_nanos)
            .field("resource", &self.resource())
            .field("scope", &self.scope())
            .field("spans", &self.spans())
            .finish_non_exhaustive()
    }
}
