//! Spans for the eye: one line each, the spans of a trace as a tree. The layout is described in the
//! documentation of [`StdoutFormat::Human`](super::StdoutFormat::Human).

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use super::kind_name;
use super::text::{self, Page, name, put, quoted};
use crate::export::{FinishedEvent, FinishedLink, FinishedSpan};
use crate::{OwnedValue, SpanId, StatusCode, TraceId};

/// How many levels of the tree are drawn to the left of a span; the ones above are a number.
///
/// Without an end to it a chain of n spans would take n² characters.
const LEVELS: usize = 24;

/// Each trace of `spans` under a line of its own, in the order of their first spans.
pub(super) fn render(spans: &[FinishedSpan]) -> Page {
    let mut places = HashMap::new();
    let mut traces: Vec<Vec<&FinishedSpan>> = Vec::new();
    for span in spans {
        let place = *places.entry(span.trace_id).or_insert(traces.len());
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
/// Whoever fills a batch may name a span its own ancestor. Of such a circle the oldest span stands at the
/// left, so that each span is drawn, once.
fn draw(page: &mut Page, spans: &[&FinishedSpan]) {
    put!(page.text, "trace {}\n", TraceId::from_bytes(spans[0].trace_id));
    let indices: HashMap<_, _> =
        spans.iter().enumerate().map(|(index, span)| (span.span_id, index)).collect();
    let mut in_order: Vec<usize> = (0..spans.len()).collect();
    in_order.sort_by_key(|&index| spans[index].start_unix_nanos);
    let mut tops = Vec::new();
    let mut below = vec![Vec::new(); spans.len()];
    for &index in &in_order {
        match spans[index].parent_span_id.and_then(|parent| indices.get(&parent)) {
            Some(&parent) => below[parent].push(index),
            None => tops.push(index),
        }
    }
    let places = |siblings: &[usize], depth| -> Vec<Place> {
        let last = siblings.last().copied();
        let place = |&span: &usize| Place { span, depth, last: last == Some(span) };
        siblings.iter().rev().map(place).collect()
    };
    // A stack, not recursion: a chain may be as long as the batch.
    let mut stack = places(&tops, 0);
    let mut in_order = in_order.into_iter();
    let mut drawn = vec![false; spans.len()];
    // For each level down to the current span, whether its line goes on below.
    let mut open: Vec<bool> = Vec::new();
    loop {
        let Some(Place { span: index, depth, last }) = stack.pop() else {
            // What is left then goes round in circles.
            let Some(next) = in_order.find(|&index| !drawn[index]) else { break };
            stack.push(Place { span: next, depth: 0, last: true });
            continue;
        };
        if std::mem::replace(&mut drawn[index], true) {
            continue;
        }
        open.truncate(depth);
        let joint = match (depth, last) {
            (0, _) => "",
            (_, false) => "├╴",
            (_, true) => "└╴",
        };
        let span = spans[index];
        let orphan = span.parent_span_id.filter(|_| depth == 0);
        let length = Length(span.end_unix_nanos.saturating_sub(span.start_unix_nanos));
        put!(page.text, "{:>8}  {}{joint}", length.to_string(), Stem(&open));
        span_line(&mut page.text, span, orphan);
        open.push(!last);
        let children = &below[index];
        let mut detail = |line: &dyn Fn(&mut String)| {
            let rail = if children.is_empty() { "  " } else { "│ " };
            put!(page.text, "{:8}  {}{rail}", "", Stem(&open));
            line(&mut page.text);
        };
        for event in &span.events {
            detail(&|out| event_line(out, event, span.start_unix_nanos));
        }
        for link in &span.links {
            detail(&|out| link_line(out, link));
        }
        page.end_item();
        stack.extend(places(children, depth + 1));
    }
}

/// What a line says of the span itself. `parent` is given if the tree does not show it.
fn span_line(out: &mut String, span: &FinishedSpan, parent: Option<[u8; 8]>) {
    let mark = match span.status {
        StatusCode::Unset => '·',
        StatusCode::Ok => '✓',
        StatusCode::Error => '✗',
    };
    put!(out, "{mark} {} ", kind_name(span.kind));
    name(out, &span.name);
    if !span.status_message.is_empty() {
        out.push_str("  ");
        quoted(out, &span.status_message);
    }
    if let Some(parent) = parent {
        put!(out, "  ↑ {}", SpanId::from_bytes(parent));
    }
    attributes(out, &span.attributes);
    let dropped = [
        (span.dropped_attributes_count, "attributes"),
        (span.dropped_events_count, "events"),
        (span.dropped_links_count, "links"),
    ];
    for (count, what) in dropped.into_iter().filter(|(count, _)| *count > 0) {
        put!(out, "  −{count} {what}");
    }
    out.push('\n');
}

fn event_line(out: &mut String, event: &FinishedEvent, start: u64) {
    match event.time_unix_nanos.checked_sub(start) {
        Some(later) => put!(out, "• +{} ", Length(later)),
        None => put!(out, "• -{} ", Length(start - event.time_unix_nanos)),
    }
    name(out, &event.name);
    attributes(out, &event.attributes);
    dropped_attributes(out, event.dropped_attributes_count);
    out.push('\n');
}

fn link_line(out: &mut String, link: &FinishedLink) {
    put!(out, "→ trace {} span {}", TraceId::from_bytes(link.trace_id), SpanId::from_bytes(link.span_id));
    attributes(out, &link.attributes);
    dropped_attributes(out, link.dropped_attributes_count);
    out.push('\n');
}

fn dropped_attributes(out: &mut String, count: u32) {
    if count > 0 {
        put!(out, "  −{count} attributes");
    }
}

fn attributes(out: &mut String, attributes: &[(String, OwnedValue)]) {
    text::attributes(out, attributes.iter().map(|(key, value)| (&**key, value)));
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
