//! Compares what arrived with what the contract allows, span by span, and the account with both.

use crate::account::Expected;
use crate::explain::{Ends, explain, weight};
use crate::oracle::{Rules, context_of};
use crate::plan::{Act, By, Named, Parent, Plan, Start};
use crate::play::{Round, Run, STATE};
use crate::pool::{Arrived, lock};
use crate::profile::Profile;
use nanospan::SpanHandle;
use nanospan::export::FinishedSpan;
use std::collections::HashMap;

/// Trace id and span id.
pub(crate) type Id = (u128, u64);

pub(crate) fn id_of(handle: SpanHandle) -> Id {
    (handle.trace_id.to_u128(), handle.span_id.to_u64())
}

/// Something is not as it must be.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The history, if it is one history's affair.
    pub(crate) history: Option<u64>,
    /// The histories that were played together, if it is the affair of them all.
    pub(crate) round: std::ops::Range<u64>,
    pub(crate) text: String,
}

/// What a start must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// A span, or a refusal.
    Sampled(Place),
    NotSampled,
    /// Under an invalid parent.
    Invalid,
}

/// Where in a trace a span must be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    parent: Option<Id>,
    /// W3C trace flags; either of two where it is not known whether the parent lived.
    flags: [u8; 2],
    remote: bool,
    state: bool,
}

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

impl Place {
    fn below(parent: Id, flags: [u8; 2]) -> Self {
        Self { parent: Some(parent), flags, remote: false, state: false }
    }

    fn root() -> Self {
        Self { parent: None, flags: [SAMPLED | RANDOM; 2], remote: false, state: false }
    }
}

/// A round, while it is checked.
#[derive(Debug)]
pub(crate) struct Checker<'r> {
    pub(crate) profile: &'r Profile,
    pub(crate) rules: Rules,
    pub(crate) round: &'r Round,
    /// The tracer was shut down during the round.
    pub(crate) is_last: bool,
    /// Each with its number in the order in which they arrived.
    arrived: HashMap<Id, (usize, FinishedSpan)>,
    pub(crate) expected: Expected,
    pub(crate) failures: Vec<Failure>,
    /// Forged parents that passed the tag, as one id in 2^20 does.
    passed: u64,
    /// Spans that arrived with a part of what was recorded.
    pub(crate) shed: u64,
    /// Spans that arrived, as handles.
    pub(crate) delivered: Vec<SpanHandle>,
}

impl<'r> Checker<'r> {
    pub(crate) fn new(
        profile: &'r Profile,
        rules: Rules,
        round: &'r Round,
        is_last: bool,
        arrived: Arrived,
    ) -> Self {
        let mut this = Self {
            profile,
            rules,
            round,
            is_last,
            arrived: HashMap::with_capacity(arrived.spans.len()),
            expected: Expected::default(),
            failures: Vec::new(),
            passed: 0,
            shed: 0,
            delivered: Vec::new(),
        };
        this.expected.exported = arrived.spans.len() as u64 - arrived.failed;
        this.expected.failed = arrived.failed;
        for (number, span) in arrived.spans.into_iter().enumerate() {
            this.expected.arrived(&span);
            let id = (u128::from_be_bytes(span.trace_id), u64::from_be_bytes(span.span_id));
            if let Some(twice) = this.arrived.insert(id, (number, span)) {
                this.fail(None, format!("a span arrived twice: {twice:?}"));
            }
        }
        this
    }

    fn fail(&mut self, history: Option<u64>, text: String) {
        self.failures.push(Failure { history, round: 0..0, text });
    }

