//! Spans in OTLP's JSON encoding (OTLP specification, section "JSON Protobuf Encoding"; the mapping
//! of protobuf to JSON underneath it is that of the protobuf documentation, "ProtoJSON Format").
//!
//! The rules that matter here: names in lowerCamelCase; ids in hexadecimal, not in Base64; enums as
//! numbers; 64-bit integers as decimal strings; NaN and the infinities as strings. Fields with
//! their default value are left out, but for a few that every span is expected to show.

use nanospan::StatusCode;
use nanospan::batch::{Attributes, BatchView, EventView, LinkView, SpanView, ValueView};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::units::{decimal, hex};

/// A `TracesData` message of the spans of one batch that `wanted` accepts.
///
/// Spans are encoded one after another; nothing is gathered.
pub(crate) struct TracesData<'a, F> {
    pub(crate) batch: BatchView<'a>,
    /// Whether the span of this index is to be in it.
    pub(crate) wanted: F,
}

impl<F: Fn(usize) -> bool> Serialize for TracesData<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one(serializer, "resourceSpans", &[ResourceSpans(self)])
    }
}

struct ResourceSpans<'a, F>(&'a TracesData<'a, F>);

impl<F: Fn(usize) -> bool> Serialize for ResourceSpans<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("resource", &Resource(self.0.batch))?;
        fields.serialize_entry("scopeSpans", &[ScopeSpans(self.0)])?;
        fields.end()
    }
}

struct Resource<'a>(BatchView<'a>);

impl Serialize for Resource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        attributes(&mut fields, self.0.resource())?;
        fields.end()
    }
}

struct ScopeSpans<'a, F>(&'a TracesData<'a, F>);

impl<F: Fn(usize) -> bool> Serialize for ScopeSpans<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("scope", &Scope(self.0.batch))?;
        let wanted = |(index, span)| (self.0.wanted)(index).then_some(Span(span));
        let spans = self.0.batch.spans().enumerate();
        fields.serialize_entry("spans", &Sequence(|| spans.clone().filter_map(wanted)))?;
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

struct Span<'a>(SpanView<'a>);

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

struct KeyValue<'a>(&'a str, ValueView<'a>);

impl Serialize for KeyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("key", self.0)?;
        fields.serialize_entry("value", &AnyValue(&self.1))?;
        fields.end()
    }
}

struct AnyValue<'a>(&'a ValueView<'a>);

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueView::Str(value) => one(serializer, "stringValue", value),
            ValueView::Bool(value) => one(serializer, "boolValue", value),
            ValueView::I64(value) => one(serializer, "intValue", &Int64(*value)),
            ValueView::F64(value) => one(serializer, "doubleValue", &Double(*value)),
            ValueView::StrArray(values) => array(serializer, values, ValueView::Str),
            ValueView::BoolArray(values) => array(serializer, values, ValueView::Bool),
            ValueView::I64Array(values) => array(serializer, values, ValueView::I64),
            ValueView::F64Array(values) => array(serializer, values, ValueView::F64),
            // A type that this program was not built for: a value without any field is OTLP's
            // empty value.
            _ => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// An `ArrayValue`, each element of which is a value of its own.
fn array<'a, S: Serializer, T>(
    serializer: S,
    elements: &(impl Iterator<Item = T> + Clone),
    value: impl Fn(T) -> ValueView<'a>,
) -> Result<S::Ok, S::Error> {
    struct Element<'a>(ValueView<'a>);

    impl Serialize for Element<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            AnyValue(&self.0).serialize(serializer)
        }
    }

    struct ArrayValue<T>(T);

    impl<T: Serialize> Serialize for ArrayValue<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            one(serializer, "values", &self.0)
        }
    }

    let values = Sequence(|| elements.clone().map(|element| Element(value(element))));
    one(serializer, "arrayValue", &ArrayValue(values))
}

/// A double as ProtoJSON has it: JSON itself has no NaN and no infinities.
struct Double(f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.0 == f64::INFINITY {
            serializer.serialize_str("Infinity")
        } else if self.0 == f64::NEG_INFINITY {
            serializer.serialize_str("-Infinity")
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// An id in hexadecimal.
struct Id<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hex(&self.0, &mut [0; 32]))
    }
}

/// A moment: a `fixed64`, and so a decimal string.
struct Fixed64(u64);

impl Serialize for Fixed64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(decimal(self.0, &mut [0; 20]))
    }
}

/// An `int64`, and so a decimal string.
struct Int64(i64);

impl Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A list of what an iterator gives, which is made anew each time the list is encoded.
struct Sequence<F>(F);

impl<F, I> Serialize for Sequence<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// An object of one field.
fn one<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    name: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(Some(1))?;
    fields.serialize_entry(name, value)?;
    fields.end()
}

/// A text, unless it is empty.
fn text<M: SerializeMap>(fields: &mut M, name: &'static str, text: &str) -> Result<(), M::Error> {
    if text.is_empty() {
        return Ok(());
    }
    fields.serialize_entry(name, text)
}

/// A number of 32 bits, unless it is 0.
fn number<M: SerializeMap>(fields: &mut M, name: &'static str, number: u32) -> Result<(), M::Error> {
    if number == 0 {
        return Ok(());
    }
    fields.serialize_entry(name, &number)
}

/// The attributes, unless there are none.
fn attributes<M: SerializeMap>(fields: &mut M, attributes: Attributes<'_>) -> Result<(), M::Error> {
    if attributes.clone().next().is_none() {
        return Ok(());
    }
    let list = Sequence(|| attributes.clone().map(|(key, value)| KeyValue(key, value)));
    fields.serialize_entry("attributes", &list)
}
