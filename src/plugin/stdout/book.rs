//! What the tracer has in memory: spans that are live, spans that wait to be written, the account.

use std::collections::{HashMap, HashSet, VecDeque};

use bext_plugin_api::tracer::{AttrValue, SpanHandle, SpanKind, SpanStatus};

use crate::export::{FinishedEvent, FinishedSpan};
use crate::raw::ids::SplitMix;
use crate::raw::random;
use crate::{OwnedValue, StatusCode};

/// How many ended spans are still known as parents: 24 bytes each, twice.
const RECENT: usize = 10_000;

/// A span, live or ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) handle: SpanHandle,
    /// The parent's span id; it is of the same trace.
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    /// Nanoseconds since the Unix epoch, as all times here.
    pub(super) start: u64,
    /// Not before `start`; the same while the span is live.
    pub(super) end: u64,
    pub(super) status: SpanStatus,
    pub(super) attributes: Vec<(String, AttrValue)>,
    pub(super) events: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) time: u64,
    pub(super) attributes: Vec<(String, AttrValue)>,
}

impl From<Span> for FinishedSpan {
    fn from(span: Span) -> Self {
        let (status, status_message) = match span.status {
            SpanStatus::Unset => (StatusCode::Unset, String::new()),
            SpanStatus::Ok => (StatusCode::Ok, String::new()),
            SpanStatus::Error { description } => (StatusCode::Error, description),
        };
        Self {
            trace_id: span.handle.trace_id,
            span_id: span.handle.span_id,
            parent_span_id: span.parent,
            name: span.name,
            kind: span.kind.into(),
            start_unix_nanos: span.start,
            end_unix_nanos: span.end,
            status,
            status_message,
            attributes: owned(span.attributes),
            events: span.events.into_iter().map(FinishedEvent::from).collect(),
            ..Self::default()
        }
    }
}

impl From<Event> for FinishedEvent {
    fn from(event: Event) -> Self {
        Self {
            name: event.name,
            time_unix_nanos: event.time,
            attributes: owned(event.attributes),
            ..Self::default()
        }
    }
}

fn owned(attributes: Vec<(String, AttrValue)>) -> Vec<(String, OwnedValue)> {
    attributes.into_iter().map(|(key, value)| (key, value.into())).collect()
}

/// Sets an attribute: in place if the key is there, else behind the others.
pub(super) fn set(attributes: &mut Vec<(String, AttrValue)>, key: &str, value: AttrValue) {
    match attributes.iter_mut().find(|(known, _)| known == key) {
        Some((_, old)) => *old = value,
        None => attributes.push((key.to_owned(), value)),
    }
}

/// `pairs` as if they had been set one after another.
pub(super) fn set_all(pairs: Vec<(String, AttrValue)>) -> Vec<(String, AttrValue)> {
    let mut attributes = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        set(&mut attributes, &key, value);
    }
    attributes
}

/// The account of a [`StdoutTracer`](super::StdoutTracer): where every span is.
///
/// All counts begin at zero when the tracer is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StdoutStats {
    /// Spans that were given a valid handle.
    pub started: u64,
    /// Of these, the ones that have not ended.
    pub live: u64,
    /// Ended spans of which the writer has not yet taken the last byte.
    pub waiting: u64,
    /// Spans that the writer took whole.
    pub written: u64,
    /// Ended spans, the oldest, that were dropped because
    /// [`max_finished`](super::StdoutTracerBuilder::max_finished) waited.
    pub dropped: u64,
    /// Starts that were refused because [`max_live`](super::StdoutTracerBuilder::max_live) spans
    /// were live. They are not among `started`; starts below them are `unrecorded`.
    pub refused: u64,
    /// Starts that were to record nothing: their parent was `SpanHandle::INVALID`, or the tracer was
    /// built with [`record(false)`](super::StdoutTracerBuilder::record). They are not among
    /// `started`.
    pub unrecorded: u64,
}

impl StdoutStats {
    /// Whether every started span is in exactly one place: live, waiting, written or dropped.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.started == self.live + self.waiting + self.written + self.dropped
    }
}

/// What was lost since the last flush that could say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Losses {
    pub(super) refused: u64,
    pub(super) dropped: u64,
}

#[derive(Debug)]
pub(super) struct Book {
    ids: Ids,
    max_live: usize,
    max_finished: usize,
    live: HashMap<SpanHandle, Span>,
    recent: Recent,
    /// Oldest first.
    finished: VecDeque<Span>,
    /// Spans that a flush took out of `finished` and has not written yet.
    in_output: u64,
    started: u64,
    written: u64,
    dropped: u64,
    refused: u64,
    unrecorded: u64,
    /// What a flush has said of `dropped` and `refused`.
    reported: Losses,
}

