//! How a span comes to be: its parent, the sampler, and what is recorded at its start.

use crate::context::{SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState};
use crate::drain::REMOTE;
use crate::raw::engine::Gate;
use crate::raw::local::Target;
use crate::raw::packed::TextParts;
use crate::raw::record::Kind;
use crate::raw::slot::{NameWord, Start};
use crate::raw::suppress::is_suppressed;
use crate::raw::tally::Count;
use crate::sampling::ParentSample;
use crate::tracer::Core;
use crate::tracer::position::{Below, Parent, Position, Sample, below_context, below_handle, below_span};
use crate::tracer::span::{Span, link_to};
use crate::tracer::timestamp::Timestamp;
use crate::value::{SpanKind, Text, Value};
use std::thread;

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

impl Core {
    /// Starts a root with a static name and nothing else to record.
    #[inline(never)]
    fn start_root(&'static self, name: TextParts, kind: SpanKind) -> Span {
        if self.sampler.never(ParentSample::None) && self.engine.gate() == Gate::Open {
            // A root under a sampler that takes none. It gets ids so that services below it learn of the
            // decision; 64 random bits will do.
            if let Some(own) = self.engine.registry.own_last() {
                own.local().tally.add_own(Count::NotSampled, 1);
                return self.unsampled(own.local().ids.next_short());
            }
        }
        // As in `Span::start_child`.
        if thread::panicking() {
            return self.start_root_at_length(name, kind);
        }
        self.start_root_calmly(name, kind)
    }

    #[inline(never)]
    fn start_root_calmly(&'static self, name: TextParts, kind: SpanKind) -> Span {
        let (true, Some(word)) = (self.sampler.always(ParentSample::None), NameWord::of_parts(name)) else {
            return self.start_root_at_length(name, kind);
        };
        let flags = TraceFlags::RANDOM.with_sampled(true);
        let started = self.engine.start_short(|own, ticks| Start {
            trace_id: own.local().ids.next(),
            parent: 0,
            ticks,
            name: word,
            kind: kind as u8,
            flags: flags.to_byte(),
        });
        match started {
            Some((target, start)) => Span::started(self, target, TraceId::from_u128(start.trace_id), flags),
            None => self.start_root_at_length(name, kind),
        }
    }

    #[inline(never)]
    fn start_root_at_length(&'static self, name: TextParts, kind: SpanKind) -> Span {
        SpanBuilder::new(Some(self), Text::Static(name.text())).kind(kind).start_elsewhere()
    }

    #[inline]
    fn unsampled(&'static self, trace_id: u128) -> Span {
        let span_id = SpanId::from_u64((trace_id >> 64) as u64);
        let trace_id = TraceId::from_u128(trace_id);
        Span::passing(Some(self), trace_id, span_id, TraceFlags::RANDOM, TraceState::EMPTY)
    }

