//! A span by its handle, ended when it goes out of scope.

use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanKind, SpanStart, SpanStatus, TracerPlugin,
};
use std::sync::Arc;

/// The tracer as the host hands it to its plugins.
pub(crate) type SharedTracer = Arc<dyn TracerPlugin>;

/// A live span. The host drops a request's future when its client goes away: whatever is live then
/// must end all the same. It may be sent to another thread, which ends it then.
pub(crate) struct Live {
    tracer: SharedTracer,
    handle: SpanHandle,
}

impl Live {
    pub(crate) fn start(
        tracer: &SharedTracer,
        name: &str,
        kind: SpanKind,
        parent: Option<SpanHandle>,
        attributes: Vec<(String, AttrValue)>,
    ) -> Self {
        let start = SpanStart { name, kind, parent, attributes, ..SpanStart::default() };
        Self { tracer: Arc::clone(tracer), handle: tracer.start_span(start) }
    }

    pub(crate) fn handle(&self) -> SpanHandle {
        self.handle
    }

    pub(crate) fn set(&self, key: &str, value: impl Into<AttrValue>) {
        self.tracer.set_attribute(self.handle, key, value.into());
    }

    pub(crate) fn event(&self, name: &str, attributes: Vec<(String, AttrValue)>) {
        self.tracer.add_event(self.handle, SpanEvent { name, attributes, time_unix_nanos: None });
    }

    pub(crate) fn status(&self, status: SpanStatus) {
        self.tracer.set_status(self.handle, status);
    }

    pub(crate) fn fail(&self, description: &str) {
        self.status(SpanStatus::Error { description: description.to_owned() });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tracer.end_span(self.handle, None);
    }
}

/// An attribute, as the trait takes it.
pub(crate) fn attribute(key: &str, value: impl Into<AttrValue>) -> (String, AttrValue) {
    (key.to_owned(), value.into())
}
