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
//! All are tried, and an order is given up as soon as what it comes to is not what arrived.

use crate::oracle::{Model, Rules};
use crate::plan::{Act, By, Call, Ending, Named, Op, Outcome, Plan};
use nanospan::StatusCode;
use nanospan::export::FinishedSpan;

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
    let mut search = Search { rules, plan, found, left: STEPS_MAX, differs: None };
    for &last in &ends.first {
        let mut steps = Vec::new();
        for (at, op) in plan.ops.iter().enumerate() {
            if op.act.span() != Some(span) || (at != last && ends.are_before(plan, at)) {
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
