//! Flushing to a back-end that is there.

use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, Mark, Probe, Seen, expect, outline};
use bext_plugin_api::tracer::SpanStatus;

const FLUSH: &str = "TracerPlugin::flush";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-delivers-what-has-ended",
        citation: Citation::of(FLUSH, "Flush any buffered spans to the backend.")
            .read_as("when it returns, every span that ended before it has been delivered"),
        check: flush_delivers_what_has_ended,
    },
    Case {
        id: "flush-succeeds",
        citation: Citation::of(
            "module documentation",
            "Only `flush` (which does real I/O) returns `Result`.",
        )
        .read_as("one whose spans all reach the back-end is Ok"),
        check: flush_succeeds,
    },
    Case {
        id: "flush-of-nothing-succeeds",
        citation: Citation::of(
            FLUSH,
            "The runtime calls this on a periodic timer and once during graceful shutdown.",
        )
        .read_as("often with nothing to do, which is Ok"),
        check: flush_of_nothing_succeeds,
    },
    Case {
        id: "flush-delivers-once",
        citation: Citation::of(FLUSH, "Flush any buffered spans to the backend.")
            .read_as("a span is delivered once: what was delivered is buffered no more"),
        check: flush_delivers_once,
    },
    Case {
        id: "live-span-survives-a-flush",
        citation: Citation::of(
            FLUSH,
            "The runtime calls this on a periodic timer and once during graceful shutdown.",
        )
        .read_as("whatever is live then: it takes records as before, and is delivered whole"),
        check: live_span_survives_a_flush,
    },
];

/// Starts and ends spans.
pub(super) fn record(probe: &Probe, what: &str, spans: usize) -> Vec<Mark> {
    let record = |number| {
        let span = probe.root(&format!("{what} {number}"));
        probe.end(&span);
        span
    };
    (0..spans).map(record).collect()
}

fn flush_delivers_what_has_ended(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    for round in ["first", "second"] {
        let spans = record(&probe, round, 100);
        // What it returns is another case's matter.
        let _ = probe.tracer.flush();
        let seen = probe.seen();
        for span in &spans {
            seen.judge(span, |_| Ok(()))?;
        }
    }
    Ok(())
}

/// Fails the case if a flush of `what` was not Ok.
pub(super) fn succeeded(what: &str, result: Result<(), String>) -> Verdict {
    ensure(result.is_ok(), || format!("a flush {what}: expected Ok, seen {result:?}"))
}

fn flush_succeeds(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    for round in ["first", "second"] {
        record(&probe, round, 10);
        succeeded("of ten spans", probe.tracer.flush())?;
    }
    Ok(())
}

fn flush_of_nothing_succeeds(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    succeeded("before the first span", probe.tracer.flush())?;
    succeeded("right after another one", probe.tracer.flush())?;
    let live = probe.root("live");
    succeeded("while the only span is live", probe.tracer.flush())?;
    probe.end(&live);
    // What this returns is another case's matter.
    let _ = probe.tracer.flush();
    succeeded("of nothing new", probe.tracer.flush())
}

/// How often each span was delivered to each back-end.
pub(super) fn counts(seen: &Seen, spans: &[Mark]) -> Vec<usize> {
    let backends = 0..seen.backends.len();
    backends.flat_map(|backend| spans.iter().map(move |span| seen.all(backend, span).len())).collect()
}

fn flush_delivers_once(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let mut spans = record(&probe, "first", 10);
    probe.settled();
    spans.extend(record(&probe, "second", 10));
    probe.settled();
    let counts = counts(&probe.settled(), &spans);
    let message = || format!("expected each span once, seen these counts: {counts:?}");
    ensure(counts.iter().all(|&count| count == 1), message)
}

/// A span that is flushed while it is live, if asked.
fn long_span(bench: &Bench, flush: bool) -> Result<(Seen, Mark), Stop> {
    let probe = bench.recording()?;
    let span = probe.root("long");
    probe.attribute(&span, "before", 1_i64);
    probe.attribute(&span, "overwritten", 1_i64);
    probe.event(&span, "before");
    probe.tracer.set_status(span.handle, SpanStatus::Ok);
    if flush {
        probe.settled();
    }
    probe.attribute(&span, "after", 1_i64);
    probe.attribute(&span, "overwritten", 2_i64);
    probe.event(&span, "after");
    probe.end(&span);
    Ok((probe.settled(), span))
}

fn live_span_survives_a_flush(bench: &Bench) -> Verdict {
    let content = |(seen, span): (Seen, Mark)| -> Vec<Option<String>> {
        let last = |backend| seen.all(backend, &span).pop().map(outline);
        (0..seen.backends.len()).map(last).collect()
    };
    let expected = content(long_span(bench, false)?);
    ensure(expected.iter().all(Option::is_some), || {
        "expected the span to be delivered, seen nothing".into()
    })?;
    let seen = content(long_span(bench, true)?);
    expect("a span with and without a flush while it is live", &expected, &seen).map_err(Stop::Failed)
}
