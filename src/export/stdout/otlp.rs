//! Spans as lines of OTLP's file format. What is in a line is described in the documentation of
//! [`StdoutFormat::OtlpJson`](super::StdoutFormat::OtlpJson).

use std::ops::Range;

use super::text::{Page, escape_json, is_harmful};
use crate::Text;
use crate::batch::{Batch, BatchBuilder, BatchError, BatchView, LinkHead, SpanHead};
use crate::export::FinishedSpan;
use crate::otlp::{encode_json, encode_json_within};

/// The bytes of a line, the line feed not counted, unless it is longer with a single span: what container
/// runtimes (containerd, Docker) take from standard output in one piece.
pub(crate) const LINE_MAX: usize = (16 << 10) - 1;

/// Each line with as many spans of `batch` as fit.
pub(super) fn render_batch(batch: &BatchView<'_>) -> Page {
    let mut page = Page::default();
    let mut next = 0;
    while next < batch.span_count() {
        next += line(&mut page, batch, next..batch.span_count());
    }
    page
}

/// A line for each span. These are not of a batch, so there is no resource.
pub(super) fn render(spans: &[FinishedSpan]) -> Page {
    let mut page = Page::default();
    let mut builder = BatchBuilder::new(&[], 0);
    for span in spans {
        let batch = whole(&mut builder, span).or_else(|_| bare(&mut builder, span));
        let batch = batch.expect("the ids and times of one span are less than 2 GiB");
        line(&mut page, &batch.view(), 0..1);
    }
    page
}

/// Appends a line with the first of `spans`, at least one, and gives their number.
fn line(page: &mut Page, batch: &BatchView<'_>, spans: Range<usize>) -> usize {
    let mut json = Vec::new();
    let mut count = encode_json_within(batch, spans.clone(), LINE_MAX, &mut json);
    if count == 0 {
        encode_json(batch, spans.start..spans.start + 1, &mut json);
        count = 1;
    }
    push_json(page, &json, count);
    count
}

/// Appends a line of `json`, with which so many items end.
pub(crate) fn push_json(page: &mut Page, json: &[u8], items: usize) {
    let json = std::str::from_utf8(json).expect("serde_json writes UTF-8");
    // JSON's own characters are none of these, so what is escaped stands within a string.
    for character in json.chars() {
        if is_harmful(character) {
            escape_json(&mut page.text, character);
        } else {
            page.text.push(character);
        }
    }
    page.text.push('\n');
    (0..items).for_each(|_| page.end_item());
}

/// A batch of one span.
fn whole(builder: &mut BatchBuilder, span: &FinishedSpan) -> Result<Batch, BatchError> {
    builder.begin_span(&head(span, &span.name));
    builder.status(span.status, &span.status_message);
    builder.trace_state(&span.trace_state);
    for (key, value) in &span.attributes {
        builder.attribute(Text::Copied(key), &value.as_value());
    }
    for event in &span.events {
        builder.begin_event(Text::Copied(&event.name), event.time_unix_nanos);
        for (key, value) in &event.attributes {
            builder.attribute(Text::Copied(key), &value.as_value());
        }
        builder.item_dropped_attributes(event.dropped_attributes_count);
    }
    for link in &span.links {
        builder.begin_link(&LinkHead {
            trace_id: u128::from_be_bytes(link.trace_id),
            span_id: u64::from_be_bytes(link.span_id),
            flags: link.flags,
            trace_state: &link.trace_state,
        });
        for (key, value) in &link.attributes {
            builder.attribute(Text::Copied(key), &value.as_value());
        }
        builder.item_dropped_attributes(link.dropped_attributes_count);
    }
    builder.dropped(span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count);
    builder.finish(0, 0)
}

