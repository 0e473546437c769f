//! How often each kind of call and each rare thing happened: a history that never meets a rare branch proves
//! nothing about it.
//!
//! Calls are counted from the plans. Rare things are told by what must have led to them, from the plans, the
//! account and what arrived; where that is not certain in each single case, the line says "likely".

use crate::explain::Ends;
use crate::plan::{Act, By, Call, Ending, LANES_MAX, Named, Op, Parent, Plan, Val};
use crate::play::{Round, Run};
use crate::pool::Arrived;
use crate::profile::Profile;
use nanospan::Stats;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) histories: u64,
    counts: BTreeMap<&'static str, u64>,
    /// Spans that each thread's place has started.
    places: [u64; LANES_MAX],
    /// Bytes of records, about.
    bytes: u64,
}

/// What has to happen at least once in a full run.
const NEEDED: [&str; 52] = [
    "start: root",
    "start: child of a span",
    "start: child by handle",
    "start: child of an ended span",
    "start: child by local context",
    "start: remote parent",
    "start: not sampled",
    "start: invalid parent",
    "start: forged parent",
    "start: of an earlier round's span",
    "start: at a given time",
    "start: by handle only",
    "record: by span",
    "record: by handle",
    "record: by handle, other thread than the start",
    "record: races with another",
    "record: races with the end",
    "record: after the end",
    "record: on a forged handle",
    "record: on the invalid handle",
    "record: on an earlier round's span",
    "record: payload longer than a chunk",
    "record: more than a chunk holds",
    "record: text cut",
    "end: by span",
    "end: by span on another thread",
    "end: by handle",
    "end: at a given time",
    "end: by a panic",
    "end: second one",
    "end: two race",
    "end: by a stranger",
    "span: recorded on before a flush and ended after it",
    "burst",
    "flush",
    "flush: shared a pass with another",
    "flush: two race",
    "account read while recording",
    "thread: replaced in mid-history",
    "thread: replaced while a span that it started lives",
    "thread: replaced while the next one goes on with its span",
    "block: filled by a thread",
    "block: full while a span of it lives, likely",
    "block: more full ones with live spans than a thread holds, likely",
    "chunk: filled",
    "recycled: call by a handle of an earlier life, likely",
    "end: a stranger's, in the lower half of a block, likely",
    "export failed: span",
    "shed: span with less than was recorded",
    "shutdown",
    "overload: span refused",
    "shutdown: span refused or left live",
];

/// The mask of strangers' ends has two halves, and a block of few spans only one.
const UPPER_HALF: &str = "end: a stranger's, in the upper half of a block, likely";

impl Report {
    pub(crate) fn add(&mut self, what: &'static str, n: u64) {
        *self.counts.entry(what).or_default() += n;
    }

    fn count(&mut self, what: &'static str, happened: bool) {
        self.add(what, u64::from(happened));
    }

