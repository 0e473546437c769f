//! Deadlines and cancellation of an export.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::conformance::case::{Citation, Stop, Verdict};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, ample, cancelled, late, refused};
use crate::conformance::exporter::samples::batch;
use crate::export::{Context, ExportErrorKind};
use std::thread;
use std::time::Duration;

const HONORED: &str = "it is critical that all timeouts and cancellations contained in the passed context must be \
                       honored";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "export-honours-a-passed-deadline",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("one that has passed already gives an error of kind DeadlineExceeded"),
        check: export_honours_a_passed_deadline,
    },
    Case {
        id: "export-honours-a-cancellation",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("one that was made already gives an error of kind Cancelled"),
        check: export_honours_a_cancellation,
    },
    Case {
        id: "ended-context-delivers-nothing",
        citation: Citation::of(
            TRAIT,
            "once its deadline has passed or it is cancelled, the call returns an error of kind \
             `DeadlineExceeded` or `Cancelled` without starting anything new",
        ),
        check: ended_context_delivers_nothing,
    },
    Case {
        id: "deadline-ends-a-hang",
        citation: Citation::of(
            EXPORT,
            "Export() MUST NOT block indefinitely, there MUST be a reasonable upper limit after which the call \
             must time out with an error result (`Failure`).",
        )
        .read_as("the deadline is one, with an error of kind DeadlineExceeded; if export only takes the batch \
                  over, of the flush after it"),
        check: deadline_ends_a_hang,
    },
    Case {
        id: "cancellation-ends-a-hang",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("also while the back-end hangs, with an error of kind Cancelled; if export only takes \
                      the batch over, of the flush after it"),
        check: cancellation_ends_a_hang,
    },
];

fn export_honours_a_passed_deadline(bench: &Bench) -> Verdict {
    let result = bench.probe()?.exporter.export(&late(), &batch(0, 10));
    refused("an export whose deadline has passed", ExportErrorKind::DeadlineExceeded, result)
}

fn export_honours_a_cancellation(bench: &Bench) -> Verdict {
    let result = bench.probe()?.exporter.export(&cancelled(), &batch(0, 10));
    refused("a cancelled export", ExportErrorKind::Cancelled, result)
}

fn ended_context_delivers_nothing(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    for (context, sequence) in [(late(), 0), (cancelled(), 1)] {
        let batch = batch(sequence, 10);
        let _ = probe.exporter.export(&context, &batch);
        probe.settled().nothing_of("a batch whose context was over", &batch)?;
    }
    Ok(())
}

fn deadline_ends_a_hang(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.set_hanging(true)?;
    let context = Context::with_timeout(Duration::from_millis(50));
    let result = probe.deliver(&context, &batch(0, 10));
    probe.set_hanging(false)?;
    refused("an export to a back-end that hangs, with a deadline", ExportErrorKind::DeadlineExceeded, result)
}

fn cancellation_ends_a_hang(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.set_hanging(true)?;
    let context = ample();
    let result = thread::scope(|scope| {
        let export = scope.spawn(|| probe.deliver(&context, &batch(0, 10)));
        // Most likely the export is waiting by then; the clause is the same if it is not.
        thread::sleep(Duration::from_millis(50));
        context.cancellation().cancel();
        export.join().map_err(|_| Stop::Failed("expected no panic, seen one in an export".to_owned()))
    })?;
    probe.set_hanging(false)?;
    refused("a cancelled export to a back-end that hangs", ExportErrorKind::Cancelled, result)
}
