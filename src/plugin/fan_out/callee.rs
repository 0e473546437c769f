//! A child as it is called.

use crate::context::{SpanHandle, SpanId, TraceId};
use crate::plugin::fan_out::{
    Children, FanOut, HANDLE_WORDS, has_handle, host_handle_at, words_at, words_of,
};
use crate::plugin::{Plugin, calls};
use crate::raw::engine::Engine;
use crate::raw::local::Target;
use crate::tracer::Core;
use crate::value::Text;
use bext_plugin_api::tracer::{self as host, AttrValue, SpanEvent, SpanStatus, TracerPlugin};
use std::any::Any;
use std::mem;
use std::sync::Arc;

/// See the module.
pub(super) enum Callee {
    /// A plugin of this crate. It borrows what the trait would have it be given, so nothing is cloned
    /// for it, and its calls do not panic.
    Ours(Plugin),
    /// Any other tracer.
    Other(Arc<dyn TracerPlugin>),
}

impl Callee {
    /// Looks whether the tracer is one of ours.
    pub(super) fn of<T: TracerPlugin + 'static>(tracer: T) -> Self {
        match (&tracer as &dyn Any).downcast_ref::<Plugin>() {
            Some(plugin) => Callee::Ours(plugin.clone()),
            None => Callee::Other(Arc::new(tracer)),
        }
    }

    /// As the trait has it, for what is not done over and over.
    pub(super) fn tracer(&self) -> Arc<dyn TracerPlugin> {
        match self {
            Callee::Ours(plugin) => Arc::new(plugin.clone()),
            Callee::Other(tracer) => Arc::clone(tracer),
        }
    }
}

/// What a call hands to each child: lent to those of ours, a clone to others, itself to the last one.
///
/// It stays where the caller has put it. A copy of what was stored in parts a moment ago is read in wider
/// steps and waits for the stores.
pub(super) trait Payload {
    fn record(&self, engine: &'static Engine, target: Target);
    fn give_clone(&self, tracer: &dyn TracerPlugin, span: host::SpanHandle);
    /// Leaves something of no meaning.
    fn give(&mut self, tracer: &dyn TracerPlugin, span: host::SpanHandle);
}

/// An attribute. The key is there twice: as it came, and as those of ours take it.
pub(super) struct Attribute<'a> {
    pub(super) key: &'a str,
    pub(super) kept: Text<'a>,
    pub(super) value: &'a mut AttrValue,
}

impl Payload for Attribute<'_> {
    #[inline(always)]
    fn record(&self, engine: &'static Engine, target: Target) {
        calls::attribute(engine, target, self.kept, self.value);
    }

    #[inline(always)]
    fn give_clone(&self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        // Kind by kind, so that each is put together where the call wants it.
        match &*self.value {
            AttrValue::I64(number) => tracer.set_attribute(span, self.key, AttrValue::I64(*number)),
            AttrValue::Bool(flag) => tracer.set_attribute(span, self.key, AttrValue::Bool(*flag)),
            AttrValue::F64(number) => tracer.set_attribute(span, self.key, AttrValue::F64(*number)),
            AttrValue::String(text) => {
                tracer.set_attribute(span, self.key, AttrValue::String(text.clone()));
            }
            array => tracer.set_attribute(span, self.key, array.clone()),
        }
    }

    #[inline(always)]
    fn give(&mut self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        if let AttrValue::String(text) = self.value {
            tracer.set_attribute(span, self.key, AttrValue::String(mem::take(text)));
        } else if let AttrValue::I64(_) | AttrValue::Bool(_) | AttrValue::F64(_) = self.value {
            self.give_clone(tracer, span);
        } else {
            tracer.set_attribute(span, self.key, mem::replace(self.value, AttrValue::Bool(false)));
        }
    }
}

impl Payload for SpanStatus {
    fn record(&self, engine: &'static Engine, target: Target) {
        calls::status(engine, target, self);
    }

    fn give_clone(&self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        tracer.set_status(span, self.clone());
    }

    fn give(&mut self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        tracer.set_status(span, mem::take(self));
    }
}