    /// Checks all histories.
    pub(crate) fn check(&mut self) {
        let round = self.round;
        for run in &round.runs {
            for text in lock(&run.errors).drain(..) {
                self.fail(Some(run.number), text);
            }
            let shutdown = run.plan.ops.iter().position(|op| matches!(op.act, Act::Shutdown));
            for (at, op) in run.plan.ops.iter().enumerate() {
                match &op.act {
                    Act::Start(start) => self.start(run, at, start, shutdown),
                    Act::Burst { .. } => self.burst(run, at),
                    _ => {}
                }
            }
            self.expected.calls(self.round, run, self.rules.sizes);
        }
        if self.passed > 1 {
            self.fail(None, format!("{} forged parents passed the tag in one round", self.passed));
        }
        if let Some((_, span)) = self.arrived.values().next() {
            let text = format!("{} spans arrived that nobody started, as {span:?}", self.arrived.len());
            self.fail(None, text);
        }
    }

    /// Whether a call may be lost to the shutdown.
    fn may_be_lost(&self, plan: &Plan, op: usize, shutdown: Option<usize>) -> bool {
        self.is_last && shutdown.is_none_or(|shutdown| !plan.ops[op].happens_before(&plan.ops[shutdown]))
    }

    fn start(&mut self, run: &Run, at: usize, start: &Start, shutdown: Option<usize>) {
        let Some(started) = run.started(start.span) else {
            return self.fail(Some(run.number), format!("call {at} was not made"));
        };
        let place = match self.fate(run, at, start.parent) {
            Fate::Sampled(place) => place,
            fate => {
                if started.recording {
                    self.fail(Some(run.number), format!("call {at} gave a span, but is {fate:?}"));
                }
                match fate {
                    Fate::NotSampled => self.expected.not_sampled += 1,
                    _ => self.expected.invalid_parent += 1,
                }
                return;
            }
        };
        self.expected.started += 1;
        if !started.recording {
            self.expected.refused += 1;
            if !self.profile.tight && !self.may_be_lost(&run.plan, at, shutdown) {
                self.fail(Some(run.number), format!("call {at} was refused although there is memory"));
            }
            return;
        }
        let Some(handle) = run.id(start.span) else {
            return self.fail(Some(run.number), format!("span {} has no id", start.span));
        };
        let Some((number, found)) = self.arrived.remove(&id_of(handle)) else {
            let ends = Ends::of(&run.plan, start.span);
            if !ends.first.iter().any(|&end| self.may_be_lost(&run.plan, end, shutdown)) {
                self.fail(Some(run.number), format!("span {} did not arrive", start.span));
            }
            return;
        };
        self.delivered.push(handle);
        if let Some(flush) = too_late(run, start.span, number) {
            self.fail(Some(run.number), format!("span {} arrived only after flush {flush}", start.span));
        }
        let place = match start.parent {
            Parent::Forged(n) if found.parent_span_id.is_some() => {
                self.passed += 1;
                Place::below(id_of(self.round.forged(n)), [SAMPLED; 2])
            }
            _ => place,
        };
        let lenient = |op| self.may_be_lost(&run.plan, op, shutdown);
        let has_lost = self.profile.tight && found.dropped_attributes_count > 0;
        let mut wrong = wrong_place(&place, start, handle, &found, has_lost);
        if wrong.is_none() {
            wrong = explain(&self.rules, &run.plan, start.span, &found, lenient);
            if wrong.is_some() && self.profile.tight && self.is_shed(&run.plan, start, &found) {
                self.shed += 1;
                wrong = None;
            }
        }
        if let Some(wrong) = wrong {
            let text = format!("span {}: {wrong}\n  found {found:?}", start.span);
            self.fail(Some(run.number), text);
        }
    }

    /// Whether the parent's flags are known: those of a span that has ended are gone with it.
    fn flags_below(&self, run: &Run, at: usize, parent: usize) -> [u8; 2] {
        let plan = &run.plan;
        let live = self.flags_of(run, parent);
        let ends = Ends::of(plan, parent);
        if ends.are_before(plan, at) {
            [SAMPLED; 2]
        } else if ends.all.iter().all(|&end| plan.ops[at].happens_before(&plan.ops[end])) {
            live
        } else {
            [live[0], SAMPLED]
        }
    }

    fn flags_of(&self, run: &Run, span: usize) -> [u8; 2] {
        match start_of(&run.plan, span) {
            Some((at, start)) => match self.fate(run, at, start.parent) {
                Fate::Sampled(place) => place.flags,
                _ => [0; 2],
            },
            None => [0; 2],
        }
    }

