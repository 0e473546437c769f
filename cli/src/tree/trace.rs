//! The spans of one trace, taken out of the batches they were in.

use std::collections::HashMap;
use std::rc::Rc;

use nanospan::batch::{Attributes, BatchView, SpanView, ValueView};
use nanospan::{SpanKind, StatusCode};

use crate::failure::Failure;
use crate::input::Input;
use crate::notices::Notices;
use crate::stats::service_name;

/// OTLP's `SpanFlags`: whether the parent is remote is known, and it is.
const REMOTE_PARENT: u32 = 0x100 | 0x200;

#[derive(Debug)]
pub(super) struct Trace {
    pub(super) id: [u8; 16],
    pub(super) spans: Vec<Span>,
}

/// A span as it is drawn. Texts are as they were recorded: nothing is escaped yet.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    /// Whether the parent is known to be in another process.
    pub(super) remote_parent: bool,
    pub(super) service: Rc<str>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) events: Vec<Event>,
    pub(super) links: Vec<Link>,
    /// Attributes, events and links that the producer had to leave out.
    pub(super) dropped: [u32; 3],
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) time: u64,
    pub(super) attributes: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) attributes: Vec<(String, String)>,
}

/// Takes the traces `ids` out of the input, in the order of `ids`, and says whether it holds metrics only. A
/// trace may have no spans.
pub(super) fn gather(
    input: &Input,
    ids: &[[u8; 16]],
    notices: &mut Notices,
) -> Result<(Vec<Trace>, bool), Failure> {
    let places: HashMap<_, _> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let mut traces: Vec<Trace> = ids.iter().map(|&id| Trace { id, spans: Vec::new() }).collect();
    let mut service: Rc<str> = Rc::from("");
    let only_metrics = input.each_span_batch(notices, |batch| {
        for span in batch.spans() {
            if let Some(&place) = places.get(&span.trace_id()) {
                traces[place].spans.push(Span::new(&batch, &span, &mut service));
            }
        }
    })?;
    Ok((traces, only_metrics))
}

impl Span {
    /// Copies `span`. `service` is that of the span before, to be shared if it is the same.
    fn new(batch: &BatchView<'_>, span: &SpanView<'_>, service: &mut Rc<str>) -> Self {
        let name = service_name(batch);
        if **service != *name {
            *service = Rc::from(name);
        }
        let (status, message) = span.status();
        let event = |event: nanospan::batch::EventView<'_>| Event {
            name: event.name().to_owned(),
            time: event.time_unix_nanos(),
            attributes: copied(event.attributes()),
        };
        let link = |link: nanospan::batch::LinkView<'_>| Link {
            trace_id: link.trace_id(),
            span_id: link.span_id(),
            attributes: copied(link.attributes()),
        };
        Self {
            id: span.span_id(),
            parent: span.parent_span_id(),
            remote_parent: span.flags() & REMOTE_PARENT == REMOTE_PARENT,
            service: Rc::clone(service),
            name: span.name().to_owned(),
            kind: span.kind(),
            start: span.start_unix_nanos(),
            end: span.end_unix_nanos(),
            status,
            message: message.to_owned(),
            attributes: copied(span.attributes()),
            events: span.events().map(event).collect(),
            links: span.links().map(link).collect(),
            dropped: [
                span.dropped_attributes_count(),
                span.dropped_events_count(),
                span.dropped_links_count(),
            ],
        }
    }
}

fn copied(attributes: Attributes<'_>) -> Vec<(String, String)> {
    let copy = |(key, value): (&str, ValueView<'_>)| (key.to_owned(), shown(&value));
    attributes.map(copy).collect()
}

/// A value as it is shown: a string as it is, an array in brackets.
fn shown(value: &ValueView<'_>) -> String {
    match value {
        ValueView::Str(value) => (*value).to_owned(),
        ValueView::Bool(value) => value.to_string(),
        ValueView::I64(value) => value.to_string(),
        ValueView::F64(value) => value.to_string(),
        arrays => format!("{arrays:?}"),
    }
}
