//! Whether a span that arrived is one of those that the contract allows.
//!
//! What the contract says, and what is tried:
//!
//! - Exactly one end of a span takes effect, and it is one that no other end happened before.
//! - Whatever happens before that end is in the span; what comes after an end is not; a call that races
//!   with it may or may not be.
//! - Of two calls one of which happens before the other, the later one counts. Calls that race have some
//!   order, one and the same for all that they do.
//!
//! So a span is right if there is an end, a choice among the calls that race with it, and an order of
//! all these calls that agrees with what happens before what, so that the oracle comes to this very span.
//! All are tried. An order is given up as soon as what it comes to is not what arrived, and so is one that
//! comes to where another order of the same calls has been: many calls may be swapped without a difference.

use crate::oracle::{Model, Rules, State};
use crate::plan::{Act, By, Call, Ending, Named, Op, Outcome, Plan};
use nanospan::StatusCode;
use nanospan::export::FinishedSpan;
use std::collections::HashSet;

/// Steps of the search on one span: far more than any takes. One that takes more fails.
const STEPS_MAX: usize = 400_000;

/// How calls on one span stand to its ends.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Ends that may be the one: no other end happened before.
    pub(crate) first: Vec<usize>,
    /// All of them.
    pub(crate) all: Vec<usize>,
}

impl Ends {
    pub(crate) fn of(plan: &Plan, span: usize) -> Self {
        let is_end = |op: &Op| matches!(op.act, Act::End { on: Named::Span(on), .. } if on == span);
        let all: Vec<usize> = (0..plan.ops.len()).filter(|&at| is_end(&plan.ops[at])).collect();
        let before = |a: usize, b: usize| plan.ops[a].happens_before(&plan.ops[b]);
        let first = all.iter().copied().filter(|&end| !all.iter().any(|&other| before(other, end))).collect();
        Self { first, all }
    }

    /// Whether the call comes after the span's end for certain.
    pub(crate) fn are_before(&self, plan: &Plan, op: usize) -> bool {
        self.all.iter().any(|&end| end != op && plan.ops[end].happens_before(&plan.ops[op]))
    }

    /// Whether the call happened before every end that may be the one.
    pub(crate) fn are_after(&self, plan: &Plan, op: usize) -> bool {
        self.first.iter().all(|&end| plan.ops[op].happens_before(&plan.ops[end]))
    }
}

/// What a call does to a span.
#[derive(Debug, Clone, Copy)]
enum Effect<'a> {
    Call(&'a Call),
    EndsAt(u64),
    Panicked,
}

#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    op: usize,
    effect: Effect<'a>,
    must: bool,
}

/// The calls on a span that may be in it.
#[derive(Debug)]
struct Search<'a, 'r> {
    rules: &'r Rules,
    plan: &'a Plan,
    found: &'r FinishedSpan,
    left: usize,
    /// Where calls may come in several orders: those that were left, and what the span was. None of them led
    /// to what arrived.
    tried: HashSet<(Vec<usize>, State)>,
    /// The last thing that did not fit.
    differs: Option<String>,
}

