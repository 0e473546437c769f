//! The rules of the format that FlatBuffers does not know: clauses 4 and 5 of `docs/batch-format.md`.
//! Those of batches of metrics are checked with the same pieces, in `metrics::verify`.
//!
//! Each entry of each vector is looked at once and each array element once, so the time is linear
//! in the size of the batch however its indices are set.

use super::attributes::{Store, Texts, array_range, is_known};
use super::generated::nanospan as schema;
use super::table::Column;
use super::{BatchError, BatchView};

/// Checks every index and range that the accessors of `view` follow.
///
/// Says whether there are attributes of a type that is not known.
pub(crate) fn check(view: &BatchView<'_>) -> Result<bool, BatchError> {
    texts(&view.store.texts)?;
    let texts = view.store.texts.ends.len();
    text("scope_name", 0, texts, view.scope_name)?;
    text("scope_version", 0, texts, view.scope_version)?;

    let mut values = Values::of(&view.store);
    values.check("resource", view.resource)?;
    values.check("attributes", view.attributes)?;
    values.check("event_attributes", view.event_attributes)?;
    values.check("link_attributes", view.link_attributes)?;

    let mut events = Ends::new("events");
    for (index, event) in view.events.iter().enumerate() {
        text("events", index, texts, event.name())?;
        events.step(index, event.attributes_end())?;
    }
    events.finish(view.event_attributes.len())?;

    let mut links = Ends::new("links");
    for (index, link) in view.links.iter().enumerate() {
        text("links", index, texts, link.trace_state())?;
        links.step(index, link.attributes_end())?;
    }
    links.finish(view.link_attributes.len())?;

    spans(view, texts)?;
    Ok(values.unknown)
}

fn spans(view: &BatchView<'_>, texts: usize) -> Result<(), BatchError> {
    let mut attribute_ends = Ends::new("spans");
    let mut event_ends = Ends::new("spans");
    let mut link_ends = Ends::new("spans");
    for (index, span) in view.spans.iter().enumerate() {
        text("spans", index, texts, span.name())?;
        text("spans", index, texts, span.trace_state())?;
        text("spans", index, texts, span.status_message())?;
        attribute_ends.step(index, span.attributes_end())?;
        event_ends.step(index, span.events_end())?;
        link_ends.step(index, span.links_end())?;
    }
    attribute_ends.finish(view.attributes.len())?;
    event_ends.finish(view.events.len())?;
    link_ends.finish(view.links.len())
}

/// The ends of the texts must cut the text into pieces that are strings themselves.
pub(super) fn texts(texts: &Texts<'_>) -> Result<(), BatchError> {
    if texts.ends.get(0) != Some(0) {
        return Err(BatchError::malformed("text_ends", 0, "text 0 is not the empty text"));
    }
    let mut ends = Ends::new("text_ends");
    for (index, end) in texts.ends.iter().enumerate() {
        ends.step(index, end)?;
        if !texts.text.is_char_boundary(end as usize) {
            return Err(BatchError::malformed(
                "text_ends",
                index,
                "a text ends inside of a character, or behind the last one",
            ));
        }
    }
    ends.finish(texts.text.len())
}

pub(super) fn text(field: &'static str, index: usize, texts: usize, text: u32) -> Result<(), BatchError> {
    if (text as usize) < texts {
        return Ok(());
    }
    Err(BatchError::malformed(field, index, "it names a text that does not exist"))
}

/// The ends of consecutive ranges: each range begins where the one before it ended, and together
/// they use up the whole of what they cut.
pub(super) struct Ends {
    field: &'static str,
    entries: usize,
    last: u32,
}

impl Ends {
    pub(super) fn new(field: &'static str) -> Self {
        Self { field, entries: 0, last: 0 }
    }

    /// Takes the next range, and says how long it is.
    pub(super) fn step(&mut self, index: usize, end: u32) -> Result<u32, BatchError> {
        let Some(length) = end.checked_sub(self.last) else {
            return Err(BatchError::malformed(self.field, index, "a range ends before it begins"));
        };
        self.entries = index;
        self.last = end;
        Ok(length)
    }

    pub(super) fn finish(self, length: usize) -> Result<(), BatchError> {
        if self.last as usize == length {
            return Ok(());
        }
        Err(BatchError::malformed(
            self.field,
            self.entries,
            "the last range does not end where the vector that it is a part of ends",
        ))
    }
}

/// What the values of attributes are checked against.
pub(super) struct Values<'a> {
    texts: usize,
    elements: Column<'a, u64>,
    /// How many elements the arrays to come may still have together. Arrays may not share
    /// elements, or a small batch could name a huge one over and over.
    elements_left: usize,
    /// Whether there were values of a type that is not known.
    pub(super) unknown: bool,
}

impl<'a> Values<'a> {
    pub(super) fn of(store: &Store<'a>) -> Self {
        Self {
            texts: store.texts.ends.len(),
            elements: store.elements,
            elements_left: store.elements.len(),
            unknown: false,
        }
    }
}

impl Values<'_> {
    pub(super) fn check(
        &mut self,
        field: &'static str,
        attributes: Column<'_, schema::Attribute>,
    ) -> Result<(), BatchError> {
        for (index, attribute) in attributes.iter().enumerate() {
            text(field, index, self.texts, attribute.key())?;
            self.value(attribute.type_(), attribute.value())
                .map_err(|problem| BatchError::malformed(field, index, problem))?;
        }
        Ok(())
    }

    fn value(&mut self, value_type: schema::ValueType, value: u64) -> Result<(), &'static str> {
        match value_type {
            schema::ValueType::Int64 | schema::ValueType::Float64 => Ok(()),
            schema::ValueType::String => self.string(value),
            schema::ValueType::Bool => boolean(value),
            other if !is_known(other) => {
                self.unknown = true;
                Ok(())
            }
            array => self.array(array, value),
        }
    }

    fn array(&mut self, array: schema::ValueType, value: u64) -> Result<(), &'static str> {
        let range = array_range(value);
        if range.end > self.elements.len() {
            return Err("its array lies outside of the elements");
        }
        self.elements_left = self
            .elements_left
            .checked_sub(range.len())
            .ok_or("its array shares elements with another one")?;
        let mut elements = self.elements.slice(range).iter();
        match array {
            schema::ValueType::StringArray => elements.try_for_each(|element| self.string(element)),
            schema::ValueType::BoolArray => elements.try_for_each(boolean),
            _ => Ok(()),
        }
    }

    fn string(&self, value: u64) -> Result<(), &'static str> {
        if value < self.texts as u64 {
            return Ok(());
        }
        Err("its string is a text that does not exist")
    }
}

fn boolean(value: u64) -> Result<(), &'static str> {
    if value <= 1 {
        return Ok(());
    }
    Err("its boolean is neither 0 nor 1")
}
