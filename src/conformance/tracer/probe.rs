//! What checks are written with: subjects, spans that are found again, and comparisons.

use super::{Delivered, Setup, Subject};
pub(super) use crate::conformance::case::brief;
use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::runner;
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, TracerPlugin};
use std::fmt;
use std::sync::Arc;

/// Where a check gets its subjects.
pub(super) type Bench = runner::Bench<Setup, Option<Box<dyn Subject>>>;

impl Bench {
    /// A subject that records every span.
    pub(super) fn recording(&self) -> Result<Probe, Stop> {
        let none = || Stop::Failed("the factory made no subject that records".to_owned());
        Probe::of(self.subject(Setup::RECORDING).ok_or_else(none)?)
    }

    /// A subject whose sampler rejects every root.
    pub(super) fn rejecting(&self) -> Result<Probe, Stop> {
        let none = || Stop::NotApplicable("the factory makes no subject that rejects spans".to_owned());
        Probe::of(self.subject(Setup::REJECTING).ok_or_else(none)?)
    }

    fn subject(&self, setup: Setup) -> Option<Box<dyn Subject>> {
        self.ask(setup).flatten()
    }
}

/// A tracer under test.
pub(super) struct Probe {
    pub(super) tracer: Arc<dyn TracerPlugin>,
    subject: Box<dyn Subject>,
    backends: usize,
}

/// A span of the tracer under test, as it is to be found again.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) handle: SpanHandle,
    name: String,
    /// The ids at each back-end.
    pub(super) wire: Vec<SpanHandle>,
}

impl Probe {
    fn of(subject: Box<dyn Subject>) -> Result<Self, Stop> {
        let backends = subject.delivered().len();
        ensure(backends > 0, || {
            "expected a subject with a back-end, seen `delivered` without a list".into()
        })?;
        Ok(Self { tracer: subject.tracer(), subject, backends })
    }

    pub(super) fn start(&self, span: SpanStart<'_>) -> Mark {
        let name = span.name.to_owned();
        let handle = self.tracer.start_span(span);
        let wire = |backend| {
            if handle.is_invalid() { handle } else { self.subject.wire_ids(backend, handle) }
        };
        Mark { handle, name, wire: (0..self.backends).map(wire).collect() }
    }

    pub(super) fn root(&self, name: &str) -> Mark {
        self.start(SpanStart { name, ..SpanStart::default() })
    }

    pub(super) fn child(&self, name: &str, parent: SpanHandle) -> Mark {
        self.start(SpanStart { name, parent: Some(parent), ..SpanStart::default() })
    }

    pub(super) fn attribute(&self, span: &Mark, key: &str, value: impl Into<AttrValue>) {
        self.tracer.set_attribute(span.handle, key, value.into());
    }

    pub(super) fn event(&self, span: &Mark, name: &str) {
        self.tracer.add_event(span.handle, event(name));
    }

    pub(super) fn end(&self, span: &Mark) {
        self.tracer.end_span(span.handle, None);
    }

    /// Makes the back-ends unreachable or reachable again.
    pub(super) fn set_unreachable(&self, unreachable: bool) -> Verdict {
        if self.subject.set_unreachable(unreachable) {
            return Ok(());
        }
        Err(Stop::NotApplicable("the subject cannot make its back-end unreachable".to_owned()))
    }

    /// What has been delivered so far.
    pub(super) fn seen(&self) -> Seen {
        Seen { backends: self.subject.delivered() }
    }

    /// What has been delivered when everything should have been. How well a flush does that, and
    /// what it returns, is the matter of the cases about flush: the others flush twice.
    pub(super) fn settled(&self) -> Seen {
        let _ = self.tracer.flush();
        let _ = self.tracer.flush();
        self.seen()
    }
}

/// An event now, without attributes.
pub(super) fn event(name: &str) -> SpanEvent<'_> {
    SpanEvent { name, attributes: Vec::new(), time_unix_nanos: None }
}

/// What was delivered to each back-end.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) backends: Vec<Vec<Delivered>>,
}