/// Says why the span cannot have come to be; `None` if it can. `lenient` are calls that may be missing
/// whatever the order says.
pub(crate) fn explain(
    rules: &Rules,
    plan: &Plan,
    span: usize,
    found: &FinishedSpan,
    lenient: impl Fn(usize) -> bool,
) -> Option<String> {
    let Some(start) = plan.ops.iter().find_map(|op| match &op.act {
        Act::Start(start) if start.span == span => Some(start),
        _ => None,
    }) else {
        return Some("there is no such span".to_owned());
    };
    let ends = Ends::of(plan, span);
    let mut model = Model::new(rules, &start.name, start.at);
    model.set(rules, &start.attributes);
    for &to in &start.links {
        model.link(rules, to, &[]);
    }
    // A status by the `Span` itself keeps a panic from setting one.
    let quiet = plan.ops.iter().any(|op| {
        matches!(op.act, Act::Record { on: Named::Span(on), by: By::Span, call: Call::Status(_) } if on == span)
    });
    let tried = HashSet::new();
    let mut search = Search { rules, plan, found, left: STEPS_MAX, tried, differs: None };
    // An end that the shutdown may have turned away is no end for certain.
    let is_over = |at: usize| {
        let ended = |end: usize| end != at && !lenient(end) && plan.ops[end].happens_before(&plan.ops[at]);
        ends.all.iter().any(|&end| ended(end))
    };
    for last in ends.all.iter().copied().filter(|&end| !is_over(end)) {
        let mut steps = Vec::new();
        for (at, op) in plan.ops.iter().enumerate() {
            if op.act.span() != Some(span) || (at != last && is_over(at)) {
                continue;
            }
            let must = (at == last || op.happens_before(&plan.ops[last])) && !lenient(at);
            let effect = match &op.act {
                Act::Record { call, .. } => Effect::Call(call),
                Act::End { how: Ending::At(time), .. } => Effect::EndsAt(*time),
                Act::End { how: Ending::Panic, .. } if !quiet => Effect::Panicked,
                _ => continue,
            };
            steps.push(Step { op: at, effect, must });
        }
        search.tried.clear();
        if search.reaches(&mut model.clone(), &steps) {
            return None;
        }
    }
    Some(search.differs.unwrap_or_else(|| "no end, or none that fits".to_owned()))
}

impl<'a> Search<'a, '_> {
    /// Whether the calls can come in an order that leads from `model` to what arrived.
    fn reaches(&mut self, model: &mut Model<'a>, steps: &[Step<'a>]) -> bool {
        let mut rest = steps;
        loop {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.differs = Some("undecided: too many orders".to_owned());
                return false;
            }
            let Some((first, others)) = rest.split_first() else {
                let differs = model.differs(self.rules, self.found);
                let is_same = differs.is_none();
                self.differs = differs.or(self.differs.take());
                return is_same;
            };
            // Steps stand in an order that agrees with what happens before what: the first is always one
            // that may come next, and mostly the only one.
            let races = others.iter().any(|other| !self.before(first, other));
            if first.must && !races {
                self.take(model, first);
                if !model.may_become(self.found) {
                    self.differs = model.differs(self.rules, self.found);
                    return false;
                }
                rest = others;
                continue;
            }
            return self.branches(model, rest);
        }
    }

    /// Tries each of the steps that may come next, and to leave it out where that is allowed.
    fn branches(&mut self, model: &Model<'a>, rest: &[Step<'a>]) -> bool {
        if !self.tried.insert((rest.iter().map(|step| step.op).collect(), model.state())) {
            return false;
        }
        for (at, step) in rest.iter().enumerate() {
            if rest[..at].iter().any(|earlier| self.before(earlier, step)) {
                continue;
            }
            let others: Vec<Step<'a>> =
                rest.iter().enumerate().filter(|&(n, _)| n != at).map(|(_, step)| *step).collect();
            let mut next = model.clone();
            self.take(&mut next, step);
            if next.may_become(self.found) {
                if self.reaches(&mut next, &others) {
                    return true;
                }
            } else {
                self.differs = next.differs(self.rules, self.found);
            }
            // What is left out is left out once: of those that may come next, by the first.
            if at == 0 && !step.must && self.reaches(&mut model.clone(), &others) {
                return true;
            }
        }
        false
    }

    fn before(&self, a: &Step<'_>, b: &Step<'_>) -> bool {
        self.plan.ops[a.op].happens_before(&self.plan.ops[b.op])
    }

    fn take(&self, model: &mut Model<'a>, step: &Step<'a>) {
        match step.effect {
            Effect::Call(call) => model.take(self.rules, call),
            Effect::EndsAt(time) => model.end = Some(time),
            Effect::Panicked => model.status = (StatusCode::Error, "panicked"),
        }
    }
}

