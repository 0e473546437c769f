//! The shutdown, and what comes after it.

use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Exported, Probe, ample, cancelled, late, refused, succeeded};
use crate::export::ExportErrorKind::{self, Cancelled, DeadlineExceeded, ExporterShutdown};
use std::thread;
use std::time::{Duration, Instant};

/// How long what is released behind the shutdown may take: longer than it does on a busy machine.
const RELEASE: Duration = Duration::from_secs(20);

pub(crate) fn shutdown_succeeds<E: Exported>(bench: &Bench<E>) -> Verdict {
    succeeded("the shutdown of one that has done nothing", Probe::<E>::of(bench)?.shutdown(&ample()))?;
    let probe = Probe::<E>::of(bench)?;
    probe.put(&E::batch(0, 10));
    probe.settle();
    succeeded("the shutdown after an export", probe.shutdown(&ample()))
}

pub(crate) fn shutdown_delivers_what_is_unfinished<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let batch = E::batch(0, 10);
    probe.put(&batch);
    // What it returns is another case's matter.
    let _ = probe.shutdown(&ample());
    probe.seen().all_of("a batch that was exported before the shutdown", &batch)
}

pub(crate) fn shutdown_honours_a_passed_deadline<E: Exported>(bench: &Bench<E>) -> Verdict {
    let result = Probe::<E>::of(bench)?.shutdown(&late());
    refused("a shutdown whose deadline has passed", DeadlineExceeded, result)
}

pub(crate) fn shutdown_honours_a_cancellation<E: Exported>(bench: &Bench<E>) -> Verdict {
    let result = Probe::<E>::of(bench)?.shutdown(&cancelled());
    refused("a cancelled shutdown", Cancelled, result)
}

pub(crate) fn shutdown_releases_everything<E: Exported>(bench: &Bench<E>) -> Verdict {
    for (what, context) in [("in time", ample()), ("without time", late())] {
        let probe = Probe::<E>::of(bench)?;
        probe.is_released()?;
        probe.put(&E::batch(0, 10));
        let _ = probe.shutdown(&context);
        let give_up = Instant::now() + RELEASE;
        while !probe.is_released()? {
            ensure(Instant::now() < give_up, || {
                format!(
                    "a shutdown {what}: expected everything to be released, and waited {RELEASE:?} in vain"
                )
            })?;
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

pub(crate) fn late_shutdown_is_final<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    // What these return is another case's matter, and so is what a shutdown in time leads to: it is told by
    // whether an export after it is refused.
    let _ = probe.shutdown(&late());
    let seen = probe.export(&ample(), &E::batch(0, 10)).map_err(|error| error.kind());
    let expected = shut_down::<E>(bench)?.export(&ample(), &E::batch(0, 10)).map_err(|error| error.kind());
    ensure(seen == expected, || {
        format!("an export after a late shutdown: expected {expected:?}, as after one in time, seen {seen:?}")
    })
}

/// An exporter that was shut down.
fn shut_down<E: Exported>(bench: &Bench<E>) -> Result<Probe<E>, Stop> {
    let probe = Probe::<E>::of(bench)?;
    let _ = probe.shutdown(&ample());
    Ok(probe)
}

pub(crate) fn export_after_the_shutdown_is_refused<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = shut_down::<E>(bench)?;
    for sequence in 0..2 {
        let result = probe.export(&ample(), &E::batch(sequence, 10));
        refused("an export after the shutdown", ExporterShutdown, result)?;
    }
    Ok(())
}

pub(crate) fn refused_export_delivers_nothing<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = shut_down::<E>(bench)?;
    let batch = E::batch(0, 10);
    probe.put(&batch);
    probe.settled().nothing_of("a batch that was exported after the shutdown", &batch)
}

pub(crate) fn flush_after_the_shutdown_is_refused<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = shut_down::<E>(bench)?;
    probe.must_flush()?;
    refused("a flush after the shutdown", ExporterShutdown, probe.force_flush(&ample()))
}

pub(crate) fn second_shutdown_is_refused<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = shut_down::<E>(bench)?;
    for what in ["a second shutdown", "a third shutdown"] {
        refused(what, ExporterShutdown, probe.shutdown(&ample()))?;
    }
    Ok(())
}

pub(crate) fn shutdown_error_comes_before_the_contexts<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = shut_down::<E>(bench)?;
    let kind = |context| probe.export(&context, &E::batch(0, 10)).map_err(|error| error.kind());
    // An exporter that says something else with time fails another case.
    let expected = kind(ample());
    for (what, context) in [("whose deadline has passed", late()), ("that is cancelled", cancelled())] {
        let seen: Result<(), ExportErrorKind> = kind(context);
        ensure(seen == expected, || {
            format!(
                "an export {what}, after the shutdown: expected {expected:?}, as with time, seen {seen:?}"
            )
        })?;
    }
    Ok(())
}
