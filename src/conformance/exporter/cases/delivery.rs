//! What arrives.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::batch::Batch;
use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::exporter::Case;
use crate::conformance::exporter::probe::{Bench, ample, cancelled, late, succeeded};
use crate::conformance::exporter::samples::{self, batch};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "export-succeeds",
        citation: Citation::of(EXPORT, "The batch has been successfully exported.")
            .read_as("an export to a back-end that takes everything is Ok"),
        check: export_succeeds,
    },
    Case {
        id: "batch-is-delivered-whole",
        citation: Citation::of(EXPORT_SPANS, "ExportSpans exports a batch of spans.")
            .read_as("each span, with all that it holds; attributes may change their order"),
        check: batch_is_delivered_whole,
    },
    Case {
        id: "span-is-delivered-once",
        citation: Citation::of(EXPORT, "Exports a batch of [readable spans]")
            .read_as("once: not again with a later batch, a flush or the shutdown"),
        check: span_is_delivered_once,
    },
    Case {
        id: "empty-batch-succeeds",
        citation: Citation::of(TRAIT, "A batch without spans is nothing to deliver, and succeeds."),
        check: empty_batch_succeeds,
    },
    Case {
        id: "batch-may-be-reused",
        citation: Citation::of(
            TRAIT,
            "The batch is borrowed for the call. An exporter that keeps something copies it.",
        ),
        check: batch_may_be_reused,
    },
    Case { id: "no-call-panics", citation: Citation::of(TRAIT, "No call panics."), check: no_call_panics },
];

fn export_succeeds(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    for sequence in 0..3 {
        succeeded("an export", probe.exporter.export(&ample(), &batch(sequence, 10)))?;
        // Whatever it left unfinished is finished.
        probe.settle();
    }
    Ok(())
}

fn batch_is_delivered_whole(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    for (sequence, spans) in [(0, 1), (1, 12), (2, 200)] {
        let batch = batch(sequence, spans);
        probe.export(&batch);
        probe.settled().whole(&batch)?;
    }
    Ok(())
}

fn span_is_delivered_once(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    let batches = [batch(0, 10), batch(1, 10), batch(2, 10)];
    for batch in &batches {
        probe.export(batch);
        probe.settle();
    }
    let _ = probe.exporter.shutdown(&ample());
    for batch in &batches {
        let counts = probe.seen().counts(batch);
        // One that is missing is another case's matter.
        ensure(counts.iter().flatten().all(|&count| count <= 1), || {
            format!("expected each span once, seen these counts: {counts:?}")
        })?;
    }
    Ok(())
}

fn empty_batch_succeeds(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    for sequence in 0..2 {
        succeeded("an export of no spans", probe.exporter.export(&ample(), &batch(sequence, 0)))?;
    }
    Ok(())
}

/// Exports two batches, the second in the memory of the first, and says of each whether it was delivered.
fn two_batches(bench: &Bench, settle_between: bool) -> Result<Vec<bool>, Stop> {
    let probe = bench.probe()?;
    let mut builder = samples::builder();
    let first = samples::fill(&mut builder, 0, 10);
    // The spans to look for; `first` itself is written over.
    let copies: [Batch; 2] = [batch(0, 10), batch(1, 10)];
    probe.export(&first);
    if settle_between {
        probe.settle();
    }
    builder.recycle(first);
    let second = samples::fill(&mut builder, 1, 10);
    probe.export(&second);
    builder.recycle(second);
    let third = samples::fill(&mut builder, 2, 10);
    let seen = probe.settled();
    drop(third);
    Ok(copies.iter().map(|batch| seen.counts(batch).into_iter().flatten().all(|count| count > 0)).collect())
}

fn batch_may_be_reused(bench: &Bench) -> Verdict {
    // What an exporter delivers that is given time before each batch is written over is another case's
    // matter.
    let (expected, seen) = (two_batches(bench, true)?, two_batches(bench, false)?);
    ensure(expected == seen, || {
        format!("expected the first and the second batch to be delivered ({expected:?}), seen {seen:?}")
    })
}

fn no_call_panics(bench: &Bench) -> Verdict {
    let probe = bench.probe()?;
    let exporter = &probe.exporter;
    let call_all = || {
        for context in [late(), cancelled(), ample()] {
            let _ = exporter.force_flush(&context);
            for batch in [samples::odd_batch(), batch(0, 0), batch(1, 1), batch(2, 300)] {
                let _ = exporter.export(&context, &batch);
            }
            let _ = exporter.force_flush(&context);
        }
    };
    call_all();
    for context in [late(), cancelled(), ample()] {
        let _ = exporter.shutdown(&context);
        call_all();
    }
    Ok(())
}
