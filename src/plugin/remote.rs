//! Between the headers of a request and the handles of the host's trait.

use crate::context::{SpanContext, SpanHandle, TraceFlags};
use crate::plugin::Plugin;
use crate::propagation::{TRACEPARENT_LEN, format_traceparent};
use crate::raw::lookup::Found;
use crate::raw::table::Lent;
use bext_plugin_api::tracer as host;

/// A parent in another service; made by [`Plugin::remote_parent`].
///
/// Its handle is good as a parent while this value lives. Afterwards its place may be used again at any
/// time, and then the handle names nobody: a span started below it is a root.
#[derive(Debug)]
#[must_use = "the handle is a parent as long as this value lives"]
pub struct RemoteParent {
    handle: SpanHandle,
    _entry: Option<Lent>,
}

impl RemoteParent {
    /// The handle to start spans below. Other calls on it are no-ops, counted as calls on a handle that
    /// the tracer did not make.
    #[must_use]
    pub fn handle(&self) -> host::SpanHandle {
        self.handle.into()
    }
}

impl Plugin {
    /// Makes a handle of a context that came in with a request, so that the trait can carry it: spans
    /// started below the handle continue the caller's trace, under its flags and with its trace state.
    ///
    /// Hold the value until the request's first span is started; that span's own handle serves from
    /// then on. Up to 16,384 can be held at once. A further one's handle names nobody: spans below it
    /// are roots, [`Stats::lost_parents`](crate::Stats::lost_parents) counts it, and the next flush
    /// says so. Of a trace state longer than 512 bytes whole entries are left out, as
    /// [`TraceState::truncated`](crate::TraceState::truncated) does, counted in
    /// [`Stats::truncated`](crate::Stats::truncated).
    ///
    /// A context that is not valid, and any context while the plugin has no tracer, gives
    /// `SpanHandle::INVALID`.
    ///
    /// ```
    /// use nanospan::plugin::Plugin;
    /// use nanospan::plugin::bext_plugin_api::tracer::{SpanStart, TracerPlugin};
    /// use nanospan::propagation::parse_traceparent;
    /// # let tracer = nanospan::Tracer::noop();
    /// # let plugin = Plugin::over("tracer-nanospan", tracer);
    ///
    /// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// // A request with a malformed header is one without a parent.
    /// let remote = parse_traceparent(header.as_bytes()).ok().map(|context| plugin.remote_parent(&context));
    /// let request = plugin.start_span(SpanStart {
    ///     name: "GET /cart",
    ///     parent: remote.as_ref().map(|remote| remote.handle()),
    ///     ..SpanStart::default()
    /// });
    /// // For the requests that this one makes:
    /// let header = plugin.traceparent(request);
    /// # plugin.end_span(request, None);
    /// ```
    pub fn remote_parent(&self, context: &SpanContext) -> RemoteParent {
        match self.tracer().core() {
            Some(core) => {
                let (handle, entry) = core.hold(context);
                RemoteParent { handle, _entry: entry }
            }
            None => RemoteParent { handle: SpanHandle::INVALID, _entry: None },
        }
    }

    /// The value of the `traceparent` header by which another service continues the trace below a
    /// span of this plugin, live or ended, or below a remote parent.
    ///
    /// `None` for any other handle, `SpanHandle::INVALID` included: a span that is not sampled has no
    /// ids in this trait. Where a request came in with a context and its span is not sampled, pass the
    /// headers on as they came.
    #[must_use]
    pub fn traceparent(&self, span: host::SpanHandle) -> Option<[u8; TRACEPARENT_LEN]> {
        let core = self.tracer().core()?;
        let handle: SpanHandle = span.into();
        if handle.is_invalid() {
            return None;
        }
        let (span_id, flags) = match core.engine.find(handle.trace_id.to_u128(), handle.span_id.to_u64()) {
            Found::Live(target) => {
                let flags = TraceFlags::from_byte(target.block.slot(target.place.slot()).flags());
                (handle.span_id, flags)
            }
            // Its flags are gone with it; it was sampled, or it would have no handle.
            Found::Ended => (handle.span_id, TraceFlags::SAMPLED),
            Found::Forged => {
                let context = core.held(handle)?;
                (context.span_id(), context.flags())
            }
        };
        Some(format_traceparent(handle.trace_id, span_id, flags))
    }
}
