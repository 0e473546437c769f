//! The shutdown, and what comes after it.

use super::{SHUTDOWN, TRAIT};
use crate::conformance::case::{Citation, Verdict, ensure};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, Probe, ample, cancelled, late, refused, succeeded};
use crate::conformance::exporter::samples::batch;
use crate::export::ExportErrorKind::{self, Cancelled, DeadlineExceeded, ExporterShutdown};
use std::thread;
use std::time::{Duration, Instant};

const GO: &str = "Go, sdk/trace, SpanExporter.Shutdown";
const HONORING: &str = "while honoring all timeouts and cancellations contained in the passed context";
const EACH_CALL: &str = "From then on each call, a further `shutdown` included, returns an error of kind \
                         `ExporterShutdown`";
/// How long what is released behind the shutdown may take: longer than it does on a busy machine.
const RELEASE: Duration = Duration::from_secs(20);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "shutdown-succeeds",
        citation: Citation::of(SHUTDOWN, "Shuts down the exporter.").read_as("the first one, with time, is Ok"),
        check: shutdown_succeeds,
    },
    Case {
        id: "shutdown-delivers-what-is-unfinished",
        citation: Citation::of(TRAIT, "Completes what is unfinished"),
        check: shutdown_delivers_what_is_unfinished,
    },
    Case {
        id: "shutdown-honours-a-passed-deadline",
        citation: Citation::of(GO, HONORING).read_as("with an error of kind DeadlineExceeded"),
        check: shutdown_honours_a_passed_deadline,
    },
    Case {
        id: "shutdown-honours-a-cancellation",
        citation: Citation::of(GO, HONORING).read_as("with an error of kind Cancelled"),
        check: shutdown_honours_a_cancellation,
    },
    Case {
        id: "shutdown-releases-everything",
        citation: Citation::of(TRAIT, "The first `shutdown` releases everything, whatever it returns.")
            .read_as("also when its context is over; what cannot be interrupted then is released behind it"),
        check: shutdown_releases_everything,
    },
    Case {
        id: "late-shutdown-is-final",
        citation: Citation::of(TRAIT, "the exporter is shut down all the same"),
        check: late_shutdown_is_final,
    },
    Case {
        id: "export-after-the-shutdown-is-refused",
        citation: Citation::of(
            SHUTDOWN,
            "After the call to `Shutdown` subsequent calls to `Export` are not allowed and should return a `Failure` \
             result.",
        )
        .read_as("an error of kind ExporterShutdown"),
        check: export_after_the_shutdown_is_refused,
    },
    Case {
        id: "refused-export-delivers-nothing",
        citation: Citation::of(TRAIT, "and does nothing else"),
        check: refused_export_delivers_nothing,
    },
    Case {
        id: "flush-after-the-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: flush_after_the_shutdown_is_refused,
    },
    Case {
        id: "second-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: second_shutdown_is_refused,
    },
    Case {
        id: "shutdown-error-comes-before-the-contexts",
        citation: Citation::of(TRAIT, "and does nothing else, also if its context is over"),
        check: shutdown_error_comes_before_the_contexts,
    },
];

fn shutdown_succeeds(bench: &Bench) -> Verdict {
    succeeded("the shutdown of one that has done nothing", bench.probe()?.exporter.shutdown(&ample()))?;
    let probe = bench.probe()?;
    probe.export(&batch(0, 10));
    probe.settle();
    succeeded("the shutdown after an export", probe.exporter.shutdown(&ample()))
}

fn shutdown_delivers_what_is_unfinished(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    let batch = batch(0, 10);
    probe.export(&batch);
    // What it returns is another case's matter.
    let _ = probe.exporter.shutdown(&ample());
    probe.seen().all_of("a batch that was exported before the shutdown", &batch)
}

fn shutdown_honours_a_passed_deadline(bench: &Bench) -> Verdict {
    let result = bench.probe()?.exporter.shutdown(&late());
    refused("a shutdown whose deadline has passed", DeadlineExceeded, result)
}

fn shutdown_honours_a_cancellation(bench: &Bench) -> Verdict {
    let result = bench.probe()?.exporter.shutdown(&cancelled());
    refused("a cancelled shutdown", Cancelled, result)
}

fn shutdown_releases_everything(bench: &Bench) -> Verdict {
    for (what, context) in [("in time", ample()), ("without time", late())] {
        let probe = bench.probe()?;
        probe.is_released()?;
        probe.export(&batch(0, 10));
        let _ = probe.exporter.shutdown(&context);
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

fn late_shutdown_is_final(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    // What these return is another case's matter, and so is what a shutdown in time leads to: it is told by
    // whether an export after it is refused.
    let _ = probe.exporter.shutdown(&late());
    let seen = probe.exporter.export(&ample(), &batch(0, 10)).map_err(|error| error.kind());
    let expected = shut_down(bench)?.exporter.export(&ample(), &batch(0, 10)).map_err(|error| error.kind());
    ensure(seen == expected, || {
        format!("an export after a late shutdown: expected {expected:?}, as after one in time, seen {seen:?}")
    })
}

/// An exporter that was shut down.
fn shut_down(bench: &Bench) -> Result<Probe, crate::conformance::case::Stop> {
    let probe = bench.probe()?;
    let _ = probe.exporter.shutdown(&ample());
    Ok(probe)
}

fn export_after_the_shutdown_is_refused(bench: &Bench) -> Verdict {
    let probe = shut_down(bench)?;
    for sequence in 0..2 {
        let result = probe.exporter.export(&ample(), &batch(sequence, 10));
        refused("an export after the shutdown", ExporterShutdown, result)?;
    }
    Ok(())
}

fn refused_export_delivers_nothing(bench: &Bench) -> Verdict {
    let probe = shut_down(bench)?;
    let batch = batch(0, 10);
    probe.export(&batch);
    probe.settled().nothing_of("a batch that was exported after the shutdown", &batch)
}

fn flush_after_the_shutdown_is_refused(bench: &Bench) -> Verdict {
    let probe = shut_down(bench)?;
    probe.must_flush()?;
    refused("a flush after the shutdown", ExporterShutdown, probe.exporter.force_flush(&ample()))
}

fn second_shutdown_is_refused(bench: &Bench) -> Verdict {
    let probe = shut_down(bench)?;
    for what in ["a second shutdown", "a third shutdown"] {
        refused(what, ExporterShutdown, probe.exporter.shutdown(&ample()))?;
    }
    Ok(())
}

fn shutdown_error_comes_before_the_contexts(bench: &Bench) -> Verdict {
    let probe = shut_down(bench)?;
    let kind = |context| probe.exporter.export(&context, &batch(0, 10)).map_err(|error| error.kind());
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
