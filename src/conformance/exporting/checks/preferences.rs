//! `temporality` and `aggregation`.

use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Preferring, Probe, ample, late};
use crate::export::Context;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

type Preferences = Vec<(InstrumentKind, Temporality, Aggregation)>;

/// What the exporter answers for each kind.
fn preferences<E: Preferring>(probe: &Probe<E>) -> Preferences {
    let exporter = probe.exporter();
    let answers = InstrumentKind::ALL
        .map(|kind| (kind, E::temporality(exporter, kind), E::aggregation(exporter, kind)));
    answers.into()
}

/// Fails the case unless the answers are as before.
fn same(when: &str, before: &Preferences, now: &Preferences) -> Verdict {
    for (expected, seen) in before.iter().zip(now) {
        ensure(expected == seen, || format!("{when}: expected {expected:?}, as before, seen {seen:?}"))?;
    }
    Ok(())
}

/// A call that does not return is found by the runner.
pub(crate) fn preferences_answer_beside_a_hang<E: Preferring>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let before = preferences(&probe);
    probe.set_hanging(true)?;
    let (context, batch) = (Context::new(), E::batch(0, 10));
    let during = thread::scope(|scope| {
        let export = scope.spawn(|| probe.export(&context, &batch));
        // Most likely the export is waiting by then; the clause is the same if it is not.
        thread::sleep(Duration::from_millis(50));
        let during = preferences(&probe);
        context.cancellation().cancel();
        // One that overlooks the cancellation is another case's matter.
        probe.set_hanging(false)?;
        let _ = export.join();
        Ok::<_, Stop>(during)
    })?;
    same("while an export hangs", &before, &during)
}

pub(crate) fn preferences_answer_to_many_threads<E: Preferring>(bench: &Bench<E>) -> Verdict {
    const THREADS: usize = 8;
    const ROUNDS: u64 = 20;
    let probe = Probe::<E>::of(bench)?;
    let before = preferences(&probe);
    let start = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let ask = || {
            start.wait();
            (0..ROUNDS * 10).try_for_each(|_| same("on another thread", &before, &preferences(&probe)))
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        start.wait();
        for sequence in 0..ROUNDS {
            probe.put(&E::batch(sequence, 4));
        }
        let panicked = |_| Stop::Failed("expected no panic, seen one in a thread of the case".to_owned());
        threads.into_iter().try_for_each(|thread| thread.join().map_err(panicked)?)
    })?;
    // Threads that were quick may have asked before anything was exported.
    same("behind the exports", &before, &preferences(&probe))
}

pub(crate) fn preferences_outlast_the_shutdown<E: Preferring>(bench: &Bench<E>) -> Verdict {
    for (when, context) in [("after the shutdown", ample()), ("after a late shutdown", late())] {
        let probe = Probe::<E>::of(bench)?;
        let before = preferences(&probe);
        let _ = probe.shutdown(&context);
        same(when, &before, &preferences(&probe))?;
    }
    Ok(())
}
