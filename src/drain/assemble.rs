//! Joins a span's header and records, and writes the finished span into the batch.

use crate::batch::{BatchBuilder, LinkHead, SpanHead, ValueType};
use crate::drain::gather::Gathered;
use crate::limits::SpanLimits;
use crate::raw::clock::Timeline;
use crate::raw::record::{Body, Decoded, Entry, Kind, Plain, Raw, Records, Short};
use crate::raw::slot::Slot;
use crate::seeded::{Bug, seeded};
use crate::value::{SpanKind, StatusCode, Text, Value};

/// What the assembler puts aside while it writes a span; reused from span to span.
#[derive(Debug, Default)]
pub(crate) struct Scratch<'a> {
    /// Records to be sorted.
    entries: Vec<Entry<'a>>,
    /// Attributes of the span whose values are written last: where each stands, and its value. Another
    /// value for the same key takes the place, and nothing of the first one gets into the batch.
    later: Vec<(usize, Raw<'a>)>,
    /// Attributes of one event or link.
    inner: Attributes<'a>,
}

/// Puts the records of a span, oldest first within each log, into the order of the calls that made
/// them. Only needed when a thread other than the owner made one.
fn sort(entries: &mut [Entry<'_>]) {
    if let Some(first) = entries.first().map(|entry| entry.record.stamp.sequence()) {
        // Sequence numbers wrap; those of one span lie within 2^31 of each other. The sort is
        // stable: records with one stamp come from one call or one thread, in log order.
        entries.sort_by_key(|entry| {
            let stamp = entry.record.stamp;
            (stamp.sequence().wrapping_sub(first) as i32, stamp.is_foreign() == seeded(Bug::OrderSwapped))
        });
    }
}

/// Attributes of an event or link with the last value of each key, in the order in which the keys came
/// first.
#[derive(Debug, Default)]
struct Attributes<'a> {
    kept: Vec<(Decoded<'a>, Raw<'a>)>,
    over: u32,
}

impl<'a> Attributes<'a> {
    fn clear(&mut self) {
        self.kept.clear();
        self.over = 0;
    }

    /// Takes the next `count` attributes of a body.
    fn take(&mut self, body: &mut Body<'a>, count: u8, max: u32) {
        for _ in 0..count {
            let Some((key, value)) = body.attribute() else { return };
            if let Some(kept) = self.kept.iter_mut().find(|kept| kept.0.same(&key)) {
                kept.1 = value;
            } else if self.kept.len() < max as usize {
                self.kept.push((key, value));
            } else {
                self.over += 1;
            }
        }
    }
}

/// Facts of which the last call's counts.
#[derive(Debug, Default)]
struct Facts<'a> {
    name: Option<Decoded<'a>>,
    start: Option<u64>,
    end: Option<u64>,
    status: Option<(u64, Decoded<'a>)>,
    trace_state: Option<Decoded<'a>>,
    events: u32,
    links: u32,
}

impl<'a> Facts<'a> {
    /// Takes in a record that holds no attributes of the span.
    fn take(&mut self, kind: Kind, body: &mut Body<'a>) {
        match kind {
            Kind::Name => self.name = body.text().or(self.name),
            Kind::StartTime => self.start = body.word().or(self.start),
            Kind::EndTime => self.end = body.word().or(self.end),
            Kind::Status if seeded(Bug::FirstStatusCounts) && self.status.is_some() => {}
            Kind::Status => self.status = body.word().zip(body.text()).or(self.status),
            Kind::TraceState => self.trace_state = body.text().or(self.trace_state),
            Kind::Event => self.events += 1,
            Kind::Link => self.links += 1,
            Kind::Attributes | Kind::More | Kind::Blob => {}
        }
    }
}

/// A span that has ended, without its records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) slot: &'static Slot,
    pub(crate) span_id: u64,
    /// Whether a thread other than the owner made one of the records: only then can they be out of order.
    pub(crate) foreign: bool,
    /// Whether something was lost before.
    pub(crate) has_shed: bool,
}

