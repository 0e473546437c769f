//! What the models share. They are in `tests/`, one race each, and `scripts/loom` runs them.

#[cfg(not(all(loom, crossbeam_loom)))]
compile_error!("these models need RUSTFLAGS=\"--cfg loom --cfg crossbeam_loom\": run scripts/loom");

use loom::sync::atomic::{Ordering, fence};
use nanospan::model::{Drain, Pass, Seen, Tracer, weaken};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The environment's name for the mistake to be made in every model of the process: `weaken FILE:LINE`, one
/// ordering made Relaxed, or `seed NAME`, one of `nanospan`'s seeded bugs. `scripts/mutants` sets it.
pub const MUTANT: &str = "NANOSPAN_MUTANT";

/// Makes the mistake that the environment asks for, in all models that the calling thread runs from now on.
///
/// # Panics
///
/// When the environment asks for something else.
pub fn make_mistake() {
    let Ok(mistake) = std::env::var(MUTANT) else { return };
    let made = match mistake.split_once(' ') {
        Some(("seed", name)) => nanospan::seed(name),
        Some(("weaken", place)) => match place.split_once(':').map(|(file, line)| (file, line.parse())) {
            Some((file, Ok(line))) => {
                weaken(file.to_owned().leak(), line);
                Ok(())
            }
            _ => Err(format!("{place:?} is no FILE:LINE")),
        },
        _ => Err("neither `seed NAME` nor `weaken FILE:LINE`".to_owned()),
    };
    if let Err(error) = made {
        panic!("{MUTANT}={mistake}: {error}");
    }
}

/// What interleavings of a model came to.
#[derive(Debug, Clone)]
pub struct Outcomes(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Outcomes {
    /// Says what this interleaving came to: one of the outcomes that the model names, or another that
    /// not every bound gets to.
    pub fn note(&self, outcome: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(outcome).or_default() += 1;
    }
}

/// Runs a model through all its interleavings up to the preemption bound, two unless
/// `LOOM_MAX_PREEMPTIONS` says otherwise.
///
/// # Panics
///
/// When an interleaving fails, when none came to one of `outcomes` (then loom did not get to the race that
/// the model is about), and as [`make_mistake`] does.
pub fn check(outcomes: &[&'static str], model: impl Fn(&Outcomes) + Send + Sync + 'static) {
    check_with(usize::MAX, outcomes, model);
}

/// As [`check`], with at most so many preemptions whatever the environment says: for models of which more
/// would take too long.
///
/// # Panics
///
/// As [`check`] does.
pub fn check_with(
    at_most: usize,
    outcomes: &[&'static str],
    model: impl Fn(&Outcomes) + Send + Sync + 'static,
) {
    make_mistake();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(2).min(at_most));
    builder.max_branches = 10_000;
    let counts = outcomes.iter().map(|&outcome| (outcome, 0)).collect();
    let counts = Outcomes(Arc::new(Mutex::new(counts)));
    let ran = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let (in_model, ran_in_model) = (counts.clone(), Arc::clone(&ran));
    builder.check(move || {
        ran_in_model.fetch_add(1, Relaxed);
        model(&in_model);
    });
    let thread = std::thread::current();
    let (name, took) = (thread.name().unwrap_or_default(), started.elapsed());
    println!("model {name}: {} interleavings in {:.1} s", ran.load(Relaxed), took.as_secs_f32());
    let counts = counts.0.lock().unwrap_or_else(PoisonError::into_inner);
    println!("  {counts:?}");
    for (outcome, count) in counts.iter() {
        assert_ne!(*count, 0, "no interleaving came to this: {outcome}");
    }
}

/// Pins a walker.
///
/// On x86-64 crossbeam-epoch pins with a locked compare-and-swap, which is a full fence there; loom
/// takes it for a mere acquire and release. The fence says to loom what the instruction does, and is
/// what crossbeam-epoch itself executes on other processors.
#[must_use]
pub fn pin(handle: &crossbeam_epoch::LocalHandle) -> crossbeam_epoch::Guard {
    let guard = handle.pin();
    fence(Ordering::SeqCst);
    guard
}

/// The keys of a span's attributes, in their order.
#[must_use]
pub fn keys(seen: &Seen) -> Vec<&str> {
    seen.attributes.iter().map(|(key, _)| key.as_str()).collect()
}

/// A drain and everything that it has found so far.
#[derive(Debug)]
pub struct Account {
    drain: Drain,
    /// All passes together.
    pub total: Pass,
}

impl Account {
    /// Nothing found yet.
    #[must_use]
    pub fn new(drain: Drain) -> Self {
        Self { drain, total: Pass::default() }
    }

    /// One more pass, over everything; what it found alone is returned.
    pub fn pass(&mut self) -> Pass {
        let pass = self.drain.pass();
        self.add(pass)
    }

    /// One more pass, which leaves out what is at rest.
    pub fn glance(&mut self) -> Pass {
        let pass = self.drain.glance();
        self.add(pass)
    }

    fn add(&mut self, pass: Pass) -> Pass {
        self.total.spans.extend(pass.spans.iter().cloned());
        self.total.stale += pass.stale;
        pass
    }

    /// The one span that was delivered of a trace.
    ///
    /// # Panics
    ///
    /// When it was not delivered exactly once.
    #[must_use]
    pub fn only(&self, trace: u64) -> &Seen {
        let found: Vec<&Seen> = self.total.spans.iter().filter(|seen| seen.trace == trace).collect();
        assert_eq!(found.len(), 1, "spans delivered of trace {trace}");
        found[0]
    }

    /// Stale calls, wherever they were noticed.
    #[must_use]
    pub fn stale(&self, tracer: Tracer) -> u64 {
        self.total.stale + tracer.stale()
    }
}
