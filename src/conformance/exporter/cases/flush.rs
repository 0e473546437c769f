//! `force_flush`.

use super::{FORCE_FLUSH, TRAIT};
use crate::conformance::case::{Citation, Verdict};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, ample, cancelled, late, refused, succeeded};
use crate::conformance::exporter::samples::batch;
use crate::export::ExportErrorKind;

const ENDED: &str = "once its deadline has passed or it is cancelled, the call returns an error of kind \
                     `DeadlineExceeded` or `Cancelled`";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-delivers-what-is-unfinished",
        citation: Citation::of(
            FORCE_FLUSH,
            "the export of any `Spans` the exporter has received prior to the call to `ForceFlush` SHOULD be \
             completed as soon as possible, preferably before returning from this method",
        )
        .read_as("before it returns Ok"),
        check: flush_delivers_what_is_unfinished,
    },
    Case {
        id: "flush-succeeds",
        citation: Citation::of(
            FORCE_FLUSH,
            "`ForceFlush` SHOULD provide a way to let the caller know whether it succeeded, failed or timed out.",
        )
        .read_as("with a back-end that takes everything, and with nothing to do, it is Ok"),
        check: flush_succeeds,
    },
    Case {
        id: "flush-honours-a-passed-deadline",
        citation: Citation::of(TRAIT, ENDED),
        check: flush_honours_a_passed_deadline,
    },
    Case {
        id: "flush-honours-a-cancellation",
        citation: Citation::of(TRAIT, ENDED),
        check: flush_honours_a_cancellation,
    },
];

fn flush_delivers_what_is_unfinished(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.must_flush()?;
    for sequence in 0..3 {
        let batch = batch(sequence, 10);
        probe.export(&batch);
        if probe.exporter.force_flush(&ample()).is_ok() {
            probe.seen().all_of("a batch that was flushed", &batch)?;
        }
    }
    Ok(())
}

fn flush_succeeds(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.must_flush()?;
    succeeded("a flush before the first export", probe.exporter.force_flush(&ample()))?;
    for sequence in 0..2 {
        probe.export(&batch(sequence, 10));
        succeeded("a flush after an export", probe.exporter.force_flush(&ample()))?;
        succeeded("another flush", probe.exporter.force_flush(&ample()))?;
    }
    Ok(())
}

fn flush_honours_a_passed_deadline(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.must_flush()?;
    probe.export(&batch(0, 10));
    let result = probe.exporter.force_flush(&late());
    refused("a flush whose deadline has passed", ExportErrorKind::DeadlineExceeded, result)
}

fn flush_honours_a_cancellation(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    probe.must_flush()?;
    probe.export(&batch(0, 10));
    let result = probe.exporter.force_flush(&cancelled());
    refused("a cancelled flush", ExportErrorKind::Cancelled, result)
}
