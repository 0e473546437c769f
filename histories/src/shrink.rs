//! Makes a history that fails smaller, and shows it.

use crate::check::{Failure, start_of};
use crate::generate;
use crate::plan::{Act, By, Named, Parent, Plan};
use crate::profile::Profile;
use crate::report::Report;
use crate::session::{self, Source, shuts_down};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Histories that are played side by side.
const BESIDE: u64 = 32;

/// Says what failed, and what of it can be replayed.
pub(crate) fn explain(profile: &Profile, failures: &[Failure], shrink: bool) -> ExitCode {
    for failure in failures.iter().take(5) {
        match failure.history {
            Some(history) => println!("FAILED seed {}:{history}: {}", profile.seed, failure.text),
            None => println!("FAILED session {}: {}", profile.seed, failure.text),
        }
    }
    if failures.len() > 5 {
        println!("and {} more", failures.len() - 5);
    }
    if !shrink {
        return ExitCode::FAILURE;
    }
    if let Some(history) = failures.iter().find_map(|failure| failure.history) {
        // Some tries only: `replay` makes more.
        let _ = shrunk(profile, history, 400);
        return ExitCode::FAILURE;
    }
    // The account was wrong: of which histories is it by themselves?
    let mut round = failures.iter().flat_map(|failure| failure.round.clone());
    let _ = round.any(|history| shrunk(profile, history, BESIDE));
    ExitCode::FAILURE
}

/// Replays a history until it fails, or so many times.
pub(crate) fn replay(session: u64, history: u64, tries: u64) -> ExitCode {
    match shrunk(&Profile::of(session), history, tries) {
        true => ExitCode::FAILURE,
        false => {
            println!("seed {session}:{history} did not fail in {tries} tries");
            ExitCode::SUCCESS
        }
    }
}

/// Whether the history failed again; shows it as small as it got.
fn shrunk(profile: &Profile, history: u64, tries: u64) -> bool {
    let whole = generate::history(profile, history, shuts_down(history));
    let Some(mut failure) = fails(profile, &whole, history, tries) else { return false };
    let mut plan = whole;
    let mut removed = true;
    while removed {
        removed = false;
        let mut width = plan.ops.len().div_ceil(2);
        while width > 0 {
            let mut at = 0;
            while at < plan.ops.len() {
                let gone = (at..(at + width).min(plan.ops.len())).collect();
                let smaller = without(&plan, gone);
                if smaller.ops.len() < plan.ops.len() {
                    if let Some(found) = fails(profile, &smaller, history, tries) {
                        (plan, failure, removed) = (smaller, found, true);
                        continue;
                    }
                }
                at += width;
            }
            width /= 2;
        }
    }
    println!("seed {}:{history}, shrunk to {} calls: {failure}", profile.seed, plan.ops.len());
    for (at, op) in plan.ops.iter().enumerate() {
        println!("  {at:>3} thread {} after {:?}: {:?}", op.lane, op.after, op.act);
    }
    true
}

fn fails(profile: &Profile, plan: &Plan, number: u64, tries: u64) -> Option<String> {
    let rounds = tries.div_ceil(BESIDE);
    // A session is over with its shutdown.
    let is_last = plan.ops.iter().any(|op| matches!(op.act, Act::Shutdown));
    let (sessions, rounds) = if is_last { (rounds, 1) } else { (1, rounds) };
    (0..sessions).find_map(|_| {
        let source = Source::Same { plan, number, rounds, in_a_round: BESIDE };
        let failures = session::play(profile, &source, &mut Report::default());
        failures.into_iter().next().map(|failure| failure.text)
    })
}

/// The plan without these calls and all that cannot be without them. What came after a call that is gone
/// comes after what that one came after.
fn without(plan: &Plan, mut gone: BTreeSet<usize>) -> Plan {
    // A span without its start has no calls; one without an end is not to be: its last one stays.
    let spans: BTreeSet<usize> = (0..plan.spans)
        .filter(|&span| start_of(plan, span).is_some_and(|(at, _)| gone.contains(&at)))
        .collect();
    for (at, op) in plan.ops.iter().enumerate() {
        if op.act.span().is_some_and(|span| spans.contains(&span)) {
            gone.insert(at);
        }
    }
    for span in (0..plan.spans).filter(|span| !spans.contains(span)) {
        // The `Span`'s own end, and some end.
        let is_end =
            |at: &usize| matches!(plan.ops[*at].act, Act::End { on: Named::Span(on), .. } if on == span);
        let all: Vec<usize> = (0..plan.ops.len()).filter(is_end).collect();
        let own = all.iter().find(|&&at| matches!(plan.ops[at].act, Act::End { by: By::Span, .. }));
        if let Some(keep) = own.or(all.last()) {
            gone.remove(keep);
        }
    }
    let mut place = vec![None; plan.ops.len()];
    let mut kept = Plan { lanes: plan.lanes, spans: plan.spans, ops: Vec::new() };
    // What stands for a call that is gone.
    let mut stands: Vec<Vec<u16>> = vec![Vec::new(); plan.ops.len()];
    let mut last_of_lane: [Option<usize>; crate::plan::LANES_MAX] = [None; crate::plan::LANES_MAX];
    for (at, op) in plan.ops.iter().enumerate() {
        let lane = op.lane as usize;
        let mut after: Vec<u16> =
            op.after.iter().flat_map(|&before| stands[before as usize].clone()).collect();
        if gone.contains(&at) {
            if let Some(before) = last_of_lane[lane] {
                after.extend(&stands[before]);
            }
            stands[at] = after;
        } else {
            after.retain(|&before| kept.ops[before as usize].lane != op.lane);
            if let Some(before) = last_of_lane[lane].filter(|before| gone.contains(before)) {
                after.extend(&stands[before]);
            }
            after.retain(|&before| kept.ops[before as usize].lane != op.lane);
            after.sort_unstable();
            after.dedup();
            let mut op = op.clone();
            op.after = after;
            forget(&mut op.act, &spans);
            let new = kept.ops.len() as u16;
            place[at] = Some(new);
            stands[at] = vec![new];
            kept.ops.push(op);
        }
        last_of_lane[lane] = Some(at);
    }
    kept.settle();
    kept
}

/// A call without its parent, where that is gone.
fn forget(act: &mut Act, spans: &BTreeSet<usize>) {
    match act {
        Act::Start(start) => {
            if let Parent::Below(span, _) | Parent::Context(span) = start.parent {
                if spans.contains(&span) {
                    start.parent = Parent::None;
                }
            }
        }
        Act::Burst { below, .. } => *below = below.filter(|span| !spans.contains(span)),
        _ => {}
    }
}
