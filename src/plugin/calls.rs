//! The host's calls on one tracer, with what they bring along borrowed.

use crate::context::{SpanHandle, TraceId};
use crate::raw::engine::Engine;
use crate::raw::local::Target;
use crate::raw::packed::KeyWord;
use crate::raw::quick::Plain;
use crate::tracer::{Core, Status, Timestamp, Tracer};
use crate::value::{Text, Value};
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanStart, SpanStatus};

/// What a span is to stand below.
#[derive(Debug, Clone, Copy)]
pub(super) enum Above {
    /// It is a root, in a trace of its own.
    Nothing,
    /// It is a root in this trace.
    Trace(TraceId),
    /// What this handle names, as [`child_of_handle`](crate::SpanBuilder::child_of_handle) takes it.
    Handle(SpanHandle),
    /// The same where the span was found already.
    Found(SpanHandle, Target),
}

impl Above {
    #[inline(always)]
    pub(super) fn of(parent: Option<SpanHandle>) -> Self {
        parent.map_or(Above::Nothing, Above::Handle)
    }
}

/// A start. Name and attributes are not those of `rest`: a fan-out looks the name up once, and lends the
/// attributes to all its children.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) name: Text<'a>,
    pub(super) attributes: &'a [(String, AttrValue)],
    pub(super) rest: &'a SpanStart<'a>,
}

impl Start<'_> {
    /// Starts the span. `None` when the tracer does not record it.
    #[inline(always)]
    pub(super) fn on(&self, core: &'static Core, above: Above) -> Option<(Target, TraceId)> {
        let mut builder = Tracer::of(core).span(self.name).kind(self.rest.kind.into());
        if let Some(time) = self.rest.start_time_unix_nanos {
            builder = builder.start_time(Timestamp::from_unix_nanos(time));
        }
        let begun = match above {
            Above::Nothing => builder.start_target(core),
            Above::Trace(trace_id) => builder.root_in(trace_id).start_target(core),
            Above::Handle(parent) => builder.child_of_handle(parent).start_target(core),
            Above::Found(parent, found) => builder.start_target_below(core, parent, found),
        }?;
        for (key, value) in self.attributes {
            attribute(core.engine, begun.0, Text::Copied(key), value);
        }
        Some(begun)
    }
}

#[inline(always)]
pub(super) fn attribute(engine: &'static Engine, target: Target, key: Text<'_>, value: &AttrValue) {
    let value = Value::from(value);
    match Plain::of(&value) {
        Some(Plain { ty, word, text }) => {
            engine.plain_on(target, key.as_str(), KeyWord::of(key, ty), ty, word, text);
        }
        None => engine.attributes(target, &[(key, value)]),
    }
}

pub(super) fn status(engine: &'static Engine, target: Target, status: &SpanStatus) {
    let (code, text) = Status::from(status).parts();
    engine.status(target, code, text);
}

pub(super) fn event(engine: &'static Engine, target: Target, event: &SpanEvent<'_>) {
    let name = Text::Copied(event.name);
    // Few attributes need no memory of their own.
    let mut few = [const { (Text::Static(""), Value::Bool(false)) }; 8];
    match few.get_mut(..event.attributes.len()) {
        Some(few) => {
            few.iter_mut().zip(&event.attributes).for_each(|(few, given)| *few = borrowed(given));
            engine.event(target, name, event.time_unix_nanos, few);
        }
        None => {
            let many: Vec<_> = event.attributes.iter().map(borrowed).collect();
            engine.event(target, name, event.time_unix_nanos, &many);
        }
    }
}

fn borrowed((key, value): &(String, AttrValue)) -> (Text<'_>, Value<'_>) {
    (Text::Copied(key), value.into())
}

/// Before the end: as of when it counts.
#[inline(always)]
pub(super) fn end_time(engine: &'static Engine, target: Target, time: Option<u64>) {
    if let Some(nanos) = time {
        engine.end_time(target, nanos);
    }
}

#[inline(always)]
pub(super) fn end(engine: &'static Engine, target: Target, time: Option<u64>) {
    end_time(engine, target, time);
    engine.end::<true>(target);
}
