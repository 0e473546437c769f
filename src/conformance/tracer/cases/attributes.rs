//! Attributes of spans, and the values that events carry as well.

use crate::conformance::case::{Citation, Verdict};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::Delivered;
use crate::conformance::tracer::probe::{Bench, brief, expect, value_of};
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanStart};

const SET: &str = "TracerPlugin::set_attribute";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "initial-attributes-are-attached",
        citation: Citation::of(
            "SpanStart::attributes",
            "Equivalent to calling [`TracerPlugin::set_attribute`] for each pair after `start_span`",
        ),
        check: initial_attributes_are_attached,
    },
    Case {
        id: "set-attribute-attaches",
        citation: Citation::of(SET, "Attach or overwrite a single attribute on a live span."),
        check: set_attribute_attaches,
    },
    Case {
        id: "set-attribute-overwrites",
        citation: Citation::of(SET, "Attach or overwrite a single attribute on a live span.")
            .read_as("by its key, whatever the types, and an initial attribute as well"),
        check: set_attribute_overwrites,
    },
    Case {
        id: "attribute-keys-are-kept",
        citation: Citation::of(
            "module documentation",
            "Plugin authors are expected to use the OTel semconv attribute keys (e.g. `http.request.method`, \
             `http.response.status_code`); the trait does not enforce this.",
        )
        .read_as("any key of up to 1,000 bytes arrives unchanged"),
        check: attribute_keys_are_kept,
    },
    Case {
        id: "attribute-values-are-kept",
        citation: Citation::of(
            "AttrValue",
            "string, bool, signed 64-bit int, 64-bit float, and homogeneous arrays of each",
        )
        .read_as("each arrives with its type and unchanged, on spans and events; of a NaN that it is one"),
        check: attribute_values_are_kept,
    },
];

fn pairs(pairs: &[(&str, i64)]) -> Vec<(String, AttrValue)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect()
}

fn initial_attributes_are_attached(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let attributes = pairs(&[("first", 1), ("second", 2), ("third", 3)]);
    let span =
        probe.start(SpanStart { name: "span", attributes: attributes.clone(), ..SpanStart::default() });
    probe.end(&span);
    probe.settled().judge(&span, |found| has_each(found, &attributes))
}

fn set_attribute_attaches(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let attributes = pairs(&[("first", 1), ("second", 2), ("third", 3)]);
    let span = probe.root("span");
    for (key, value) in &attributes {
        probe.attribute(&span, key, value.clone());
    }
    probe.end(&span);
    probe.settled().judge(&span, |found| has_each(found, &attributes))
}

fn has_each(found: &Delivered, attributes: &[(String, AttrValue)]) -> Result<(), String> {
    for (key, value) in attributes {
        expect(&format!("the attribute {key:?}"), &Some(value), &value_of(&found.attributes, key))?;
    }
    Ok(())
}

fn set_attribute_overwrites(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let initial =
        pairs(&[("twice in the list", 1), ("initial", 1), ("twice in the list", 2), ("initial, often", 1)]);
    let span = probe.start(SpanStart { name: "span", attributes: initial, ..SpanStart::default() });
    probe.attribute(&span, "initial", 2_i64);
    probe.attribute(&span, "initial, often", true);
    probe.attribute(&span, "later", 1_i64);
    probe.attribute(&span, "of another type", "text");
    probe.attribute(&span, "initial, often", 2_i64);
    probe.attribute(&span, "later", 2_i64);
    probe.attribute(&span, "of another type", 2_i64);
    probe.end(&span);
    probe.settled().judge(&span, |found| {
        for key in ["twice in the list", "initial", "initial, often", "later", "of another type"] {
            let values = found.attributes.iter().filter(|(found, _)| found == key).map(|(_, value)| value);
            let values: Vec<_> = values.collect();
            // One that did not arrive at all is the matter of the cases about attaching.
            if !values.is_empty() {
                expect(&format!("all values of {key:?}"), &vec![&AttrValue::I64(2)], &values)?;
            }
        }
        Ok(())
    })
}

