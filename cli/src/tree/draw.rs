//! Drawing a trace: on the left the tree, on the right the time line.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use nanospan::{SpanKind, StatusCode};

use super::bar::TimeLine;
use super::details::Details;
use super::forest::{self, Node, Row};
use super::trace::{Span, Trace};
use crate::arguments::TreeOptions;
use crate::terminal::{BAD, FAINT, GOOD, ODD, Paint, STRONG};
use crate::text::{cut, harmless, left_aligned, right_aligned, width};
use crate::units::{Hex, count, counted, duration, moment};

const KIND_COLUMNS: usize = 8;
const DURATION_COLUMNS: usize = 8;
const STATUS_COLUMNS: usize = 5;

/// One blank between each two of tree, kind, duration and bar, and another before the bar; one
/// before the status.
const GAPS: usize = 5;

/// Columns that a level of the tree is indented by.
const INDENT: usize = 2;

/// The tree takes at most this share of the width, in percent, and at least this many columns.
const TREE_SHARE: usize = 45;
const TREE_COLUMNS_MIN: usize = 14;

/// A ruler above the bars that is narrower has no room for the trace's duration.
const SHORTEST_RULER: usize = 12;

/// How many services are named at most.
const SERVICES: usize = 10;

/// The bars' colours: one for each service, again from the start if there are more.
const SERVICE_COLORS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Green, AnsiColor::Yellow];

/// A trace with its layout.
pub(super) struct Drawing<'a> {
    trace: &'a Trace,
    rows: Vec<Row>,
    /// How many rows are drawn.
    shown: usize,
    all_attributes: bool,
    columns: usize,
    tree_columns: usize,
    /// From the first start to the last end.
    range: (u64, u64),
    time_line: TimeLine,
    bar_columns: usize,
    services: Vec<&'a str>,
}

impl<'a> Drawing<'a> {
    /// Lays out `trace` for a terminal of `columns` columns.
    pub(super) fn new(trace: &'a Trace, options: &TreeOptions, columns: usize) -> Self {
        let spans = &trace.spans;
        let rows = forest::rows(spans);
        let shown = match options.limit {
            0 => rows.len(),
            limit => limit.min(rows.len()),
        };
        let starts = spans.iter().map(|span| span.start.min(span.end));
        let ends = spans.iter().map(|span| span.start.max(span.end));
        let range = (starts.min().unwrap_or(0), ends.max().unwrap_or(0));
        let services: BTreeSet<&str> = spans.iter().map(|span| &*span.service).collect();
        let mut drawing = Self {
            trace,
            rows,
            shown,
            all_attributes: options.attributes,
            columns,
            tree_columns: 0,
            range,
            time_line: TimeLine::new(range.0, range.1, 1),
            bar_columns: 0,
            services: services.into_iter().collect(),
        };
        let most = (columns * TREE_SHARE / 100).max(TREE_COLUMNS_MIN);
        let longest = drawing.rows[..shown].iter().map(|row| drawing.label_columns(row));
        drawing.tree_columns = longest.max().unwrap_or(0).clamp(TREE_COLUMNS_MIN, most);
        let fixed = drawing.tree_columns + KIND_COLUMNS + DURATION_COLUMNS + STATUS_COLUMNS + GAPS;
        drawing.bar_columns = columns.saturating_sub(fixed).max(1);
        drawing.time_line = TimeLine::new(range.0, range.1, drawing.bar_columns);
        drawing
    }

    /// Writes the trace to `output`.
    pub(super) fn write(&self, output: &mut impl Write, paint: Paint) -> io::Result<()> {
        self.write_head(output, paint)?;
        let spans = &self.trace.spans;
        // For each level above the current row, whether its line goes on below.
        let mut open_levels: Vec<bool> = Vec::new();
        for row in &self.rows[..self.shown] {
            open_levels.truncate(row.depth);
            let above = self.prefix(&open_levels);
            let (joint, below) = match (row.depth, row.last) {
                (0, _) => ("", ""),
                (_, false) => ("├╴", "│ "),
                (_, true) => ("└╴", "  "),
            };
            let stem = format!("{above}{joint}");
            open_levels.push(!row.last);
            match row.node {
                Node::Span(index) => {
                    let span = &spans[index];
                    self.write_span(output, paint, &stem, span)?;
                    let children = if row.has_children { "│ " } else { "  " };
                    let below = format!("{above}{below}{children}");
                    let details = Details {
                        all: self.all_attributes,
                        columns: self.columns.saturating_sub(width(&below)),
                        paint,
                    };
                    for line in details.of(row, span, spans) {
                        writeln!(output, "{}{line}", paint.paint(FAINT, &below))?;
                    }
                }
                Node::Missing { id, remote } => {
                    let what = if remote { "remote parent" } else { "missing parent" };
                    let text = format!("({what} {})", Hex(id));
                    let style = if remote { FAINT } else { ODD };
                    writeln!(output, "{}{}", paint.paint(FAINT, &stem), paint.paint(style, &text))?;
                }
            }
        }
        let is_span = |row: &&Row| matches!(row.node, Node::Span(_));
        let hidden = self.rows[self.shown..].iter().filter(is_span).count() as u64;
        if hidden > 0 {
            let text = format!("… and {} (--limit 0 draws all)", counted(hidden, "more span"));
            writeln!(output, "{}", paint.paint(FAINT, &text))?;
        }
        Ok(())
    }

