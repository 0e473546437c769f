//! Where in a trace a span will stand: what it takes over from its parent, whichever way that is named.

use crate::context::{SpanContext, SpanHandle, TraceFlags, TraceId, TraceState};
use crate::drain::REMOTE;
use crate::raw::lookup::Found;
use crate::raw::tally::Count;
use crate::sampling::ParentSample;
use crate::seeded::{Bug, seeded};
use crate::tracer::Core;
use crate::tracer::span::Span;
use std::borrow::Cow;

/// Whose child a span is to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parent<'a> {
    None,
    /// A span of the tracer that is to make the new one; the builder's own is not known.
    Own(&'a Span),
    Span(&'a Span),
    Context(&'a SpanContext),
    Handle(SpanHandle),
    /// A root, in this trace.
    #[cfg(feature = "bext")]
    Trace(TraceId),
}

/// What a span takes over from its parent.
#[derive(Debug)]
pub(super) struct Below<'a> {
    pub(super) trace_id: TraceId,
    /// The parent's id; 0 for a root.
    pub(super) span_id: u64,
    pub(super) flags: TraceFlags,
    pub(super) sample: Sample,
    pub(super) remote: bool,
    pub(super) state: Cow<'a, TraceState>,
}

/// How the sampler stands to a span that is about to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// It is to be asked.
    Ask(ParentSample),
    Taken,
    Rejected,
}

impl<'a> Below<'a> {
    #[inline(always)]
    pub(super) fn of(parent: &'a Span) -> Self {
        Self {
            trace_id: parent.trace_id(),
            span_id: parent.span_id().to_u64(),
            flags: parent.flags(),
            sample: Sample::Ask(if parent.is_recording() {
                ParentSample::LocalSampled
            } else {
                ParentSample::LocalNotSampled
            }),
            remote: false,
            state: Cow::Borrowed(parent.trace_state()),
        }
    }

    /// A live span of ours that is recorded.
    #[inline(always)]
    pub(super) fn live(parent: SpanHandle, flags: u8) -> Self {
        Self {
            trace_id: parent.trace_id,
            span_id: parent.span_id.to_u64(),
            flags: TraceFlags::from_byte(flags & !REMOTE),
            sample: Sample::Ask(ParentSample::LocalSampled),
            remote: false,
            state: Cow::Borrowed(&NO_STATE),
        }
    }

    /// A root's place in a trace of its own; the trace's id only, and counted, when the sampler does
    /// not take it.
    pub(super) fn root(core: &'static Core) -> Result<Self, u128> {
        // A thread without ids is refused by `begin`.
        let trace_id = core.engine.own().map_or(0, |own| own.local().ids.next());
        let below = Self::root_in(core, TraceId::from_u128(trace_id));
        match below.sample {
            Sample::Taken => Ok(below),
            _ => {
                core.engine.count(Count::NotSampled, 1);
                Err(trace_id)
            }
        }
    }

    /// A root's place in this trace, as the sampler has decided it.
    #[inline(always)]
    pub(super) fn root_in(core: &'static Core, trace_id: TraceId) -> Self {
        let (sampled, state) = core.sampler.decide_for_root(trace_id.to_u128());
        let sample = if sampled { Sample::Taken } else { Sample::Rejected };
        Self { trace_id, span_id: 0, flags: TraceFlags::RANDOM, sample, remote: false, state }
    }

    /// Has the sampler decide where it reads the trace state or writes it.
    #[inline]
    pub(super) fn decided(mut self, core: &'static Core) -> Self {
        if let Sample::Ask(sample) = self.sample {
            if core.sampler.concerns(sample, &self.state) {
                if core.sampler.presumes_randomness(sample, self.flags, &self.state) {
                    core.pipeline.presumed_randomness();
                }
                let (sampled, state) =
                    core.sampler.decide_by_state(sample, self.trace_id.to_u128(), &self.state);
                self.sample = if sampled { Sample::Taken } else { Sample::Rejected };
                self.state = state;
            }
        }
        self
    }
}

/// Where in a trace a span will stand, once its parent has been looked at.
#[derive(Debug)]
pub(super) enum Position<'a> {
    Root,
    Below(Below<'a>),
    /// Under an invalid parent: the span is invalid too.
    Nowhere,
}

pub(crate) static NO_STATE: TraceState = TraceState::EMPTY;

#[inline]
pub(super) fn below_span<'a>(core: &'static Core, span: &'a Span) -> Position<'a> {
    if span.is_recording() && !span.is_recording_for(core) {
        return Position::Root;
    }
    if !span.trace_id().is_valid() {
        return Position::Nowhere;
    }
    Position::Below(Below::of(span))
}

#[inline]
pub(super) fn below_context<'a>(core: &'static Core, context: &'a SpanContext) -> Position<'a> {
    if !context.is_valid() {
        return Position::Nowhere;
    }
    let (trace_id, span_id) = (context.trace_id(), context.span_id().to_u64());
    // A local context of an unsampled span carries an id that we did not mint.
    let is_ours = || core.engine.key.open(span_id, trace_id.to_u128()).is_some();
    if !context.is_remote() && context.is_sampled() && !is_ours() {
        return Position::Root;
    }
    Position::Below(Below {
        trace_id,
        span_id,
        flags: context.flags(),
        sample: Sample::Ask(ParentSample::of(Some(context))),
        remote: context.is_remote(),
        state: Cow::Borrowed(context.trace_state()),
    })
}

#[inline]
pub(super) fn below_handle<'a>(core: &'static Core, handle: SpanHandle) -> Position<'a> {
    if handle.is_invalid() {
        return Position::Nowhere;
    }
    let (trace_id, span_id) = (handle.trace_id, handle.span_id.to_u64());
    let flags = match core.engine.find_parent(trace_id.to_u128(), span_id) {
        Found::Live(target) => {
            TraceFlags::from_byte(target.block.slot(target.place.slot()).flags() & !REMOTE)
        }
        Found::Ended if seeded(Bug::EndedParentLost) => return Position::Root,
        // Its flags are gone with it. Only sampled spans have handles, and the random flag may be
        // left out by a service that does not know.
        Found::Ended => TraceFlags::SAMPLED,
        Found::Forged => return Position::Root,
    };
    Position::Below(Below {
        trace_id,
        span_id,
        flags,
        sample: Sample::Ask(ParentSample::LocalSampled),
        remote: false,
        state: Cow::Borrowed(&NO_STATE),
    })
}