/// Writes attributes right where they belong.
struct Direct<'b> {
    batch: &'b mut BatchBuilder,
    room: usize,
    keys: u64,
}

impl Direct<'_> {
    /// Writes the attributes at the front of `run`, as far as nothing about them is unusual, and returns
    /// the rest. A function of its own, so that the loop has all registers for itself.
    #[inline(never)]
    fn write<'a>(batch: &mut BatchBuilder, limits: &SpanLimits, mut run: Records<'a>) -> Records<'a> {
        if limits.attribute_value_length.is_none() {
            let room = batch.room_for_attributes(limits.attributes as usize);
            run.take_short(&mut Direct { batch, room, keys: 0 });
        }
        run
    }
}

impl Short for Direct<'_> {
    #[inline(always)]
    fn make_room(&mut self, count: usize) -> bool {
        match self.room.checked_sub(count) {
            Some(left) => {
                self.room = left;
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    fn attribute(&mut self, key: &'static str, value: Plain) {
        let (value_type, word) = match value {
            Plain::Bool(value) => (ValueType::Bool, value),
            Plain::I64(value) => (ValueType::Int64, value),
            Plain::F64(value) => (ValueType::Float64, value),
            Plain::Text(text) => (ValueType::String, self.batch.literal(text).into()),
        };
        self.batch.set_short(key, value_type, word, &mut self.keys);
    }
}

/// Writes spans; see the module.
#[derive(Debug)]
pub(crate) struct Assembler {
    limits: SpanLimits,
}

/// In OTLP's span flags: it is known whether the parent is remote, and whether it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// In a slot's flags and a link's flags: the other span belongs to another process. W3C defines only
/// the two lowest bits of the byte.
pub(crate) const REMOTE: u8 = 0x80;

/// What a span lost, by kind: attributes (those of its events and links included), events, links.
pub(crate) type Lost = [u32; 3];

impl Assembler {
    pub(crate) fn new(limits: SpanLimits) -> Self {
        Self { limits }
    }

    /// Writes one span and returns what its limits took, if anything. What `shed` says was lost, and
    /// counted in total, before.
    #[inline(always)]
    pub(crate) fn span<'a>(
        &self,
        span: Ended,
        shed: &Lost,
        mut records: Gathered<'a>,
        timeline: &Timeline,
        scratch: &mut Scratch<'a>,
        batch: &mut BatchBuilder,
    ) -> Option<Lost> {
        batch.begin_attributes();
        if let Some(run) = records.first_run().filter(|_| !span.foreign) {
            *run = Direct::write(batch, &self.limits, *run);
        }
        let header = span.slot.header();
        let start = timeline.unix_nanos(header.start.ticks);
        let head = SpanHead {
            trace_id: header.start.trace_id,
            span_id: span.span_id,
            parent_span_id: header.start.parent,
            start_unix_nanos: start,
            end_unix_nanos: timeline.unix_nanos(header.end).max(start),
            name: Text::Static(header.start.name.text()),
            kind: kind_of(header.start.kind),
            flags: otlp_flags(header.start.flags, header.start.parent != 0),
        };
        if records.is_empty() && !header.has_shed() && !span.has_shed {
            batch.push_span(&head);
            return None;
        }
        batch.open_span(&head);
        let lost = self.rest(span.slot, span.foreign, shed, records, timeline, scratch, batch);
        batch.end_span();
        Some(lost)
    }

    /// Writes what is not an attribute of the usual kind.
    #[inline(never)]
    #[allow(
        clippy::too_many_arguments,
        reason = "in registers, not in a struct that is laid out for each span"
    )]
    fn rest<'a>(
        &self,
        slot: &'static Slot,
        foreign: bool,
        shed: &Lost,
        records: Gathered<'a>,
        timeline: &Timeline,
        scratch: &mut Scratch<'a>,
        batch: &mut BatchBuilder,
    ) -> Lost {
        let (lost, of_items) = if foreign {
            let mut entries = std::mem::take(&mut scratch.entries);
            entries.clear();
            entries.extend(records);
            sort(&mut entries);
            let lost = self.records(slot, entries.iter().copied(), timeline, scratch, batch);
            scratch.entries = entries;
            lost
        } else {
            self.records(slot, records, timeline, scratch, batch)
        };
        let before = slot.header().shed();
        let [attributes, events, links] = std::array::from_fn(|what| before[what] + shed[what] + lost[what]);
        let less = u32::from(seeded(Bug::DroppedOffByOne) && lost[0] > 0);
        batch.dropped(attributes - less, events, links);
        let of_items = if seeded(Bug::InsideNotCounted) { 0 } else { of_items };
        [lost[0] + of_items, lost[1], lost[2]]
    }

    /// Writes what records say. Returns what the span lost to limits, and how many attributes its events
    /// and links lost.
    fn records<'a>(
        &self,
        slot: &'static Slot,
        records: impl Iterator<Item = Entry<'a>> + Clone,
        timeline: &Timeline,
        scratch: &mut Scratch<'a>,
        batch: &mut BatchBuilder,
    ) -> (Lost, u32) {
        let mut over = 0;
        let mut facts = Facts::default();
        for entry in records.clone() {
            let mut body = entry.body();
            if entry.record.kind != Kind::Attributes {
                facts.take(entry.record.kind, &mut body);
                continue;
            }
            for _ in 0..entry.record.count {
                let Some((key, value)) = body.attribute() else { break };
                over += u32::from(!self.set(key, value, &mut scratch.later, batch));
            }
        }
        for (at, value) in scratch.later.drain(..) {
            self.lend(value, |value| batch.set_value(at, value));
        }
        if facts.start.is_some() || facts.end.is_some() {
            let header = slot.header();
            let start = facts.start.unwrap_or_else(|| timeline.unix_nanos(header.start.ticks));
            let end = facts.end.unwrap_or_else(|| timeline.unix_nanos(header.end));
            batch.times(start, end.max(start));
        }
        if let Some(name) = facts.name {
            batch.name(name.into());
        }
        if let Some((code, message)) = facts.status {
            batch.status(status_of(code), message.as_str());
        }
        if let Some(state) = facts.trace_state {
            batch.trace_state(state.as_str());
        }
        let mut of_items = 0;
        if facts.events > 0 {
            of_items += self.events(records.clone(), &mut scratch.inner, timeline, batch);
        }
        if facts.links > 0 {
            of_items += self.links(records, &mut scratch.inner, batch);
        }
        let events = facts.events.saturating_sub(self.limits.events);
        let links = facts.links.saturating_sub(self.limits.links);
        ([over, events, links], of_items)
    }

    /// Gives the open span an attribute; `false` when it has too many. A value that takes up room of its
    /// own is put off.
    fn set<'a>(
        &self,
        key: Decoded<'a>,
        value: Raw<'a>,
        later: &mut Vec<(usize, Raw<'a>)>,
        batch: &mut BatchBuilder,
    ) -> bool {
        let (value_type, word) = match value {
            Raw::Bool(value) => (ValueType::Bool, u64::from(value)),
            Raw::I64(value) => (ValueType::Int64, value as u64),
            Raw::F64(value) => (ValueType::Float64, value.to_bits()),
            _ => (ValueType::Bool, 0),
        };
        let max = self.limits.attributes as usize;
        let Some(set) = batch.set_word(key.into(), value_type, word, max) else { return false };
        if !set.is_new {
            later.retain(|&(at, _)| at != set.at);
        }
        if !matches!(value, Raw::Bool(_) | Raw::I64(_) | Raw::F64(_)) {
            later.push((set.at, value));
        }
        true
    }

    /// Writes the events and returns how many attributes of theirs were over the limit.
    fn events<'a>(
        &self,
        records: impl Iterator<Item = Entry<'a>>,
        inner: &mut Attributes<'a>,
        timeline: &Timeline,
        batch: &mut BatchBuilder,
    ) -> u32 {
        let limits = (self.limits.events, self.limits.attributes_per_event);
        self.items(records, Kind::Event, limits, inner, batch, |body, batch| {
            let (Some(name), Some(time), Some(is_unix)) = (body.text(), body.word(), body.word()) else {
                return;
            };
            let time = if is_unix == 0 { timeline.unix_nanos(time) } else { time };
            batch.begin_event(name.into(), time);
        })
    }

    /// Writes the links and returns how many attributes of theirs were over the limit.
    fn links<'a>(
        &self,
        records: impl Iterator<Item = Entry<'a>>,
        inner: &mut Attributes<'a>,
        batch: &mut BatchBuilder,
    ) -> u32 {
        let limits = (self.limits.links, self.limits.attributes_per_link);
        self.items(records, Kind::Link, limits, inner, batch, |body, batch| {
            let [Some(high), Some(low), Some(span_id), Some(flags)] = [(); 4].map(|()| body.word()) else {
                return;
            };
            let Some(state) = body.text() else { return };
            batch.begin_link(&LinkHead {
                trace_id: u128::from(high) << 64 | u128::from(low),
                span_id,
                flags: otlp_flags(flags as u8, true),
                trace_state: state.as_str(),
            });
        })
    }

    /// Writes the first events or links, each as `begin` does it from the body, with the attributes
    /// that are in its record and in those that go on with it.
    fn items<'a>(
        &self,
        records: impl Iterator<Item = Entry<'a>>,
        kind: Kind,
        (max_items, max_attributes): (u32, u32),
        inner: &mut Attributes<'a>,
        batch: &mut BatchBuilder,
        begin: impl Fn(&mut Body<'a>, &mut BatchBuilder),
    ) -> u32 {
        let mut over = 0;
        let mut finish = |inner: &mut Attributes<'a>, batch: &mut BatchBuilder| {
            for &(key, value) in &inner.kept {
                self.lend(value, |value| batch.attribute(key.into(), value));
            }
            batch.item_dropped_attributes(inner.over);
            over += inner.over;
        };
        let mut items = 0;
        let mut is_open = false;
        for entry in records {
            let mut body = entry.body();
            if entry.record.kind == Kind::More {
                if is_open {
                    inner.take(&mut body, entry.record.count, max_attributes);
                }
                continue;
            }
            if std::mem::take(&mut is_open) {
                finish(inner, batch);
            }
            if entry.record.kind == kind && items < max_items {
                items += 1;
                is_open = true;
                begin(&mut body, batch);
                inner.clear();
                inner.take(&mut body, entry.record.count, max_attributes);
            }
        }
        if is_open {
            finish(inner, batch);
        }
        over
    }

    /// Lends a value as it is written, cut to the limit.
    #[inline]
    fn lend(&self, value: Raw<'_>, f: impl FnOnce(&Value<'_>)) {
        value.with(|value| match self.limits.attribute_value_length {
            None => f(value),
            Some(max) => cut(value, max as usize, f),
        });
    }
}

/// Lends `value` with its strings cut to `max` characters.
fn cut<R>(value: &Value<'_>, max: usize, f: impl FnOnce(&Value<'_>) -> R) -> R {
    fn first(text: &str, max: usize) -> &str {
        text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
    }
    match *value {
        Value::Str(text) | Value::StaticStr(text) => f(&Value::Str(first(text, max))),
        Value::StrArray(texts) => {
            let texts: Vec<&str> = texts.iter().map(|text| first(text, max)).collect();
            f(&Value::StrArray(&texts))
        }
        _ => f(value),
    }
}

fn otlp_flags(flags: u8, has_other: bool) -> u32 {
    let remote = if flags & REMOTE != 0 { IS_REMOTE } else { 0 };
    u32::from(flags & !REMOTE) | if has_other { HAS_IS_REMOTE | remote } else { 0 }
}

fn kind_of(kind: u8) -> SpanKind {
    match kind {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn status_of(code: u64) -> StatusCode {
    match code {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}
