//! A back-end that refuses.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::batch::Batch;
use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, Probe, ample, succeeded};
use crate::conformance::exporter::samples::batch;
use crate::export::ExportError;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "failure-is-reported",
        citation: Citation::of(
            EXPORT_SPANS,
            "All errors returned by this function are considered unrecoverable and will be reported to a configured \
             error Handler.",
        )
        .read_as("so what could not be delivered is such an error, whose text is not empty; if export only takes \
                  the batch over, of the flush after it"),
        check: failure_is_reported,
    },
    Case {
        id: "failure-counts-what-was-lost",
        citation: Citation::of(
            TRAIT,
            "it hands the error to the error handler and counts `lost_spans` of the batch, or all of it, as \
             `export_failed`",
        )
        .read_as("as many as no back-end got, when the error is returned by the export"),
        check: failure_counts_what_was_lost,
    },
    Case {
        id: "what-is-lost-stays-lost",
        citation: Citation::of(EXPORT, "exporting failed. The batch must be dropped.")
            .read_as("by the exporter: nothing of it is delivered later"),
        check: what_is_lost_stays_lost,
    },
    Case {
        id: "exports-go-on-after-a-failure",
        citation: Citation::of(
            EXPORT_SPANS,
            "Any retry logic must be contained in this function. The SDK that calls this function will not implement \
             any retry logic.",
        )
        .read_as("the next batch is a new one, and is delivered when the back-end takes it"),
        check: exports_go_on_after_a_failure,
    },
];

/// Has a batch fail, and says how. The back-end is left as it is.
fn fail(probe: &Probe, batch: &Batch) -> Result<Result<(), ExportError>, Stop> {
    probe.set_unreachable(true)?;
    Ok(probe.deliver(&ample(), batch))
}

fn failure_is_reported(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    match fail(&probe, &batch(0, 10))? {
        Ok(()) => Err(Stop::Failed("expected an error of an export that was refused, seen Ok".to_owned())),
        Err(error) => ensure(!error.to_string().is_empty(), || {
            "expected an error that says what failed, seen one without text".to_owned()
        }),
    }
}

fn failure_counts_what_was_lost(bench: &Bench) -> Verdict {
    const SPANS: u64 = 10;
    let probe = bench.probe()?;
    let batch = batch(0, SPANS);
    probe.set_unreachable(true)?;
    // Whether it is an error at all is another case's matter.
    let Err(error) = probe.exporter.export(&ample(), &batch) else { return Ok(()) };
    let counts = probe.settled().counts(&batch);
    let somewhere = |span: &usize| counts.iter().any(|backend| backend[*span] > 0);
    let expected = SPANS - (0..SPANS as usize).filter(somewhere).count() as u64;
    let seen = error.lost_spans().map_or(SPANS, u64::from);
    ensure(seen == expected, || {
        format!("expected an error that counts {expected} of {SPANS} spans as lost, seen {seen}: {error}")
    })
}

fn what_is_lost_stays_lost(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    let lost = batch(0, 10);
    probe.set_unreachable(true)?;
    let result = probe.exporter.export(&ample(), &lost);
    if !result.is_err_and(|error| error.lost_spans().is_none_or(|lost| lost == 10)) {
        // It may be delivered yet, and whether that is right is another case's matter.
        return Ok(());
    }
    // What a broken one did at once is another case's matter as well.
    let before = probe.settled().counts(&lost);
    probe.set_unreachable(false)?;
    probe.export(&batch(1, 10));
    probe.settle();
    let _ = probe.exporter.shutdown(&ample());
    let after = probe.seen().counts(&lost);
    ensure(before == after, || {
        format!(
            "a batch that failed: expected its spans not to be delivered later, seen these counts: {after:?}"
        )
    })
}

fn exports_go_on_after_a_failure(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    let _ = fail(&probe, &batch(0, 10))?;
    probe.set_unreachable(false)?;
    // What failed behind the calls so far may still be told by these.
    probe.settle();
    let next = batch(1, 10);
    succeeded("the export after one that failed", probe.exporter.export(&ample(), &next))?;
    probe.settled().all_of("the batch after one that failed", &next)
}
