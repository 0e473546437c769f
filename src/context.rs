//! What identifies a span: its ids, its flags, and the context that crosses process boundaries.
//!
//! The types follow W3C Trace Context level 2 and OpenTelemetry's `SpanContext`.

pub(crate) mod hex;
mod id;
mod trace_state;

use std::fmt;

pub use id::{ParseIdError, SpanId, TraceId};
pub(crate) use trace_state::trim_ows;
pub use trace_state::{TraceState, TraceStateError};

/// Names a span to the tracer that started it.
///
/// A handle is two ids and nothing else: it may be copied, stored and sent anywhere, and using one
/// whose span has ended is safe and does nothing.
///
/// [`SpanHandle::INVALID`] names a span that is not recorded. Passing it on as the parent of
/// further spans keeps them unrecorded too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpanHandle {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span itself.
    pub span_id: SpanId,
}

impl SpanHandle {
    /// The handle of all zeroes, which names no span.
    pub const INVALID: Self = Self { trace_id: TraceId::INVALID, span_id: SpanId::INVALID };

    /// Whether the handle is [`SpanHandle::INVALID`].
    #[inline]
    #[must_use]
    pub const fn is_invalid(&self) -> bool {
        !self.trace_id.is_valid() && !self.span_id.is_valid()
    }
}

/// The flags of a trace: a byte of which W3C Trace Context level 2 defines two bits.
///
/// The other six bits are reserved and must be sent as zero, so they are dropped on the way in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// No flag set.
    pub const NONE: Self = Self(0);
    /// The caller may have recorded the trace.
    pub const SAMPLED: Self = Self(0x01);
    /// The rightmost 7 bytes of the trace id are random.
    pub const RANDOM: Self = Self(0x02);

    /// The flags in `byte`, without its reserved bits.
    #[inline]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte & (Self::SAMPLED.0 | Self::RANDOM.0))
    }

    /// The flags as the byte that is sent.
    #[inline]
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Whether [`TraceFlags::SAMPLED`] is set.
    #[inline]
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// Whether [`TraceFlags::RANDOM`] is set.
    #[inline]
    #[must_use]
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM.0 != 0
    }

    /// The same flags with [`TraceFlags::SAMPLED`] set or cleared.
    #[inline]
    #[must_use]
    pub const fn with_sampled(self, sampled: bool) -> Self {
        Self(self.0 & !Self::SAMPLED.0 | sampled as u8)
    }

    /// The same flags with [`TraceFlags::RANDOM`] set or cleared.
    ///
    /// The flag belongs to the trace id: only whoever makes a trace id may choose it, and whoever
    /// continues a trace must pass it on as received (W3C Trace Context level 2, section "Random
    /// Trace ID Flag").
    #[inline]
    #[must_use]
    pub const fn with_random(self, random: bool) -> Self {
        Self(self.0 & !Self::RANDOM.0 | (random as u8) << 1)
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceFlags({:#04x})", self.0)
    }
}

/// The part of a span that is handed to other processes, and what makes a remote span a parent.
///
/// Cloning copies 40 bytes; only a context with a [`TraceState`] counts a reference as well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SpanContext {
    trace_id: TraceId,
    span_id: SpanId,
    trace_state: TraceState,
    flags: TraceFlags,
    is_remote: bool,
}

impl SpanContext {
    /// The context that names no span.
    pub const INVALID: Self = Self {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        trace_state: TraceState::EMPTY,
        flags: TraceFlags::NONE,
        is_remote: false,
    };

    /// The context of a span of this process.
    #[inline]
    #[must_use]
    pub const fn new(trace_id: TraceId, span_id: SpanId, flags: TraceFlags, trace_state: TraceState) -> Self {
        Self { trace_id, span_id, trace_state, flags, is_remote: false }
    }

    /// The context of a span that was received from another process.
    #[inline]
    #[must_use]
    pub const fn remote(
        trace_id: TraceId,
        span_id: SpanId,
        flags: TraceFlags,
        trace_state: TraceState,
    ) -> Self {
        Self { trace_id, span_id, trace_state, flags, is_remote: true }
    }

    /// The id of the trace.
    #[inline]
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The id of the span.
    #[inline]
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The flags of the trace.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> TraceFlags {
        self.flags
    }

    /// Whether the caller may have recorded the trace: [`TraceFlags::SAMPLED`].
    #[inline]
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// Whether the context was received from another process.
    #[inline]
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// The entries that tracing systems keep with the trace.
    #[inline]
    #[must_use]
    pub const fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// The same context with another trace state.
    #[must_use]
    pub fn with_trace_state(self, trace_state: TraceState) -> Self {
        Self { trace_state, ..self }
    }

    /// Whether both ids are valid. A context that is not valid is never sent.
    #[inline]
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.trace_id.is_valid() && self.span_id.is_valid()
    }

    /// The ids alone, as a handle.
    ///
    /// The handle of a remote span is foreign to every tracer of this process.
    #[inline]
    #[must_use]
    pub const fn handle(&self) -> SpanHandle {
        SpanHandle { trace_id: self.trace_id, span_id: self.span_id }
    }
}