    /// Asks the sampler, then starts a span now. `bytes` are the flags and, above them, the kind.
    /// `None` when the span is not sampled or was refused; either is counted.
    #[inline(never)]
    fn begin<const BY_HANDLE: bool>(
        &self,
        trace_id: u128,
        parent: u64,
        name: NameWord,
        bytes: u16,
        sample: Sample,
    ) -> Option<Target> {
        if is_suppressed() {
            self.engine.count(Count::Suppressed, 1);
            return None;
        }
        let sampled = match sample {
            Sample::Ask(sample) => self.sampler.decide(sample, || trace_id),
            decided => decided == Sample::Taken,
        };
        if !sampled {
            self.engine.count(Count::NotSampled, 1);
            return None;
        }
        let [flags, kind] = bytes.to_le_bytes();
        let ticks = self.engine.clock.ticks();
        self.engine.start::<BY_HANDLE>(&Start { trace_id, parent, ticks, name, kind, flags })
    }
}

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

    /// Makes the span a child of a span, by that span's tracer.
    #[inline(always)]
    pub(crate) fn below(mut self, parent: &'a Span) -> Self {
        self.parent = Parent::Own(parent);
        self
    }

    /// The tracer that is to make the span.
    #[inline(always)]
    fn core(&self) -> Option<&'static Core> {
        match self.parent {
            Parent::Own(parent) => parent.core(),
            _ => self.core,
        }
    }

    /// Replaces the parent.
    #[inline(always)]
    fn with_parent(mut self, parent: Parent<'a>) -> Self {
        self.core = self.core();
        self.parent = parent;
        self
    }

    /// Makes the span a child of a span of the same tracer. Below a span that is not sampled the
    /// [sampler](crate::sampling::Sampler) decides, and by default nothing is recorded there; a span of another
    /// tracer is no parent, and the new one a root.
    #[inline]
    pub fn child_of(self, parent: &'a Span) -> Self {
        self.with_parent(Parent::Span(parent))
    }

    /// Makes the span a child of the one that a context describes: a remote one as extracted from a
    /// request, or a local one. `None`, as from a request that carried no context, leaves it a root.
    ///
    /// An invalid context gives an invalid span, counted in
    /// [`Stats::invalid_parent`](crate::Stats::invalid_parent). A local context that this tracer did
    /// not make is no parent, and the span a root.
    #[inline]
    pub fn child_of_context(self, parent: impl Into<Option<&'a SpanContext>>) -> Self {
        self.with_parent(parent.into().map_or(Parent::None, Parent::Context))
    }

    /// Makes the span a child of the one that a handle of this tracer names, also one that has
    /// ended. [`SpanHandle::INVALID`] gives an invalid span; any other handle that this tracer did
    /// not make is no parent, and the span a root.
    #[inline]
    pub fn child_of_handle(self, parent: SpanHandle) -> Self {
        self.with_parent(Parent::Handle(parent))
    }

    /// Makes the span a root in this trace.
    #[cfg(feature = "bext")]
    #[inline(always)]
    pub(crate) fn root_in(mut self, trace_id: TraceId) -> Self {
        self.parent = Parent::Trace(trace_id);
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

    /// Sets attributes, as [`Span::set_attributes`] does right after the start. A second call
    /// replaces the first one's.
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
    #[inline(always)]
    pub fn start(self) -> Span {
        // Which of these it is, is known where the call is. Each is one call, whose result is returned
        // as it is: a span that is looked at here would be copied.
        if let Text::Static(name) = self.name {
            match (self.parent, TextParts::of(name)) {
                (Parent::Own(parent), Some(name)) => {
                    if let Some(core) = parent.passes_on() {
                        return parent.passed_on(core);
                    }
                    if self.has_more() {
                        return parent.start_child_with(name, self.kind, &self.more());
                    }
                    return parent.start_child(name, self.kind);
                }
                (Parent::None, Some(name)) if !self.has_more() => {
                    if let Some(core) = self.core {
                        return core.start_root(name, self.kind);
                    }
                }
                _ => {}
            }
        }
        self.start_elsewhere()
    }

    #[inline(always)]
    fn more(&self) -> More<'a> {
        More { start: self.start, attributes: self.attributes, links: self.links }
    }

    /// Starts the span by a call, whatever it is.
    #[inline(always)]
    pub(crate) fn start_elsewhere(self) -> Span {
        let core = self.core();
        let Self { core: _, name, kind, parent, start, attributes, links } = self;
        Elsewhere { links, attributes, start, parent, kind, name, core }.start()
    }

    fn start_below(self, core: &'static Core, below: Below<'_>) -> Span {
        let flags = below.flags.with_sampled(true);
        let Some(target) = self.record_below::<false>(core, &below, flags) else {
            let flags = flags.with_sampled(false);
            // A root that was refused has an id all the same: see `unsampled`.
            let high = (below.trace_id.to_u128() >> 64) as u64;
            let span_id = SpanId::from_u64(if below.span_id == 0 { high | 1 } else { below.span_id });
            return Span::passing(Some(core), below.trace_id, span_id, flags, below.state.into_owned());
        };
        Span::recording(core, target, below.trace_id, flags, below.state.into_owned())
    }

    /// Records the start; `None` when the span is not sampled or was refused.
    #[inline(always)]
    fn record_below<const BY_HANDLE: bool>(
        self,
        core: &'static Core,
        below: &Below<'_>,
        flags: TraceFlags,
    ) -> Option<Target> {
        let name = match self.name {
            Text::Static(name) => NameWord::of_static(name),
            Text::Copied(name) => core.engine.kept(name).map_or(NameWord::ELSEWHERE, NameWord::of_static),
        };
        let remote = if below.remote { REMOTE } else { 0 };
        let bytes = u16::from(flags.to_byte() | remote) | (self.kind as u16) << 8;
        let target =
            core.begin::<BY_HANDLE>(below.trace_id.to_u128(), below.span_id, name, bytes, below.sample)?;
        if name.is_elsewhere() {
            core.engine.name(target, self.name.as_str());
        }
        if !below.state.is_empty() || self.has_more() {
            self.more().record(core, target, &below.state);
        }
        Some(target)
    }

    fn start_root(self, core: &'static Core) -> Span {
        match Below::root(core) {
            Ok(below) => self.start_below(core, below),
            // A thread without ids.
            Err(0) => Span::invalid(Some(core)),
            Err(trace_id) => core.unsampled(trace_id),
        }
    }

    /// Starts the span and returns its handle only: it ends by
    /// [`Tracer::end_span`](crate::Tracer::end_span), not by a drop.
    ///
    /// Whoever gets the handle has to end the span. In async code a future that is dropped between
    /// this call and the hand-over leaves it live for ever, and its block with it: make sure of the
    /// receiver first.
    #[inline(always)]
    pub fn start_handle(self) -> SpanHandle {
        let Some(core) = self.core() else { return SpanHandle::INVALID };
        match self.start_target(core) {
            Some((target, trace_id)) => core.handle_of(target, trace_id),
            None => SpanHandle::INVALID,
        }
    }

    /// Starts the span: where it is, and its trace. `core` is the builder's own. `None` when it is not
    /// sampled, or was refused, or its parent is invalid.
    #[inline(always)]
    pub(crate) fn start_target(self, core: &'static Core) -> Option<(Target, TraceId)> {
        if let Parent::Handle(parent) = self.parent {
            let flags = core.engine.parent_flags(parent.trace_id.to_u128(), parent.span_id.to_u64());
            if let Some(flags) = flags.filter(|_| !core.sampler.marks(ParentSample::LocalSampled)) {
                // The common case: not the first span that this thread starts below that one.
                return self.target_below(core, &Below::live(parent, flags));
            }
        }
        self.start_target_elsewhere(core)
    }

    /// As [`start_target`](Self::start_target), below the span that is named by this handle and was found
    /// there.
    #[cfg(feature = "bext")]
    #[inline(always)]
    pub(crate) fn start_target_below(
        self,
        core: &'static Core,
        parent: SpanHandle,
        found: Target,
    ) -> Option<(Target, TraceId)> {
        if found.is_live() && !core.sampler.marks(ParentSample::LocalSampled) {
            return self.target_below(core, &Below::live(parent, found.slot().flags()));
        }
        self.child_of_handle(parent).start_target_elsewhere(core)
    }

    #[inline(never)]
    fn start_target_elsewhere(self, core: &'static Core) -> Option<(Target, TraceId)> {
        #[cfg(feature = "bext")]
        if let Parent::Handle(handle) = self.parent {
            if let Some(context) = core.held(handle) {
                let below: SpanBuilder<'_> = self;
                return below.child_of_context(&context).start_target_elsewhere(core);
            }
        }
        let below = match self.position(core) {
            Position::Below(below) => below.decided(core),
            Position::Root => Below::root(core).ok()?,
            Position::Nowhere => {
                core.engine.count(Count::InvalidParent, 1);
                return None;
            }
        };
        self.target_below(core, &below)
    }

    #[inline(always)]
    fn target_below(self, core: &'static Core, below: &Below<'_>) -> Option<(Target, TraceId)> {
        let target = self.record_below::<true>(core, below, below.flags.with_sampled(true))?;
        Some((target, below.trace_id))
    }

    #[inline(always)]
    fn has_more(&self) -> bool {
        self.start.is_some() || !self.attributes.is_empty() || !self.links.is_empty()
    }

    /// Without a tracer: passes the parent's ids on.
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

    fn position(&self, core: &'static Core) -> Position<'a> {
        match self.parent {
            Parent::None => Position::Root,
            Parent::Own(span) | Parent::Span(span) => below_span(core, span),
            Parent::Context(context) => below_context(core, context),
            Parent::Handle(handle) => below_handle(core, handle),
            #[cfg(feature = "bext")]
            Parent::Trace(trace_id) => Position::Below(Below::root_in(core, trace_id)),
        }
    }
}

