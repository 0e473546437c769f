//! The oracle: a tracer as the documentation describes one, as plainly as can be. It shares no code with the
//! engine, keeps a span as a few vectors, and is told one call after the other, in an order that the
//! [`explain`](crate::explain) tries.

use crate::plan::{Attribute, Call, Label, Outcome, Val};
use crate::profile::{Profile, Sizes};
use nanospan::export::{FinishedEvent, FinishedSpan};
use nanospan::{OwnedValue, SpanLimits, StatusCode};

/// `text` cut to at most so many bytes, on a character boundary.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a span is so far.
#[derive(Debug, Clone)]
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
    pub(crate) status: (StatusCode, &'a str),
    /// In the order in which the keys came first.
    pub(crate) attributes: Vec<(&'a str, &'a Val)>,
    pub(crate) events: Vec<Item<'a>>,
    pub(crate) links: Vec<Item<'a>>,
    /// Attributes, events and links over a limit.
    pub(crate) dropped: [u32; 3],
    /// Attributes of events and links over a limit.
    pub(crate) dropped_inside: u32,
}

/// What a span is so far, to be told from what it is after another order of the same calls. Texts and values
/// stand for themselves by where they lie in the plan.
pub(crate) type State = Vec<u64>;

/// An event, or a link.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    name: &'a str,
    at: Option<u64>,
    to: u64,
    attributes: Vec<(&'a str, &'a Val)>,
    dropped: u32,
}

/// What applies to all spans of a tracer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) sizes: Sizes,
    pub(crate) limits: SpanLimits,
    /// When the session began and when it is now at the latest, in nanoseconds since the Unix epoch.
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Rules {
    pub(crate) fn of(profile: &Profile, from: u64, to: u64) -> Self {
        Self { sizes: profile.sizes, limits: profile.limits, from, to }
    }

    /// Sets attributes in order: a key that is there gets the new value, another one is added, up to the
    /// limit.
    fn set<'a>(&self, to: &mut Vec<(&'a str, &'a Val)>, attributes: &'a [Attribute], most: u32) -> u32 {
        let mut dropped = 0;
        for Attribute { key, value } in attributes {
            let key = cut(key.as_str(), self.sizes.key);
            match to.iter().position(|(present, _)| *present == key) {
                Some(at) => to[at].1 = value,
                None if to.len() < most as usize => to.push((key, value)),
                None => dropped += 1,
            }
        }
        dropped
    }

    fn item<'a>(
        &self,
        name: &'a str,
        at: Option<u64>,
        to: u64,
        attributes: &'a [Attribute],
        most: u32,
    ) -> Item<'a> {
        let mut item = Item { name, at, to, attributes: Vec::new(), dropped: 0 };
        item.dropped = self.set(&mut item.attributes, attributes, most);
        item
    }

    /// Whether a value arrived as it must.
    fn same(&self, expected: &Val, found: &OwnedValue) -> bool {
        let text = |text: &str, found: &str| {
            let text = cut(text, self.sizes.value);
            match self.limits.attribute_value_length {
                None => text == found,
                Some(most) => text.chars().take(most as usize).eq(found.chars()),
            }
        };
        match (expected, found) {
            (Val::Bool(a), OwnedValue::Bool(b)) => a == b,
            (Val::I64(a), OwnedValue::I64(b)) => a == b,
            (Val::F64(a), OwnedValue::F64(b)) => a.to_bits() == b.to_bits(),
            (Val::Static(a), OwnedValue::Str(b)) => text(a, b),
            (Val::Str(a), OwnedValue::Str(b)) => text(a, b),
            (Val::Strs(a), OwnedValue::StrArray(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| text(a, b))
            }
            (Val::Bools(a), OwnedValue::BoolArray(b)) => a == b,
            (Val::I64s(a), OwnedValue::I64Array(b)) => a == b,
            (Val::F64s(a), OwnedValue::F64Array(b)) => a == b,
            _ => false,
        }
    }

    pub(crate) fn all_same(&self, expected: &[(&str, &Val)], found: &[(String, OwnedValue)]) -> bool {
        expected.len() == found.len()
            && expected
                .iter()
                .zip(found)
                .all(|((key, value), (found_key, found))| key == found_key && self.same(value, found))
    }

    /// Whether a call on a span set this attribute of it.
    pub(crate) fn sets(&self, call: &Call, key: &str, found: &OwnedValue) -> bool {
        let attributes = match call {
            Call::Attribute(attribute) => std::slice::from_ref(attribute),
            Call::Attributes(attributes) => attributes,
            _ => return false,
        };
        let is_it = |a: &Attribute| cut(a.key.as_str(), self.sizes.key) == key && self.same(&a.value, found);
        attributes.iter().any(is_it)
    }

    /// Whether a time that nobody chose can be right.
    pub(crate) fn is_now(&self, time: u64) -> bool {
        (self.from..=self.to).contains(&time)
    }

    fn is_event(&self, item: &Item<'_>, found: &FinishedEvent) -> bool {
        item.name == found.name
            && item.at.map_or_else(|| self.is_now(found.time_unix_nanos), |at| at == found.time_unix_nanos)
            && item.dropped == found.dropped_attributes_count
            && self.all_same(&item.attributes, &found.attributes)
    }

    /// Whether this call made that event, when not all attributes need be there.
    pub(crate) fn makes(&self, call: &Call, found: &FinishedEvent) -> bool {
        let Call::Event { name, at, .. } = call else { return false };
        cut(name.as_str(), self.sizes.name) == found.name && at.is_none_or(|at| at == found.time_unix_nanos)
    }
}

