//! Calls on a span by its handle, from any thread.

use crate::context::{SpanContext, SpanHandle, SpanId, TraceId};
use crate::raw::local::Target;
use crate::raw::packed::KeyWord;
use crate::raw::quick::Plain;
use crate::raw::record::Kind;
use crate::tracer::span::{Status, link_to};
use crate::tracer::timestamp::Timestamp;
use crate::tracer::{Core, Tracer};
use crate::value::{Text, Value};

impl Core {
    /// The handle of a span that was just started on this thread.
    #[inline(always)]
    pub(crate) fn handle_of(&'static self, target: Target, trace_id: TraceId) -> SpanHandle {
        let span_id = SpanId::from_u64(self.engine.id_of(target, trace_id.to_u128()));
        SpanHandle { trace_id, span_id }
    }
}

/// Recording by handle. A call on a handle that names no live span of this tracer does nothing and
/// is counted: in [`Stats::invalid_calls`](crate::Stats::invalid_calls) for the invalid handle, in
/// [`Stats::stale_calls`](crate::Stats::stale_calls) for a span that has ended, in
/// [`Stats::forged_calls`](crate::Stats::forged_calls) for anything else. An id that is not ours is
/// told apart by a 20-bit keyed tag, the block and generation that it names, and the 128-bit trace
/// id.
impl Tracer {
    /// Where the span is that a handle names; `None` is counted.
    #[inline]
    pub(crate) fn at(&self, span: SpanHandle) -> Option<(&'static Core, Target)> {
        let core = self.core?;
        let target = core.engine.resolve(span.trace_id.to_u128(), span.span_id.to_u64())?;
        Some((core, target))
    }

    /// Sets an attribute; a later value for the same key replaces it.
    #[inline(always)]
    pub fn set_attribute<'v>(&self, span: SpanHandle, key: impl Into<Text<'v>>, value: impl Into<Value<'v>>) {
        let (key, value) = (key.into(), value.into());
        if let (Some(Plain { ty, word, text }), Some(core)) = (Plain::of(&value), self.core) {
            let span = (span.trace_id.to_u128(), span.span_id.to_u64());
            core.engine.plain_at(span, key.as_str(), KeyWord::of(key, ty), ty, word, text);
        } else if let Some((core, target)) = self.at(span) {
            core.engine.attribute(target, key, &value);
        }
    }

    /// Sets several attributes with one look at the span.
    #[inline]
    pub fn set_attributes(&self, span: SpanHandle, attributes: &[(Text<'_>, Value<'_>)]) {
        if let Some((core, target)) = self.at(span) {
            core.engine.attributes(target, attributes);
        }
    }

    /// Adds an event, now or at the given time.
    #[inline]
    pub fn add_event<'v>(
        &self,
        span: SpanHandle,
        name: impl Into<Text<'v>>,
        time: Option<Timestamp>,
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        if let Some((core, target)) = self.at(span) {
            core.engine.event(target, name.into(), time.map(Timestamp::unix_nanos), attributes);
        }
    }

    /// Links the span to another one.
    pub fn add_link(&self, span: SpanHandle, to: &SpanContext, attributes: &[(Text<'_>, Value<'_>)]) {
        if let Some((core, target)) = self.at(span) {
            core.engine.link(target, &link_to(to), attributes);
        }
    }

    /// Sets the status; the last call before the end counts.
    #[inline]
    pub fn set_status(&self, span: SpanHandle, status: Status<'_>) {
        if let Some((core, target)) = self.at(span) {
            let (code, text) = status.parts();
            core.engine.status(target, code, text);
        }
    }

    /// Gives the span another name.
    pub fn update_name<'v>(&self, span: SpanHandle, name: impl Into<Text<'v>>) {
        if let Some((core, target)) = self.at(span) {
            core.engine.text(target, Kind::Name, name.into());
        }
    }

    /// Ends the span, now or as of the given time. A time before the start becomes the start.
    #[inline]
    pub fn end_span(&self, span: SpanHandle, time: Option<Timestamp>) {
        if let Some((core, target)) = self.at(span) {
            if let Some(time) = time {
                core.engine.end_time(target, time.unix_nanos());
            }
            core.engine.end::<true>(target);
        }
    }
}