/// A batch of one span that is too large for any: all texts left out, and what can be counted is counted as
/// missing.
fn bare(builder: &mut BatchBuilder, span: &FinishedSpan) -> Result<Batch, BatchError> {
    let missing =
        |dropped: u32, present: usize| dropped.saturating_add(u32::try_from(present).unwrap_or(u32::MAX));
    builder.begin_span(&head(span, ""));
    builder.status(span.status, "");
    builder.dropped(
        missing(span.dropped_attributes_count, span.attributes.len()),
        missing(span.dropped_events_count, span.events.len()),
        missing(span.dropped_links_count, span.links.len()),
    );
    builder.finish(0, 0)
}

fn head<'a>(span: &FinishedSpan, name: &'a str) -> SpanHead<'a> {
    SpanHead {
        trace_id: u128::from_be_bytes(span.trace_id),
        span_id: u64::from_be_bytes(span.span_id),
        parent_span_id: span.parent_span_id.map_or(0, u64::from_be_bytes),
        start_unix_nanos: span.start_unix_nanos,
        end_unix_nanos: span.end_unix_nanos,
        name: Text::Copied(name),
        kind: span.kind,
        flags: span.flags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpanKind, StatusCode, Value};

    /// A batch without a resource, of one span that has everything.
    fn full() -> Batch {
        let mut builder = BatchBuilder::new(&[], 0);
        let ids = SpanHead {
            trace_id: u128::MAX / 3,
            span_id: u64::MAX / 3,
            parent_span_id: u64::MAX / 5,
            start_unix_nanos: 7,
            end_unix_nanos: 9,
            name: "full".into(),
            kind: SpanKind::Producer,
            flags: 0x303,
        };
        builder.begin_span(&ids);
        builder.attribute("texts".into(), &Value::StrArray(&["a", "b"]));
        builder.begin_event("event".into(), 8);
        builder.attribute("number".into(), &Value::I64(-1));
        builder.item_dropped_attributes(4);
        builder.begin_link(&LinkHead { trace_id: 5, span_id: 6, flags: 1, trace_state: "a=1" });
        builder.attribute("float".into(), &Value::F64(0.5));
        builder.item_dropped_attributes(5);
        builder.status(StatusCode::Error, "message");
        builder.trace_state("b=2");
        builder.dropped(1, 2, 3);
        builder.finish(0, 0).expect("the batch is small")
    }

    #[test]
    fn a_span_out_of_its_batch_is_written_as_it_was_in_it() {
        let batch = full();
        let spans: Vec<_> = batch.view().spans().map(FinishedSpan::from).collect();
        let (alone, in_batch) = (render(&spans), render_batch(&batch.view()));
        assert!(alone.text.starts_with("{\"resourceSpans\":[{\"resource\":{},"), "{}", alone.text);
        assert_eq!((alone.text, alone.ends), (in_batch.text, in_batch.ends));
    }

    #[test]
    fn each_span_out_of_its_batch_has_a_line() {
        let span = full().view().span(0).map(FinishedSpan::from).expect("a span");
        let page = render(&[span.clone(), span]);
        let (first, second) = page.text.split_at(page.ends[0]);
        assert_eq!(first, second);
        assert_eq!(page.ends, [first.len(), page.text.len()]);
        assert!(first.ends_with('\n'), "{first:?}");
    }

    #[test]
    fn a_span_without_its_texts_says_what_is_missing() {
        let span = full().view().span(0).map(FinishedSpan::from).expect("a span");
        let batch = bare(&mut BatchBuilder::new(&[], 0), &span).expect("the batch is small");
        let bare = batch.view().span(0).map(FinishedSpan::from).expect("a span");
        assert_eq!((bare.trace_id, bare.span_id, bare.end_unix_nanos), (span.trace_id, span.span_id, 9));
        assert_eq!((&*bare.name, bare.status), ("", StatusCode::Error));
        assert!(bare.attributes.is_empty() && bare.events.is_empty() && bare.links.is_empty());
        let dropped = (bare.dropped_attributes_count, bare.dropped_events_count, bare.dropped_links_count);
        assert_eq!(dropped, (2, 3, 4));
    }
}
