//! The spans in segment files, and whether they make sense.

use nanospan::batch::{BatchView, SpanView, ValueView};
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::{SpanId, TraceId};
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The bit of a span's flags that says that its parent is in another process (OTLP, `SpanFlags`).
const PARENT_IS_REMOTE: u32 = 0x200;

/// Which span: ids are unique within a trace only.
pub(crate) type Key = (TraceId, SpanId);

/// A span, and where the rest of it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    /// Whether the parent is in another process.
    pub(crate) is_entry: bool,
    pub(crate) name: &'a str,
    batch: usize,
    index: usize,
}

impl Row<'_> {
    pub(crate) fn key(&self) -> Key {
        (self.trace, self.id)
    }
}

/// The segments of a directory but for those that were there before.
///
/// # Errors
///
/// If the directory or a segment cannot be read.
pub(crate) fn open_new(spool: &Path, before: &[PathBuf]) -> Result<Vec<SegmentFile>, Box<dyn Error>> {
    let mut paths = segments_in(spool)?;
    paths.retain(|path| !before.contains(path));
    Ok(paths.into_iter().map(SegmentFile::open).collect::<Result<_, _>>()?)
}

/// All spans of some segments.
#[derive(Debug, Default)]
pub(crate) struct Files<'a> {
    batches: Vec<BatchView<'a>>,
    pub(crate) rows: Vec<Row<'a>>,
    /// Where in `rows` a span's children are, but for those that say that their parent is elsewhere.
    children: HashMap<Key, Vec<usize>>,
    /// What is wrong with the files or the spans in them, each for itself.
    pub(crate) problems: Vec<String>,
}

impl<'a> Files<'a> {
    /// Reads every span, and finds what is wrong: damage, a span id that is there twice, a parent that
    /// is not in the trace, an end before the start, something left out.
    pub(crate) fn read(segments: &'a [SegmentFile]) -> Self {
        let mut files = Self::default();
        for segment in segments {
            let mut damaged = Vec::new();
            match segment.reader() {
                Ok(frames) => {
                    for frame in frames {
                        match frame {
                            Ok(frame) => files.add(frame.view()),
                            Err(damage) => damaged.push(damage),
                        }
                    }
                }
                Err(damage) => damaged.push(damage),
            }
            let path = segment.path().display();
            files.problems.extend(damaged.iter().map(|damage| format!("{path}: {damage}")));
        }
        let mut problems = files.check();
        files.problems.append(&mut problems);
        files
    }

    fn add(&mut self, batch: BatchView<'a>) {
        for (index, span) in batch.spans().enumerate() {
            let row = Row {
                trace: TraceId::from_bytes(span.trace_id()),
                id: SpanId::from_bytes(span.span_id()),
                parent: span.parent_span_id().map(SpanId::from_bytes),
                is_entry: span.flags() & PARENT_IS_REMOTE != 0,
                name: span.name(),
                batch: self.batches.len(),
                index,
            };
            if let (Some(parent), false) = (row.parent, row.is_entry) {
                self.children.entry((row.trace, parent)).or_default().push(self.rows.len());
            }
            self.rows.push(row);
        }
        self.batches.push(batch);
    }

    /// What is wrong with the spans.
    fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut keys = HashSet::with_capacity(self.rows.len());
        for row in &self.rows {
            if !keys.insert(row.key()) {
                problems.push(format!("{}: this span id is there twice", Named(row)));
            }
        }
        for row in &self.rows {
            let span = self.span(row);
            if span.end_unix_nanos() < span.start_unix_nanos() {
                problems.push(format!("{}: ended before it began", Named(row)));
            }
            let dropped =
                (span.dropped_attributes_count(), span.dropped_events_count(), span.dropped_links_count());
            if dropped != (0, 0, 0) {
                problems.push(format!("{}: attributes, events, links left out: {dropped:?}", Named(row)));
            }
            let parent = row.parent.filter(|_| !row.is_entry);
            if let Some(parent) = parent.filter(|parent| !keys.contains(&(row.trace, *parent))) {
                problems.push(format!("{}: its parent {parent} is not in its trace", Named(row)));
            }
        }
        problems
    }

    /// The whole span.
    pub(crate) fn span(&self, row: &Row<'_>) -> SpanView<'a> {
        self.batches[row.batch].span(row.index).expect("a row is made of a span of this batch")
    }

    /// The spans right below one, in order of their starts.
    pub(crate) fn children(&self, row: &Row<'_>) -> Vec<&Row<'a>> {
        let below = self.children.get(&row.key()).into_iter().flatten();
        let mut rows: Vec<&Row<'_>> = below.map(|&index| &self.rows[index]).collect();
        rows.sort_by_key(|row| (self.span(row).start_unix_nanos(), row.id));
        rows
    }

    /// The value of an attribute that is a number.
    pub(crate) fn int(&self, row: &Row<'_>, key: &str) -> Option<i64> {
        match self.span(row).attributes().find(|(name, _)| *name == key)?.1 {
            ValueView::I64(value) => Some(value),
            _ => None,
        }
    }

    /// The value of an attribute that is a text.
    pub(crate) fn str(&self, row: &Row<'_>, key: &str) -> Option<&'a str> {
        match self.span(row).attributes().find(|(name, _)| *name == key)?.1 {
            ValueView::Str(value) => Some(value),
            _ => None,
        }
    }
}

/// A span in a message.
pub(crate) struct Named<'a>(pub(crate) &'a Row<'a>);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Row { trace, id, name, .. } = self.0;
        write!(f, "span {id} `{name}` of trace {trace}")
    }
}