/// A builder on its way out of line. A type of its own: the builder itself, handed on, would be laid
/// out in memory by every caller of `start`, whichever way it goes.
struct Elsewhere<'a> {
    links: &'a [SpanContext],
    attributes: &'a [(Text<'a>, Value<'a>)],
    start: Option<Timestamp>,
    parent: Parent<'a>,
    kind: SpanKind,
    name: Text<'a>,
    core: Option<&'static Core>,
}

impl Elsewhere<'_> {
    /// No tracer, a root, or a span whose parent is not a recording span of this tracer.
    #[inline(never)]
    fn start(self) -> Span {
        let Self { links, attributes, start, parent, kind, name, core } = self;
        let builder = SpanBuilder { core, name, kind, parent, start, attributes, links };
        let Some(core) = core else { return builder.start_noop() };
        match builder.position(core) {
            Position::Root => builder.start_root(core),
            Position::Below(below) => builder.start_below(core, below.decided(core)),
            Position::Nowhere => {
                core.engine.count(Count::InvalidParent, 1);
                Span::invalid(Some(core))
            }
        }
    }
}

/// What does not fit into the slot.
pub(crate) struct More<'a> {
    start: Option<Timestamp>,
    attributes: &'a [(Text<'a>, Value<'a>)],
    links: &'a [SpanContext],
}

impl More<'_> {
    #[inline(never)]
    pub(crate) fn record(&self, core: &'static Core, target: Target, state: &TraceState) {
        let engine = core.engine;
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
