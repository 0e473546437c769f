//! How the operation ended.

use crate::conformance::case::{Citation, Verdict};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, expect, require};
use bext_plugin_api::tracer::SpanStatus;
use std::mem::discriminant;

const SET: &str = "TracerPlugin::set_status";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "status-is-unset-at-first",
        citation: Citation::of("SpanStatus::Unset", "The span has not yet been given an explicit status."),
        check: status_is_unset_at_first,
    },
    Case {
        id: "status-is-set",
        citation: Citation::of(SET, "Set the span's final status."),
        check: status_is_set,
    },
    Case {
        id: "last-status-counts",
        citation: Citation::of(
            SET,
            "Most backends treat the last call before [`TracerPlugin::end_span`] as authoritative.",
        )
        .read_as("all do, and also after `Ok`, which OpenTelemetry has as final"),
        check: last_status_counts,
    },
    Case {
        id: "error-description-is-kept",
        citation: Citation::of("SpanStatus::Error", "`description` is a human-readable explanation")
            .read_as("any of up to 1,000 bytes arrives unchanged"),
        check: error_description_is_kept,
    },
];

fn error(description: &str) -> SpanStatus {
    SpanStatus::Error { description: description.to_owned() }
}

fn status_is_unset_at_first(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    probe.end(&span);
    probe.settled().judge(&span, |found| expect("the status", &SpanStatus::Unset, &found.status))
}

fn status_is_set(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let set = |name, status: SpanStatus| {
        let span = probe.root(name);
        probe.tracer.set_status(span.handle, status.clone());
        probe.end(&span);
        (span, status)
    };
    let spans = [set("ok", SpanStatus::Ok), set("error", error("refused"))];
    let seen = probe.settled();
    for (span, status) in &spans {
        seen.judge(span, |found| {
            // What is said of the error is another case's matter.
            let same = discriminant(status) == discriminant(&found.status);
            require(same, || format!("the status: expected {status:?}, seen {:?}", found.status))
        })?;
    }
    Ok(())
}

/// Compares a span whose status was set several times with one on which only the last call was made.
fn last_status_counts(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let sequences = [
        vec![error("first"), SpanStatus::Ok],
        vec![SpanStatus::Ok, error("second")],
        vec![error("first"), error("second")],
        vec![SpanStatus::Ok, SpanStatus::Unset],
        vec![error("first"), SpanStatus::Unset],
        vec![SpanStatus::Ok, error("second"), SpanStatus::Unset, SpanStatus::Ok],
    ];
    let recorded = |name: String, sequence: &[SpanStatus]| {
        let span = probe.root(&name);
        sequence.iter().for_each(|status| probe.tracer.set_status(span.handle, status.clone()));
        probe.end(&span);
        span
    };
    let recorded = |(number, sequence): (usize, &Vec<SpanStatus>)| {
        let last = &sequence[sequence.len() - 1..];
        (recorded(format!("all {number}"), sequence), recorded(format!("last {number}"), last))
    };
    let spans: Vec<_> = sequences.iter().enumerate().map(recorded).collect();
    let seen = probe.settled();
    for ((all, last), sequence) in spans.iter().zip(&sequences) {
        let what = format!("the status after {sequence:?}");
        seen.judge_pair(all, last, |all, last| expect(&what, &last.status, &all.status))?;
    }
    Ok(())
}

fn error_description_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let long = "naïve ".repeat(142);
    let descriptions = ["refused", "", "Ünïcödé / 日本語 / 🦀", "a\0b\n\"c\"\t\\", &long];
    let record = |(number, description)| {
        let span = probe.root(&format!("span {number}"));
        probe.tracer.set_status(span.handle, error(description));
        probe.end(&span);
        span
    };
    let spans: Vec<_> = descriptions.into_iter().enumerate().map(record).collect();
    let seen = probe.settled();
    for (span, description) in spans.iter().zip(descriptions) {
        seen.judge(span, |found| match &found.status {
            SpanStatus::Error { description: seen } => expect("the description", &description, &&**seen),
            // That the status is set is another case's matter.
            _ => Ok(()),
        })?;
    }
    Ok(())
}