impl Book {
    pub(super) fn new(seed: Option<u64>, max_live: usize, max_finished: usize) -> Self {
        Self {
            ids: Ids::new(seed),
            max_live,
            max_finished,
            live: HashMap::new(),
            recent: Recent::default(),
            finished: VecDeque::new(),
            in_output: 0,
            started: 0,
            written: 0,
            dropped: 0,
            refused: 0,
            unrecorded: 0,
            reported: Losses::default(),
        }
    }

    /// Makes `span` live and gives it its ids. A parent that is not known makes a root of it.
    pub(super) fn start(&mut self, mut span: Span, parent: Option<SpanHandle>) -> SpanHandle {
        if self.live.len() >= self.max_live {
            self.refused += 1;
            return SpanHandle::INVALID;
        }
        let parent = parent.filter(|parent| self.live.contains_key(parent) || self.recent.knows(parent));
        let trace_id = parent.map_or_else(|| self.ids.next_trace(), |parent| parent.trace_id);
        span.handle = SpanHandle { trace_id, span_id: self.ids.next_span() };
        span.parent = parent.map(|parent| parent.span_id);
        self.started += 1;
        let handle = span.handle;
        self.live.insert(handle, span);
        handle
    }

    /// Counts a start that records nothing.
    pub(super) fn not_recorded(&mut self) -> SpanHandle {
        self.unrecorded += 1;
        SpanHandle::INVALID
    }

    /// The live span of that handle.
    pub(super) fn live(&mut self, handle: SpanHandle) -> Option<&mut Span> {
        self.live.get_mut(&handle)
    }

    /// Ends a live span; an end before its start becomes its start.
    pub(super) fn end(&mut self, handle: SpanHandle, end: u64) {
        let Some(mut span) = self.live.remove(&handle) else { return };
        span.end = end.max(span.start);
        self.recent.remember(handle);
        self.finished.push_back(span);
        if self.finished.len() > self.max_finished {
            self.finished.pop_front();
            self.dropped += 1;
        }
    }

    /// Hands the finished spans to a flush, which owes a call of [`Book::written`] for each.
    pub(super) fn take_finished(&mut self) -> Vec<Span> {
        let spans = Vec::from(std::mem::take(&mut self.finished));
        self.in_output += spans.len() as u64;
        spans
    }

    /// Counts spans that were taken and are written now.
    pub(super) fn written(&mut self, spans: u64) {
        self.in_output -= spans;
        self.written += spans;
    }

    /// What was lost since the last call.
    pub(super) fn take_losses(&mut self) -> Losses {
        let before = self.reported;
        self.reported = Losses { refused: self.refused, dropped: self.dropped };
        Losses { refused: self.refused - before.refused, dropped: self.dropped - before.dropped }
    }

    pub(super) fn stats(&self) -> StdoutStats {
        StdoutStats {
            started: self.started,
            live: self.live.len() as u64,
            waiting: self.finished.len() as u64 + self.in_output,
            written: self.written,
            dropped: self.dropped,
            refused: self.refused,
            unrecorded: self.unrecorded,
        }
    }
}

/// The spans that ended last, for children that are started after their parent's end.
#[derive(Debug, Default)]
struct Recent {
    /// Oldest first.
    order: VecDeque<SpanHandle>,
    known: HashSet<SpanHandle>,
}

impl Recent {
    fn knows(&self, handle: &SpanHandle) -> bool {
        self.known.contains(handle)
    }

    fn remember(&mut self, handle: SpanHandle) {
        if self.order.len() == RECENT {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        self.order.push_back(handle);
        self.known.insert(handle);
    }
}

/// The source of ids, none of them zero.
///
/// SplitMix64 runs through all words before it repeats one, so no two spans of a tracer share an id.
#[derive(Debug)]
struct Ids {
    trace_high: SplitMix,
    trace_low: SplitMix,
    span: SplitMix,
}

impl Ids {
    fn new(seed: Option<u64>) -> Self {
        let mut seeds = seed.map(SplitMix::new);
        let mut stream = || {
            let word = seeds.as_mut().map_or_else(random::word, SplitMix::next);
            SplitMix::new(word)
        };
        Self { trace_high: stream(), trace_low: stream(), span: stream() }
    }

    fn next_trace(&mut self) -> [u8; 16] {
        loop {
            let id = u128::from(self.trace_high.next()) << 64 | u128::from(self.trace_low.next());
            if id != 0 {
                return id.to_be_bytes();
            }
        }
    }

    fn next_span(&mut self) -> [u8; 8] {
        loop {
            let id = self.span.next();
            if id != 0 {
                return id.to_be_bytes();
            }
        }
    }
}
