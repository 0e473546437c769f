//! What stands below a span: messages, oddities, attributes, events and links.

use nanospan::StatusCode;

use super::forest::{Oddity, Row};
use super::trace::Span;
use crate::terminal::{BAD, FAINT, ODD, Paint};
use crate::text::{cut, harmless};
use crate::units::{Hex, counted, duration};

/// The attributes that are shown unless all are asked for: what OpenTelemetry's semantic
/// conventions name for the question of what was asked of whom and what came of it.
const MAIN_ATTRIBUTES: [&str; 24] = [
    "http.request.method",
    "http.route",
    "url.path",
    "url.full",
    "http.response.status_code",
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "rpc.grpc.status_code",
    "db.system.name",
    "db.namespace",
    "db.collection.name",
    "db.operation.name",
    "db.query.summary",
    "db.query.text",
    "messaging.system",
    "messaging.destination.name",
    "messaging.operation.name",
    "server.address",
    "faas.name",
    "graphql.operation.name",
    "error.type",
    "exception.type",
    "exception.message",
];

/// How the lines below a span are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Details {
    /// Whether all attributes are shown, one on each line and uncut.
    pub(super) all: bool,
    /// Width of a line.
    pub(super) columns: usize,
    pub(super) paint: Paint,
}

impl Details {
    /// The lines below the span of `row`, coloured, without what connects the tree.
    pub(super) fn of(self, row: &Row, span: &Span, spans: &[Span]) -> Vec<String> {
        let mut lines = Vec::new();
        if !span.message.is_empty() {
            let style = match span.status {
                StatusCode::Error => BAD,
                _ => FAINT,
            };
            lines.push(self.line(style, "✗ ", &span.message));
        }
        let parent = row.parent.map(|parent| &spans[parent]);
        for oddity in oddities(row, span, parent) {
            lines.push(self.line(ODD, "! ", &oddity));
        }
        self.attributes(&mut lines, "", &span.attributes);
        for event in &span.events {
            let head = format!("{} {}", offset(span.start, event.time), event.name);
            self.item(&mut lines, "• ", &head, &event.attributes);
        }
        for link in &span.links {
            let head = format!("trace {} span {}", Hex(link.trace_id), Hex(link.span_id));
            self.item(&mut lines, "→ ", &head, &link.attributes);
        }
        lines
    }

    /// An event or a link with its attributes.
    fn item(self, lines: &mut Vec<String>, mark: &str, head: &str, attributes: &[(String, String)]) {
        if self.all {
            lines.push(self.line(FAINT, mark, head));
            self.attributes(lines, "  ", attributes);
        } else {
            let attributes = in_one_line(attributes.iter());
            let gap = if attributes.is_empty() { "" } else { "  " };
            // Escaped already, what the line does again without any effect.
            let text = format!("{}{gap}{attributes}", harmless(head));
            lines.push(self.line(FAINT, mark, &text));
        }
    }

    fn attributes(self, lines: &mut Vec<String>, mark: &str, attributes: &[(String, String)]) {
        if self.all {
            for (key, value) in attributes {
                lines.push(self.line(FAINT, mark, &format!("{key} = {value}")));
            }
            return;
        }
        let main = |(key, _): &&(String, String)| MAIN_ATTRIBUTES.contains(&key.as_str());
        let main = in_one_line(attributes.iter().filter(main));
        if !main.is_empty() {
            lines.push(self.line(FAINT, mark, &main));
        }
    }

    fn line(self, style: anstyle::Style, mark: &str, text: &str) -> String {
        let text = harmless(text);
        let text = match self.all {
            true => text,
            false => cut(&text, self.columns.saturating_sub(mark.chars().count())).into_owned().into(),
        };
        self.paint.paint(style, &format!("{mark}{text}"))
    }
}

/// Attributes as `key=value`, with the values in quotes that would be hard to tell apart without.
fn in_one_line<'a>(attributes: impl Iterator<Item = &'a (String, String)>) -> String {
    let pair = |(key, value): &(String, String)| {
        let key = harmless(key);
        let shown = harmless(value);
        let hard = value.is_empty() || value.contains([' ', '"', '=']);
        let is_array = value.starts_with('[') && value.ends_with(']');
        if hard && !is_array { format!("{key}=\"{shown}\"") } else { format!("{key}={shown}") }
    };
    attributes.map(pair).collect::<Vec<_>>().join(" ")
}

/// What is odd about a span's place and times.
fn oddities(row: &Row, span: &Span, parent: Option<&Span>) -> Vec<String> {
    let mut found = Vec::new();
    match row.oddity {
        Some(Oddity::DuplicateId) => {
            found.push(format!("another span of this trace has the same id {}", Hex(span.id)));
        }
        Some(Oddity::OwnParent) => found.push("names itself as its parent".to_owned()),
        Some(Oddity::Cycle) => {
            let parent = Hex(span.parent.unwrap_or_default());
            found.push(format!("its parent {parent} is also its descendant: drawn as a root"));
        }
        None => {}
    }
    let mut later = |from: u64, to: u64, what: &str| {
        if from > to {
            found.push(what.replace("{}", &duration(from - to)));
        }
    };
    later(span.start, span.end, "ends {} before it starts");
    if let Some(parent) = parent {
        later(parent.start, span.start, "starts {} before its parent");
        if span.start > parent.end {
            later(span.start, parent.end, "starts {} after its parent ended");
        } else {
            later(span.end, parent.end, "ends {} after its parent");
        }
    }
    let dropped = ["attribute", "event", "link"];
    let dropped = span.dropped.iter().zip(dropped).filter(|(count, _)| **count > 0);
    let dropped: Vec<_> = dropped.map(|(count, what)| counted((*count).into(), what)).collect();
    if !dropped.is_empty() {
        found.push(format!("{} dropped", dropped.join(", ")));
    }
    found
}

/// When something happened, seen from the start of its span.
fn offset(start: u64, time: u64) -> String {
    match time.checked_sub(start) {
        Some(later) => format!("+{}", duration(later)),
        None => format!("-{}", duration(start - time)),
    }
}
