//! The tracer as a plugin of a bext host: the traits of the published crate `bext-plugin-api`.
//!
//! [`Plugin`] is the tracer behind the host's `TracerPlugin`.

mod convert;
mod fan_out;

use crate::context::SpanHandle;
use crate::raw::cell::AtomicRef;
use crate::tracer::{Core, Timestamp, Tracer};
use crate::value::Text;
use bext_plugin_api::tracer::{self as host, AttrValue, SpanEvent, SpanStart, SpanStatus, TracerPlugin};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use bext_plugin_api;
pub use fan_out::{
    FanOut, FanOutBuildError, FanOutBuilder, FanOutChildStats, FanOutParent, FanOutParentError, FanOutStats,
};

/// A [`Tracer`] as the host sees it.
///
/// A clone is the same plugin.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    core: AtomicRef<Core>,
    flush_timeout: Duration,
}

impl Plugin {
    /// A plugin over a tracer that is built already.
    #[must_use]
    pub fn over(name: impl Into<String>, tracer: Tracer) -> Self {
        let core = AtomicRef::none();
        core.store(tracer.core(), Ordering::Release);
        Self { inner: Arc::new(Inner { name: name.into(), core, flush_timeout: Duration::from_secs(5) }) }
    }

    /// The tracer behind the plugin; one that records nothing while the plugin has none.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.inner.core.load(Ordering::Acquire).map_or(Tracer::noop(), Tracer::of)
    }
}

impl TracerPlugin for Plugin {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn start_span(&self, span: SpanStart<'_>) -> host::SpanHandle {
        let tracer = self.tracer();
        let mut builder = tracer.span(Text::Copied(span.name)).kind(span.kind.into());
        if let Some(parent) = span.parent {
            builder = builder.child_of_handle(parent.into());
        }
        if let Some(time) = span.start_time_unix_nanos {
            builder = builder.start_time(Timestamp::from_unix_nanos(time));
        }
        let handle = builder.start_handle();
        for (key, value) in &span.attributes {
            tracer.set_attribute(handle, Text::Copied(key), value);
        }
        handle.into()
    }

    fn set_attribute(&self, span: host::SpanHandle, key: &str, value: AttrValue) {
        self.tracer().set_attribute(span.into(), Text::Copied(key), &value);
    }

    fn set_status(&self, span: host::SpanHandle, status: SpanStatus) {
        self.tracer().set_status(span.into(), (&status).into());
    }

    fn add_event(&self, span: host::SpanHandle, event: SpanEvent<'_>) {
        let handle: SpanHandle = span.into();
        let time = event.time_unix_nanos.map(Timestamp::from_unix_nanos);
        let attributes: Vec<_> =
            event.attributes.iter().map(|(key, value)| (Text::Copied(key), value.into())).collect();
        self.tracer().add_event(handle, Text::Copied(event.name), time, &attributes);
    }

    fn end_span(&self, span: host::SpanHandle, end_time_unix_nanos: Option<u64>) {
        self.tracer().end_span(span.into(), end_time_unix_nanos.map(Timestamp::from_unix_nanos));
    }

    fn flush(&self) -> Result<(), String> {
        self.tracer().flush(self.inner.flush_timeout).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.inner.name)
            .field("tracer", &self.tracer())
            .finish_non_exhaustive()
    }
}
