//! Spans for the eye: one line each, the spans of a trace as a tree. The layout is described in the
//! documentation of [`StdoutFormat::Human`](super::StdoutFormat::Human).

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use bext_plugin_api::tracer::{AttrValue, SpanStatus};

use super::book::{Event, Span};
use super::kind_name;
use super::text::{Page, key, name, put, quoted};
use crate::{SpanId, TraceId};

/// How many levels of the tree are drawn to the left of a span; the ones above are a number.
///
/// Without an end to it a chain of n spans would take n² characters.
const LEVELS: usize = 24;

/// Each trace of `spans` under a line of its own, in the order in which their first spans ended.
pub(super) fn render(spans: &[Span]) -> Page {
    let mut places = HashMap::new();
    let mut traces: Vec<Vec<&Span>> = Vec::new();
    for span in spans {
        let place = *places.entry(span.handle.trace_id).or_insert(traces.len());
        if place == traces.len() {
            traces.push(Vec::new());
        }
        traces[place].push(span);
    }
    let mut page = Page::default();
    for trace in traces {
        draw(&mut page, &trace);
    }
    page
}

/// A span and its place in the tree.
struct Place {
    span: usize,
    /// 0 for a span whose parent is not there.
    depth: usize,
    /// Whether no sibling follows.
    last: bool,
}

/// Draws the spans of one trace: parents before their children, siblings in the order of their starts.
///
/// A parent is always older than its child, so there are no cycles.
fn draw(page: &mut Page, spans: &[&Span]) {
    put!(page.text, "trace {}\n", TraceId::from_bytes(spans[0].handle.trace_id));
    let indices: HashMap<_, _> =
        spans.iter().enumerate().map(|(index, span)| (span.handle.span_id, index)).collect();
    let mut in_order: Vec<usize> = (0..spans.len()).collect();
    in_order.sort_by_key(|&index| spans[index].start);
    let mut tops = Vec::new();
    let mut below = vec![Vec::new(); spans.len()];
    for index in in_order {
        match spans[index].parent.and_then(|parent| indices.get(&parent)) {
            Some(&parent) => below[parent].push(index),
            None => tops.push(index),
        }
    }
    let places = |siblings: &[usize], depth| -> Vec<Place> {
        let last = siblings.last().copied();
        let place = |&span: &usize| Place { span, depth, last: last == Some(span) };
        siblings.iter().rev().map(place).collect()
    };
    // A stack, not recursion: a chain may be as long as the flush.
    let mut stack = places(&tops, 0);
    // For each level down to the current span, whether its line goes on below.
    let mut open: Vec<bool> = Vec::new();
    while let Some(Place { span: index, depth, last }) = stack.pop() {
        open.truncate(depth);
        let joint = match (depth, last) {
            (0, _) => "",
            (_, false) => "├╴",
            (_, true) => "└╴",
        };
        let span = spans[index];
        let orphan = span.parent.filter(|_| depth == 0);
        put!(page.text, "{:>8}  {}{joint}", Length(span.end - span.start).to_string(), Stem(&open));
        span_line(&mut page.text, span, orphan);
        open.push(!last);
        let children = &below[index];
        for event in &span.events {
            let line = if children.is_empty() { "  " } else { "│ " };
            put!(page.text, "{:8}  {}{line}", "", Stem(&open));
            event_line(&mut page.text, event, span.start);
        }
        page.end_span();
        stack.extend(places(children, depth + 1));
    }
}

/// What a line says of the span itself. `parent` is given if the tree does not show it.
fn span_line(out: &mut String, span: &Span, parent: Option<[u8; 8]>) {
    let mark = match span.status {
        SpanStatus::Unset => '·',
        SpanStatus::Ok => '✓',
        SpanStatus::Error { .. } => '✗',
    };
    put!(out, "{mark} {} ", kind_name(span.kind));
    name(out, &span.name);
    if let SpanStatus::Error { description } = &span.status {
        if !description.is_empty() {
            out.push_str("  ");
            quoted(out, description);
        }
    }
    if let Some(parent) = parent {
        put!(out, "  ↑ {}", SpanId::from_bytes(parent));
    }
    attributes(out, &span.attributes);
    out.push('\n');
}

fn event_line(out: &mut String, event: &Event, start: u64) {
    match event.time.checked_sub(start) {
        Some(later) => put!(out, "• +{} ", Length(later)),
        None => put!(out, "• -{} ", Length(start - event.time)),
    }
    name(out, &event.name);
    attributes(out, &event.attributes);
    out.push('\n');
}

fn attributes(out: &mut String, attributes: &[(String, AttrValue)]) {
    for (index, (attribute, value)) in attributes.iter().enumerate() {
        out.push_str(if index == 0 { "  " } else { " " });
        key(out, attribute);
        out.push('=');
        match value {
            AttrValue::String(value) => quoted(out, value),
            AttrValue::Bool(value) => put!(out, "{value}"),
            AttrValue::I64(value) => put!(out, "{value}"),
            AttrValue::F64(value) => put!(out, "{value:?}"),
            AttrValue::StringArray(values) => list(out, values, |out, value| quoted(out, value)),
            AttrValue::BoolArray(values) => list(out, values, |out, value| put!(out, "{value}")),
            AttrValue::I64Array(values) => list(out, values, |out, value| put!(out, "{value}")),
            AttrValue::F64Array(values) => list(out, values, |out, value| put!(out, "{value:?}")),
        }
    }
}

fn list<T>(out: &mut String, items: &[T], mut item: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item(out, one);
    }
    out.push(']');
}

/// The lines of the levels above that go on, without the first level, which has none.
struct Stem<'a>(&'a [bool]);

impl fmt::Display for Stem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = self.0.get(1..).unwrap_or_default();
        let folded = levels.len().saturating_sub(LEVELS);
        if folded > 0 {
            write!(f, "⋯{folded} ")?;
        }
        levels[folded..].iter().try_for_each(|&goes_on| f.write_str(if goes_on { "│ " } else { "  " }))
    }
}

/// Nanoseconds, to three significant digits: `850 ns`, `12.3 ms`, `2m 05s`.
struct Length(u64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Below 60 s as three digits show it.
        const LONGEST: f64 = 59.95;
        let nanos = self.0;
        if nanos < 1_000 {
            return write!(f, "{nanos} ns");
        }
        for (unit, scale, limit) in [("µs", 1e3, 999.5), ("ms", 1e6, 999.5), ("s", 1e9, LONGEST)] {
            let value = nanos as f64 / scale;
            if value < limit {
                let decimals = usize::from(value < 9.995) + usize::from(value < 99.95);
                return write!(f, "{value:.decimals$} {unit}");
            }
        }
        let seconds = nanos.saturating_add(500_000_000) / 1_000_000_000;
        match (seconds / 60, seconds / 3_600) {
            (minutes, 0) => write!(f, "{minutes}m {:02}s", seconds % 60),
            (minutes, hours) => write!(f, "{hours}h {:02}m", minutes % 60),
        }
    }
}
