//! Showing what was added up, to people and to programs.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::gather::{Group, Metrics, Stats};
use crate::input::places;
use crate::terminal::{BAD, FAINT, ODD, Paint, STRONG};
use crate::text::{cut, harmless, left_aligned, right_aligned};
use crate::units::{bytes, count, counted, duration, moment};

/// The columns of numbers, each as wide as the larger of its heading and what it usually holds.
const NUMBERS: [(&str, usize); 5] = [("spans", 11), ("errors", 9), ("p50", 9), ("p99", 9), ("max", 9)];

/// Width of the column of names; it is narrower where the terminal is.
const NAME_COLUMNS: std::ops::RangeInclusive<usize> = 12..=60;

/// The form for people.
pub(super) struct Table<'a> {
    pub(super) stats: &'a Stats,
    /// How many names are shown; 0 for all.
    pub(super) top: usize,
    pub(super) columns: usize,
    pub(super) paint: Paint,
}

impl Table<'_> {
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let stats = self.stats;
        let files = format!("{}, {}", counted(stats.files, "file"), bytes(stats.bytes));
        self.fact(output, "input", &files)?;
        let tracers = counted(stats.tracers.len() as u64, "tracer");
        let batches = format!("{} from {tracers}", count(stats.batches));
        self.fact(output, "batches", &batches)?;
        let spans = match bytes_per_span(stats) {
            Some(each) => format!("{}, {each} bytes each", count(stats.spans)),
            None => count(stats.spans),
        };
        self.fact(output, "spans", &spans)?;
        self.fact(output, "traces", &count(stats.traces.len() as u64))?;
        let errors = match stats.errors {
            0 => "none".to_owned(),
            errors => {
                let share = errors as f64 * 100.0 / stats.spans as f64;
                let text = format!("{} ({share:.2} % of spans)", count(errors));
                self.paint.paint(BAD, &text)
            }
        };
        self.fact(output, "errors", &errors)?;
        if let Some((first, last)) = stats.range {
            let length = duration(last.saturating_sub(first));
            self.fact(output, "from", &moment(first))?;
            self.fact(output, "to", &format!("{} ({length})", moment(last)))?;
        }
        self.fact(output, "dropped", &self.dropped())?;
        if stats.backward > 0 {
            let text = format!("{} before they start", counted(stats.backward, "span"));
            self.fact(output, "ending", &self.paint.paint(ODD, &text))?;
        }
        if stats.metrics.batches > 0 {
            self.fact(output, "metrics", &metrics(&stats.metrics))?;
        }
        self.fact(output, "damage", &self.damage())?;
        self.groups(output, "service", &stats.services, 0)?;
        self.groups(output, "span name", &stats.names, self.top)?;
        self.metric_names(output)
    }

    /// A table of the metrics, those with the most points first.
    fn metric_names(&self, output: &mut impl Write) -> io::Result<()> {
        const HEADING: &str = "metric name";
        const POINTS_COLUMNS: usize = 13;

        let sorted = sorted_names(&self.stats.metrics);
        if sorted.is_empty() {
            return Ok(());
        }
        let shown = if self.top == 0 { sorted.len() } else { self.top.min(sorted.len()) };
        let named =
            |name: &str| if name.is_empty() { "(none)".to_owned() } else { harmless(name).into_owned() };
        let names: Vec<_> = sorted[..shown].iter().map(|(name, _)| named(name)).collect();
        let longest = names.iter().map(|name| crate::text::width(name)).max().unwrap_or(0);
        let columns = longest
            .min(self.columns.saturating_sub(POINTS_COLUMNS))
            .clamp(*NAME_COLUMNS.start(), *NAME_COLUMNS.end());
        let head = left_aligned(HEADING, columns) + &right_aligned("points", POINTS_COLUMNS);
        writeln!(output, "\n{}", self.paint.paint(STRONG, &head))?;
        for (name, (_, points)) in names.iter().zip(&sorted) {
            let name = left_aligned(&cut(name, columns), columns);
            writeln!(output, "{name}{}", right_aligned(&count(**points), POINTS_COLUMNS))?;
        }
        self.hidden(output, sorted.len() - shown)
    }

    fn fact(&self, output: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
        let name = self.paint.paint(FAINT, &left_aligned(name, 9));
        writeln!(output, "{name}{value}")
    }

    fn dropped(&self) -> String {
        let dropped = &self.stats.dropped;
        let kinds = [(dropped.attributes, "attribute"), (dropped.events, "event"), (dropped.links, "link")];
        let kinds: Vec<String> = kinds
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, kind)| counted(*number, kind))
            .collect();
        if kinds.is_empty() {
            return "nothing".to_owned();
        }
        self.paint.paint(ODD, &kinds.join(", "))
    }

    fn damage(&self) -> String {
        let damage = &self.stats.damage;
        if damage.places > 0 {
            let places = places(damage.places, damage.files);
            let skipped = counted(damage.skipped_bytes, "byte");
            let text = format!("{places}, {skipped} skipped (nanospan verify tells more)");
            return self.paint.paint(BAD, &text);
        }
        match damage.unfinished {
            0 => "none".to_owned(),
            files => format!("none; {} being written", counted(files, "file")),
        }
    }

    /// A table of groups, the most frequent first; `top` of them, or all if it is 0.
    fn groups(
        &self,
        output: &mut impl Write,
        heading: &str,
        groups: &HashMap<String, Group>,
        top: usize,
    ) -> io::Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let sorted = sorted(groups);
        let shown = match top {
            0 => sorted.len(),
            top => top.min(sorted.len()),
        };
        let names: Vec<_> = sorted[..shown]
            .iter()
            .map(|(name, _)| match name.as_str() {
                "" => "(none)".into(),
                name => harmless(name),
            })
            .collect();
        let numbers: usize = NUMBERS.iter().map(|(_, columns)| columns).sum();
        let longest = names.iter().map(|name| crate::text::width(name)).max();
        let columns = longest
            .unwrap_or(0)
            .min(self.columns.saturating_sub(numbers))
            .max(heading.len())
            .clamp(*NAME_COLUMNS.start(), *NAME_COLUMNS.end());

        let mut head = left_aligned(heading, columns);
        for (name, columns) in NUMBERS {
            head.push_str(&right_aligned(name, columns));
        }
        writeln!(output, "\n{}", self.paint.paint(STRONG, &head))?;
        for (name, (_, group)) in names.iter().zip(&sorted) {
            let quantile = |value: Option<u64>| value.map_or("-".to_owned(), duration);
            let cells = [
                count(group.spans),
                count(group.errors),
                quantile(group.durations.percentile(50)),
                quantile(group.durations.percentile(99)),
                quantile(group.durations.max()),
            ];
            write!(output, "{}", left_aligned(&cut(name, columns), columns))?;
            for (cell, (column, columns)) in cells.iter().zip(NUMBERS) {
                let cell = right_aligned(cell, columns);
                let style = match (column, group.errors) {
                    ("errors", 0) => FAINT,
                    ("errors", _) => BAD,
                    _ => anstyle::Style::new(),
                };
                write!(output, "{}", self.paint.paint(style, &cell))?;
            }
            writeln!(output)?;
        }
        self.hidden(output, sorted.len() - shown)
    }

    /// Tells of names that were not shown.
    fn hidden(&self, output: &mut impl Write, names: usize) -> io::Result<()> {
        if names > 0 {
            let text = format!("… and {} (--top 0 shows all)", counted(names as u64, "more name"));
            writeln!(output, "{}", self.paint.paint(FAINT, &text))?;
        }
        Ok(())
    }
}

