//! A span while it is live.

mod record;
mod start;

use crate::context::{SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState};
use crate::drain::REMOTE;
use crate::raw::block::Block;
use crate::raw::engine::Link;
use crate::raw::handle::Place;
use crate::raw::local::Target;
use crate::raw::short;
use crate::tracer::Core;
use crate::tracer::position::NO_STATE;
use crate::tracer::start::SpanBuilder;
use crate::tracer::timestamp::Timestamp;
use crate::value::{StatusCode, Text};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// How an operation ended. The last status set before the end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Status<'a> {
    /// Nothing is said.
    #[default]
    Unset,
    /// It is explicitly a success.
    Ok,
    /// It failed; the text says why.
    Error(Text<'a>),
}

impl<'a> Status<'a> {
    /// A failure with a text that is copied.
    #[must_use]
    pub const fn error(description: &'a str) -> Self {
        Status::Error(Text::Copied(description))
    }

    pub(crate) fn parts(self) -> (u64, Text<'a>) {
        match self {
            Status::Unset => (StatusCode::Unset as u64, Text::Static("")),
            Status::Ok => (StatusCode::Ok as u64, Text::Static("")),
            Status::Error(text) => (StatusCode::Error as u64, text),
        }
    }
}

/// A span: ends when it is dropped.
///
/// Bind it to a name: `let _ = tracer.span("x").start();` drops it at once, and the span ends where
/// it began. A span may be moved to another thread and used there; only where it is *shared* while
/// live, use its [`handle`](Span::handle).
///
/// A span dropped by an unwinding panic gets the status [`Status::Error`], unless a status was set
/// on it or it was started by code that runs because of the panic.
///
/// A span that is not sampled, or was refused, is not recording: every call on it does nothing.
#[must_use = "a span ends when it is dropped: bind it to a name, not to `_`"]
pub struct Span {
    way: Way,
    /// The span's block while its way is the short one, else nobody's.
    short: &'static Block,
    /// Where a recording span lives.
    place: Place,
    trace_id: TraceId,
    /// The span's id. A recording span derives it from its place when it is first asked for; 0
    /// until then. Any thread that asks derives the same, so relaxed loads and stores will do.
    id: AtomicU64,
    flags: TraceFlags,
    /// Whether the drop of the span must not set a status.
    has_status: bool,
}

/// Which way the calls on a span go.
enum Way {
    /// The span is recording, by a tracer whose clock is the counter, and has no trace state.
    Short(&'static Core),
    /// The span is not recording, and has no trace state.
    Passing(Option<&'static Core>),
    /// Any other span. It is recording if it has a block. One variant for both, so that there is one
    /// place where a drop may find a trace state.
    Other { core: Option<&'static Core>, block: Option<&'static Block>, trace_state: TraceState },
}

impl Span {
    pub(crate) fn recording(
        core: &'static Core,
        target: Target,
        trace_id: TraceId,
        flags: TraceFlags,
        trace_state: TraceState,
    ) -> Self {
        let Target { block, place } = target;
        let (way, short) = if trace_state.is_empty() && core.engine.clock.is_counter() {
            (Way::Short(core), block)
        } else {
            (Way::Other { core: Some(core), block: Some(block), trace_state }, Block::nobodys())
        };
        Self { way, short, place, trace_id, id: AtomicU64::new(0), flags, has_status: thread::panicking() }
    }

    /// A span that records nothing but has ids to pass on.
    #[inline(always)]
    pub(crate) fn passing(
        core: Option<&'static Core>,
        trace_id: TraceId,
        span_id: SpanId,
        flags: TraceFlags,
        trace_state: TraceState,
    ) -> Self {
        let way = if trace_state.is_empty() {
            Way::Passing(core)
        } else {
            Way::Other { core, block: None, trace_state }
        };
        Self {
            way,
            short: Block::nobodys(),
            place: Place::NONE,
            trace_id,
            id: AtomicU64::new(span_id.to_u64()),
            flags,
            has_status: true,
        }
    }

    #[inline(always)]
    pub(crate) fn invalid(core: Option<&'static Core>) -> Self {
        Self::passing(core, TraceId::INVALID, SpanId::INVALID, TraceFlags::NONE, TraceState::EMPTY)
    }

    /// The tracer that made the span.
    #[inline(always)]
    pub(crate) fn core(&self) -> Option<&'static Core> {
        match self.way {
            Way::Short(core) => Some(core),
            Way::Passing(core) | Way::Other { core, .. } => core,
        }
    }

    /// The engine and the place, when the span is recording.
    #[inline(always)]
    pub(crate) fn live(&self) -> Option<(&'static Core, Target)> {
        let (core, block) = match self.way {
            Way::Short(core) => (core, self.short),
            Way::Other { core: Some(core), block: Some(block), .. } => (core, block),
            Way::Other { .. } | Way::Passing(_) => return None,
        };
        Some((core, Target { block, place: self.place }))
    }

    /// Where the short way leads. Not looked at first whether there is one: of a span that has none, no
    /// thread holds the block.
    #[inline(always)]
    fn short(&self) -> Target {
        Target { block: self.short, place: self.place }
    }

    /// Whether the span is recording, and `core` made it.
    #[inline(always)]
    pub(crate) fn is_recording_for(&self, core: &'static Core) -> bool {
        self.live().is_some_and(|(own, _)| std::ptr::eq(own, core))
    }

    /// Whether calls on this span have an effect. Stays true when it was ended by its handle.
    #[must_use]
    #[inline]
    pub fn is_recording(&self) -> bool {
        matches!(self.way, Way::Short(_) | Way::Other { block: Some(_), .. })
    }

    /// The trace that the span belongs to.
    #[must_use]
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span's id. Of a span that is not sampled: its parent's, or one of its own for a root.
    #[must_use]
    #[inline]
    pub fn span_id(&self) -> SpanId {
        let known = self.id.load(Ordering::Relaxed);
        if known != 0 {
            return SpanId::from_u64(known);
        }
        let Some((core, target)) = self.live() else { return SpanId::INVALID };
        let id = core.engine.key.seal(target.place, self.trace_id.to_u128());
        self.id.store(id, Ordering::Relaxed);
        SpanId::from_u64(id)
    }

    /// The flags that go with the trace.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> TraceFlags {
        self.flags
    }