    fn fate(&self, run: &Run, at: usize, parent: Parent) -> Fate {
        let started =
            |span| run.started(span).unwrap_or(crate::play::Started { recording: false, has_ids: false });
        match parent {
            Parent::None | Parent::Forged(_) => Fate::Sampled(Place::root()),
            Parent::Invalid => Fate::Invalid,
            Parent::Ancient(n) => match self.round.ancient(n) {
                Some(handle) => Fate::Sampled(Place::below(id_of(handle), [SAMPLED; 2])),
                None => Fate::Sampled(Place::root()),
            },
            Parent::Remote { id, sampled, random, state } => {
                if !sampled {
                    return Fate::NotSampled;
                }
                let flags = [SAMPLED | if random { RANDOM } else { 0 }; 2];
                Fate::Sampled(Place { parent: Some(context_of(id)), flags, remote: true, state })
            }
            Parent::Below(parent, By::Span) => match (started(parent), run.id(parent)) {
                (parent_started, Some(id)) if parent_started.recording => {
                    let state = self.has_state(run, parent);
                    Fate::Sampled(Place { state, ..Place::below(id_of(id), self.flags_of(run, parent)) })
                }
                (parent_started, _) if parent_started.has_ids => Fate::NotSampled,
                _ => Fate::Invalid,
            },
            Parent::Below(parent, By::Handle) => match run.id(parent) {
                Some(id) => Fate::Sampled(Place::below(id_of(id), self.flags_below(run, at, parent))),
                None => Fate::Invalid,
            },
            Parent::Context(parent) => match run.id(parent) {
                Some(id) => Fate::Sampled(Place::below(id_of(id), [SAMPLED | RANDOM; 2])),
                None => Fate::Invalid,
            },
        }
    }

    /// Whether a `Span` has a trace state: from a remote parent, by way of other `Span`s.
    fn has_state(&self, run: &Run, span: usize) -> bool {
        match start_of(&run.plan, span) {
            Some((at, start)) => {
                matches!(self.fate(run, at, start.parent), Fate::Sampled(place) if place.state)
            }
            None => false,
        }
    }

    /// Where memory is tight, what is in a span may be a part of what was recorded; what is missing is
    /// counted in the span.
    fn is_shed(&self, plan: &Plan, start: &Start, found: &FinishedSpan) -> bool {
        let dropped = [found.dropped_attributes_count, found.dropped_events_count, found.dropped_links_count];
        if dropped == [0; 3] {
            return false;
        }
        let ends = Ends::of(plan, start.span);
        // Beside what was recorded: name, trace state, start, and what its ends set.
        let mut most =
            [3 + start.attributes.len() as u32 + ends.all.len() as u32, 0, start.links.len() as u32];
        let mut missing_events = 0;
        let mut possible = Vec::new();
        for (at, op) in plan.ops.iter().enumerate() {
            let Act::Record { on: Named::Span(on), call, .. } = &op.act else { continue };
            if *on != start.span || ends.are_before(plan, at) {
                continue;
            }
            for (most, more) in most.iter_mut().zip(weight(call)) {
                *most += more;
            }
            possible.push(call);
            missing_events += u32::from(weight(call)[1] == 1 && ends.are_after(plan, at));
        }
        let first = crate::plan::Call::Attributes(start.attributes.clone());
        possible.push(&first);
        dropped.iter().zip(most).all(|(&dropped, most)| dropped <= most)
            && missing_events <= found.events.len() as u32 + dropped[1]
            && found
                .attributes
                .iter()
                .all(|(key, value)| possible.iter().any(|call| self.rules.sets(call, key, value)))
            && found.events.iter().all(|event| possible.iter().any(|call| self.rules.makes(call, event)))
    }

