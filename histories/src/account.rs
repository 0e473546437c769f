//! What the account must say at a quiet point, from the calls of a round and from what arrived.

use crate::explain::{Ends, weight};
use crate::oracle::cut;
use crate::plan::{Act, Attribute, By, Call, Ending, Label, Named, Outcome, Plan, Val};
use crate::play::{Round, Run};
use crate::profile::Sizes;
use nanospan::Stats;
use nanospan::export::FinishedSpan;

/// The least and the most that a counter may grow by: calls that race with an end count one way or the
/// other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Range {
    least: u64,
    most: u64,
}

impl Range {
    fn add(&mut self, least: u64, most: u64) {
        self.least += least;
        self.most += most;
    }

    fn holds(self, n: u64) -> bool {
        (self.least..=self.most).contains(&n)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) started: u64,
    pub(crate) refused: u64,
    pub(crate) not_sampled: u64,
    pub(crate) invalid_parent: u64,
    pub(crate) exported: u64,
    pub(crate) failed: u64,
    invalid_calls: u64,
    forged: u64,
    stale: Range,
    truncated: Range,
    /// Attributes, events and links that are missing, as the spans say.
    lost: [u64; 3],
    /// How many more may be lost where memory is tight: of calls that race with an end.
    may_lose: u64,
    /// Second ends that the drain counts when it recycles the block, in this round or later.
    pub(crate) late: u64,
}

impl Expected {
    /// A span that arrived.
    pub(crate) fn arrived(&mut self, span: &FinishedSpan) {
        let of_events = span.events.iter().map(|event| event.dropped_attributes_count);
        let of_links = span.links.iter().map(|link| link.dropped_attributes_count);
        let inside: u32 = of_events.chain(of_links).sum();
        self.lost[0] += u64::from(span.dropped_attributes_count + inside);
        self.lost[1] += u64::from(span.dropped_events_count);
        self.lost[2] += u64::from(span.dropped_links_count);
    }

    /// The calls of a history.
    pub(crate) fn calls(&mut self, round: &Round, run: &Run, sizes: Sizes) {
        let plan = &run.plan;
        for (at, op) in plan.ops.iter().enumerate() {
            match &op.act {
                Act::Start(start) if run.id(start.span).is_some() => {
                    let cuts = cut_of(&start.name, sizes.name) + cuts_in(&start.attributes, sizes);
                    self.truncated.add(cuts, cuts);
                }
                Act::Record { on: Named::Span(span), by, call } => {
                    if run.id(*span).is_none() {
                        self.invalid_calls += u64::from(*by == By::Handle);
                    } else {
                        self.record(plan, at, *span, call, sizes);
                    }
                }
                Act::End { on: Named::Span(span), by: By::Handle, .. } if run.id(*span).is_none() => {
                    self.invalid_calls += 1;
                }
                Act::Record { on, .. } | Act::End { on, .. } => self.on_nobody(round, *on),
                _ => {}
            }
        }
        for span in (0..plan.spans).filter(|&span| run.id(span).is_some()) {
            self.ends(plan, span);
        }
    }

    fn on_nobody(&mut self, round: &Round, on: Named) {
        match on {
            Named::Span(_) => {}
            Named::Invalid => self.invalid_calls += 1,
            Named::Ancient(n) if round.ancient(n).is_some() => self.stale.add(1, 1),
            Named::Ancient(_) | Named::Forged(_) => self.forged += 1,
        }
    }

    fn record(&mut self, plan: &Plan, at: usize, span: usize, call: &Call, sizes: Sizes) {
        let ends = Ends::of(plan, span);
        let cuts = cuts_of(call, sizes);
        if ends.are_before(plan, at) {
            self.stale.add(1, 1);
        } else if ends.are_after(plan, at) {
            self.truncated.add(cuts, cuts);
        } else {
            // At worst each attribute has a record of its own, and each is found to be late.
            let [attributes, events, links] = weight(call);
            self.stale.add(0, u64::from((attributes + events + links).max(1)));
            self.truncated.add(0, cuts);
            self.may_lose += u64::from(attributes + events + links);
        }
    }

