//! A session: one tracer, and round after round of histories on it.
//!
//! A round's histories are played side by side, so that spans of different histories share blocks and
//! chunks. Then comes a flush, and with it a quiet point, at which all spans must have arrived and the
//! account must be exact. While a round is played the one before it is checked. In the last round, one of
//! the histories shuts the tracer down while the others go on.

use crate::check::{Checker, Failure};
use crate::generate;
use crate::oracle::Rules;
use crate::plan::Plan;
use crate::play::{PATIENCE, Round, Run};
use crate::pool::{Arrived, Keeper, Pool, THREADS};
use crate::profile::Profile;
use crate::random::Random;
use crate::report::Report;
use nanospan::{FlushError, SpanHandle, Stats};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Histories of a session. Its tracer's memory is not given back.
pub(crate) const IN_A_SESSION: u64 = 4096;
/// Histories of a round.
const IN_A_ROUND: u64 = 64;

/// Whether the history of this number shuts the tracer down: one in the middle of the last round.
pub(crate) fn shuts_down(number: u64) -> bool {
    number == IN_A_SESSION - IN_A_ROUND / 2
}

/// Handles of ended spans that are kept.
const ANCIENTS: usize = 256;
/// How far the tracer's clock and the system's may be apart.
const SKEW: Duration = Duration::from_millis(200);

/// Which histories a session plays.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// Those with these numbers, up to the session's last; the last round shuts down.
    Numbers(std::ops::Range<u64>),
    /// This one over and over, so many rounds of so many.
    Same { plan: &'a Plan, number: u64, rounds: u64, in_a_round: u64 },
}

impl Source<'_> {
    /// The next round, and whether it is the last one.
    fn next(&self, profile: &Profile, n: u64) -> Option<(Vec<Run>, bool)> {
        match self {
            Source::Numbers(numbers) => {
                let from = numbers.start + n * IN_A_ROUND;
                let to = (from + IN_A_ROUND).min(numbers.end);
                if from >= to {
                    return None;
                }
                let is_last = to == numbers.end;
                let runs = (from..to).map(|number| {
                    let plan = generate::history(profile, number, shuts_down(number));
                    Run::new(number, plan, offset(profile, number))
                });
                Some((runs.collect(), is_last))
            }
            Source::Same { plan, number, rounds, in_a_round } => {
                if n >= *rounds {
                    return None;
                }
                let runs =
                    (0..*in_a_round).map(|k| Run::new(*number, (*plan).clone(), offset(profile, number + k)));
                let has_shutdown = plan.ops.iter().any(|op| matches!(op.act, crate::plan::Act::Shutdown));
                Some((runs.collect(), has_shutdown))
            }
        }
    }
}

/// Which thread plays the first lane of a history.
fn offset(profile: &Profile, number: u64) -> usize {
    Random::of(!profile.seed, number).below(THREADS)
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A round that was played.
struct Played {
    round: Arc<Round>,
    is_last: bool,
    arrived: Arrived,
    before: Stats,
    after: Stats,
    until: u64,
}

/// Plays a session and returns what is wrong. Stops at the first round in which something is.
pub(crate) fn play(profile: &Profile, source: &Source<'_>, report: &mut Report) -> Vec<Failure> {
    let keeper = Keeper::new(profile.fail_every);
    let built = profile.builder().exporter(keeper.clone()).build();
    let tracer = match built {
        Ok(tracer) => tracer,
        Err(error) => {
            return vec![Failure { history: None, round: 0..0, text: format!("no tracer: {error}") }];
        }
    };
    let general = |text: String| vec![Failure { history: None, round: 0..0, text }];
    let from = unix_now() - SKEW.as_nanos() as u64;
    let pool = Pool::new(tracer);
    let mut judge = Judge { profile, from, late: 0, ancients: Vec::new(), random: Random::new(profile.seed) };
    let mut before = tracer.stats();
    let mut last: Option<Played> = None;
    let mut n = 0;
    while let Some((runs, is_last)) = source.next(profile, n) {
        n += 1;
        let round = Arc::new(Round {
            runs,
            ancients: judge.ancients.clone(),
            keeper: keeper.clone(),
            flushes: AtomicU64::new(0),
            abort: AtomicBool::new(false),
        });
        pool.begin(&round);
        // While it is played.
        if let Some(played) = last.take() {
            let failures = judge.check(played, report);
            if !failures.is_empty() {
                let _ = pool.wait(&round, PATIENCE);
                pool.stop();
                let _ = tracer.shutdown(PATIENCE);
                return failures;
            }
        }
        if let Err(text) = pool.wait(&round, PATIENCE) {
            // Its threads cannot be waited for.
            return general(text);
        }
        let flushed = if is_last { tracer.shutdown(PATIENCE) } else { tracer.flush(PATIENCE) };
        if let Err(error) = flushed {
            if !matches!(error, FlushError::Export { .. }) {
                return general(format!("flush: {error}"));
            }
        }
        let after = tracer.stats();
        let until = unix_now() + SKEW.as_nanos() as u64;
        last = Some(Played { round, is_last, arrived: keeper.take(), before, after, until });
        before = after;
        if is_last {
            break;
        }
    }
    pool.stop();
    let _ = tracer.shutdown(PATIENCE);
    last.map(|played| judge.check(played, report)).unwrap_or_default()
}

/// What is known from round to round.
struct Judge<'p> {
    profile: &'p Profile,
    from: u64,
    /// Second ends that are still to be counted.
    late: u64,
    ancients: Vec<SpanHandle>,
    random: Random,
}

impl Judge<'_> {
    fn check(&mut self, played: Played, report: &mut Report) -> Vec<Failure> {
        let Played { round, is_last, arrived, before, after, until } = played;
        report.round(self.profile, is_last, &round, &arrived, &before, &after);
        let rules = Rules::of(self.profile, self.from, until);
        let mut checker = Checker::new(self.profile, rules, &round, is_last, arrived);
        checker.check();
        let Checker { expected, mut failures, delivered, shed, .. } = checker;
        report.add("shed: span with less than was recorded", shed);
        let wrong = if is_last {
            let exported = after.exported - before.exported;
            let started = after.started - before.started;
            let is_right = exported == expected.exported
                && started == expected.started
                && after.live == 0
                && after.buffered == 0
                && after.is_balanced();
            let text = || {
                format!(
                    "after the shutdown: {started} started, {exported} exported, {after:?}, not {expected:?}"
                )
            };
            (!is_right).then(text)
        } else {
            expected.differs(&before, &after, self.profile.tight, self.late)
        };
        if let Some(text) = wrong {
            let numbers = || round.runs.iter().map(|run| run.number);
            let from_to = numbers().min().unwrap_or(0)..numbers().max().map_or(0, |last| last + 1);
            failures.push(Failure { history: None, round: from_to, text: format!("the account: {text}") });
        }
        self.late += expected.late;
        for handle in delivered {
            if self.ancients.len() < ANCIENTS {
                self.ancients.push(handle);
            } else if self.random.once_in(8) {
                let at = self.random.below(ANCIENTS);
                self.ancients[at] = handle;
            }
        }
        failures
    }
}
