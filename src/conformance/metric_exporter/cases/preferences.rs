//! `temporality` and `aggregation`.

use super::TRAIT;
use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Exported, Probe, ample, late};
use crate::conformance::metric_exporter::Case;
use crate::export::Context;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind, Metrics};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const AT_ONCE: &str = "`temporality` and `aggregation` answer at once, whatever else is under way, and after the \
                       shutdown as before it.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "preferences-answer-beside-a-hang",
        citation: Citation::of(TRAIT, AT_ONCE)
            .read_as("also while an export hangs, for each kind of instrument as before"),
        check: preferences_answer_beside_a_hang,
    },
    Case {
        id: "preferences-answer-to-many-threads",
        citation: Citation::of(
            "Go, sdk/metric, Exporter.Temporality and Exporter.Aggregation",
            "This method needs to be concurrent safe with itself and all the other Exporter methods.",
        )
        .read_as("the same to each thread, for each kind of instrument"),
        check: preferences_answer_to_many_threads,
    },
    Case {
        id: "preferences-outlast-the-shutdown",
        citation: Citation::of(TRAIT, AT_ONCE).read_as("also after a shutdown whose context was over"),
        check: preferences_outlast_the_shutdown,
    },
];

type Preferences = Vec<(InstrumentKind, Temporality, Aggregation)>;

/// What the exporter answers for each kind.
fn preferences(probe: &Probe<Metrics>) -> Preferences {
    let exporter = probe.exporter();
    let answers =
        InstrumentKind::ALL.map(|kind| (kind, exporter.temporality(kind), exporter.aggregation(kind)));
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
fn preferences_answer_beside_a_hang(bench: &Bench<Metrics>) -> Verdict {
    let probe = Probe::<Metrics>::of(bench)?;
    let before = preferences(&probe);
    probe.set_hanging(true)?;
    let (context, batch) = (Context::new(), Metrics::batch(0, 10));
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

fn preferences_answer_to_many_threads(bench: &Bench<Metrics>) -> Verdict {
    const THREADS: usize = 8;
    const ROUNDS: u64 = 20;
    let probe = Probe::<Metrics>::of(bench)?;
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
            probe.put(&Metrics::batch(sequence, 4));
        }
        let panicked = |_| Stop::Failed("expected no panic, seen one in a thread of the case".to_owned());
        threads.into_iter().try_for_each(|thread| thread.join().map_err(panicked)?)
    })
}

fn preferences_outlast_the_shutdown(bench: &Bench<Metrics>) -> Verdict {
    for (when, context) in [("after the shutdown", ample()), ("after a late shutdown", late())] {
        let probe = Probe::<Metrics>::of(bench)?;
        let before = preferences(&probe);
        let _ = probe.shutdown(&context);
        same(when, &before, &preferences(&probe))?;
    }
    Ok(())
}