    /// One end takes effect, each other one is a stale call.
    fn ends(&mut self, plan: &Plan, span: usize) {
        let ends = Ends::of(plan, span);
        for &end in &ends.all {
            let is_first = ends.first.contains(&end);
            let Act::End { how, .. } = plan.ops[end].act else { continue };
            // The time or status that goes with an end is recorded before it: another end may come between.
            let more = u64::from(how != Ending::Now && is_first && ends.first.len() > 1);
            self.stale.add(u64::from(!is_first), u64::from(!is_first) + more);
        }
        let losers = ends.first.len().saturating_sub(1) as u64;
        // The owner and another thread may both take effect; the drain notices when it recycles the block.
        self.stale.add(losers.saturating_sub(1), losers);
        self.late += u64::from(losers > 0);
    }

    /// Compares what was counted between two quiet points. `late` is what earlier rounds may have left to
    /// be counted.
    pub(crate) fn differs(&self, before: &Stats, after: &Stats, tight: bool, late: u64) -> Option<String> {
        let grown = |counter: fn(&Stats) -> u64| counter(after) - counter(before);
        let mut wrong = Vec::new();
        let mut same = |what: &str, found: u64, expected: u64| {
            if found != expected {
                wrong.push(format!("{what} grew by {found} instead of {expected}"));
            }
        };
        same("started", grown(|stats| stats.started), self.started);
        same("exported", grown(|stats| stats.exported), self.exported);
        same("export_failed", grown(|stats| stats.dropped.export_failed), self.failed);
        same("overload", grown(|stats| stats.dropped.overload), self.refused);
        same("not_sampled", grown(|stats| stats.not_sampled), self.not_sampled);
        same("invalid_parent", grown(|stats| stats.invalid_parent), self.invalid_parent);
        same("invalid_calls", grown(|stats| stats.invalid_calls), self.invalid_calls);
        same("live", after.live, 0);
        same("buffered", after.buffered, 0);
        let other =
            |stats: &Stats| stats.dropped.total() - stats.dropped.overload - stats.dropped.export_failed;
        same("dropped otherwise", other(after), other(before));
        // One id in 2^20 passes the tag, and is told to be stale.
        let forged = grown(|stats| stats.forged_calls);
        let passed = self.forged.saturating_sub(forged);
        if forged > self.forged || passed > 1 {
            wrong.push(format!("forged_calls grew by {forged} instead of {}", self.forged));
        }
        let mut within = |what: &str, found: u64, range: Range| {
            if !range.holds(found) {
                wrong.push(format!("{what} grew by {found} instead of {} to {}", range.least, range.most));
            }
        };
        let Range { least, most } = self.stale;
        within("stale_calls", grown(|stats| stats.stale_calls), Range { least, most: most + passed + late });
        let truncated = grown(|stats| stats.truncated);
        let lost = [
            grown(|stats| stats.lost_attributes),
            grown(|stats| stats.lost_events),
            grown(|stats| stats.lost_links),
        ];
        let more = if tight { self.may_lose } else { 0 };
        // What is shed is not cut.
        let least = if tight { 0 } else { self.truncated.least };
        within("truncated", truncated, Range { least, most: self.truncated.most });
        for (what, (found, least)) in
            ["lost_attributes", "lost_events", "lost_links"].into_iter().zip(lost.into_iter().zip(self.lost))
        {
            within(what, found, Range { least, most: least + more });
        }
        if !after.is_balanced() {
            wrong.push(format!("the account is not balanced: {after:?}"));
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

fn cut_of(text: &Label, most: usize) -> u64 {
    u64::from(cut(text.as_str(), most).len() < text.as_str().len())
}

fn cuts_in(attributes: &[Attribute], sizes: Sizes) -> u64 {
    let value = |value: &Val| match value {
        Val::Str(text) => u64::from(text.len() > sizes.value),
        _ => 0,
    };
    attributes.iter().map(|attribute| cut_of(&attribute.key, sizes.key) + value(&attribute.value)).sum()
}

/// How many texts and values of a call are longer than what is kept of them.
pub(crate) fn cuts_of(call: &Call, sizes: Sizes) -> u64 {
    match call {
        Call::Attribute(attribute) => cuts_in(std::slice::from_ref(attribute), sizes),
        Call::Attributes(attributes) | Call::Link { attributes, .. } => cuts_in(attributes, sizes),
        Call::Event { name, attributes, .. } => cut_of(name, sizes.name) + cuts_in(attributes, sizes),
        Call::Status(Outcome::Error(text)) => cut_of(text, sizes.message),
        Call::Status(_) => 0,
        Call::Rename(name) => cut_of(name, sizes.name),
    }
}
