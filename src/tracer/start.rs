//! How a span comes to be: its parent, the sampler, and what is recorded at its start.

use crate::context::{SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState};
use crate::drain::REMOTE;
use crate::raw::block::Start;
use crate::raw::engine::Found;
use crate::raw::local::Target;
use crate::raw::record::Kind;
use crate::raw::tally::Count;
use crate::sampling::ParentSample;
use crate::tracer::Core;
use crate::tracer::span::{Span, Timestamp, link_to};
use crate::value::{SpanKind, Text, Value};

/// Whose child a span is to be.
#[derive(Debug, Clone, Copy)]
enum Parent<'a> {
    None,
    Span(&'a Span),
    Context(&'a SpanContext),
    Handle(SpanHandle),
}

/// A span in the making; made by [`Tracer::span`](crate::Tracer::span) and [`Span::child`].
#[derive(Debug, Clone, Copy)]
#[must_use = "a span builder does nothing before `start`"]
pub struct SpanBuilder<'a> {
    core: Option<&'static Core>,
    name: Text<'a>,
    kind: SpanKind,
    parent: Parent<'a>,
    start: Option<Timestamp>,
    attributes: &'a [(Text<'a>, Value<'a>)],
    links: &'a [SpanContext],
}

/// Where in a trace a span will stand, once its parent has been looked at.
#[derive(Debug)]
enum Position<'a> {
    Root,
    Below {
        trace_id: TraceId,
        span_id: SpanId,
        flags: TraceFlags,
        sample: ParentSample,
        state: &'a TraceState,
    },
    /// Under an invalid parent: the span is invalid too.
    Nowhere,
}

static NO_STATE: TraceState = TraceState::EMPTY;

impl<'a> SpanBuilder<'a> {
    #[inline(always)]
    pub(crate) fn new(core: Option<&'static Core>, name: Text<'a>) -> Self {
        Self {
            core,
            name,
            kind: SpanKind::Internal,
            parent: Parent::None,
            start: None,
            attributes: &[],
            links: &[],
        }
    }

    /// Makes the span a child of a span of the same tracer. A span that is not recording has
    /// children that are not either; a span of another tracer is no parent, and the new one a root.
    #[inline]
    pub fn child_of(mut self, parent: &'a Span) -> Self {
        self.parent = Parent::Span(parent);
        self
    }

    /// Makes the span a child of the one that a context describes: a remote one as extracted from a
    /// request, or a local one.
    ///
    /// An invalid context gives an invalid span, counted in
    /// [`Stats::invalid_parent`](crate::Stats::invalid_parent). A local context that this tracer did
    /// not make is no parent, and the span a root.
    #[inline]
    pub fn child_of_context(mut self, parent: &'a SpanContext) -> Self {
        self.parent = Parent::Context(parent);
        self
    }

    /// Makes the span a child of the one that a handle of this tracer names, also one that has
    /// ended. [`SpanHandle::INVALID`] gives an invalid span; any other handle that this tracer did
    /// not make is no parent, and the span a root.
    #[inline]
    pub fn child_of_handle(mut self, parent: SpanHandle) -> Self {
        self.parent = Parent::Handle(parent);
        self
    }

    /// Sets the role that the span plays.
    #[inline]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets when the span began, instead of now.
    #[inline]
    pub fn start_time(mut self, time: impl Into<Timestamp>) -> Self {
        self.start = Some(time.into());
        self
    }

