//! The tracer as a plugin of a bext host: the traits of the published crate `bext-plugin-api`.
//!
//! - [`Plugin`] is a [`Tracer`] behind the host's `TracerPlugin`, and its `LifecyclePlugin` beside it.
//! - [`StdoutTracer`] writes readable lines or JSON, for development.
//!
//! ```
//! use nanospan::plugin::Plugin;
//! use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
//! use nanospan::plugin::bext_plugin_api::tracer::{SpanKind, SpanStart, TracerPlugin};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = std::env::temp_dir().join(format!("nanospan-plugin-{}", std::process::id()));
//! # let config = format!(r#"{{"service_name": "shop", "segments": {{"directory": {directory:?}}}}}"#);
//! let plugin = Plugin::new("tracer-nanospan");
//! plugin.on_server_start(&config)?;
//!
//! let tracer: Arc<dyn TracerPlugin> = Arc::new(plugin.clone());
//! let request =
//!     tracer.start_span(SpanStart { name: "GET /cart", kind: SpanKind::Server, ..SpanStart::default() });
//! tracer.set_attribute(request, "http.response.status_code", 200_i64.into());
//! tracer.end_span(request, None);
//! tracer.flush()?;
//!
//! plugin.on_server_stop()?;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where the trait is silent
//!
//! The trait's documentation leaves some things open. This is what [`Plugin`] does, and what the
//! tests hold it to:
//!
//! | | |
//! | --- | --- |
//! | parent `SpanHandle::INVALID` | gives `INVALID`: a child of a span that was not sampled is not either |
//! | a parent that this tracer did not make | gives a root |
//! | a parent of ours that has ended | is linked as a live one |
//! | initial attributes | equal calls of `set_attribute` right after the start |
//! | several statuses | the last one before the end counts, whatever it is |
//! | an end before the start | becomes the start |
//! | empty arrays, NaN, infinities | are kept as they are, with their type |
//! | calls on an ended, invalid or unknown handle | do nothing, and are counted in [`Stats`](crate::Stats) |

mod calls;
mod config;
mod convert;
mod fan_out;
mod lifecycle;
mod remote;
mod report;
mod stdout;

use crate::context::SpanHandle;
use crate::drain::FlushError;
use crate::plugin::calls::{Above, Start};
use crate::raw::cell::AtomicRef;
use crate::tracer::{Core, Timestamp, Tracer, TracerBuilder};
use crate::value::Text;
use bext_plugin_api::tracer::{self as host, AttrValue, SpanEvent, SpanStart, SpanStatus, TracerPlugin};
use lifecycle::Lifecycle;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use bext_plugin_api;
#[cfg(loom)]
pub(crate) use fan_out::model as fan_out_bench;
pub use fan_out::{
    FanOut, FanOutBuildError, FanOutBuilder, FanOutChildStats, FanOutParent, FanOutParentError, FanOutStats,
};
pub use remote::RemoteParent;
pub use stdout::{StdoutFormat, StdoutStats, StdoutTracer, StdoutTracerBuilder};

/// How long a flush or shutdown may take unless the configuration says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

type Prepare = dyn Fn(TracerBuilder) -> TracerBuilder + Send + Sync;

/// A [`Tracer`] as a bext host sees it: `TracerPlugin`, and `LifecyclePlugin` to configure, start and
/// stop it.
///
/// A clone is the same plugin, so the host can be given one as each of the two traits and the
/// embedding program keep a third.
///
/// # Flush
///
/// The host's flush drives the export: a tracer that the plugin builds [exports on
/// flush](TracerBuilder::export_on_flush), and early when half of its buffer is full. A flush may
/// come from any thread, inside any async runtime or none, during recording and during other
/// flushes, and returns within [the flush timeout](Plugin::set_flush_timeout), five seconds by
/// default. The last flush suffices when the host never says that it stops.
///
/// The text of an error names the plugin, says what failed and why, and what became of the spans. What
/// was lost while recording since the last flush is in there, too, each loss once: spans refused
/// because the memory budget was used up, attributes, events and links over a limit, texts that were
/// cut.
///
/// # Lifecycle
///
/// A plugin made by [`Plugin::new`] has no tracer before `on_server_start`. Spans started until then
/// are invalid, and the next flush says how many there were. `on_server_stop` and `cleanup` shut the
/// tracer down; after that `on_server_start` may build another one. `on_reload` flushes.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    core: AtomicRef<Core>,
    /// In nanoseconds.
    flush_timeout: AtomicU64,
    shutdown_timeout: AtomicU64,
    /// Spans started while there was no tracer.
    unstarted: AtomicU64,
    prepare: Option<Box<Prepare>>,
    /// Behind a mutex that no recording call takes.
    lifecycle: Mutex<Lifecycle>,
}

