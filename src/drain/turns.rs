//! What a pass looks at, out of more than it can look at each time.
//!
//! What changed lately is looked at in every pass; what is at rest in turn, a fixed number of them in
//! each. So a pass costs what was done since the last one, and not what could have been done, however
//! many threads hold a block and a log and are idle. Who wakes up is noticed when its turn comes, if
//! nothing else tells of it: with 10,000 threads at rest within 160 passes, or 40 while nothing happens.

use std::collections::VecDeque;

/// How many of those at rest have their turn in a pass that comes after one that found something: with no
/// more threads than that, every pass looks at everything. A model says itself which passes do.
#[cfg(not(loom))]
const IN_TURN: usize = 64;
#[cfg(loom)]
const IN_TURN: usize = 0;

/// How much of what is at rest a pass looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// What is left beside the work.
    Busy,
    /// More, for the last pass found nothing to do, and the next one is some time away.
    Idle,
    All,
}

impl Share {
    fn of(self, resting: usize) -> usize {
        match self {
            Self::Busy => IN_TURN.min(resting),
            Self::Idle => (4 * IN_TURN).min(resting),
            Self::All => resting,
        }
    }
}

/// After how many passes without a change something is at rest.
const PATIENCE: u8 = 16;

/// How long something has been without a change, in passes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quiet(u8);

impl Quiet {
    /// Another pass is over.
    pub(crate) fn after(&mut self, changed: bool) {
        self.0 = if changed { 0 } else { self.0.saturating_add(1) };
    }

    pub(crate) fn next(self) -> Next {
        if self.0 < PATIENCE { Next::Busy } else { Next::Rest }
    }
}

/// When to look at something again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// In the next pass.
    Busy,
    /// In its turn.
    Rest,
    /// Never, or not before it is added again.
    Gone,
}

/// See the module. Things are told by number.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Those of this pass; between two passes, those that change.
    now: Vec<u32>,
    /// Whose turn is next comes first.
    resting: VecDeque<u32>,
}

impl Turns {
    /// Looks at it from the next pass on, or still in this one.
    pub(crate) fn add(&mut self, id: u32) {
        self.now.push(id);
    }

    /// Looks at it in its turn.
    pub(crate) fn add_at_rest(&mut self, id: u32) {
        self.resting.push_back(id);
    }

    /// Begins a pass with those whose turn it is. `is_at_rest` says whether what was put to rest still is; if
    /// not it has been added since.
    pub(crate) fn begin(&mut self, share: Share, mut is_at_rest: impl FnMut(u32) -> bool) {
        let turns = share.of(self.resting.len());
        self.now.extend(self.resting.drain(..turns).filter(|&id| is_at_rest(id)));
    }

    /// Those of this pass.
    pub(crate) fn now(&self) -> &[u32] {
        &self.now
    }

    /// Two of those that come some time after the `n`-th: of the first one, what was asked for when it was the
    /// second is there now. What is at rest is in no cache.
    pub(crate) fn after(&self, n: usize) -> [Option<u32>; 2] {
        [n + 8, n + 16].map(|n: usize| self.now.get(n).copied())
    }

    /// Ends a pass.
    pub(crate) fn settle(&mut self, mut next: impl FnMut(u32) -> Next) {
        let Self { now, resting } = self;
        now.retain(|&id| match next(id) {
            Next::Busy => true,
            Next::Rest => {
                resting.push_back(id);
                false
            }
            Next::Gone => false,
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_rest_has_its_turn_in_order_and_as_often_as_the_others() {
        let mut turns = Turns::default();
        let all = 3 * IN_TURN as u32;
        (0..all).for_each(|id| turns.add_at_rest(id));
        let mut seen = vec![0; all as usize];
        for _ in 0..6 {
            turns.begin(Share::Busy, |_| true);
            assert_eq!(turns.now().len(), IN_TURN);
            turns.now().iter().for_each(|&id| seen[id as usize] += 1);
            turns.settle(|_| Next::Rest);
        }
        assert!(seen.iter().all(|&times| times == 2));
    }

    #[test]
    fn a_pass_over_everything_leaves_nothing_out() {
        let mut turns = Turns::default();
        (0..2 * IN_TURN as u32).for_each(|id| turns.add_at_rest(id));
        turns.add(u32::MAX);
        turns.begin(Share::All, |_| true);
        assert_eq!(turns.now().len(), 2 * IN_TURN + 1);
    }

    #[test]
    fn what_changes_is_seen_in_every_pass_and_rests_after_some_without_a_change() {
        let mut turns = Turns::default();
        turns.add(7);
        let mut quiet = Quiet::default();
        let mut pass = |changed: bool| {
            // Others take all the turns.
            turns.begin(Share::Busy, |_| true);
            (0..2 * IN_TURN as u32).for_each(|id| turns.add_at_rest(100 + id));
            let is_seen = turns.now().contains(&7);
            quiet.after(changed);
            turns.settle(|id| if id == 7 { quiet.next() } else { Next::Gone });
            is_seen
        };
        for n in 0..10 * u32::from(PATIENCE) {
            assert!(pass(n % u32::from(PATIENCE) == 0), "pass {n}");
        }
        assert!(pass(false));
        assert!(!pass(false), "at rest");
    }

    #[test]
    fn what_was_added_while_at_rest_is_not_seen_twice_and_what_is_gone_not_again() {
        let mut turns = Turns::default();
        turns.add_at_rest(1);
        turns.add_at_rest(2);
        turns.add(1);
        turns.begin(Share::Busy, |id| id != 1);
        assert_eq!(turns.now(), [1, 2]);
        turns.settle(|id| if id == 1 { Next::Gone } else { Next::Rest });
        turns.begin(Share::Busy, |_| true);
        assert_eq!(turns.now(), [2]);
    }
}