    /// W3C trace state that came with a remote parent, for the span and all below it.
    #[must_use]
    #[inline]
    pub fn trace_state(&self) -> &TraceState {
        match &self.way {
            Way::Short(_) | Way::Passing(_) => &NO_STATE,
            Way::Other { trace_state, .. } => trace_state,
        }
    }

    /// What other services and spans need to know of this span.
    #[must_use]
    pub fn context(&self) -> SpanContext {
        SpanContext::new(self.trace_id, self.span_id(), self.flags, self.trace_state().clone())
    }

    /// A handle by which any thread can record on the span, and end it, through
    /// [`Tracer::set_attribute`](crate::Tracer::set_attribute) and its siblings.
    ///
    /// [`SpanHandle::INVALID`] when the span is not recording.
    #[must_use]
    pub fn handle(&self) -> SpanHandle {
        if self.is_recording() {
            SpanHandle { trace_id: self.trace_id, span_id: self.span_id() }
        } else {
            SpanHandle::INVALID
        }
    }

    /// Begins to make a span below this one, by the same tracer.
    #[inline]
    pub fn child<'a>(&'a self, name: impl Into<Text<'a>>) -> SpanBuilder<'a> {
        SpanBuilder::new(None, name.into()).below(self)
    }

    /// Ends the span now: what dropping it does, in words.
    #[inline]
    pub fn end(self) {
        drop(self);
    }

    /// Ends the span as of the given time. A time before the span's start becomes its start.
    pub fn end_at(self, time: impl Into<Timestamp>) {
        if let Some((core, target)) = self.live() {
            core.engine.end_time(target, time.into().0);
        }
    }
}

/// What a link to `context` is in a log.
pub(crate) fn link_to(context: &SpanContext) -> Link<'_> {
    let remote = if context.is_remote() { REMOTE } else { 0 };
    Link {
        trace_id: context.trace_id().to_u128(),
        span_id: context.span_id().to_u64(),
        flags: u32::from(context.flags().to_byte() | remote),
        trace_state: context.trace_state().as_str(),
    }
}

/// What dropping a recording span does. A call, so that dropping one that is not recording is only a
/// look at it, laid out in the caller.
#[inline(never)]
fn end(span: &Span) {
    if thread::panicking() { end_at_length(span) } else { end_calmly(span) }
}

#[inline(never)]
fn end_calmly(span: &Span) {
    if !short::end(span.short()) {
        end_at_length(span);
    }
}

#[cold]
#[inline(never)]
fn end_at_length(span: &Span) {
    let Some((core, target)) = span.live() else { return };
    // Of a span that has ended already only the end is counted.
    if !span.has_status && thread::panicking() && target.is_live() {
        let (code, text) = Status::Error(Text::Static("panicked")).parts();
        core.engine.status(target, code, text);
    }
    core.engine.end::<false>(target);
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        // One look. A span that is not recording and has a trace state takes the call in vain.
        if !matches!(self.way, Way::Passing(_)) {
            end(self);
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("trace_id", &self.trace_id)
            .field("span_id", &self.span_id())
            .field("is_recording", &self.is_recording())
            .finish()
    }
}