    /// Sets attributes, as [`Span::set_attributes`] does right after the start.
    #[inline]
    pub fn attributes(mut self, attributes: &'a [(Text<'a>, Value<'a>)]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Links the span to others, without attributes on the links.
    #[inline]
    pub fn links(mut self, links: &'a [SpanContext]) -> Self {
        self.links = links;
        self
    }

    /// Starts the span.
    #[inline]
    pub fn start(self) -> Span {
        let Some(core) = self.core else { return self.start_noop() };
        let (trace_id, parent, flags, state) = match self.position(core) {
            Position::Root => {
                // Not in a forked child: the registry may have to take a mutex there.
                let own = core.engine.own();
                let trace_id = own.map_or(0, |own| own.local().ids.next());
                if !core.sampler.decide(ParentSample::None, || trace_id) {
                    return not_sampled_root(core, trace_id);
                }
                (TraceId::from_u128(trace_id), 0, TraceFlags::SAMPLED.with_random(true), &NO_STATE)
            }
            Position::Below { trace_id, span_id, flags, sample, state } => {
                if !core.sampler.decide(sample, || trace_id.to_u128()) {
                    core.engine.count(Count::NotSampled, 1);
                    let flags = flags.with_sampled(false);
                    return Span::passing(self.core, trace_id, span_id, flags, state.clone());
                }
                (trace_id, span_id.to_u64(), flags.with_sampled(true), state)
            }
            Position::Nowhere => {
                core.engine.count(Count::InvalidParent, 1);
                return Span::invalid(self.core);
            }
        };
        let engine = core.engine;
        let remote = if self.is_remote() { REMOTE } else { 0 };
        let byte = flags.to_byte() | remote;
        let ticks = engine.clock.ticks();
        let start = Start::new(trace_id.to_u128(), parent, self.name, self.kind as u8, byte, ticks);
        let Some(target) = engine.start(engine.own(), &start) else {
            let flags = flags.with_sampled(false);
            return Span::passing(self.core, trace_id, SpanId::from_u64(parent), flags, state.clone());
        };
        if start.needs_name() || !state.is_empty() || self.has_more() {
            self.record_more(core, target, start.needs_name(), state);
        }
        Span::recording(core, target, trace_id, flags, state.clone())
    }

    /// Starts the span and returns its handle only: it ends by
    /// [`Tracer::end_span`](crate::Tracer::end_span), not by a drop.
    #[inline]
    pub fn start_handle(self) -> SpanHandle {
        let span = self.start();
        let handle = span.handle();
        // The fields have nothing to release but the trace state, which the records keep.
        span.detach();
        handle
    }

    #[inline(always)]
    fn is_remote(&self) -> bool {
        matches!(self.parent, Parent::Context(context) if context.is_remote())
    }

    #[inline(always)]
    fn has_more(&self) -> bool {
        self.start.is_some() || !self.attributes.is_empty() || !self.links.is_empty()
    }

    /// Without a tracer: passes the parent's ids on.
    #[cold]
    fn start_noop(self) -> Span {
        match self.parent {
            Parent::Context(context) => Span::passing(
                None,
                context.trace_id(),
                context.span_id(),
                context.flags(),
                context.trace_state().clone(),
            ),
            _ => Span::invalid(None),
        }
    }

    #[inline(always)]
    fn position(&self, core: &'static Core) -> Position<'a> {
        match self.parent {
            Parent::None => Position::Root,
            Parent::Span(span) => below_span(core, span),
            Parent::Context(context) => below_context(core, context),
            Parent::Handle(handle) => below_handle(core, handle),
        }
    }

    /// What does not fit into the slot.
    #[inline(never)]
    fn record_more(&self, core: &'static Core, target: Target, name: bool, state: &TraceState) {
        let engine = core.engine;
        if name {
            engine.text(target, Kind::Name, self.name);
        }
        if !state.is_empty() {
            engine.text(target, Kind::TraceState, Text::Copied(state.as_str()));
        }
        if let Some(time) = self.start {
            engine.time(target, Kind::StartTime, time.unix_nanos());
        }
        if !self.attributes.is_empty() {
            engine.attributes(target, self.attributes);
        }
        for link in self.links {
            engine.link(target, &link_to(link), &[]);
        }
    }
}

/// Counts a root that the sampler rejected. It gets ids, so that services below it know the
/// decision.
#[inline]
fn not_sampled_root(core: &'static Core, trace_id: u128) -> Span {
    core.engine.count(Count::NotSampled, 1);
    let span_id = SpanId::from_u64((trace_id >> 64) as u64 | 1);
    let trace_id = TraceId::from_u128(trace_id);
    Span::passing(Some(core), trace_id, span_id, TraceFlags::RANDOM, TraceState::EMPTY)
}

#[inline(always)]
fn below_span<'a>(core: &'static Core, span: &'a Span) -> Position<'a> {
    let same = span.core().is_some_and(|other| std::ptr::eq(other, core));
    if !same && span.is_recording() {
        return Position::Root;
    }
    if !span.trace_id().is_valid() {
        return Position::Nowhere;
    }
    let sample = if span.is_recording() { ParentSample::LocalSampled } else { ParentSample::LocalNotSampled };
    Position::Below {
        trace_id: span.trace_id(),
        span_id: span.span_id(),
        flags: span.flags(),
        sample,
        state: span.trace_state(),
    }
}

#[inline]
fn below_context<'a>(core: &'static Core, context: &'a SpanContext) -> Position<'a> {
    if !context.is_valid() {
        return Position::Nowhere;
    }
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    // A context of an unsampled span of ours carries an id that we did not mint.
    let is_ours = || core.engine.key.open(span_id.to_u64(), trace_id.to_u128()).is_some();
    if !context.is_remote() && context.is_sampled() && !is_ours() {
        return Position::Root;
    }
    Position::Below {
        trace_id,
        span_id,
        flags: context.flags(),
        sample: ParentSample::of(Some(context)),
        state: context.trace_state(),
    }
}

#[inline]
fn below_handle<'a>(core: &'static Core, handle: SpanHandle) -> Position<'a> {
    if handle.is_invalid() {
        return Position::Nowhere;
    }
    let flags = match core.engine.find(handle.trace_id.to_u128(), handle.span_id.to_u64()) {
        Found::Live(target) => {
            TraceFlags::from_byte(target.block.slot(target.place.slot()).flags() & !REMOTE)
        }
        // Its flags are gone with it. Only sampled spans have handles, and the random flag may be
        // left out by a service that does not know.
        Found::Ended => TraceFlags::SAMPLED,
        Found::Forged => return Position::Root,
    };
    Position::Below {
        trace_id: handle.trace_id,
        span_id: handle.span_id,
        flags,
        sample: ParentSample::LocalSampled,
        state: &NO_STATE,
    }
}
