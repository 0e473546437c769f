//! Calls without effect. Each case makes one call on handles of one sort, and compares everything
//! that is delivered with a run that does the same without the call.

use super::parents::{foreign, forged};
use crate::conformance::case::{Citation, Stop, Verdict};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::Delivered;
use crate::conformance::tracer::probe::{Bench, alike, event, outline};
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStatus, TracerPlugin};

const HANDLE: &str = "SpanHandle";
const UNKNOWN: &str = "implementations should treat unknown handles as a no-op rather than panicking";
const SET_ATTRIBUTE: &str = "TracerPlugin::set_attribute";
const SET_STATUS: &str = "TracerPlugin::set_status";
const ADD_EVENT: &str = "TracerPlugin::add_event";
const END_SPAN: &str = "TracerPlugin::end_span";
const NO_OP: &str = "Calls against an unknown or invalid handle are a no-op.";
const EITHER: &str = "unknown is a live span of another tracer, and a handle that no tracer made";
const INVALID: &str = "the runtime treats it as a no-op";
const OVER: &str = "After this call the handle must not be used again; implementations are free to recycle its \
                    id space.";
const ENDED: &str = "unless its ids have been given to another span, a call on it is without effect: what is \
                     delivered does not change";
const ONCE: &str = "unless its ids have been given to another span, ending it again is without effect: it is \
                    delivered once, as it ended first";

const fn case(id: &'static str, citation: Citation, check: fn(&Bench) -> Verdict) -> Case {
    Case { id, citation, check }
}

pub(super) const CASES: &[Case] = &[
    case("set-attribute-on-invalid-is-a-no-op", Citation::of(SET_ATTRIBUTE, NO_OP), |bench| {
        no_op(bench, Call::SetAttribute, Sort::Invalid)
    }),
    case(
        "set-attribute-on-unknown-is-a-no-op",
        Citation::of(SET_ATTRIBUTE, NO_OP).read_as(EITHER),
        |bench| no_op(bench, Call::SetAttribute, Sort::Unknown),
    ),
    case("set-attribute-on-ended-is-a-no-op", Citation::of(END_SPAN, OVER).read_as(ENDED), |bench| {
        no_op(bench, Call::SetAttribute, Sort::Ended)
    }),
    case("set-status-on-invalid-is-a-no-op", Citation::of(SET_STATUS, NO_OP), |bench| {
        no_op(bench, Call::SetStatus, Sort::Invalid)
    }),
    case("set-status-on-unknown-is-a-no-op", Citation::of(SET_STATUS, NO_OP).read_as(EITHER), |bench| {
        no_op(bench, Call::SetStatus, Sort::Unknown)
    }),
    case("set-status-on-ended-is-a-no-op", Citation::of(END_SPAN, OVER).read_as(ENDED), |bench| {
        no_op(bench, Call::SetStatus, Sort::Ended)
    }),
    case("add-event-on-invalid-is-a-no-op", Citation::of(ADD_EVENT, NO_OP), |bench| {
        no_op(bench, Call::AddEvent, Sort::Invalid)
    }),
    case("add-event-on-unknown-is-a-no-op", Citation::of(ADD_EVENT, NO_OP).read_as(EITHER), |bench| {
        no_op(bench, Call::AddEvent, Sort::Unknown)
    }),
    case("add-event-on-ended-is-a-no-op", Citation::of(END_SPAN, OVER).read_as(ENDED), |bench| {
        no_op(bench, Call::AddEvent, Sort::Ended)
    }),
    case("end-span-on-invalid-is-a-no-op", Citation::of("SpanHandle::INVALID", INVALID), |bench| {
        no_op(bench, Call::EndSpan, Sort::Invalid)
    }),
    case("end-span-on-unknown-is-a-no-op", Citation::of(HANDLE, UNKNOWN).read_as(EITHER), |bench| {
        no_op(bench, Call::EndSpan, Sort::Unknown)
    }),
    case("end-span-on-ended-is-a-no-op", Citation::of(END_SPAN, OVER).read_as(ONCE), |bench| {
        no_op(bench, Call::EndSpan, Sort::Ended)
    }),
];

/// The start of the year 2100, in nanoseconds: when nothing but an intruding call ends a span.
const INTRUDED: u64 = 4_102_444_800_000_000_000;

#[derive(Debug, Clone, Copy)]
enum Call {
    SetAttribute,
    SetStatus,
    AddEvent,
    EndSpan,
}

impl Call {
    fn make(self, tracer: &dyn TracerPlugin, handle: SpanHandle) {
        let value = || AttrValue::from("intruder");
        match self {
            Call::SetAttribute => {
                tracer.set_attribute(handle, "intruder", value());
                tracer.set_attribute(handle, "key", value());
            }
            Call::SetStatus => {
                tracer.set_status(handle, SpanStatus::Error { description: "intruder".to_owned() });
            }
            Call::AddEvent => {
                let attributes = vec![("intruder".to_owned(), value())];
                tracer.add_event(handle, SpanEvent { attributes, ..event("intruder") });
            }
            Call::EndSpan => tracer.end_span(handle, Some(INTRUDED)),
        }
    }
}

/// Which handles the call is made on.
#[derive(Debug, Clone, Copy)]
enum Sort {
    Invalid,
    Unknown,
    Ended,
}

fn no_op(bench: &Bench, call: Call, sort: Sort) -> Verdict {
    let expected = story(bench, None, sort)?;
    let seen = story(bench, Some(call), sort)?;
    for (tracer, (expected, seen)) in ["the tracer", "another tracer"].iter().zip(expected.iter().zip(&seen))
    {
        let what = format!("what {tracer} delivers with {call:?} on a handle that is {sort:?} and without");
        alike(&what, expected, seen)?;
    }
    Ok(())
}

/// What two tracers deliver to their back-ends. Each has a span that lives throughout, which a stray
/// call might hit; the first has two that have ended, one of which is delivered before the call is
/// made.
fn story(bench: &Bench, call: Option<Call>, sort: Sort) -> Result<[Vec<Vec<String>>; 2], Stop> {
    let (probe, other) = (bench.recording()?, bench.recording()?);
    let (bystander, stranger) = (probe.root("bystander"), foreign(&other));
    // No span is started after these have ended: it would be free to have their ids.
    let ended = [probe.root("delivered"), probe.root("buffered")];
    for (span, flush) in ended.iter().zip([true, false]) {
        probe.attribute(span, "key", "own");
        probe.end(span);
        if flush {
            probe.settled();
        }
    }

    let handles: Vec<_> = match sort {
        Sort::Invalid => vec![SpanHandle::INVALID],
        Sort::Unknown => [stranger.handle].into_iter().chain(forged(bystander.handle)).collect(),
        Sort::Ended => ended.iter().map(|span| span.handle).collect(),
    };
    if let Some(call) = call {
        handles.into_iter().for_each(|handle| call.make(&*probe.tracer, handle));
    }

    for (probe, span) in [(&probe, &bystander), (&other, &stranger)] {
        probe.attribute(span, "after", true);
        probe.event(span, "after");
        probe.end(span);
    }
    Ok([probe.settled(), other.settled()].map(|seen| seen.outlines_by(with_end)))
}

/// The content of a span, and whether the intruding call has ended it.
fn with_end(span: &Delivered) -> String {
    let intruded = if span.end_unix_nanos == INTRUDED { " ended by the intruder" } else { "" };
    format!("{}{intruded}", outline(span))
}
