//! Batches and metrics in OTLP's JSON encoding (OTLP specification, section "JSON Protobuf Encoding"; the mapping
//! of protobuf to JSON underneath it is that of the protobuf documentation, "ProtoJSON Format").
//!
//! The rules that matter here: names in lowerCamelCase; ids in hexadecimal, not in Base64; enums as
//! numbers; 64-bit integers as decimal strings; NaN and the infinities as strings. Fields with
//! their default value are left out, but for a few that every span is expected to show.

pub(super) mod metrics;
mod span;
mod value;

use std::fmt;
use std::ops::Range;

use serde::ser::{Serialize, SerializeMap, Serializer};
use span::Span;
use value::{Sequence, attributes, number, one, text};

use crate::batch::BatchView;

/// Some spans of a batch as OTLP's `TracesData`, which has the fields of an `ExportTraceServiceRequest`,
/// for any serializer that makes JSON.
///
/// [`encode_json`](super::encode_json) writes the same for spans that follow one another; this is for a
/// choice of them, and for streaming. Spans are encoded one after another, and nothing is gathered.
///
/// ```
/// use nanospan::batch::BatchView;
/// use nanospan::otlp::TracesData;
///
/// /// The spans called `name`, as a line of a file in OTLP's JSON format.
/// fn line(batch: BatchView<'_>, name: &str) -> serde_json::Result<String> {
///     let spans = batch.spans().enumerate().filter(|(_, span)| span.name() == name);
///     let chosen: Vec<usize> = spans.map(|(index, _)| index).collect();
///     serde_json::to_string(&TracesData::new(batch, chosen.iter().copied()))
/// }
/// ```
#[derive(Clone)]
pub struct TracesData<'a, I> {
    batch: BatchView<'a>,
    spans: I,
}

impl<'a, I> TracesData<'a, I>
where
    I: IntoIterator<Item = usize> + Clone,
{
    /// The spans of `batch` with the indices `spans`, in this order. Those that the batch does not have
    /// are passed over.
    pub fn new(batch: BatchView<'a>, spans: I) -> Self {
        Self { batch, spans }
    }

    fn spans(&self) -> impl Iterator<Item = Span<'a>> {
        let batch = self.batch;
        self.spans.clone().into_iter().filter_map(move |index| batch.span(index)).map(Span)
    }
}

impl<I> fmt::Debug for TracesData<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracesData").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl<I> Serialize for TracesData<'_, I>
where
    I: IntoIterator<Item = usize> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.spans().next().is_none() {
            // OTLP wants no envelope without spans.
            return serializer.serialize_map(Some(0))?.end();
        }
        one(serializer, "resourceSpans", &[ResourceSpans(self)])
    }
}

struct ResourceSpans<'a, I>(&'a TracesData<'a, I>);

impl<I> Serialize for ResourceSpans<'_, I>
where
    I: IntoIterator<Item = usize> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("resource", &Resource(self.0.batch))?;
        fields.serialize_entry("scopeSpans", &[ScopeSpans(self.0)])?;
        fields.end()
    }
}

struct ScopeSpans<'a, I>(&'a TracesData<'a, I>);

impl<I> Serialize for ScopeSpans<'_, I>
where
    I: IntoIterator<Item = usize> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("scope", &Scope(self.0.batch))?;
        fields.serialize_entry("spans", &Sequence(|| self.0.spans()))?;
        fields.end()
    }
}

/// Appends a request with those of `spans` that take at most `limit` bytes together, and gives their
/// number. The batch has all of them.
pub(super) fn request(batch: &BatchView<'_>, spans: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize {
    const END: &[u8] = b"]}]}]}";
    let before = into.len();
    into.extend_from_slice(b"{\"resourceSpans\":[{\"resource\":");
    append(into, &Resource(*batch));
    into.extend_from_slice(b",\"scopeSpans\":[{\"scope\":");
    append(into, &Scope(*batch));
    into.extend_from_slice(b",\"spans\":[");
    let mut count = 0;
    for span in spans.filter_map(|index| batch.span(index)) {
        let end = into.len();
        if count > 0 {
            into.push(b',');
        }
        append(into, &Span(span));
        if into.len() - before + END.len() > limit {
            into.truncate(end);
            break;
        }
        count += 1;
    }
    if count == 0 {
        into.truncate(before);
    } else {
        into.extend_from_slice(END);
    }
    count
}

pub(super) fn append(into: &mut Vec<u8>, message: &impl Serialize) {
    // Fails for a writer that fails and for keys that are not strings, and there are neither.
    serde_json::to_writer(into, message).expect("a vector takes all");
}

struct Resource<'a>(BatchView<'a>);

impl Serialize for Resource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        let resource = self.0.resource();
        attributes(&mut fields, resource.clone())?;
        number(&mut fields, "droppedAttributesCount", resource.unknown())?;
        fields.end()
    }
}

struct Scope<'a>(BatchView<'a>);

impl Serialize for Scope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scope = self.0.scope();
        let mut fields = serializer.serialize_map(None)?;
        text(&mut fields, "name", scope.name)?;
        text(&mut fields, "version", scope.version)?;
        fields.end()
    }
}
