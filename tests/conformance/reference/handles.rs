//! What a handle names: the parent of a new span, or the span that a call is about.

use super::{Live, Reference, State, handle_of};
use crate::fault::{Call, Fault, Sort};
use bext_plugin_api::tracer::SpanHandle;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Handles of all tracers with [`Fault::ForeignParentIsAdopted`].
static SHARED: Mutex<Vec<SpanHandle>> = Mutex::new(Vec::new());

pub(super) fn share(handle: SpanHandle) {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
}

fn is_shared(handle: SpanHandle) -> bool {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner).contains(&handle)
}

impl State {
    fn has_ended(&self, handle: SpanHandle) -> bool {
        self.ended.iter().chain(&self.delivered).any(|span| handle_of(span) == handle)
    }
}

impl Reference {
    /// The trace and the parent of a new span; `None` if it is not to be recorded.
    pub(super) fn place(
        &self,
        state: &State,
        parent: Option<SpanHandle>,
        id: u64,
    ) -> Option<([u8; 16], Option<[u8; 8]>)> {
        let own_trace = (0x0123_4567_89ab_cdef_u128 << 64 | u128::from(id)).to_be_bytes();
        let root = (own_trace, self.has(Fault::RootsParentIsZero).then_some([0; 8]));
        let below = |parent: SpanHandle| (parent.trace_id, Some(parent.span_id));
        let Some(parent) = parent else {
            let ambient = state.live.last().filter(|_| self.has(Fault::ParentIsTheLastLiveSpan));
            return Some(ambient.map_or(root, |live| below(live.handle)));
        };
        if parent.is_invalid() {
            let recorded =
                self.has(Fault::InvalidParentIsRooted) || self.has(Fault::ChildOfInvalidIsDelivered);
            return recorded.then_some(root);
        }
        let is_parent = |live: &Live| match self.fault {
            Some(Fault::ParentIsFoundByTrace) => live.handle.trace_id == parent.trace_id,
            Some(Fault::ParentIsFoundBySpan) => live.handle.span_id == parent.span_id,
            _ => live.handle == parent,
        };
        if state.live.iter().any(is_parent) {
            return Some(match self.fault {
                Some(Fault::ParentIsForgotten) => (parent.trace_id, None),
                Some(Fault::ChildHasItsOwnTrace) => (own_trace, Some(parent.span_id)),
                _ => below(parent),
            });
        }
        match self.fault {
            Some(Fault::ForeignParentIsAdopted) if is_shared(parent) => Some(below(parent)),
            Some(Fault::ChildOfEndedParentIsLost) if state.has_ended(parent) => None,
            _ => Some(root),
        }
    }

    /// Where in the list the live span is that a handle names.
    fn live(&self, state: &State, handle: SpanHandle) -> Option<usize> {
        let stays = self.has(Fault::SpansStayOnTheirThread);
        let is_mine = |live: &Live| !stays || live.thread == thread::current().id();
        state.live.iter().position(|live| live.handle == handle && is_mine(live))
    }

    /// Of which sort a handle is that names no live span, if a call on it is to have an effect.
    fn stray(&self, state: &State, call: Call, handle: SpanHandle) -> Option<Sort> {
        let sort = if handle.is_invalid() {
            Sort::Invalid
        } else if state.has_ended(handle) {
            Sort::Ended
        } else {
            assert!(!self.has(Fault::UnknownHandlePanics(call)), "no such span");
            Sort::Unknown
        };
        self.has(Fault::Stray(call, sort)).then_some(sort)
    }

    /// Calls `record` on the live span that a handle names.
    pub(super) fn on_live(&self, call: Call, handle: SpanHandle, record: impl FnOnce(&mut Live)) {
        let mut state = self.state();
        if let Some(mut at) = self.live(&state, handle) {
            if self.has(Fault::RecordsGoToTheThreadsLastSpan) {
                let last = state.live.iter().rposition(|live| live.thread == thread::current().id());
                at = last.unwrap_or(at);
            }
            return record(&mut state.live[at]);
        }
        match self.stray(&state, call, handle) {
            None => {}
            Some(Sort::Invalid | Sort::Unknown) => {
                if let Some(live) = state.live.last_mut() {
                    record(live);
                }
            }
            Some(Sort::Ended) => {
                if let Some(at) = state.ended.iter().position(|span| handle_of(span) == handle) {
                    let mut live = Live::of(handle, state.ended.remove(at));
                    record(&mut live);
                    state.ended.insert(at, live.span);
                }
            }
        }
    }

    /// Takes the live span that a handle names, to end it.
    pub(super) fn take(&self, state: &mut State, handle: SpanHandle) -> Option<Live> {
        if let Some(at) = self.live(state, handle) {
            return Some(state.live.remove(at));
        }
        match self.stray(state, Call::EndSpan, handle)? {
            Sort::Invalid | Sort::Unknown => state.live.pop(),
            Sort::Ended => {
                let mut spans = state.ended.iter().chain(&state.delivered);
                let again = spans.find(|span| handle_of(span) == handle)?.clone();
                Some(Live::of(handle, again))
            }
        }
    }
}
