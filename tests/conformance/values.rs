//! What the reference tracer does with the contents of a span, which is to keep them, unless it is
//! given a fault.

use crate::fault::Fault;
use bext_plugin_api::tracer::{AttrValue, SpanStatus};
use nanospan::conformance::tracer::{Delivered, DeliveredEvent};

type Attributes = Vec<(String, AttrValue)>;

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

pub(crate) fn name(fault: Option<Fault>, name: &str) -> String {
    match fault {
        Some(Fault::NameIsCut) => cut(name),
        Some(Fault::NameIsAscii) => ascii(name),
        Some(Fault::EmptyNameIsReplaced) if name.is_empty() => "unnamed".to_owned(),
        _ => name.to_owned(),
    }
}

pub(crate) fn event_name(fault: Option<Fault>, name: &str) -> String {
    match fault {
        Some(Fault::EventNameIsCut) => cut(name),
        Some(Fault::EventNameIsAscii) => ascii(name),
        _ => name.to_owned(),
    }
}

pub(crate) fn start_time(fault: Option<Fault>, given: Option<u64>) -> Option<u64> {
    match fault {
        Some(Fault::StartOverrideIsIgnored) => None,
        Some(Fault::StartOverrideOfZeroIsIgnored) => given.filter(|&time| time != 0),
        _ => given,
    }
}

pub(crate) fn event_time(fault: Option<Fault>, given: Option<u64>, start: u64) -> Option<u64> {
    match fault {
        Some(Fault::EventOverrideIsIgnored) => None,
        Some(Fault::EventOverrideIsClamped) => given.map(|time| time.max(start)),
        Some(Fault::EventTimeIsTheStarts) => given.or(Some(start)),
        _ => given,
    }
}

/// Sets when a span ended; one before the start becomes the start.
pub(crate) fn end(fault: Option<Fault>, span: &mut Delivered, given: Option<u64>, now: fn() -> u64) {
    let end = match fault {
        Some(Fault::EndOverrideIsIgnored) => now(),
        Some(Fault::EndIsTheStart) => given.unwrap_or(span.start_unix_nanos),
        Some(Fault::TimesAreSigned) => given.map_or_else(now, |time| time.min(i64::MAX as u64)),
        _ => given.unwrap_or_else(now),
    };
    let least = if fault == Some(Fault::EndMayBeBeforeStart) { 0 } else { span.start_unix_nanos };
    span.end_unix_nanos = end.max(least);
}

pub(crate) fn set_status(fault: Option<Fault>, status: &mut SpanStatus, to: SpanStatus) {
    let stays = match fault {
        Some(Fault::StatusIsLost) => true,
        Some(Fault::OkIsFinal) => *status == SpanStatus::Ok,
        Some(Fault::UnsetIsIgnored) => to == SpanStatus::Unset,
        Some(Fault::FirstErrorStays) => matches!(status, SpanStatus::Error { .. }),
        _ => false,
    };
    if !stays {
        *status = match (to, fault) {
            (SpanStatus::Error { .. }, Some(Fault::DescriptionIsLost)) => {
                SpanStatus::Error { description: String::new() }
            }
            (SpanStatus::Error { description }, Some(Fault::DescriptionIsAscii)) => {
                SpanStatus::Error { description: ascii(&description) }
            }
            (to, _) => to,
        };
    }
}

pub(crate) fn add_event(fault: Option<Fault>, events: &mut Vec<DeliveredEvent>, event: DeliveredEvent) {
    match fault {
        Some(Fault::EventsAreLost) => {}
        Some(Fault::EventsAreReversed) => events.insert(0, event),
        Some(Fault::EventsReplaceTheirNamesakes) => {
            events.retain(|found| found.name != event.name);
            events.push(event);
        }
        _ => events.push(event),
    }
}

pub(crate) fn event_attributes(fault: Option<Fault>, attributes: Attributes) -> Attributes {
    match fault {
        Some(Fault::EventAttributesAreLost) => Vec::new(),
        Some(Fault::EventValuesAreRounded) => {
            let rounded = |value| match value {
                AttrValue::F64(value) => AttrValue::F64(value.round()),
                value => value,
            };
            attributes.into_iter().map(|(key, value)| (key, rounded(value))).collect()
        }
        _ => attributes.into_iter().filter_map(|(key, found)| Some((key, value(fault, found)?))).collect(),
    }
}

/// Sets the attributes that a span starts with, as if one after the other.
pub(crate) fn initial(fault: Option<Fault>, attributes: &mut Attributes, given: Attributes) {
    if fault == Some(Fault::InitialAttributesAreLost) {
        return;
    }
    // What is wrong with `set_attribute` only is not wrong here.
    let fault = fault.filter(|&fault| fault != Fault::SetAttributeAddsNone);
    for (key, value) in given {
        set(fault, attributes, 0, &key, value);
    }
}

/// Sets an attribute, where `initial` of them are from the start.
pub(crate) fn set(
    fault: Option<Fault>,
    attributes: &mut Attributes,
    initial: usize,
    key: &str,
    to: AttrValue,
) {
    let key = match fault {
        Some(Fault::KeysAreLowercase) => key.to_lowercase(),
        Some(Fault::KeysAreAscii) => ascii(key),
        _ => key.to_owned(),
    };
    let Some(to) = value(fault, to) else { return };
    let same_type = |value: &AttrValue| std::mem::discriminant(value) == std::mem::discriminant(&to);
    match attributes.iter().position(|(found, _)| *found == key) {
        Some(_) if fault == Some(Fault::AttributesPileUp) => attributes.push((key, to)),
        Some(_) if fault == Some(Fault::FirstValueStays) => {}
        Some(at) if fault == Some(Fault::InitialValueStays) && at < initial => {}
        Some(at) if fault == Some(Fault::TypeOfAnAttributeStays) && !same_type(&attributes[at].1) => {}
        Some(at) => attributes[at].1 = to,
        None if fault == Some(Fault::SetAttributeAddsNone) => {}
        None => attributes.push((key, to)),
    }
}

/// A value as it is kept; `None` if it is lost.
fn value(fault: Option<Fault>, value: AttrValue) -> Option<AttrValue> {
    let Some(fault) = fault else { return Some(value) };
    let is_empty = match &value {
        AttrValue::StringArray(values) => values.is_empty(),
        AttrValue::BoolArray(values) => values.is_empty(),
        AttrValue::I64Array(values) => values.is_empty(),
        AttrValue::F64Array(values) => values.is_empty(),
        _ => false,
    };
    Some(match (fault, value) {
        (Fault::EmptyArraysAreLost, _) if is_empty => return None,
        (Fault::EmptyArraysAreOfStrings, _) if is_empty => AttrValue::StringArray(Vec::new()),
        (Fault::NanIsLost, AttrValue::F64(number)) if number.is_nan() => return None,
        (Fault::ZeroHasNoSign, AttrValue::F64(number)) => AttrValue::F64(number + 0.0),
        (Fault::IntegersAreFloats, AttrValue::I64(number)) => AttrValue::I64(number as f64 as i64),
        (Fault::FloatsAreSingle, AttrValue::F64(number)) => AttrValue::F64(f64::from(number as f32)),
        (Fault::NulEndsAString, AttrValue::String(text)) => {
            AttrValue::String(text.split('\0').next().unwrap_or_default().to_owned())
        }
        (Fault::BoolArraysAreOfIntegers, AttrValue::BoolArray(values)) => {
            AttrValue::I64Array(values.into_iter().map(i64::from).collect())
        }
        (_, value) => value,
    })
}
