//! From a span's start to its end.

use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, Mark, Seen, alike, brief, event};
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanStart, SpanStatus};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "live-span-is-not-delivered",
        citation: Citation::of("TracerPlugin::end_span", "End a live span.")
            .read_as("before this call there is no span to deliver, and a flush does not end it"),
        check: live_span_is_not_delivered,
    },
    Case {
        id: "records-go-to-their-span",
        citation: Citation::of(
            "SpanHandle",
            "Passing a `SpanHandle` back to the same tracer is how the runtime attaches attributes, \
             events, and status to an active span.",
        )
        .read_as("to that one, whichever others are live, and whichever was started last"),
        check: records_go_to_their_span,
    },
    Case {
        id: "recording-never-panics",
        citation: Citation::of("module documentation", "a tracing failure must never break the caller")
            .read_as("so no argument makes a call panic, however odd or large; what of it arrives is open"),
        check: recording_never_panics,
    },
];

fn live_span_is_not_delivered(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("live");
    probe.attribute(&span, "key", "value");
    probe.event(&span, "event");
    probe.tracer.set_status(span.handle, SpanStatus::Ok);
    for (backend, spans) in probe.settled().backends.iter().enumerate() {
        let message = || format!("expected no span at back-end {backend} yet, seen {}", brief(spans));
        ensure(spans.is_empty(), message)?;
    }
    probe.end(&span);
    Ok(())
}

/// Three spans, two of them of one trace, that are recorded on in turn or one after the other.
fn three_spans(bench: &Bench, in_turn: bool) -> Result<Seen, Stop> {
    let probe = bench.recording()?;
    let record = |span: &Mark, name: &str| {
        probe.attribute(span, &format!("key of {name}"), name);
        probe.attribute(span, "name", name);
        probe.event(span, name);
        probe.tracer.set_status(span.handle, SpanStatus::Error { description: name.to_owned() });
    };
    let parent = probe.root("parent");
    if !in_turn {
        record(&parent, "parent");
    }
    let child = probe.child("child", parent.handle);
    if !in_turn {
        record(&child, "child");
        probe.end(&child);
        probe.end(&parent);
    }
    let other = probe.root("other");
    record(&other, "other");
    if in_turn {
        record(&parent, "parent");
        record(&child, "child");
    }
    probe.end(&other);
    if in_turn {
        probe.end(&child);
        probe.end(&parent);
    }
    Ok(probe.settled())
}

fn records_go_to_their_span(bench: &Bench) -> Verdict {
    let expected = three_spans(bench, false)?.outlines();
    alike("spans that are live together", &expected, &three_spans(bench, true)?.outlines())
}

fn recording_never_panics(bench: &Bench) -> Verdict {
    const MANY: usize = 2_000;
    let probe = bench.recording()?;
    let huge = "🦀".repeat(1 << 18);
    let odd: Vec<(String, AttrValue)> = vec![
        (String::new(), AttrValue::Bool(true)),
        (huge.clone(), AttrValue::String(huge.clone())),
        ("many strings".into(), AttrValue::StringArray(vec![String::new(); MANY])),
        ("many numbers".into(), AttrValue::I64Array(vec![i64::MIN; 1 << 17])),
        ("many floats".into(), AttrValue::F64Array(vec![f64::NAN; 1 << 17])),
    ];
    for (name, time) in [("", None), ("\0", Some(0)), (&*huge, Some(u64::MAX))] {
        let start =
            SpanStart { name, attributes: odd.clone(), start_time_unix_nanos: time, ..SpanStart::default() };
        let span = probe.start(start);
        for (key, value) in &odd {
            probe.attribute(&span, key, value.clone());
        }
        for number in 0..MANY {
            probe.attribute(&span, &format!("key {number}"), "value");
            probe.tracer.add_event(span.handle, event("event"));
        }
        let event = SpanEvent { name, attributes: odd.clone(), time_unix_nanos: time };
        probe.tracer.add_event(span.handle, event);
        probe.tracer.set_status(span.handle, SpanStatus::Error { description: name.to_owned() });
        probe.tracer.end_span(span.handle, time);
    }
    probe.settled();
    Ok(())
}