impl Payload for SpanEvent<'_> {
    fn record(&self, engine: &'static Engine, target: Target) {
        calls::event(engine, target, self);
    }

    fn give_clone(&self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        tracer.add_event(span, self.clone());
    }

    fn give(&mut self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        let SpanEvent { name, time_unix_nanos, .. } = *self;
        let attributes = mem::take(&mut self.attributes);
        tracer.add_event(span, SpanEvent { name, attributes, time_unix_nanos });
    }
}

/// A time that a span ends at.
impl Payload for Option<u64> {
    #[inline(always)]
    fn record(&self, engine: &'static Engine, target: Target) {
        calls::end(engine, target, *self);
    }

    #[inline(always)]
    fn give_clone(&self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        tracer.end_span(span, *self);
    }

    #[inline(always)]
    fn give(&mut self, tracer: &dyn TracerPlugin, span: host::SpanHandle) {
        tracer.end_span(span, *self);
    }
}

/// The text as children of ours take it: looked up once for all of them.
#[inline(always)]
pub(super) fn kept<'t>(children: Children<'_>, text: &'t str) -> Text<'t> {
    let ours = children.iter().find_map(|child| match child {
        Callee::Ours(plugin) => Some(plugin),
        Callee::Other(_) => None,
    });
    ours.and_then(|plugin| plugin.kept(text)).map_or(Text::Copied(text), Text::Static)
}

impl FanOut {
    /// Calls each child that has a handle, in their order.
    #[inline(always)]
    pub(super) fn each(&self, children: Children<'_>, handles: &[u64], payload: &mut impl Payload) {
        for (at, child) in children.iter().enumerate() {
            if !has_handle(handles, at) {
                continue;
            }
            match child {
                Callee::Ours(plugin) => {
                    if let Some((core, target)) = plugin.tracer().at(our_handle_at(handles, at)) {
                        payload.record(core.engine, target);
                    }
                }
                Callee::Other(tracer) => {
                    let (tracer, span) = (&**tracer, host_handle_at(handles, at));
                    let is_last = at + 1 == children.len();
                    self.guarded(at, || {
                        if is_last { payload.give(tracer, span) } else { payload.give_clone(tracer, span) }
                    });
                }
            }
        }
    }
}

/// What a plugin of ours calls the span. The words of such a child are those of our own handles.
#[inline(always)]
pub(super) fn our_handle_at(handles: &[u64], child: usize) -> SpanHandle {
    let [low, high, span_id] = words_at(handles, child);
    SpanHandle {
        trace_id: TraceId::from_u128(u128::from(high) << 64 | u128::from(low)),
        span_id: SpanId::from_u64(span_id),
    }
}

/// The words of our handle.
#[inline(always)]
pub(super) fn words_of_ours(handle: SpanHandle) -> [u64; HANDLE_WORDS] {
    let trace_id = handle.trace_id.to_u128();
    [trace_id as u64, (trace_id >> 64) as u64, handle.span_id.to_u64()]
}

impl Callee {
    /// The tracer of a plugin of ours that has one.
    #[inline(always)]
    pub(super) fn core(&self) -> Option<&'static Core> {
        match self {
            Callee::Ours(plugin) => plugin.tracer().core(),
            Callee::Other(_) => None,
        }
    }

    /// A child's handle as the host has it.
    #[inline(always)]
    pub(super) fn host_handle(&self, handles: &[u64], child: usize) -> host::SpanHandle {
        match self {
            Callee::Ours(_) => our_handle_at(handles, child).into(),
            Callee::Other(_) => host_handle_at(handles, child),
        }
    }

    /// The words for a handle that the host has.
    pub(super) fn words(&self, handle: host::SpanHandle) -> [u64; HANDLE_WORDS] {
        match self {
            Callee::Ours(_) => words_of_ours(handle.into()),
            Callee::Other(_) => words_of(handle),
        }
    }

    /// The trace id of a child's handle, as its bytes are kept for a handle of the fan-out.
    #[inline(always)]
    pub(super) fn trace_id(&self, handles: &[u64], child: usize) -> u128 {
        let [low, high, _] = words_at(handles, child);
        let trace_id = u128::from(high) << 64 | u128::from(low);
        match self {
            Callee::Ours(_) => trace_id.swap_bytes(),
            Callee::Other(_) => trace_id,
        }
    }
}
