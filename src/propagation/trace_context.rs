//! W3C Trace Context over a carrier: `traceparent` and `tracestate` together.

use super::carrier::{Getter, Setter};
use super::traceparent::{format_traceparent, parse_traceparent};
use crate::{SpanContext, TraceState};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The least that must be propagated of a `tracestate` (W3C Trace Context, section "tracestate
/// Limits").
const TRACESTATE_BYTES_MIN: usize = 512;

/// Half of the 8 KiB that common servers allow for all headers of a request together: a stranger's
/// `tracestate` must not make our own calls fail.
const TRACESTATE_BYTES_DEFAULT: usize = 4096;

/// Reads and writes `traceparent` and `tracestate` as W3C Trace Context level 2 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContextPropagator {
    tracestate_bytes_max: usize,
}

impl TraceContextPropagator {
    /// The headers that [`inject`](Self::inject) may write. A carrier that is used again must be
    /// cleared of them, for a context without trace state leaves `tracestate` alone.
    pub const FIELDS: [&'static str; 2] = [TRACEPARENT, TRACESTATE];

    /// A propagator that sends at most 4096 bytes of `tracestate`.
    #[must_use]
    pub const fn new() -> Self {
        Self { tracestate_bytes_max: TRACESTATE_BYTES_DEFAULT }
    }

    /// Sends at most `bytes` of `tracestate`, but never fewer than the 512 that the standard asks
    /// for. What is longer is cut by [`TraceState::truncated`].
    #[must_use]
    pub const fn tracestate_bytes_max(self, bytes: usize) -> Self {
        let bytes = if bytes < TRACESTATE_BYTES_MIN { TRACESTATE_BYTES_MIN } else { bytes };
        Self { tracestate_bytes_max: bytes }
    }

    /// The context of the caller's span, or `None` if there was none that is well-formed.
    ///
    /// Two `traceparent` headers are as bad as none. A malformed `tracestate` counts as empty and
    /// does not affect the rest; several are combined in order. Without trace state nothing is
    /// allocated.
    #[must_use]
    pub fn extract(&self, carrier: &(impl Getter + ?Sized)) -> Option<SpanContext> {
        let mut found = 0;
        let mut context = None;
        carrier.for_each_value(TRACEPARENT, &mut |value| {
            found += 1;
            context = if found == 1 { parse_traceparent(value).ok() } else { None };
        });
        // Where the `traceparent` is bad the standard forbids so much as to look further.
        context.map(|context| context.with_trace_state(extract_tracestate(carrier)))
    }

    /// Writes `context` to the carrier; nothing, if it is not valid.
    pub fn inject(&self, context: &SpanContext, carrier: &mut (impl Setter + ?Sized)) {
        if !context.is_valid() {
            return;
        }
        let value = format_traceparent(context.trace_id(), context.span_id(), context.flags());
        // The value is ASCII, so this always sets it.
        if let Ok(value) = std::str::from_utf8(&value) {
            carrier.set(TRACEPARENT, value);
        }
        let state = context.trace_state();
        if state.as_str().len() > self.tracestate_bytes_max {
            set_tracestate(&state.truncated(self.tracestate_bytes_max), carrier);
        } else {
            set_tracestate(state, carrier);
        }
    }
}

impl Default for TraceContextPropagator {
    fn default() -> Self {
        Self::new()
    }
}

fn extract_tracestate(carrier: &(impl Getter + ?Sized)) -> TraceState {
    let mut parser = TraceState::parser();
    let mut well_formed = true;
    carrier.for_each_value(TRACESTATE, &mut |value| {
        well_formed = well_formed && parser.push(value).is_ok();
    });
    if well_formed { parser.finish() } else { TraceState::EMPTY }
}

fn set_tracestate(state: &TraceState, carrier: &mut (impl Setter + ?Sized)) {
    if !state.is_empty() {
        carrier.set(TRACESTATE, state.as_str());
    }
}
