//! Joins a span's header and records, and writes the finished span into the batch.

use crate::batch::{BatchBuilder, LinkHead, SpanHead};
use crate::limits::SpanLimits;
use crate::raw::block::Header;
use crate::raw::clock::Timeline;
use crate::raw::record::{Body, Decoded, Entry, Kind, Raw};
use crate::value::{SpanKind, StatusCode, Text, Value};

/// A span's records in the order of the calls that made them; reused from span to span.
#[derive(Debug, Default)]
pub(crate) struct Gathered<'a> {
    entries: Vec<Entry<'a>>,
    attributes: Attributes<'a>,
    /// Attributes of one event or link while it is written.
    inner: Attributes<'a>,
}

impl<'a> Gathered<'a> {
    /// Takes the records of the next span, oldest first within each log. `foreign` says whether any
    /// came from a thread other than the owner: only then can they be out of order.
    pub(crate) fn take(&mut self, entries: impl Iterator<Item = Entry<'a>>, foreign: bool) {
        self.entries.clear();
        self.entries.extend(entries);
        if !foreign {
            return;
        }
        if let Some(first) = self.entries.first().map(|entry| entry.record.stamp.sequence()) {
            // Sequence numbers wrap; those of one span lie within 2^31 of each other. The sort is
            // stable: records with one stamp come from one call or one thread, in log order.
            self.entries.sort_by_key(|entry| {
                let stamp = entry.record.stamp;
                (stamp.sequence().wrapping_sub(first) as i32, !stamp.is_foreign())
            });
        }
    }
}

/// Attributes with the last value of each key, in the order in which the keys came first.
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

    /// Writes one span and returns what its limits took. What `shed` says was lost, and counted in
    /// total, before.
    pub(crate) fn span(
        &self,
        header: &Header,
        span_id: u64,
        gathered: &mut Gathered<'_>,
        shed: Lost,
        timeline: &Timeline,
        batch: &mut BatchBuilder,
    ) -> Lost {
        let limits = &self.limits;
        let Gathered { entries, attributes, inner } = gathered;
        attributes.clear();
        let mut facts = Facts::default();
        for entry in entries.iter() {
            let mut body = entry.body();
            match entry.record.kind {
                Kind::Attributes => attributes.take(&mut body, entry.record.count, limits.attributes),
                Kind::Name => facts.name = body.text().or(facts.name),
                Kind::StartTime => facts.start = body.word().or(facts.start),
                Kind::EndTime => facts.end = body.word().or(facts.end),
                Kind::Status => facts.status = body.word().zip(body.text()).or(facts.status),
                Kind::TraceState => facts.trace_state = body.text().or(facts.trace_state),
                Kind::Event => facts.events += 1,
                Kind::Link => facts.links += 1,
                Kind::More | Kind::Blob => {}
            }
        }
        let start = facts.start.unwrap_or_else(|| timeline.unix_nanos(header.start.ticks));
        let end = facts.end.unwrap_or_else(|| timeline.unix_nanos(header.end)).max(start);
        let name = match facts.name {
            Some(name) => name.into(),
            None => Text::Static(header.start.name.text()),
        };
        batch.begin_span(&SpanHead {
            trace_id: header.start.trace_id,
            span_id,
            parent_span_id: header.start.parent,
            start_unix_nanos: start,
            end_unix_nanos: end,
            name,
            kind: kind_of(header.start.kind),
            flags: otlp_flags(header.start.flags, header.start.parent != 0),
        });
        self.write(&attributes.kept, batch);
        let mut lost = [
            attributes.over,
            facts.events.saturating_sub(limits.events),
            facts.links.saturating_sub(limits.links),
        ];
        let dropped: Lost = std::array::from_fn(|what| header.shed[what] + shed[what] + lost[what]);
        if facts.events > 0 {
            lost[0] += self.events(entries, inner, timeline, batch);
        }
        if facts.links > 0 {
            lost[0] += self.links(entries, inner, batch);
        }
        if let Some((code, message)) = facts.status {
            batch.status(status_of(code), message.as_str());
        }
        if let Some(state) = facts.trace_state {
            batch.trace_state(state.as_str());
        }
        batch.dropped(dropped[0], dropped[1], dropped[2]);
        batch.end_span();
        lost
    }

    /// Writes the events and returns how many attributes of theirs were over the limit.
    fn events<'a>(
        &self,
        entries: &[Entry<'a>],
        inner: &mut Attributes<'a>,
        timeline: &Timeline,
        batch: &mut BatchBuilder,
    ) -> u32 {
        let max = self.limits.attributes_per_event;
        self.items(entries, Kind::Event, self.limits.events, |entry, more| {
            let mut body = entry.body();
            let (Some(name), Some(time), Some(is_unix)) = (body.text(), body.word(), body.word()) else {
                return 0;
            };
            let time = if is_unix == 0 { timeline.unix_nanos(time) } else { time };
            batch.begin_event(name.into(), time);
            self.item(&mut body, entry.record.count, more, inner, max, batch)
        })
    }

    /// Writes the links and returns how many attributes of theirs were over the limit.
    fn links<'a>(&self, entries: &[Entry<'a>], inner: &mut Attributes<'a>, batch: &mut BatchBuilder) -> u32 {
        let max = self.limits.attributes_per_link;
        self.items(entries, Kind::Link, self.limits.links, |entry, more| {
            let mut body = entry.body();
            let [Some(high), Some(low), Some(span_id), Some(flags)] = [(); 4].map(|()| body.word()) else {
                return 0;
            };
            let Some(state) = body.text() else { return 0 };
            batch.begin_link(&LinkHead {
                trace_id: u128::from(high) << 64 | u128::from(low),
                span_id,
                flags: otlp_flags(flags as u8, true),
                trace_state: state.as_str(),
            });
            self.item(&mut body, entry.record.count, more, inner, max, batch)
        })
    }

    /// Calls `write` with each event or link within the limit and the entries that go on with it.
    fn items<'a>(
        &self,
        entries: &[Entry<'a>],
        kind: Kind,
        max: u32,
        mut write: impl FnMut(&Entry<'a>, &[Entry<'a>]) -> u32,
    ) -> u32 {
        let of_kind = entries.iter().enumerate().filter(|(_, entry)| entry.record.kind == kind);
        of_kind
            .take(max as usize)
            .map(|(i, entry)| {
                let after = &entries[i + 1..];
                let own = after.iter().take_while(|entry| entry.record.kind == Kind::More).count();
                write(entry, &after[..own])
            })
            .sum()
    }

    fn item<'a>(
        &self,
        body: &mut Body<'a>,
        count: u8,
        more: &[Entry<'a>],
        inner: &mut Attributes<'a>,
        max: u32,
        batch: &mut BatchBuilder,
    ) -> u32 {
        inner.clear();
        inner.take(body, count, max);
        for entry in more {
            inner.take(&mut entry.body(), entry.record.count, max);
        }
        self.write(&inner.kept, batch);
        batch.item_dropped_attributes(inner.over);
        inner.over
    }

    fn write(&self, attributes: &[(Decoded<'_>, Raw<'_>)], batch: &mut BatchBuilder) {
        for &(key, value) in attributes {
            value.with(|value| match self.limits.attribute_value_length {
                None => batch.attribute(key.into(), value),
                Some(max) => cut(value, max as usize, |value| batch.attribute(key.into(), value)),
            });
        }
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