impl Seen {
    /// Every delivery of a span to a back-end: those with its ids and name; or, as one of them may
    /// be what the tracer gets wrong, those with its ids; or those with its name.
    pub(super) fn all(&self, backend: usize, span: &Mark) -> Vec<&Delivered> {
        let wire = span.wire[backend];
        let ids = |found: &Delivered| {
            !wire.is_invalid() && (found.trace_id, found.span_id) == (wire.trace_id, wire.span_id)
        };
        let name = |found: &Delivered| found.name == span.name;
        let these = |like: &dyn Fn(&Delivered) -> bool| -> Vec<&Delivered> {
            self.backends[backend].iter().filter(|found| like(found)).collect()
        };
        [these(&|found| ids(found) && name(found)), these(&ids), these(&name)]
            .into_iter()
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// A span as a back-end got it last. Whether it got it more than once is another case's matter.
    fn last(&self, backend: usize, span: &Mark) -> Result<&Delivered, Stop> {
        let missing = || {
            let names: Vec<_> = self.backends[backend].iter().map(|found| &found.name).collect();
            let at = self.at(backend);
            let message = format!(
                "expected the span {} to be delivered{at}, seen {}",
                brief(&span.name),
                brief(&names)
            );
            Stop::Failed(message)
        };
        self.all(backend, span).pop().ok_or_else(missing)
    }

    /// Judges a span at each back-end.
    pub(super) fn judge(&self, span: &Mark, clause: impl Fn(&Delivered) -> Result<(), String>) -> Verdict {
        self.judge_pair(span, span, |found, _| clause(found))
    }

    /// Judges two spans together at each back-end.
    pub(super) fn judge_pair(
        &self,
        one: &Mark,
        other: &Mark,
        clause: impl Fn(&Delivered, &Delivered) -> Result<(), String>,
    ) -> Verdict {
        for backend in 0..self.backends.len() {
            let (one, other) = (self.last(backend, one)?, self.last(backend, other)?);
            let place = |message| Stop::Failed(format!("{message}{}", self.at(backend)));
            clause(one, other).map_err(place)?;
        }
        Ok(())
    }

    /// How a message names the back-end.
    pub(super) fn at(&self, backend: usize) -> String {
        match self.backends.len() {
            1 => String::new(),
            _ => format!(" at back-end {backend}"),
        }
    }

    /// The content of all that was delivered to each back-end, to compare two runs by.
    pub(super) fn outlines(&self) -> Vec<Vec<String>> {
        self.outlines_by(outline)
    }

    pub(super) fn outlines_by(&self, outline: impl Fn(&Delivered) -> String) -> Vec<Vec<String>> {
        self.backends.iter().map(|spans| spans.iter().map(&outline).collect()).collect()
    }
}

/// What a span says apart from ids and times, which differ from run to run.
pub(super) fn outline(span: &Delivered) -> String {
    let sorted = |attributes: &[(String, AttrValue)]| {
        let mut attributes: Vec<_> = attributes.iter().map(|pair| format!("{pair:?}")).collect();
        attributes.sort_unstable();
        attributes.join(" ")
    };
    let events = span.events.iter().map(|event| format!("{:?} {}", event.name, sorted(&event.attributes)));
    let events: Vec<_> = events.collect();
    let Delivered { name, kind, status, .. } = span;
    format!("{name:?} {kind:?} {status:?} {} [{}]", sorted(&span.attributes), events.join(", "))
}

/// Compares what two runs delivered to each back-end, which the contract makes the same in any
/// order.
pub(super) fn alike(what: &str, expected: &[Vec<String>], seen: &[Vec<String>]) -> Verdict {
    for (backend, (expected, seen)) in expected.iter().zip(seen).enumerate() {
        ensure(!expected.is_empty(), || format!("expected spans at back-end {backend}, seen none"))?;
        let (lacking, added) = (without(expected, seen), without(seen, expected));
        let differ = || {
            let (lacking, added) = (brief(&lacking), brief(&added));
            format!("{what} at back-end {backend}: expected {lacking}, seen {added} instead")
        };
        ensure(lacking.is_empty() && added.is_empty(), differ)?;
    }
    Ok(())
}

/// What `these` have more of than `others`.
fn without<'a>(these: &'a [String], others: &[String]) -> Vec<&'a String> {
    let mut others: Vec<_> = others.iter().collect();
    let left = |one: &&String| match others.iter().position(|other| other == one) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    };
    these.iter().filter(left).collect()
}

/// Says what was expected and what was seen, unless `holds`.
pub(super) fn require(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

/// Compares a part of a span.
pub(super) fn expect<T: PartialEq + fmt::Debug>(what: &str, expected: &T, seen: &T) -> Result<(), String> {
    require(expected == seen, || format!("{what}: expected {}, seen {}", brief(expected), brief(seen)))
}

/// The value of an attribute. If the back-end got the key several times, which is another case's
/// matter, the last one.
pub(super) fn value_of<'a>(attributes: &'a [(String, AttrValue)], key: &str) -> Option<&'a AttrValue> {
    attributes.iter().rfind(|(found, _)| found == key).map(|(_, value)| value)
}
