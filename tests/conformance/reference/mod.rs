//! A tracer as plain as can be: a mutex around lists. It keeps the contract, unless it is given a
//! fault.

mod flush;
mod handles;

use crate::fault::{Call, Fault};
use crate::values;
use bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};
use nanospan::conformance::tracer::{Delivered, DeliveredEvent, Setup, Subject};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ids of all tracers, so that no two give the same.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Reference {
    sampled: bool,
    fault: Option<Fault>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Vec<Live>,
    /// Ended and not yet delivered.
    ended: Vec<Delivered>,
    delivered: Vec<Delivered>,
    unreachable: bool,
    /// Whether a flush has met the back-end unreachable.
    had_outage: bool,
    flushes: u64,
    /// Whether a flush is under way; for a fault only.
    flushing: bool,
    started: u64,
    /// What a fault delivers a flush too late, or once more.
    held_back: Vec<Delivered>,
}

struct Live {
    handle: SpanHandle,
    span: Delivered,
    thread: ThreadId,
    start_is_given: bool,
    /// How many attributes the span was started with.
    initial: usize,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64
}

fn handle_of(span: &Delivered) -> SpanHandle {
    SpanHandle { trace_id: span.trace_id, span_id: span.span_id }
}

impl Reference {
    fn new(sampled: bool, fault: Option<Fault>) -> Self {
        Self { sampled, fault, state: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_id(&self, state: &mut State) -> u64 {
        state.started += 1;
        if self.has(Fault::HandlesCountFromOne) {
            state.started
        } else {
            NEXT_ID.fetch_add(1, Ordering::Relaxed)
        }
    }
}

impl Live {
    fn of(handle: SpanHandle, span: Delivered) -> Self {
        Self {
            handle,
            initial: span.attributes.len(),
            span,
            thread: thread::current().id(),
            start_is_given: true,
        }
    }
}

impl TracerPlugin for Reference {
    fn name(&self) -> &str {
        match self.fault {
            Some(Fault::NameIsEmpty) => "",
            Some(Fault::NameChanges) if self.state().flushes > 0 => "tracer-flushed",
            _ => "tracer-reference",
        }
    }

    fn start_span(&self, start: SpanStart<'_>) -> SpanHandle {
        let mut state = self.state();
        assert!(!(state.unreachable && self.has(Fault::StartPanicsInAnOutage)), "no back-end");
        if state.had_outage && self.has(Fault::OutageStopsRecording) {
            return SpanHandle::INVALID;
        }
        let id = self.new_id(&mut state);
        let Some((trace_id, parent_span_id)) = self.place(&state, start.parent, id) else {
            return SpanHandle::INVALID;
        };
        let zero = parent_span_id.is_none() && self.has(Fault::RootsSpanIdIsZero);
        let span_id = if zero { [0; 8] } else { id.to_be_bytes() };
        let mut span = Delivered {
            trace_id,
            span_id,
            parent_span_id,
            name: values::name(self.fault, start.name),
            kind: match self.fault {
                Some(Fault::KindIsInternal) => SpanKind::Internal,
                Some(Fault::KindIsServerByDefault) if start.kind == SpanKind::Internal => SpanKind::Server,
                _ => start.kind,
            },
            start_unix_nanos: values::start_time(self.fault, start.start_time_unix_nanos).unwrap_or_else(now),
            ..Delivered::default()
        };
        if self.has(Fault::StatusIsOkAtFirst) {
            span.status = SpanStatus::Ok;
        }
        values::initial(self.fault, &mut span.attributes, start.attributes);
        let below_invalid = start.parent.is_some_and(|parent| parent.is_invalid());
        if below_invalid && self.has(Fault::ChildOfInvalidIsDelivered) {
            state.ended.push(span);
            return SpanHandle::INVALID;
        }
        if !self.sampled && !self.has(Fault::SamplerIsIgnored) {
            if self.has(Fault::RejectedSpanIsDelivered) {
                state.ended.push(span);
            }
            return SpanHandle::INVALID;
        }
        let mut live = Live::of(SpanHandle { trace_id, span_id }, span);
        live.start_is_given = start.start_time_unix_nanos.is_some();
        if self.has(Fault::HandleIsGivenTwice) && state.live.len() > 300 {
            live.handle = state.live[300].handle;
        }
        if self.has(Fault::ForeignParentIsAdopted) {
            handles::share(live.handle);
        }
        let handle = live.handle;
        state.live.push(live);
        handle
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, value: AttrValue) {
        assert!(!(key.is_empty() && self.has(Fault::EmptyKeyPanics)), "no key");
        self.on_live(Call::SetAttribute, span, |live| {
            values::set(self.fault, &mut live.span.attributes, live.initial, key, value);
        });
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        self.on_live(Call::SetStatus, span, |live| {
            values::set_status(self.fault, &mut live.span.status, status)
        });
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        while self.has(Fault::EventWaitsForTheEndOfAnOutage) && self.state().unreachable {
            thread::sleep(Duration::from_millis(10));
        }
        self.on_live(Call::AddEvent, span, |live| {
            let start = live.span.start_unix_nanos;
            let time = values::event_time(self.fault, event.time_unix_nanos, start).unwrap_or_else(now);
            let attributes = values::event_attributes(self.fault, event.attributes);
            let name = values::event_name(self.fault, event.name);
            let event = DeliveredEvent { name, time_unix_nanos: time, attributes };
            values::add_event(self.fault, &mut live.span.events, event);
        });
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        let late = end_time_unix_nanos == Some(u64::MAX);
        assert!(!(late && self.has(Fault::LateEndPanics)), "overflow");
        let mut state = self.state();
        let Some(mut live) = self.take(&mut state, span) else { return };
        if self.has(Fault::StartIsReadAtTheEnd) && !live.start_is_given {
            live.span.start_unix_nanos = now();
        }
        values::end(self.fault, &mut live.span, end_time_unix_nanos, now);
        if self.has(Fault::EndTakesTheChildrenAlong) {
            let parent = Some(live.span.span_id);
            state.live.retain(|child| child.span.parent_span_id != parent);
        }
        state.ended.push(live.span);
    }

    fn flush(&self) -> Result<(), String> {
        self.deliver()
    }
}

pub(crate) struct ReferenceSubject(Arc<Reference>);

impl ReferenceSubject {
    pub(crate) fn new(setup: &Setup, fault: Option<Fault>) -> Self {
        Self(Arc::new(Reference::new(setup.sampled, fault)))
    }
}

impl Subject for ReferenceSubject {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.0.clone()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        let mut delivered = self.0.state().delivered.clone();
        if self.0.has(Fault::SpanIdIsReversedOnTheWire) {
            for span in &mut delivered {
                span.span_id.reverse();
                span.parent_span_id.iter_mut().for_each(|id| id.reverse());
            }
        }
        vec![delivered]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.0.state().unreachable = unreachable;
        true
    }
}