fn attribute_keys_are_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let long = "k".repeat(1000);
    let keys = ["http.request.method", "CamelCase", "with space", "ключ", "a/b\"c\"", &long];
    let initial = probe.start(SpanStart {
        name: "initial",
        attributes: keys.iter().map(|&key| (key.to_owned(), AttrValue::Bool(true))).collect(),
        ..SpanStart::default()
    });
    let set = probe.root("set");
    keys.iter().for_each(|key| probe.attribute(&set, key, true));
    probe.end(&initial);
    probe.end(&set);
    let seen = probe.settled();
    for span in [initial, set] {
        seen.judge(&span, |found| {
            // The first key is as plain as can be: without it, attributes are not attached at all.
            let attached = value_of(&found.attributes, keys[0]).is_some();
            match keys.iter().find(|key| value_of(&found.attributes, key).is_none()) {
                Some(missing) if attached => {
                    let seen: Vec<_> = found.attributes.iter().map(|(key, _)| key).collect();
                    Err(format!("expected the key {}, seen {}", brief(missing), brief(&seen)))
                }
                _ => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// At least one of everything that an encoding may get wrong.
fn values() -> Vec<AttrValue> {
    let texts = ["", "text", "Ünïcödé / 日本語 / 🦀", "a\0b\n\"c\"\t\\"];
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    // The last is the least that a float cannot hold.
    let numbers = [0, 1, -1, i64::MIN, i64::MAX, (1 << 53) + 1];
    let floats = [
        0.0,
        -0.0,
        1.5,
        -1.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let mut values: Vec<AttrValue> = vec![true.into(), false.into(), "long ".repeat(1000).into()];
    values.extend(texts.map(AttrValue::from));
    values.extend(numbers.map(AttrValue::from));
    values.extend(floats.map(AttrValue::from));
    values.extend([
        AttrValue::StringArray(Vec::new()),
        AttrValue::StringArray(owned(&texts)),
        AttrValue::BoolArray(Vec::new()),
        AttrValue::BoolArray(vec![true, false, true]),
        AttrValue::I64Array(Vec::new()),
        AttrValue::I64Array(numbers.to_vec()),
        AttrValue::F64Array(Vec::new()),
        AttrValue::F64Array(floats.to_vec()),
    ]);
    values
}

/// Whether two values are of one type and hold the same: the same bits, or each a NaN.
fn same(expected: &AttrValue, seen: &AttrValue) -> bool {
    let floats = |a: &f64, b: &f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    match (expected, seen) {
        (AttrValue::F64(a), AttrValue::F64(b)) => floats(a, b),
        (AttrValue::F64Array(a), AttrValue::F64Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| floats(a, b))
        }
        _ => expected == seen,
    }
}

/// The key of a value that tells whether this way to attach values works at all. If it does not,
/// another case says so.
const CONTROL: &str = "control";

fn unchanged(attributes: &[(String, AttrValue)], expected: &[(String, AttrValue)]) -> Result<(), String> {
    if value_of(attributes, CONTROL).is_none() {
        return Ok(());
    }
    for (key, value) in expected {
        let seen = value_of(attributes, key);
        if !seen.is_some_and(|seen| same(value, seen)) {
            return Err(format!("expected the value {}, seen {}", brief(value), brief(&seen)));
        }
    }
    Ok(())
}

fn attribute_values_are_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let values = values().into_iter().enumerate().map(|(number, value)| (format!("key {number}"), value));
    let all: Vec<_> = [(CONTROL.to_owned(), AttrValue::I64(1))].into_iter().chain(values).collect();
    let initial = SpanStart { name: "initial", attributes: all.clone(), ..SpanStart::default() };
    let (initial, set, event) = (probe.start(initial), probe.root("set"), probe.root("event"));
    for (key, value) in &all {
        probe.attribute(&set, key, value.clone());
    }
    let attributes = all.clone();
    probe.tracer.add_event(event.handle, SpanEvent { name: "event", attributes, time_unix_nanos: None });
    [&initial, &set, &event].into_iter().for_each(|span| probe.end(span));
    let seen = probe.settled();
    seen.judge(&initial, |found| unchanged(&found.attributes, &all))?;
    seen.judge(&set, |found| unchanged(&found.attributes, &all))?;
    seen.judge(&event, |found| match found.events.first() {
        Some(event) => unchanged(&event.attributes, &all),
        // That events are recorded is another case's matter.
        None => Ok(()),
    })
}