/// How large a span is in the files, without what metrics take there.
fn bytes_per_span(stats: &Stats) -> Option<u64> {
    stats.bytes.saturating_sub(stats.metrics.bytes).checked_div(stats.spans)
}

fn metrics(metrics: &Metrics) -> String {
    let points = counted(metrics.data_points, "data point");
    let batches = counted(metrics.batches, "batch");
    let exporters = counted(metrics.exporters.len() as u64, "exporter");
    format!("{points} in {batches} from {exporters}")
}

/// Those with the most points first; of equally many in alphabetical order.
fn sorted_names(metrics: &Metrics) -> Vec<(&String, &u64)> {
    let mut sorted: Vec<_> = metrics.names.iter().collect();
    sorted.sort_unstable_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    sorted
}

/// The most frequent first; names that are equally frequent in alphabetical order.
fn sorted(groups: &HashMap<String, Group>) -> Vec<(&String, &Group)> {
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted
        .sort_unstable_by(|(a_name, a), (b_name, b)| b.spans.cmp(&a.spans).then_with(|| a_name.cmp(b_name)));
    sorted
}

/// The form for programs.
pub(super) fn json(stats: &Stats) -> Value {
    let (first, last) = stats.range.unzip();
    json!({
        "files": stats.files,
        "bytes": stats.bytes,
        "batches": stats.batches,
        "tracers": stats.tracers.len(),
        "spans": stats.spans,
        "traces": stats.traces.len(),
        "errors": stats.errors,
        "bytes_per_span": bytes_per_span(stats),
        "first_start": first.map(moment),
        "last_end": last.map(moment),
        "ending_before_start": stats.backward,
        "dropped": {
            "attributes": stats.dropped.attributes,
            "events": stats.dropped.events,
            "links": stats.dropped.links,
        },
        "metrics": {
            "batches": stats.metrics.batches,
            "exporters": stats.metrics.exporters.len(),
            "data_points": stats.metrics.data_points,
            "names": metric_names(&stats.metrics),
        },
        "damage": {
            "files": stats.damage.files,
            "places": stats.damage.places,
            "skipped_bytes": stats.damage.skipped_bytes,
            "unfinished_files": stats.damage.unfinished,
        },
        "services": groups(&stats.services),
        "names": groups(&stats.names),
    })
}

fn metric_names(metrics: &Metrics) -> Vec<Value> {
    let entry = |(name, points)| json!({"name": name, "data_points": points});
    sorted_names(metrics).into_iter().map(entry).collect()
}

fn groups(groups: &HashMap<String, Group>) -> Vec<Value> {
    let entry = |(name, group): (&String, &Group)| {
        json!({
            "name": name,
            "spans": group.spans,
            "errors": group.errors,
            "p50_nanos": group.durations.percentile(50),
            "p99_nanos": group.durations.percentile(99),
            "max_nanos": group.durations.max(),
        })
    };
    sorted(groups).into_iter().map(entry).collect()
}
