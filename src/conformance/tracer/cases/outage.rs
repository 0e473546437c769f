//! A back-end that cannot be reached for a while.

use super::flush::{counts, record, succeeded};
use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, Probe};
use bext_plugin_api::tracer::SpanStatus;

const FLUSH: &str = "TracerPlugin::flush";
const ERROR: &str = "A flush that cannot reach its backend should return an error string so the host can surface \
                     it through the observability layer";
const RESPONSIBILITY: &str = "buffered spans remain the plugin's responsibility (drop, retry, or spill to disk, at \
                              the plugin's discretion)";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-reports-an-outage",
        citation: Citation::of(FLUSH, ERROR).read_as("the string is not empty"),
        check: flush_reports_an_outage,
    },
    Case {
        id: "recording-goes-on-during-an-outage",
        citation: Citation::of(
            "TracerPlugin",
            "run inline with the operation they describe; they should buffer rather than perform network I/O",
        )
        .read_as("no call that records waits for the back-end, or panics for want of it"),
        check: recording_goes_on_during_an_outage,
    },
    Case {
        id: "spans-after-an-outage-are-delivered",
        citation: Citation::of(FLUSH, RESPONSIBILITY)
            .read_as("whatever becomes of those, spans that are recorded after it arrive"),
        check: spans_after_an_outage_are_delivered,
    },
    Case {
        id: "flush-succeeds-after-an-outage",
        citation: Citation::of(FLUSH, ERROR).read_as(
            "one that can, does not: the first after the outage may still report it, later ones are Ok",
        ),
        check: flush_succeeds_after_an_outage,
    },
    Case {
        id: "outage-delivers-nothing-twice",
        citation: Citation::of(FLUSH, RESPONSIBILITY)
            .read_as("a span that is tried again is not delivered again where it has been delivered"),
        check: outage_delivers_nothing_twice,
    },
];

/// Ends spans, and flushes them to a back-end that is out of reach from then on.
fn fail(probe: &Probe) -> Verdict {
    record(probe, "before", 10);
    probe.set_unreachable(true)?;
    let _ = probe.tracer.flush();
    Ok(())
}

fn flush_reports_an_outage(bench: &Bench) -> Verdict {
    const TRIES: usize = 20;
    let probe = bench.recording()?;
    for round in 0..TRIES {
        let spans = record(&probe, &format!("round {round},"), 10);
        probe.set_unreachable(true)?;
        let result = probe.tracer.flush();
        let delivered = counts(&probe.seen(), &spans);
        probe.set_unreachable(false)?;
        match result {
            Err(text) => {
                return ensure(!text.is_empty(), || {
                    "expected an error that says what, seen an empty one".into()
                });
            }
            // The tracer was faster, and had nothing left to flush.
            Ok(()) if delivered.iter().all(|&count| count > 0) => {}
            Ok(()) => {
                let message = "expected an error of a flush that could not reach the back-end, seen Ok";
                return Err(Stop::Failed(message.to_owned()));
            }
        }
    }
    let reason =
        format!("the tracer had delivered everything by itself before the outage, {TRIES} times in a row");
    Err(Stop::NotApplicable(reason))
}

fn recording_goes_on_during_an_outage(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    probe.set_unreachable(true)?;
    for number in 0..1_000_i64 {
        let root = probe.root("root");
        let child = probe.child("child", root.handle);
        probe.attribute(&child, "number", number);
        probe.event(&child, "event");
        probe.tracer.set_status(child.handle, SpanStatus::Ok);
        probe.end(&child);
        probe.end(&root);
    }
    probe.set_unreachable(false)?;
    probe.settled();
    Ok(())
}

fn spans_after_an_outage_are_delivered(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    fail(&probe)?;
    probe.set_unreachable(false)?;
    // The first flush after the outage may still be the outage's.
    let _ = probe.tracer.flush();
    let spans = record(&probe, "after", 10);
    let seen = probe.settled();
    for span in &spans {
        seen.judge(span, |_| Ok(()))?;
    }
    Ok(())
}

fn flush_succeeds_after_an_outage(bench: &Bench) -> Verdict {
    let usual = bench.recording()?;
    record(&usual, "usual", 10);
    let usual = usual.tracer.flush();

    let probe = bench.recording()?;
    fail(&probe)?;
    probe.set_unreachable(false)?;
    let _ = probe.tracer.flush();
    for round in ["second", "third"] {
        record(&probe, round, 10);
        let result = probe.tracer.flush();
        // A tracer whose flush never succeeds fails another case.
        if usual.is_ok() {
            succeeded(&format!("that was the {round} after the outage"), result)?;
        }
    }
    Ok(())
}

fn outage_delivers_nothing_twice(bench: &Bench) -> Verdict {
    let flushed_often = |outage: bool| {
        let probe = bench.recording()?;
        let mut spans = record(&probe, "before", 10);
        for _ in 0..2 {
            if outage {
                probe.set_unreachable(true)?;
            }
            let _ = probe.tracer.flush();
            let _ = probe.tracer.flush();
            if outage {
                probe.set_unreachable(false)?;
            }
            spans.extend(record(&probe, "between", 10));
            let _ = probe.tracer.flush();
        }
        Ok(counts(&probe.settled(), &spans))
    };
    // Without an outage each arrives once, or another case fails.
    let (usual, seen) = (flushed_often(false)?, flushed_often(true)?);
    let message = || format!("expected each span once at most, seen these counts: {seen:?}");
    ensure(seen.iter().zip(&usual).all(|(&seen, &usual)| seen <= usual.max(1)), message)
}
