//! Between the headers of requests and the handles of the host's trait, which knows nothing of headers.

use hyper::header::HeaderMap;
use nanospan::SpanContext;
use nanospan::plugin::bext_plugin_api::tracer::SpanHandle;
use nanospan::plugin::{FanOut, FanOutParent, Plugin, RemoteParent};
use nanospan::propagation::{Getter, TRACEPARENT_LEN, TraceContextPropagator, parse_traceparent};
use std::sync::Arc;

/// The tracer's side of the headers.
#[derive(Clone)]
pub(crate) struct Wire {
    plugin: Plugin,
    /// Where there is one, the host's handles are its own, and the plugin is its first child.
    fan_out: Option<Arc<FanOut>>,
}

/// The caller's span as a parent, for as long as the value lives.
pub(crate) struct Parent {
    handle: SpanHandle,
    _remote: RemoteParent,
    _fan_out: Option<FanOutParent>,
}

impl Parent {
    pub(crate) fn handle(&self) -> SpanHandle {
        self.handle
    }
}

impl Wire {
    /// The handles are `plugin`'s, or those of a `fan_out` over it and an echo, in this order.
    pub(crate) fn new(plugin: Plugin, fan_out: Option<Arc<FanOut>>) -> Self {
        Self { plugin, fan_out }
    }

    /// The span that made the request; `None` if its headers do not name one.
    pub(crate) fn parent(&self, headers: &HeaderMap) -> Option<Parent> {
        let context = TraceContextPropagator::new().extract(&Headers(headers))?;
        let remote = self.plugin.remote_parent(&context);
        let Some(fan_out) = &self.fan_out else {
            return Some(Parent { handle: remote.handle(), _remote: remote, _fan_out: None });
        };
        // The echo has no remote parents. To it this handle names nobody, which begins a tree of its
        // own; below one that is invalid it shows nothing, as the files do not of a caller that is not
        // sampled.
        let echo = if context.is_sampled() { remote.handle() } else { SpanHandle::INVALID };
        let parent = fan_out.parent_of(&[remote.handle(), echo]).ok();
        // One that is refused is told by the next flush. The handle then names nobody here either.
        let handle = parent.as_ref().map_or(remote.handle(), FanOutParent::handle);
        Some(Parent { handle, _remote: remote, _fan_out: parent })
    }

    /// The value of the header `traceparent` for a span that is recorded in the files, or for a parent
    /// that came in.
    pub(crate) fn traceparent(&self, span: SpanHandle) -> Option<[u8; TRACEPARENT_LEN]> {
        let span = match &self.fan_out {
            Some(fan_out) => fan_out.child_handle(span, 0)?,
            None => span,
        };
        self.plugin.traceparent(span)
    }

    /// The same, read: the ids that a handle stands for.
    pub(crate) fn context(&self, span: SpanHandle) -> Option<SpanContext> {
        parse_traceparent(&self.traceparent(span)?).ok()
    }
}

/// The headers of a request, as the propagator reads them.
struct Headers<'a>(&'a HeaderMap);

impl Getter for Headers<'_> {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.0.get_all(name).iter().for_each(|value| visit(value.as_bytes()));
    }
}
