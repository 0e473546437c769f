//! Calls that come together.

use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Exported, Probe, ample};
use crate::export::{Context, ExportError, ExportErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

/// What a thread returns that must not panic.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, Stop> {
    thread.join().map_err(|_| Stop::Failed("expected no panic, seen one in a thread of the case".to_owned()))
}

pub(crate) fn flush_beside_exports_is_safe<E: Exported>(bench: &Bench<E>) -> Verdict {
    const BATCHES: u64 = 20;
    let export_all = |flushers: usize| {
        let probe = Probe::<E>::of(bench)?;
        let batches: Vec<E::Batch> = (0..BATCHES).map(|sequence| E::batch(sequence, 4)).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let flush = || {
                while !done.load(Ordering::Acquire) {
                    let _ = probe.force_flush(&ample());
                    // The exports have to get their turns.
                    thread::sleep(Duration::from_millis(1));
                }
            };
            let flushers: Vec<_> = (0..flushers).map(|_| scope.spawn(flush)).collect();
            let exporter = scope.spawn(|| {
                for batch in &batches {
                    probe.put(batch);
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
        format!("expected and seen counts of {} that differ when two threads flush: {differ:?}", E::ITEMS)
    })
}

pub(crate) fn one_of_twenty_shutdowns_does_it<E: Exported>(bench: &Bench<E>) -> Verdict {
    const THREADS: usize = 20;
    let probe = Probe::<E>::of(bench)?;
    probe.put(&E::batch(0, 10));
    let start = Barrier::new(THREADS);
    let kinds: Result<Vec<_>, Stop> = thread::scope(|scope| {
        let shutdown = || {
            start.wait();
            probe.shutdown(&ample()).map_err(|error| error.kind())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(shutdown)).collect();
        threads.into_iter().map(joined).collect()
    });
    let mut kinds = kinds?;
    // What one that comes behind another says is another case's matter: here it is said by all but one.
    let behind = probe.shutdown(&ample()).map_err(|error| error.kind());
    let expected_of_first = Probe::<E>::of(bench)?.shutdown(&ample()).map_err(|error| error.kind());
    kinds.sort_by_key(|kind| *kind == behind);
    let holds = kinds[0] == expected_of_first && kinds[1..].iter().all(|kind| *kind == behind);
    ensure(holds, || {
        format!(
            "expected {expected_of_first:?} of one and {behind:?} of {} shutdowns, seen {kinds:?}",
            THREADS - 1
        )
    })
}

pub(crate) fn shutdown_ends_beside_a_hang<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.set_hanging(true)?;
    let batch = E::batch(0, 10);
    let (exported, shut_down) = thread::scope(|scope| {
        let (begin, begun) = mpsc::channel();
        let (probe, batch) = (&probe, &batch);
        let export = scope.spawn(move || {
            let _ = begin.send(());
            probe.export(&Context::new(), batch)
        });
        let _ = begun.recv();
        // Most likely the export is waiting by then; the clause is the same if it is not.
        thread::sleep(Duration::from_millis(50));
        let shut_down = probe.shutdown(&Context::with_timeout(Duration::from_millis(50)));
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
