//! Calls that come together.

use super::{CONCURRENCY, SHUTDOWN};
use crate::batch::Batch;
use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, ample};
use crate::conformance::exporter::samples::batch;
use crate::export::{Context, ExportError, ExportErrorKind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

const SAFE: &str = "`ForceFlush` and `Shutdown` MUST be safe to be called concurrently.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-beside-exports-is-safe",
        citation: Citation::of(CONCURRENCY, SAFE).read_as("also while another thread exports"),
        check: flush_beside_exports_is_safe,
    },
    Case {
        id: "one-of-twenty-shutdowns-does-it",
        citation: Citation::of(CONCURRENCY, SAFE)
            .read_as("one of them shuts the exporter down, and all others are refused as a second one is"),
        check: one_of_twenty_shutdowns_does_it,
    },
    Case {
        id: "shutdown-ends-beside-a-hang",
        citation: Citation::of(
            SHUTDOWN,
            "`Shutdown` should not block indefinitely (e.g. if it attempts to flush the data and the destination is \
             unavailable).",
        )
        .read_as("its deadline ends it, and then the export that hangs as well"),
        check: shutdown_ends_beside_a_hang,
    },
];

/// What a thread returns that must not panic.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, Stop> {
    thread.join().map_err(|_| Stop::Failed("expected no panic, seen one in a thread of the case".to_owned()))
}

fn flush_beside_exports_is_safe(bench: &Bench) -> Verdict {
    const BATCHES: u64 = 20;
    let export_all = |flushers: usize| {
        let probe = bench.probe()?;
        let batches: Vec<Batch> = (0..BATCHES).map(|sequence| batch(sequence, 4)).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let flush = || {
                while !done.load(Ordering::Acquire) {
                    let _ = probe.exporter.force_flush(&ample());
                    // The exports have to get their turns.
                    thread::sleep(Duration::from_millis(1));
                }
            };
            let flushers: Vec<_> = (0..flushers).map(|_| scope.spawn(flush)).collect();
            let exporter = scope.spawn(|| {
                for batch in &batches {
                    probe.export(batch);
                    probe.settle();
                }
            });
            let exported = joined(exporter);
            done.store(true, Ordering::Release);
            flushers.into_iter().try_for_each(joined).and(exported)
        })?;
        let seen = probe.settled();
        Ok(batches.iter().map(|batch| seen.counts(batch)).collect::<Vec<_>>())
    };
    // What it delivers without flushes beside it is another case's matter.
    let (expected, seen) = (export_all(0)?, export_all(2)?);
    ensure(expected == seen, || {
        let differ: Vec<_> = expected.iter().zip(&seen).filter(|(expected, seen)| expected != seen).collect();
        format!("expected and seen counts of spans that differ when two threads flush: {differ:?}")
    })
}

fn one_of_twenty_shutdowns_does_it(bench: &Bench) -> Verdict {
    const THREADS: usize = 20;
    let probe = bench.probe()?;
    probe.export(&batch(0, 10));
    let start = Barrier::new(THREADS);
    let kinds: Result<Vec<_>, Stop> = thread::scope(|scope| {
        let shutdown = || {
            start.wait();
            probe.exporter.shutdown(&ample()).map_err(|error| error.kind())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(shutdown)).collect();
        threads.into_iter().map(joined).collect()
    });
    let mut kinds = kinds?;
    // What one that comes behind another says is another case's matter: here it is said by all but one.
    let behind = probe.exporter.shutdown(&ample()).map_err(|error| error.kind());
    let expected_of_first = bench.probe()?.exporter.shutdown(&ample()).map_err(|error| error.kind());
    kinds.sort_by_key(|kind| *kind == behind);
    let holds = kinds[0] == expected_of_first && kinds[1..].iter().all(|kind| *kind == behind);
    ensure(holds, || {
        format!(
            "expected {expected_of_first:?} of one and {behind:?} of {} shutdowns, seen {kinds:?}",
            THREADS - 1
        )
    })
}

fn shutdown_ends_beside_a_hang(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.set_hanging(true)?;
    let batch = batch(0, 10);
    let (exported, shut_down) = thread::scope(|scope| {
        let export = scope.spawn(|| probe.exporter.export(&Context::new(), &batch));
        // Most likely the export is waiting by then; the clause is the same if it is not.
        thread::sleep(Duration::from_millis(50));
        let shut_down = probe.exporter.shutdown(&Context::with_timeout(Duration::from_millis(50)));
        Ok::<_, Stop>((joined(export)?, shut_down))
    })?;
    let delivered = probe.seen().counts(&batch).into_iter().flatten().any(|count| count > 0);
    probe.set_hanging(false)?;
    let kinds = [&exported, &shut_down].map(|result| result.as_ref().map_err(ExportError::kind));
    let is_told = kinds.iter().any(Result::is_err) || delivered;
    ensure(is_told && kinds[1] != Err(ExportErrorKind::ExporterShutdown), || {
        format!(
            "expected the batch that hangs to be reported by the export or by the shutdown, seen {exported:?} and \
             {shut_down:?}"
        )
    })
}
