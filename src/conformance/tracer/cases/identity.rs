//! What a tracer and its spans are called: plugin name, handles, span names, kinds.

use crate::conformance::case::{Citation, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, brief, expect, require};
use bext_plugin_api::tracer::{SpanHandle, SpanKind, SpanStart};
use std::collections::HashSet;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "plugin-name-is-stable",
        citation: Citation::of("TracerPlugin::name", "Unique plugin identifier")
            .read_as("it is not empty, and the same at every call"),
        check: plugin_name_is_stable,
    },
    Case {
        id: "handles-of-live-spans-differ",
        citation: Citation::of(
            "SpanHandle",
            "Passing a `SpanHandle` back to the same tracer is how the runtime attaches attributes, \
             events, and status to an active span.",
        )
        .read_as("so a handle names one live span, however many there are"),
        check: handles_of_live_spans_differ,
    },
    Case {
        id: "handles-of-two-tracers-differ",
        citation: Citation::of("SpanHandle", "A handle is only valid for the tracer that created it.")
            .read_as("a tracer must be able to tell, so two never give the same handle"),
        check: handles_of_two_tracers_differ,
    },
    Case {
        id: "handle-is-on-the-wire",
        citation: Citation::of(
            "SpanHandle",
            "they are just the id pair the tracer already emits on the wire",
        ),
        check: handle_is_on_the_wire,
    },
    Case {
        id: "ids-are-valid",
        citation: Citation::of(
            "SpanHandle::span_id",
            "Span id (W3C trace-context `parent-id` / `span-id`, 8 bytes).",
        )
        .read_as("and W3C Trace Context, section \"traceparent\", makes an id of zeros only invalid"),
        check: ids_are_valid,
    },
    Case {
        id: "span-name-is-kept",
        citation: Citation::of("SpanStart::name", "Span name. Should follow OTel semantic conventions")
            .read_as("\"should\" is the caller's: any name of up to 1,000 bytes arrives unchanged"),
        check: span_name_is_kept,
    },
    Case {
        id: "kind-is-kept",
        citation: Citation::of("SpanStart::kind", "Span kind. Defaults to [`SpanKind::Internal`]."),
        check: kind_is_kept,
    },
    Case {
        id: "rejected-span-is-invalid",
        citation: Citation::of(
            "SpanHandle::INVALID",
            "Tracer implementations return this from `start_span` when a sampling decision rejects the span",
        )
        .read_as("and such a span is not delivered, whatever is called on its handle"),
        check: rejected_span_is_invalid,
    },
];

fn plugin_name_is_stable(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let first = probe.tracer.name().to_owned();
    ensure(!first.is_empty(), || "expected a name, seen an empty one".into())?;
    let span = probe.root("span");
    let during = probe.tracer.name().to_owned();
    probe.end(&span);
    probe.settled();
    for later in [during, probe.tracer.name().to_owned()] {
        ensure(later == first, || format!("expected the name {first:?} again, seen {later:?}"))?;
    }
    Ok(())
}

fn handles_of_live_spans_differ(bench: &Bench) -> Verdict {
    const TRACES: usize = 256;
    let probe = bench.recording()?;
    let mut live = HashSet::new();
    let mut last = SpanHandle::INVALID;
    for number in 0..2 * TRACES {
        // Every other span shares its trace with the one before.
        let span = if number % 2 == 0 { probe.root("span") } else { probe.child("span", last) };
        last = span.handle;
        let message =
            || format!("expected a new handle, seen that of another of {number} live spans: {last:?}");
        ensure(live.insert(last), message)?;
    }
    live.iter().for_each(|&span| probe.tracer.end_span(span, None));
    Ok(())
}

fn handles_of_two_tracers_differ(bench: &Bench) -> Verdict {
    let handles = || {
        let probe = bench.recording()?;
        let spans: Vec<_> = (0..64).map(|_| probe.root("span")).collect();
        spans.iter().for_each(|span| probe.end(span));
        Ok(spans.into_iter().map(|span| span.handle).collect::<HashSet<_>>())
    };
    let (one, other) = (handles()?, handles()?);
    let both: Vec<_> = one.intersection(&other).collect();
    ensure(both.is_empty(), || format!("expected handles of one tracer only, seen of both {}", brief(&both)))
}

fn handle_is_on_the_wire(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let root = probe.root("root");
    let child = probe.child("child", root.handle);
    probe.end(&child);
    probe.end(&root);
    let seen = probe.settled();
    for span in [root, child] {
        for (backend, &wire) in span.wire.iter().enumerate() {
            let found = seen.all(backend, &span);
            let handles =
                found.iter().map(|found| SpanHandle { trace_id: found.trace_id, span_id: found.span_id });
            let handles: Vec<_> = handles.collect();
            let at = seen.at(backend);
            let message = || format!("expected a span with the ids {wire:?}{at}, seen {handles:?}");
            ensure(handles.contains(&wire), message)?;
        }
    }
    Ok(())
}

fn ids_are_valid(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let root = probe.root("root");
    let child = probe.child("child", root.handle);
    probe.end(&child);
    probe.end(&root);
    let seen = probe.settled();
    let valid = |trace_id: [u8; 16], span_id: [u8; 8]| {
        let message = || format!("expected two ids that are not zero, seen {trace_id:?} and {span_id:?}");
        require(trace_id != [0; 16] && span_id != [0; 8], message)
    };
    for span in [root, child] {
        seen.judge(&span, |found| {
            valid(span.handle.trace_id, span.handle.span_id)?;
            valid(found.trace_id, found.span_id)
        })?;
    }
    Ok(())
}

fn span_name_is_kept(bench: &Bench) -> Verdict {
    let long = "naïve ".repeat(142);
    let names = ["GET /users/:id", "", "Ünïcödé / 日本語 / 🦀", "a\0b\n\"c\"\t\\", &long];
    for name in names {
        // A subject each, so that the span is the only one if it cannot be found by its ids.
        let probe = bench.recording()?;
        probe.end(&probe.root(name));
        for (backend, spans) in probe.settled().backends.iter().enumerate() {
            let seen: Vec<_> = spans.iter().map(|span| &*span.name).collect();
            let message =
                || format!("expected the name {} at back-end {backend}, seen {}", brief(name), brief(&seen));
            ensure(!seen.is_empty() && seen.iter().all(|&seen| seen == name), message)?;
        }
    }
    Ok(())
}

fn kind_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let named = [
        ("internal", SpanKind::Internal),
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
    ];
    let mut spans: Vec<_> = named
        .into_iter()
        .map(|(name, kind)| (probe.start(SpanStart { name, kind, ..SpanStart::default() }), kind))
        .collect();
    spans.push((probe.root("default"), SpanKind::Internal));
    spans.iter().for_each(|(span, _)| probe.end(span));
    let seen = probe.settled();
    for (span, kind) in &spans {
        seen.judge(span, |found| expect("the kind", kind, &found.kind))?;
    }
    Ok(())
}

fn rejected_span_is_invalid(bench: &Bench) -> Verdict {
    let probe = bench.rejecting()?;
    let span = probe.root("rejected");
    ensure(span.handle.is_invalid(), || format!("expected SpanHandle::INVALID, seen {:?}", span.handle))?;
    probe.attribute(&span, "key", "value");
    probe.event(&span, "event");
    probe.end(&span);
    for (backend, spans) in probe.settled().backends.iter().enumerate() {
        let message = || format!("expected nothing at back-end {backend}, seen {}", brief(spans));
        ensure(spans.is_empty(), message)?;
    }
    Ok(())
}