impl<'a> Model<'a> {
    pub(crate) fn new(rules: &Rules, name: &'a Label, start: Option<u64>) -> Self {
        Self {
            name: cut(name.as_str(), rules.sizes.name),
            start,
            end: None,
            status: (StatusCode::Unset, ""),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            dropped: [0; 3],
            dropped_inside: 0,
        }
    }

    pub(crate) fn set(&mut self, rules: &Rules, attributes: &'a [Attribute]) {
        self.dropped[0] += rules.set(&mut self.attributes, attributes, rules.limits.attributes);
    }

    pub(crate) fn link(&mut self, rules: &Rules, to: u64, attributes: &'a [Attribute]) {
        if self.links.len() < rules.limits.links as usize {
            let item = rules.item("", None, to, attributes, rules.limits.attributes_per_link);
            self.dropped_inside += item.dropped;
            self.links.push(item);
        } else {
            self.dropped[2] += 1;
        }
    }

    /// Takes a call in.
    pub(crate) fn take(&mut self, rules: &Rules, call: &'a Call) {
        match call {
            Call::Attribute(attribute) => self.set(rules, std::slice::from_ref(attribute)),
            Call::Attributes(attributes) => self.set(rules, attributes),
            Call::Event { name, at, attributes } => {
                if self.events.len() < rules.limits.events as usize {
                    let name = cut(name.as_str(), rules.sizes.name);
                    let item = rules.item(name, *at, 0, attributes, rules.limits.attributes_per_event);
                    self.dropped_inside += item.dropped;
                    self.events.push(item);
                } else {
                    self.dropped[1] += 1;
                }
            }
            Call::Link { to, attributes } => self.link(rules, *to, attributes),
            Call::Status(Outcome::Unset) => self.status = (StatusCode::Unset, ""),
            Call::Status(Outcome::Ok) => self.status = (StatusCode::Ok, ""),
            Call::Status(Outcome::Error(text)) => {
                self.status = (StatusCode::Error, cut(text.as_str(), rules.sizes.message));
            }
            Call::Rename(name) => self.name = cut(name.as_str(), rules.sizes.name),
        }
    }

    pub(crate) fn state(&self) -> State {
        let at = |text: &str| [text.as_ptr().addr() as u64, text.len() as u64];
        let lies = |value: &Val| std::ptr::from_ref(value).addr() as u64;
        let time = |time: Option<u64>| [u64::from(time.is_some()), time.unwrap_or_default()];
        let mut state = State::new();
        state.extend(at(self.name));
        state.extend(time(self.end));
        state.push(self.status.0 as u64);
        state.extend(at(self.status.1));
        state.extend(self.dropped.map(u64::from));
        state.push(self.attributes.len() as u64);
        state.extend(self.attributes.iter().map(|(_, value)| lies(value)));
        for items in [&self.events, &self.links] {
            state.push(items.len() as u64);
            for item in items {
                state.extend(at(item.name));
                state.extend(time(item.at));
                state.extend([item.to, item.dropped.into(), item.attributes.len() as u64]);
                state.extend(item.attributes.iter().map(|(_, value)| lies(value)));
            }
        }
        state
    }

    /// Whether what can no longer change is as in the span that arrived: what is not need not be gone
    /// on with.
    pub(crate) fn may_become(&self, found: &FinishedSpan) -> bool {
        self.attributes.len() <= found.attributes.len()
            && self.events.len() <= found.events.len()
            && self.links.len() <= found.links.len()
            && self.dropped[0] <= found.dropped_attributes_count
            && self.dropped[1] <= found.dropped_events_count
            && self.dropped[2] <= found.dropped_links_count
            && self
                .attributes
                .last()
                .is_none_or(|(key, _)| *key == found.attributes[self.attributes.len() - 1].0)
            && self.events.last().is_none_or(|event| event.name == found.events[self.events.len() - 1].name)
    }

    /// What differs from the span that arrived; `None` when nothing does. Ids, parents, kinds and flags are
    /// not compared here.
    pub(crate) fn differs(&self, rules: &Rules, found: &FinishedSpan) -> Option<String> {
        let start = self.start.unwrap_or(found.start_unix_nanos);
        let is_start = start == found.start_unix_nanos && (self.start.is_some() || rules.is_now(start));
        let is_end = match self.end {
            Some(end) => end.max(start) == found.end_unix_nanos,
            None => found.end_unix_nanos >= start && rules.is_now(found.end_unix_nanos),
        };
        let dropped = [found.dropped_attributes_count, found.dropped_events_count, found.dropped_links_count];
        let is_link = |(item, link): (&Item<'_>, &nanospan::export::FinishedLink)| {
            context_of(item.to) == (u128::from_be_bytes(link.trace_id), u64::from_be_bytes(link.span_id))
                && item.dropped == link.dropped_attributes_count
                && rules.all_same(&item.attributes, &link.attributes)
        };
        let same = [
            ("name", self.name == found.name),
            ("start", is_start),
            ("end", is_end),
            ("status", self.status.0 == found.status && self.status.1 == found.status_message),
            ("dropped counts", self.dropped == dropped),
            ("attributes", rules.all_same(&self.attributes, &found.attributes)),
            (
                "events",
                self.events.len() == found.events.len()
                    && self.events.iter().zip(&found.events).all(|(item, event)| rules.is_event(item, event)),
            ),
            (
                "links",
                self.links.len() == found.links.len() && self.links.iter().zip(&found.links).all(is_link),
            ),
        ];
        let wrong: Vec<&str> = same.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
        if wrong.is_empty() {
            return None;
        }
        Some(format!("{}: expected {self:?}", wrong.join(", ")))
    }
}

/// The trace id and span id that a link to `n` has, and a remote parent of that number.
pub(crate) fn context_of(n: u64) -> (u128, u64) {
    (u128::from(n) << 64 | u128::from(n.rotate_left(17)) | 1, n | 1)
}