impl Plugin {
    /// A plugin that builds its tracer when the server starts.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::make(name.into(), None, None)
    }

    /// The same; `prepare` has the last word on the tracer's builder, after the configuration. It may
    /// set what the configuration cannot say, such as an exporter.
    #[must_use]
    pub fn with(
        name: impl Into<String>,
        prepare: impl Fn(TracerBuilder) -> TracerBuilder + Send + Sync + 'static,
    ) -> Self {
        Self::make(name.into(), None, Some(Box::new(prepare)))
    }

    /// A plugin over a tracer that is built already. It is the tracer's owner's choice whether that
    /// [exports on flush](TracerBuilder::export_on_flush) only.
    #[must_use]
    pub fn over(name: impl Into<String>, tracer: Tracer) -> Self {
        Self::make(name.into(), tracer.core(), None)
    }

    fn make(name: String, core: Option<&'static Core>, prepare: Option<Box<Prepare>>) -> Self {
        let lifecycle = Mutex::new(Lifecycle::new(core.is_some()));
        let cell = AtomicRef::none();
        cell.store(core, Ordering::Release);
        let patience = || AtomicU64::new(PATIENCE.as_nanos() as u64);
        let (flush_timeout, shutdown_timeout) = (patience(), patience());
        let unstarted = AtomicU64::new(0);
        let inner =
            Inner { name, core: cell, flush_timeout, shutdown_timeout, unstarted, prepare, lifecycle };
        Self { inner: Arc::new(inner) }
    }

    /// The tracer behind the plugin; one that records nothing while the plugin has none.
    #[must_use]
    #[inline]
    pub fn tracer(&self) -> Tracer {
        // Acquire pairs with the Release in `make` and in `on_server_start`.
        self.inner.core.load(Ordering::Acquire).map_or(Tracer::noop(), Tracer::of)
    }

    /// Sets how long a flush may take. A configuration that says something else replaces it.
    pub fn set_flush_timeout(&self, timeout: Duration) {
        store(&self.inner.flush_timeout, timeout);
    }

    /// Sets how long `on_server_stop` and `cleanup` may take, together. A configuration that says
    /// something else replaces it.
    pub fn set_shutdown_timeout(&self, timeout: Duration) {
        store(&self.inner.shutdown_timeout, timeout);
    }

    /// Starts a span; its handle.
    #[inline(always)]
    fn start(&self, start: &Start<'_>, parent: Option<SpanHandle>) -> SpanHandle {
        let Some(core) = self.tracer().core() else {
            self.inner.unstarted.fetch_add(1, Ordering::Relaxed);
            return SpanHandle::INVALID;
        };
        match start.on(core, Above::of(parent)) {
            Some((target, trace_id)) => core.handle_of(target, trace_id),
            None => SpanHandle::INVALID,
        }
    }

    /// The kept text that equals this one; for all tracers of the process.
    #[inline(always)]
    fn kept(&self, text: &str) -> Option<&'static str> {
        self.inner.core.load(Ordering::Acquire)?.engine.kept(text)
    }

    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        // Each use leaves it whole.
        self.inner.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// Relaxed: a number that stands for itself.
fn store(cell: &AtomicU64, time: Duration) {
    cell.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn load(cell: &AtomicU64) -> Duration {
    Duration::from_nanos(cell.load(Ordering::Relaxed))
}

impl TracerPlugin for Plugin {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn start_span(&self, span: SpanStart<'_>) -> host::SpanHandle {
        let start = Start { name: Text::Copied(span.name), attributes: &span.attributes, rest: &span };
        self.start(&start, span.parent.map(SpanHandle::from)).into()
    }

    fn set_attribute(&self, span: host::SpanHandle, key: &str, value: AttrValue) {
        let (tracer, span, key) = (self.tracer(), SpanHandle::from(span), Text::Copied(key));
        // By reference, and kind by kind: a value that is moved is read in pieces other than its maker
        // wrote, which stalls the processor.
        match &value {
            AttrValue::I64(number) => tracer.set_attribute(span, key, *number),
            AttrValue::Bool(flag) => tracer.set_attribute(span, key, *flag),
            AttrValue::F64(number) => tracer.set_attribute(span, key, *number),
            AttrValue::String(text) => tracer.set_attribute(span, key, text),
            array => tracer.set_attribute(span, key, array),
        }
        // What has nothing to drop is not asked for it.
        if let AttrValue::I64(_) | AttrValue::Bool(_) | AttrValue::F64(_) = value {
            std::mem::forget(value);
        }
    }

    fn set_status(&self, span: host::SpanHandle, status: SpanStatus) {
        self.tracer().set_status(span.into(), (&status).into());
    }

    fn add_event(&self, span: host::SpanHandle, event: SpanEvent<'_>) {
        if let Some((core, target)) = self.tracer().at(span.into()) {
            calls::event(core.engine, target, &event);
        }
    }

    fn end_span(&self, span: host::SpanHandle, end_time_unix_nanos: Option<u64>) {
        self.tracer().end_span(span.into(), end_time_unix_nanos.map(Timestamp::from_unix_nanos));
    }

    fn flush(&self) -> Result<(), String> {
        let tracer = self.tracer();
        let timeout = load(&self.inner.flush_timeout);
        let result = match tracer.flush(timeout) {
            // It has exported everything, or its own error has said what was lost.
            Err(FlushError::Shutdown) => Ok(()),
            result => result,
        };
        self.report("flush", timeout, result)
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