    /// What never happened and must.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let has_upper = crate::profile::SIZES.block > 32;
        NEEDED
            .into_iter()
            .chain(has_upper.then_some(UPPER_HALF))
            .filter(|what| self.counts.get(what).is_none_or(|&n| n == 0))
            .collect()
    }

    /// A round that was played.
    pub(crate) fn round(
        &mut self,
        profile: &Profile,
        is_last: bool,
        round: &Round,
        arrived: &Arrived,
        before: &Stats,
        after: &Stats,
    ) {
        self.histories += round.runs.len() as u64;
        for run in &round.runs {
            self.history(profile, round, run);
        }
        let filled = self.bytes / (8 * profile.sizes.chunk_words as u64);
        self.bytes -= filled * 8 * profile.sizes.chunk_words as u64;
        self.add("chunk: filled", filled);
        let flushes = round.flushes.load(Ordering::Relaxed) + 1;
        if !is_last {
            self.add("flush: shared a pass with another", flushes.saturating_sub(arrived.flushes));
        }
        let grown = |counter: fn(&Stats) -> u64| counter(after) - counter(before);
        self.add("overload: span refused", grown(|stats| stats.dropped.overload));
        self.add("shutdown: span refused or left live", grown(|stats| stats.dropped.shutdown));
        self.add("export failed: span", grown(|stats| stats.dropped.export_failed));
        let lost = grown(|stats| stats.lost_attributes + stats.lost_events + stats.lost_links);
        self.add(
            if profile.tight { "limit or shed: record left out" } else { "limit: record left out" },
            lost,
        );
        self.add("stale call counted", grown(|stats| stats.stale_calls));
        self.add("span delivered", arrived.spans.len() as u64);
    }

    fn history(&mut self, profile: &Profile, round: &Round, run: &Run) {
        let plan = &run.plan;
        let ends: Vec<Ends> = (0..plan.spans).map(|span| Ends::of(plan, span)).collect();
        let mut started_on = vec![0; plan.spans];
        let mut slots = vec![0; plan.spans];
        for (at, op) in plan.ops.iter().enumerate() {
            match &op.act {
                Act::Start(start) => {
                    started_on[start.span] = op.lane;
                    let is_below_ended = match start.parent {
                        Parent::Below(parent, By::Handle) => ends[parent].are_before(plan, at),
                        _ => false,
                    };
                    self.count("start: root", matches!(start.parent, Parent::None));
                    self.count("start: child of a span", matches!(start.parent, Parent::Below(_, By::Span)));
                    self.count(
                        "start: child by handle",
                        matches!(start.parent, Parent::Below(_, By::Handle)),
                    );
                    self.count("start: child of an ended span", is_below_ended);
                    self.count("start: child by local context", matches!(start.parent, Parent::Context(_)));
                    self.count("start: remote parent", matches!(start.parent, Parent::Remote { .. }));
                    let is_unsampled = matches!(start.parent, Parent::Remote { sampled: false, .. });
                    self.count("start: not sampled", is_unsampled);
                    self.count("start: invalid parent", matches!(start.parent, Parent::Invalid));
                    self.count("start: forged parent", matches!(start.parent, Parent::Forged(_)));
                    let is_ancient = matches!(start.parent, Parent::Ancient(_)) && !round.ancients.is_empty();
                    self.count("start: of an earlier round's span", is_ancient);
                    self.count("start: at a given time", start.at.is_some());
                    self.count("start: by handle only", start.handle_only);
                    slots[start.span] = self.places[self.thread(run, op.lane)] % profile.sizes.block as u64;
                    self.place(profile, run, at, &ends, 1);
                }
                Act::Record { on, by, call } => {
                    self.count("record: by span", *by == By::Span);
                    self.count("record: by handle", *by == By::Handle);
                    self.call(profile, call);
                    self.count("record: on a forged handle", matches!(on, Named::Forged(_)));
                    self.count("record: on the invalid handle", matches!(on, Named::Invalid));
                    let is_ancient = matches!(on, Named::Ancient(_)) && !round.ancients.is_empty();
                    self.count("record: on an earlier round's span", is_ancient);
                    // All spans of its block were delivered a round ago, and blocks that come back go out first.
                    self.count("recycled: call by a handle of an earlier life, likely", is_ancient);
                    let &Named::Span(span) = on else { continue };
                    let is_foreign = *by == By::Handle && op.lane != started_on[span];
                    self.count("record: by handle, other thread than the start", is_foreign);
                    let races = plan.ops.iter().any(|other| {
                        other.act.span() == Some(span)
                            && matches!(other.act, Act::Record { .. })
                            && other.clock != op.clock
                            && !other.happens_before(op)
                            && !op.happens_before(other)
                    });
                    self.count("record: races with another", races);
                    let (is_before, is_after) =
                        (ends[span].are_after(plan, at), ends[span].are_before(plan, at));
                    self.count("record: after the end", is_after);
                    self.count("record: races with the end", !is_before && !is_after);
                }
                Act::End { on, by, how } => {
                    self.count("end: by span", *by == By::Span);
                    self.count("end: by handle", *by == By::Handle);
                    self.count("end: at a given time", matches!(how, Ending::At(_)));
                    self.count("end: by a panic", matches!(how, Ending::Panic));
                    let &Named::Span(span) = on else { continue };
                    self.count("end: second one", ends[span].are_before(plan, at));
                    self.count("end: two race", ends[span].first.len() > 1 && ends[span].first.contains(&at));
                    let elsewhere = op.lane != started_on[span];
                    self.count("end: by a stranger", elsewhere && *by == By::Handle);
                    let is_lower = elsewhere && *by == By::Handle && slots[span] < 32;
                    let is_upper = elsewhere && *by == By::Handle && slots[span] >= 32;
                    self.count("end: a stranger's, in the lower half of a block, likely", is_lower);
                    self.count(UPPER_HALF, is_upper);
                    self.count("end: by span on another thread", elsewhere && *by == By::Span);
                }
                Act::Burst { spans, .. } => {
                    self.add("burst", 1);
                    self.add("burst: span", u64::from(*spans));
                    self.place(profile, run, at, &ends, u64::from(*spans));
                }
                Act::Flush => {
                    self.add("flush", 1);
                    let races = plan.ops.iter().any(|other| {
                        matches!(other.act, Act::Flush)
                            && other.clock != op.clock
                            && !other.happens_before(op)
                            && !op.happens_before(other)
                    });
                    self.count("flush: two race", races);
                    self.across(plan, at, &ends);
                }
                Act::Account => self.add("account read while recording", 1),
                Act::Churn => {
                    self.add("thread: replaced in mid-history", 1);
                    let lives = lives_of(plan, at, &ends).count() > 0;
                    self.count("thread: replaced while a span that it started lives", lives);
                    let later = plan.ops[at + 1..].iter().filter(|later| later.lane == op.lane);
                    let goes_on = later.filter_map(|later| later.act.span()).any(|span| {
                        started_on[span] == op.lane && lives_of(plan, at, &ends).any(|live| live == span)
                    });
                    self.count("thread: replaced while the next one goes on with its span", goes_on);
                }
                Act::Shutdown => self.add("shutdown", 1),
            }
        }
    }

    fn thread(&self, run: &Run, lane: u8) -> usize {
        (run.offset + lane as usize) % LANES_MAX
    }

    /// So many spans were started by a call: which block of the thread's they are in follows from how many it
    /// has started.
    fn place(&mut self, profile: &Profile, run: &Run, at: usize, ends: &[Ends], spans: u64) {
        let thread = self.thread(run, run.plan.ops[at].lane);
        let block = profile.sizes.block as u64;
        let before = self.places[thread] / block;
        self.places[thread] += spans;
        let filled = self.places[thread] / block - before;
        if filled == 0 {
            return;
        }
        self.add("block: filled by a thread", filled);
        let lives = lives_of(&run.plan, at, ends).count() > 0;
        self.count("block: full while a span of it lives, likely", lives);
        let over =
            lives && filled > HELD || lives_of(&run.plan, at, ends).count() as u64 > (HELD + 1) * block;
        self.count("block: more full ones with live spans than a thread holds, likely", over);
    }

    /// Spans that were recorded on before a flush, and end after it: what was recorded is put aside.
    fn across(&mut self, plan: &Plan, flush: usize, ends: &[Ends]) {
        let before = |op: &Op| matches!(op.act, Act::Record { .. }) && op.happens_before(&plan.ops[flush]);
        let after =
            |span: usize| ends[span].all.iter().all(|&end| plan.ops[flush].happens_before(&plan.ops[end]));
        let recorded = plan.ops.iter().filter(|op| before(op)).filter_map(|op| op.act.span());
        let mut spans: Vec<usize> = recorded.filter(|&span| after(span)).collect();
        spans.sort_unstable();
        spans.dedup();
        self.add("span: recorded on before a flush and ended after it", spans.len() as u64);
    }

    fn call(&mut self, profile: &Profile, call: &Call) {
        let chunk = 8 * profile.sizes.chunk_words;
        let (attributes, what) = match call {
            Call::Attribute(attribute) => (std::slice::from_ref(attribute), "record: attribute"),
            Call::Attributes(attributes) => (&attributes[..], "record: several attributes"),
            Call::Event { attributes, .. } => (&attributes[..], "record: event"),
            Call::Link { attributes, .. } => (&attributes[..], "record: link"),
            Call::Status(_) => (&[][..], "record: status"),
            Call::Rename(_) => (&[][..], "record: name"),
        };
        self.add(what, 1);
        self.count("record: text cut", crate::account::cuts_of(call, profile.sizes) > 0);
        let bytes = |value: &Val| match value {
            Val::Str(text) => text.len(),
            Val::I64s(values) => 8 * values.len(),
            Val::F64s(values) => 8 * values.len(),
            Val::Bools(values) => values.len(),
            Val::Strs(values) => values.iter().map(|text| 8 + text.len()).sum(),
            _ => 8,
        };
        let all: usize = attributes.iter().map(|attribute| 8 + bytes(&attribute.value)).sum();
        let is_array =
            |value: &Val| matches!(value, Val::Strs(_) | Val::Bools(_) | Val::I64s(_) | Val::F64s(_));
        self.count("record: array", attributes.iter().any(|attribute| is_array(&attribute.value)));
        let longest = attributes.iter().map(|attribute| bytes(&attribute.value)).max().unwrap_or(0);
        self.count("record: payload longer than a chunk", longest > chunk);
        self.count("record: more than a chunk holds", all > chunk);
        self.bytes += all as u64 + 16;
    }
}

/// How many full blocks with live spans a thread holds (`raw::local`).
const HELD: u64 = 3;

/// Spans that were started on the lane of a call before it, and end after it for certain.
fn lives_of<'a>(plan: &'a Plan, at: usize, ends: &'a [Ends]) -> impl Iterator<Item = usize> + 'a {
    let op = &plan.ops[at];
    plan.ops[..at].iter().filter_map(move |earlier| match &earlier.act {
        Act::Start(start) if earlier.lane == op.lane => {
            let outlives = ends[start.span].all.iter().all(|&end| op.happens_before(&plan.ops[end]));
            outlives.then_some(start.span)
        }
        _ => None,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, n) in &self.counts {
            writeln!(f, "{n:>12}  {what}")?;
        }
        Ok(())
    }
}
