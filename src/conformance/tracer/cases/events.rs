//! What happens during a span.

use crate::conformance::case::{Citation, Verdict};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, brief, event, expect, require, value_of};
use bext_plugin_api::tracer::{AttrValue, SpanEvent};

const ADD: &str = "TracerPlugin::add_event";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "event-is-recorded",
        citation: Citation::of(ADD, "Record a point-in-time event on a live span."),
        check: event_is_recorded,
    },
    Case {
        id: "event-name-is-kept",
        citation: Citation::of("SpanEvent::name", "Event name (e.g. `\"exception\"`, `\"cache.miss\"`).")
            .read_as("any name of up to 1,000 bytes arrives unchanged"),
        check: event_name_is_kept,
    },
    Case {
        id: "event-attributes-are-kept",
        citation: Citation::of(
            "SpanEvent::attributes",
            "Event attributes. Semantic-convention keys apply here too",
        ),
        check: event_attributes_are_kept,
    },
    Case {
        id: "events-accumulate",
        citation: Citation::of(
            "SpanEvent",
            "they are the OTel equivalent of a structured log line scoped to a span",
        )
        .read_as("a span has as many as are added, also of one name"),
        check: events_accumulate,
    },
    Case {
        id: "events-keep-their-order",
        citation: Citation::of("SpanEvent", "A point-in-time event recorded inside a span.")
            .read_as("events that follow each other in time are delivered in that order"),
        check: events_keep_their_order,
    },
];

fn event_is_recorded(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    probe.event(&span, "event");
    probe.end(&span);
    let message = || "expected the span's event, seen none".to_owned();
    probe.settled().judge(&span, |found| require(!found.events.is_empty(), message))
}

fn event_name_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let long = "naïve ".repeat(142);
    let names = ["exception", "", "Ünïcödé / 日本語 / 🦀", "a\0b\n\"c\"\t\\", &long];
    let record = |(number, name)| {
        let span = probe.root(&format!("span {number}"));
        probe.event(&span, name);
        probe.end(&span);
        span
    };
    let spans: Vec<_> = names.into_iter().enumerate().map(record).collect();
    let seen = probe.settled();
    for (span, name) in spans.iter().zip(names) {
        seen.judge(span, |found| match found.events.last() {
            Some(event) => expect("the event's name", &name, &&*event.name),
            // That events are recorded is another case's matter, here and below.
            None => Ok(()),
        })?;
    }
    Ok(())
}

fn event_attributes_are_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    let attributes: Vec<(String, AttrValue)> =
        vec![("exception.type".into(), "Timeout".into()), ("retry".into(), AttrValue::I64(3))];
    let event = SpanEvent { name: "exception", attributes: attributes.clone(), time_unix_nanos: None };
    probe.tracer.add_event(span.handle, event);
    probe.end(&span);
    probe.settled().judge(&span, |found| {
        let Some(event) = found.events.last() else { return Ok(()) };
        for (key, value) in &attributes {
            expect(
                &format!("the event's attribute {key:?}"),
                &Some(value),
                &value_of(&event.attributes, key),
            )?;
        }
        expect("how many attributes the event has", &attributes.len(), &event.attributes.len())
    })
}

fn events_accumulate(bench: &Bench) -> Verdict {
    const EVENTS: usize = 50;
    let probe = bench.recording()?;
    let span = probe.root("span");
    (0..EVENTS).for_each(|_| probe.event(&span, "cache.miss"));
    probe.end(&span);
    probe.settled().judge(&span, |found| match found.events.len() {
        0 => Ok(()),
        seen => expect("how many events the span has", &EVENTS, &seen),
    })
}

fn events_keep_their_order(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    let names: Vec<_> = (0..10).map(|number| format!("event {number}")).collect();
    for (number, name) in names.iter().enumerate() {
        // With times of their own and without: by either, each is after the one before.
        let time_unix_nanos = (number > 4).then_some(4_102_444_800_000_000_000 + number as u64);
        probe.tracer.add_event(span.handle, SpanEvent { time_unix_nanos, ..event(name) });
    }
    probe.end(&span);
    probe.settled().judge(&span, |found| {
        // Only of those that arrived.
        let place = |event: &str| names.iter().position(|name| name == event);
        let places: Vec<_> = found.events.iter().filter_map(|event| place(&event.name)).collect();
        require(places.is_sorted(), || format!("expected the events in order, seen {}", brief(&places)))
    })
}
