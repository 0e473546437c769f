//! Span limits.

use crate::{Made, assert_ignored, made, made_with};
use nanospan::{OwnedValue, SpanLimits, Tracer, attributes};

/// The variables of single limits.
const NAMES: [&str; 6] = [
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
];

/// A span with five of everything.
fn five_of_everything(tracer: &Tracer) {
    let other = tracer.span("other").start().context();
    let five = attributes!["a" => "12345", "b" => 2, "c" => 3, "d" => 4, "e" => 5];
    let span = tracer.span("s").start();
    span.set_attributes(&five);
    for _ in 0..5 {
        span.add_event("e", &five);
        span.add_link(&other, &five);
    }
}

/// Attributes, characters of the first, events, links, attributes of an event, of a link.
fn kept(made: &Made) -> [usize; 6] {
    let spans = made.record(five_of_everything);
    let span = spans.iter().find(|span| span.name == "s").unwrap();
    let text = match span.attributes.first() {
        Some((_, OwnedValue::Str(text))) => text.len(),
        _ => 0,
    };
    [
        span.attributes.len(),
        text,
        span.events.len(),
        span.links.len(),
        span.events.first().map_or(0, |event| event.attributes.len()),
        span.links.first().map_or(0, |link| link.attributes.len()),
    ]
}

#[test]
fn each_span_limit_has_its_variable() {
    let all = [5, 5, 5, 5, 5, 5];
    assert_eq!(kept(&made(&[])), all);
    for (name, expected) in [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", [2, 5, 5, 5, 5, 5]),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", [5, 2, 5, 5, 5, 5]),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", [5, 5, 2, 5, 5, 5]),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", [5, 5, 5, 2, 5, 5]),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", [5, 5, 5, 5, 2, 5]),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", [5, 5, 5, 5, 5, 2]),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", [2, 5, 5, 5, 2, 2]),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", [5, 2, 5, 5, 5, 5]),
    ] {
        assert_eq!(kept(&made(&[(name, "2")])), expected, "{name}");
        for bad in ["-1", "two", "4294967296"] {
            assert_eq!(kept(&assert_ignored(name, bad, &[])), all, "{name}={bad}");
        }
    }
    assert_eq!(kept(&made(&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")]))[2], 0);
}

#[test]
fn a_limit_of_its_own_comes_before_the_one_for_all() {
    let general = [("OTEL_ATTRIBUTE_COUNT_LIMIT", "1"), ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")];
    let own = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ];
    let variables: Vec<_> = general.into_iter().chain(own).collect();
    assert_eq!(kept(&made(&variables)), [4, 3, 5, 5, 3, 2]);
}

#[test]
fn what_the_program_sets_comes_before_the_limits_of_variables() {
    let mut limits = SpanLimits::default();
    limits.attributes = 3;
    limits.attribute_value_length = Some(3);
    limits.events = 3;
    limits.links = 3;
    limits.attributes_per_event = 3;
    limits.attributes_per_link = 3;
    // Also before ones that are of no use, which are told all the same.
    for (value, warnings) in [("1", 0), ("-2", NAMES.len())] {
        let variables = NAMES.map(|name| (name, value));
        let made = made_with(&variables, |builder| builder.span_limits(limits));
        assert_eq!((kept(&made), made.warnings.len()), ([3; 6], warnings), "{value}");
    }
}