    fn write_head(&self, output: &mut impl Write, paint: Paint) -> io::Result<()> {
        let title = format!("trace {}", Hex(self.trace.id));
        writeln!(output, "{}", paint.paint(STRONG, &title))?;
        let spans = &self.trace.spans;
        write!(output, "{}", counted(spans.len() as u64, "span"))?;
        let failed = spans.iter().filter(|span| span.status == StatusCode::Error);
        let failed = failed.count() as u64;
        if failed > 0 {
            let failed = format!("{} failed", count(failed));
            write!(output, ", {}", paint.paint(BAD, &failed))?;
        }
        let length = duration(self.range.1 - self.range.0);
        writeln!(output, ", {length} from {}", moment(self.range.0))?;
        self.write_services(output, paint)?;

        let ruler = match self.bar_columns {
            columns if columns < SHORTEST_RULER => String::new(),
            columns => format!("0{}", right_aligned(&length, columns - 1)),
        };
        let head = format!(
            "{} {} {}  {ruler}",
            left_aligned("", self.tree_columns),
            left_aligned("kind", KIND_COLUMNS),
            right_aligned("duration", DURATION_COLUMNS),
        );
        writeln!(output, "\n{}", paint.paint(FAINT, head.trim_end()))
    }

    /// The services that took part, in the colours of their bars.
    fn write_services(&self, output: &mut impl Write, paint: Paint) -> io::Result<()> {
        let services = self.services.iter().filter(|service| !service.is_empty());
        let paint_one = |service: &&str| {
            let name = harmless(service);
            paint.paint(self.service_style(service), &cut(&name, self.columns))
        };
        let shown: Vec<String> = services.clone().take(SERVICES).map(paint_one).collect();
        let more = match services.count().saturating_sub(SERVICES) as u64 {
            0 => String::new(),
            more => format!(" and {} more", count(more)),
        };
        match shown.len() {
            0 => Ok(()),
            1 => writeln!(output, "service: {}", shown[0]),
            _ => writeln!(output, "services: {}{more}", shown.join(", ")),
        }
    }

    fn write_span(&self, output: &mut impl Write, paint: Paint, stem: &str, span: &Span) -> io::Result<()> {
        let label_columns = self.tree_columns.saturating_sub(width(stem));
        let label = self.label(span);
        let label = left_aligned(&cut(&label, label_columns), label_columns);
        let failed = span.status == StatusCode::Error;
        let length = match span.end.checked_sub(span.start) {
            Some(nanos) => duration(nanos),
            None => format!("-{}", duration(span.start - span.end)),
        };
        let status = match span.status {
            StatusCode::Error => " error",
            StatusCode::Ok => " ok",
            _ => "",
        };
        let bar = self.time_line.bar(span.start, span.end);
        let bar = if status.is_empty() { bar.trim_end() } else { &bar };
        let bar_style = if failed { BAD } else { self.service_style(&span.service) };
        writeln!(
            output,
            "{}{} {} {}  {}{}",
            paint.paint(FAINT, stem),
            paint.paint(if failed { BAD.bold() } else { STRONG }, &label),
            paint.paint(FAINT, &left_aligned(kind(span.kind), KIND_COLUMNS)),
            right_aligned(&length, DURATION_COLUMNS),
            paint.paint(bar_style, bar),
            paint.paint(if failed { BAD } else { GOOD }, status),
        )
    }

    /// The name, and where several services took part in the trace, the span's.
    fn label(&self, span: &Span) -> String {
        let name = match span.name.as_str() {
            "" => "(no name)".into(),
            name => harmless(name),
        };
        match self.services.len() {
            0 | 1 => name.into_owned(),
            _ if span.service.is_empty() => name.into_owned(),
            _ => format!("{name} ({})", harmless(&span.service)),
        }
    }

    /// How wide the tree's column must be for `row` to be shown in full.
    fn label_columns(&self, row: &Row) -> usize {
        let Node::Span(index) = row.node else {
            return 0;
        };
        row.depth.saturating_mul(INDENT) + width(&self.label(&self.trace.spans[index]))
    }

    fn service_style(&self, service: &str) -> Style {
        let index = self.services.binary_search(&service).unwrap_or(0);
        SERVICE_COLORS[index % SERVICE_COLORS.len()].on_default()
    }

    /// How many levels of the tree are drawn. Half of the column stays for the names.
    fn levels(&self) -> usize {
        self.tree_columns / 2 / INDENT
    }

    /// The lines that go on through a row at the levels `open_levels`. The roots have none. Levels
    /// that there is no room for are folded into their number.
    fn prefix(&self, open_levels: &[bool]) -> String {
        let inner = open_levels.get(1..).unwrap_or_default();
        let folded = inner.len().saturating_sub(self.levels());
        let mut prefix = match folded {
            0 => String::new(),
            folded => format!("⋯{} ", count(folded as u64)),
        };
        for open in &inner[folded..] {
            prefix.push_str(if *open { "│ " } else { "  " });
        }
        prefix
    }
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        _ => "internal",
    }
}