/// Attributes that a call sets, events and links that it adds; a status or name counts as an attribute, as
/// in the account.
pub(crate) fn weight(call: &Call) -> [u32; 3] {
    match call {
        Call::Attribute(_)
        | Call::Rename(_)
        | Call::Status(Outcome::Unset | Outcome::Ok | Outcome::Error(_)) => [1, 0, 0],
        Call::Attributes(attributes) => [attributes.len() as u32, 0, 0],
        Call::Event { attributes, .. } => [attributes.len() as u32, 1, 0],
        Call::Link { attributes, .. } => [attributes.len() as u32, 0, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Attribute, Label, Parent, Start, Val};
    use crate::profile::Profile;
    use nanospan::export::MemoryExporter;
    use nanospan::{Span, SpanKind, Tracer};
    use std::time::Duration;

    /// A span called "s" as it arrives, with integers for attributes.
    fn arrived(attributes: &[(&'static str, i64)]) -> FinishedSpan {
        arrived_by(nanospan::SpanLimits::default(), |span| {
            attributes.iter().for_each(|&(key, value)| span.set_attribute(key, value));
        })
    }

    fn arrived_by(limits: nanospan::SpanLimits, record: impl FnOnce(&Span)) -> FinishedSpan {
        let exporter = MemoryExporter::new();
        let builder = Tracer::builder("test").memory_budget(8 << 20).span_limits(limits);
        let tracer = builder.exporter(exporter.clone()).build().unwrap();
        let span = tracer.span("s").start();
        record(&span);
        drop(span);
        tracer.shutdown(Duration::from_secs(5)).unwrap();
        exporter.spans().remove(0)
    }

    fn set(attributes: &[(&'static str, i64)]) -> Act {
        let attribute = |&(key, value)| Attribute { key: Label::Static(key), value: Val::I64(value) };
        let call = Call::Attributes(attributes.iter().map(attribute).collect());
        Act::Record { on: Named::Span(0), by: By::Handle, call }
    }

    fn end() -> Act {
        Act::End { on: Named::Span(0), by: By::Handle, how: Ending::Now }
    }

    /// A start by lane 0, then these calls: which lane, after which calls, and what.
    fn plan(calls: Vec<(u8, &[u16], Act)>) -> Plan {
        let start = Act::Start(Start {
            span: 0,
            parent: Parent::None,
            name: Label::Static("s"),
            kind: SpanKind::Internal,
            at: None,
            attributes: Vec::new(),
            links: Vec::new(),
            handle_only: true,
            shared: true,
        });
        let calls = std::iter::once((0, &[][..], start)).chain(calls);
        let ops = calls.map(|(lane, after, act)| Op { lane, after: after.to_vec(), clock: [0; 8], act });
        let mut plan = Plan { lanes: 8, spans: 1, ops: ops.collect() };
        plan.settle();
        plan
    }

    fn is_allowed(plan: &Plan, attributes: &[(&'static str, i64)]) -> bool {
        explained(plan, nanospan::SpanLimits::default(), &arrived(attributes)).is_none()
    }

    fn explained(plan: &Plan, limits: nanospan::SpanLimits, found: &FinishedSpan) -> Option<String> {
        let mut profile = Profile::of(0);
        profile.limits = limits;
        explain(&Rules::of(&profile, 0, u64::MAX), plan, 0, found, |_| false)
    }

    #[test]
    fn of_two_calls_the_one_that_comes_after_the_other_counts() {
        let plan = plan(vec![(1, &[0], set(&[("a", 1)])), (2, &[1], set(&[("a", 2)])), (0, &[2], end())]);
        assert!(is_allowed(&plan, &[("a", 2)]));
        assert!(!is_allowed(&plan, &[("a", 1)]));
        assert!(!is_allowed(&plan, &[]));
    }

    #[test]
    fn calls_that_race_come_in_some_order_which_is_the_same_for_all_that_they_do() {
        let racing = vec![
            (1, &[0][..], set(&[("a", 1), ("b", 1)])),
            (2, &[0], set(&[("a", 2), ("b", 2)])),
            (0, &[1, 2], end()),
        ];
        let plan = plan(racing);
        assert!(is_allowed(&plan, &[("a", 1), ("b", 1)]));
        assert!(is_allowed(&plan, &[("a", 2), ("b", 2)]));
        assert!(!is_allowed(&plan, &[("a", 1), ("b", 2)]));
        assert!(!is_allowed(&plan, &[("b", 1), ("a", 1)]), "keys stand in the order of the calls");
    }

    #[test]
    fn a_span_that_many_calls_race_on_is_decided_also_when_nothing_fits() {
        // Sixteen calls of which each may come first, and all but the last do the same.
        let racing = (1..=16_u8).map(|n| (n % 7 + 1, &[0][..], set(&[("a", i64::from(n).max(15))])));
        let ends = (0, &[][..], end());
        let plan = plan(racing.chain([ends]).collect());
        assert!(is_allowed(&plan, &[("a", 16)]));
        let why = explained(&plan, nanospan::SpanLimits::default(), &arrived(&[("a", 1)])).unwrap();
        assert!(!why.contains("undecided"), "{why}");
    }

    #[test]
    fn events_that_differ_in_what_was_dropped_alone_are_not_the_same() {
        let event = |attributes: &[&'static str]| {
            let attribute = |&key: &&'static str| Attribute { key: Label::Static(key), value: Val::I64(1) };
            let attributes = attributes.iter().map(attribute).collect();
            let call = Call::Event { name: Label::Static("e"), at: None, attributes };
            Act::Record { on: Named::Span(0), by: By::Handle, call }
        };
        let racing = vec![
            (1, &[0][..], event(&["a", "b"])),
            (2, &[0], event(&["a"])),
            (3, &[1, 2], set(&[("a", 1)])),
            (4, &[1, 2], set(&[("a", 2)])),
            (0, &[1, 2, 3, 4], end()),
        ];
        let plan = plan(racing);
        let mut limits = nanospan::SpanLimits::default();
        limits.events = 1;
        limits.attributes_per_event = 0;
        for first in [1, 2] {
            for value in [1, 2] {
                let found = arrived_by(limits, |span| {
                    for attributes in [first, 3 - first] {
                        let attributes = &nanospan::attributes!["a" => 1, "b" => 1][..attributes];
                        span.add_event("e", attributes);
                    }
                    span.set_attribute("a", value);
                });
                assert_eq!(explained(&plan, limits, &found), None, "{first} dropped, a = {value}");
            }
        }
    }

    #[test]
    fn what_comes_after_an_end_is_not_there_and_what_races_with_it_may_be() {
        let racing = vec![
            (1, &[0][..], set(&[("before", 1)])),
            (0, &[1], end()),
            (2, &[1], set(&[("racing", 1)])),
            (0, &[], set(&[("after", 1)])),
        ];
        let plan = plan(racing);
        assert!(is_allowed(&plan, &[("before", 1)]));
        assert!(is_allowed(&plan, &[("before", 1), ("racing", 1)]));
        assert!(!is_allowed(&plan, &[("racing", 1)]));
        assert!(!is_allowed(&plan, &[("before", 1), ("after", 1)]));
    }

    #[test]
    fn what_happens_before_one_of_two_racing_ends_may_be_missing_if_the_other_one_came_first() {
        let racing = vec![
            (1, &[0][..], set(&[("a", 1)])),
            (1, &[], end()),
            (2, &[0], end()),
            (3, &[2, 3], set(&[("a", 2)])),
        ];
        let plan = plan(racing);
        assert!(is_allowed(&plan, &[("a", 1)]));
        assert!(is_allowed(&plan, &[]));
        assert!(!is_allowed(&plan, &[("a", 2)]));
    }
}