    fn burst(&mut self, run: &Run, at: usize) {
        let Act::Burst { below, spans } = run.plan.ops[at].act else { return };
        let shutdown = run.plan.ops.iter().position(|op| matches!(op.act, Act::Shutdown));
        let may_be_lost = self.may_be_lost(&run.plan, at, shutdown);
        let parent = below.and_then(|span| run.id(span)).map(id_of);
        self.expected.started += u64::from(spans);
        let handles = run.bursts[at].get().map_or(&[][..], Vec::as_slice);
        for (n, &handle) in handles.iter().enumerate() {
            if handle.is_invalid() {
                self.expected.refused += 1;
                if !self.profile.tight && !may_be_lost {
                    self.fail(Some(run.number), format!("span {n} of burst {at} was refused"));
                }
                continue;
            }
            let Some((_, found)) = self.arrived.remove(&id_of(handle)) else {
                if !may_be_lost {
                    self.fail(Some(run.number), format!("span {n} of burst {at} did not arrive"));
                }
                continue;
            };
            self.delivered.push(handle);
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let has_attribute =
                found.attributes == [("n".to_owned(), n.into())] && found.dropped_attributes_count == 0;
            let is_shed = found.attributes.is_empty() && found.dropped_attributes_count == 1;
            let is_right = found.name == "burst"
                && found.parent_span_id == parent.map(|(_, span_id)| span_id.to_be_bytes())
                && parent.is_none_or(|(trace_id, _)| found.trace_id == trace_id.to_be_bytes())
                && (has_attribute || (self.profile.tight && is_shed) || may_be_lost)
                && self.rules.is_now(found.start_unix_nanos)
                && self.rules.is_now(found.end_unix_nanos);
            if !is_right {
                self.fail(Some(run.number), format!("span {n} of burst {at}: found {found:?}"));
            }
        }
    }
}

/// A flush that returned before this span had arrived, although the span's end happened before, whichever of
/// those that race it was.
fn too_late(run: &Run, span: usize, number: usize) -> Option<usize> {
    let plan = &run.plan;
    let flushes =
        run.flushed.iter().enumerate().filter(|(_, arrived)| arrived.get().is_some_and(|&n| n <= number));
    let mut flushes = flushes.map(|(flush, _)| flush).peekable();
    flushes.peek()?;
    let ends = Ends::of(plan, span);
    let is_over = |flush: usize| ends.first.iter().all(|&end| plan.ops[end].happens_before(&plan.ops[flush]));
    flushes.find(|&flush| is_over(flush))
}

/// The call that starts a span.
pub(crate) fn start_of(plan: &Plan, span: usize) -> Option<(usize, &Start)> {
    plan.ops.iter().enumerate().find_map(|(at, op)| match &op.act {
        Act::Start(start) if start.span == span => Some((at, start)),
        _ => None,
    })
}

/// What is wrong with a span's ids, parent, flags, kind or trace state. That alone may be missing where
/// memory was short.
fn wrong_place(
    place: &Place,
    start: &Start,
    handle: SpanHandle,
    found: &FinishedSpan,
    has_lost: bool,
) -> Option<String> {
    let parent = place.parent.map(|(_, span_id)| span_id.to_be_bytes());
    let trace_id = place.parent.map_or_else(|| handle.trace_id.to_u128(), |(trace_id, _)| trace_id);
    // OTLP's span flags: it is known whether there is a remote parent, and there is one.
    let above = if place.parent.is_none() { 0 } else { 0x100 | if place.remote { 0x200 } else { 0 } };
    let wrong = [
        ("parent", found.parent_span_id == parent),
        ("trace id", found.trace_id == trace_id.to_be_bytes()),
        ("flags", place.flags.iter().any(|&flags| found.flags == u32::from(flags) | above)),
        ("kind", found.kind == start.kind),
        (
            "trace state",
            found.trace_state == if place.state { STATE } else { "" }
                || (has_lost && found.trace_state.is_empty()),
        ),
    ];
    let wrong: Vec<&str> = wrong.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
    (!wrong.is_empty()).then(|| format!("{}: expected {place:?}", wrong.join(", ")))
}
