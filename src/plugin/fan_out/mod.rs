//! One tracer in front of several.
//!
//! ```text
//!   start_span ──▶ reserve an entry ──▶ each child: start_span ──▶ publish: trace id, our span id
//!                  of the table           │ its handle, 3 words       │
//!                                         └──────▶ the entry ◀────────┘
//!   set_attribute, … ──▶ one read of the entry ──▶ each child that has the span, under its own handle
//!   end_span ──────────▶ the one end of the entry ──▶ the same
//!   flush ─────────────▶ a worker thread a child, one deadline for all
//! ```
//!
//! The table is `raw::table`. What a child gives as a handle is three opaque words to us, zero for a
//! span that it does not record: whatever a child thinks of as ids, the others are not affected.

mod builder;
mod callee;
mod children;
mod flush;
mod parent;
mod stats;

use crate::plugin::fan_out::callee::{Attribute, Callee, kept, lend_plain, our_handle_at, words_of_ours};
use crate::plugin::fan_out::children::{Child, Panic};
use crate::raw::table::{Entry, Table};
use crate::raw::tally::Count;
use crate::raw::wide;
use bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin};
use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

pub use builder::{FanOutBuildError, FanOutBuilder};
pub use parent::{FanOutParent, FanOutParentError};
pub use stats::{FanOutChildStats, FanOutStats};

/// A tracer that passes every call on to several others, its children.
///
/// A host has one active tracer for a site; several back-ends are one `FanOut` over a tracer for each.
/// Children are called in the order in which they were added, on the calling thread, each under the
/// handle that it gave itself. They do not disturb each other:
///
/// - **Sampling** is each child's own. A span that one child does not record is recorded by the others;
///   one that no child records has the invalid handle, and what is started below it has none either.
/// - **A panic** in a child ends there. It is counted, its first message is part of the next flush's
///   error, and the child is called again the next time.
/// - **Flushing** is done by a thread for each child, all at once and with
///   [one deadline](FanOutBuilder::flush_timeout). A child that hangs in it keeps only its own thread.
///
/// Between the children's calls `FanOut` takes no lock and allocates nothing, except that it clones
/// values for children that must be given them, all but the last. A [`Plugin`](crate::plugin::Plugin)
/// added by [`child`](FanOutBuilder::child) is lent them, and called directly.
///
/// # Handles
///
/// A handle has the trace id of the first child that gave one, and a span id of `FanOut`'s own, which
/// none of the back-ends knows. Under which ids a child's back-end shows the span says
/// [`child_handle`](Self::child_handle): a `traceparent` that goes out must carry those. A request that
/// came in with such a header is continued by [`parent_of`](Self::parent_of).
///
/// A handle that this `FanOut` did not make, or of a span that has ended, is a no-op for every call and
/// counted. As a parent a span that has ended still counts, as long as its entry in the table was not
/// used again; then, and with any handle that was made elsewhere, the new span is a root. Stale and
/// foreign handles are told apart by a keyed 64-bit check that covers the trace id. One case is left: a
/// handle that comes late by an exact multiple of 2^22 uses of its entry, which is then again in use by
/// the same trace, means that other span.
///
/// # Limits
///
/// At most [`max_live_spans`](FanOutBuilder::max_live_spans) are live at once, and at most 64 children
/// are called. What is refused is counted in [`stats`](Self::stats) and told by the next flush. In a
/// forked child process every call is a no-op, and [`flush`](TracerPlugin::flush) an error. The table
/// is not given back to the system when a `FanOut` is dropped: make one for the process, not one for
/// each request.
///
/// ```
/// use nanospan::Tracer;
/// use nanospan::export::MemoryExporter;
/// use nanospan::plugin::bext_plugin_api::tracer::{SpanStart, TracerPlugin};
/// use nanospan::plugin::{FanOut, Plugin};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let exporters = [MemoryExporter::new(), MemoryExporter::new()];
/// let mut builder = FanOut::builder();
/// for exporter in &exporters {
///     let tracer = Tracer::builder("shop").exporter(exporter.clone()).build()?;
///     builder = builder.child(Plugin::over("memory", tracer));
/// }
/// let tracer = builder.build()?;
///
/// let span = tracer.start_span(SpanStart { name: "GET /cart", ..SpanStart::default() });
/// tracer.set_attribute(span, "http.response.status_code", 200_i64.into());
/// tracer.end_span(span, None);
/// tracer.flush()?;
///
/// for exporter in &exporters {
///     assert_eq!(exporter.spans()[0].name, "GET /cart");
/// }
/// assert_eq!(tracer.stats().live_spans, 0);
/// # Ok(())
/// # }
/// ```
pub struct FanOut {
    table: &'static Table,
    name: String,
    // Before the tracers: the workers are gone when those are dropped.
    children: Box<[Child]>,
    /// By themselves, so that a call finds those of a few children on one cache line.
    tracers: Box<[Callee]>,
    flush_timeout: Duration,
    /// How many of the spans that were refused a flush has told of.
    refused_told: AtomicU64,
}

/// Children that a `FanOut` may have. What they call a span is copied to the stack in each call.
const MAX_CHILDREN: usize = 64;

/// Words of a child's handle.
const HANDLE_WORDS: usize = 3;

/// What each child calls a span: three words a child, all zero for one that does not record it.
type Handles<const W: usize> = [u64; W];

type Children<'a> = &'a [Callee];

/// Calls a method with the children and, as a constant, the words of their handles at least. For one or
/// two children their number is known in the method, and the loops over them are laid out.
macro_rules! sized {
    ($this:ident . $method:ident ( $($argument:expr),* )) => {
        match &*$this.tracers {
            children @ [_] => $this.$method::<HANDLE_WORDS>(children, $($argument),*),
            children @ [_, _] => $this.$method::<{ 2 * HANDLE_WORDS }>(children, $($argument),*),
            // Out of line: what many children need on the stack is not reserved for two.
            children => out_of_line(|| match children.len() {
                0..=8 => $this.$method::<{ 8 * HANDLE_WORDS }>(children, $($argument),*),
                _ => $this.$method::<{ MAX_CHILDREN * HANDLE_WORDS }>(children, $($argument),*),
            }),
        }
    };
}

#[inline(never)]
fn out_of_line<R>(call: impl FnOnce() -> R) -> R {
    call()
}

impl FanOut {
    /// Makes a `FanOut`.
    pub fn builder() -> FanOutBuilder {
        FanOutBuilder::new()
    }

    /// The handle that a child gave a span, by the child's place in the order in which they were added,
    /// from 0 on: the ids under which its back-end shows the span.
    ///
    /// `None` when the child does not record the span or there is no such child, and when the span is
    /// not known: the handle was made elsewhere, or the span ended some time ago.
    #[must_use]
    pub fn child_handle(&self, span: SpanHandle, child: usize) -> Option<SpanHandle> {
        sized!(self.child_handle_in(span, child))
    }

    fn child_handle_in<const W: usize>(
        &self,
        children: Children<'_>,
        span: SpanHandle,
        child: usize,
    ) -> Option<SpanHandle> {
        if child >= children.len() {
            return None;
        }
        let (trace_id, span_id) = ids_of(span);
        let entry = self.table.read::<W>(trace_id, span_id).ok()?;
        Some(children[child].host_handle(&entry.words, child)).filter(|handle| !handle.is_invalid())
    }

    #[inline(always)]
    fn start<const W: usize>(&self, children: Children<'_>, span: &mut SpanStart<'_>) -> SpanHandle {
        let parents = match span.parent {
            None => None,
            Some(parent) => {
                let (trace_id, span_id) = ids_of(parent);
                match self.table.read_parent::<W>(trace_id, span_id) {
                    Ok(entry) => Some(entry.words),
                    // To each child its parent is invalid, too.
                    Err(_) if parent.is_invalid() => Some([0; W]),
                    Err(_) => None,
                }
            }
        };
        // Before any child is called: a span that is refused is refused for all.
        let Some(vacant) = self.table.reserve() else { return SpanHandle::INVALID };
        let mut handles: Handles<W> = [0; W];
        // Lent to children of ours, given to the others: the last of all gets these, not a clone.
        let mut attributes = mem::take(&mut span.attributes);
        let name = kept(children, span.name);
        for (at, child) in children.iter().enumerate() {
            let words = match child {
                Callee::Ours(plugin) => {
                    let parent = parents.as_ref().map(|parents| our_handle_at(parents, at));
                    words_of_ours(plugin.start(name, span, parent, &attributes))
                }
                Callee::Other(tracer) => {
                    let is_last = at + 1 == children.len();
                    let attributes = || if is_last { mem::take(&mut attributes) } else { attributes.clone() };
                    self.start_in(at, tracer, span, &parents, attributes)
                }
            };
            set_handle_at(&mut handles, at, words);
        }
        if !(0..children.len()).any(|at| has_handle(&handles, at)) {
            return SpanHandle::INVALID;
        }
        let mut trace_ids = children.iter().enumerate().map(|(at, child)| child.trace_id(&handles, at));
        let trace_id = trace_ids.find(|&id| id != 0).unwrap_or(0);
        let span_id = vacant.publish(trace_id, &handles);
        let trace_id = wide::le_bytes(trace_id as u64, (trace_id >> 64) as u64);
        SpanHandle { trace_id, span_id: span_id.to_le_bytes() }
    }

    /// Starts a span in a child: the words of its handle.
    ///
    /// Whatever the child gets and gives is put together where it is wanted and taken apart word by word:
    /// a copy of what was stored in parts a moment ago waits for the stores.
    #[inline(always)]
    fn start_in<const W: usize>(
        &self,
        child: usize,
        tracer: &Arc<dyn TracerPlugin>,
        span: &SpanStart<'_>,
        parents: &Option<Handles<W>>,
        attributes: impl FnOnce() -> Vec<(String, AttrValue)>,
    ) -> [u64; HANDLE_WORDS] {
        let &SpanStart { name, kind, start_time_unix_nanos, .. } = span;
        let words = self.guarded(child, || {
            let attributes = attributes();
            words_of(match parents {
                None => tracer.start_span(SpanStart {
                    name,
                    kind,
                    parent: None,
                    attributes,
                    start_time_unix_nanos,
                }),
                Some(parents) => {
                    let parent = Some(host_handle_at(parents, child));
                    tracer.start_span(SpanStart { name, kind, parent, attributes, start_time_unix_nanos })
                }
            })
        });
        words.unwrap_or_default()
    }

    /// What each child calls a live span; `None`, which is counted, when it is none.
    #[inline(always)]
    fn live<const W: usize>(&self, span: SpanHandle) -> Option<Handles<W>> {
        if self.table.is_forked() {
            return None;
        }
        let (trace_id, span_id) = ids_of(span);
        let miss = match self.table.read::<W>(trace_id, span_id) {
            Ok(Entry { words, live: true }) => return Some(words),
            Ok(Entry { live: false, .. }) => Count::Stale,
            Err(miss) => miss.count(),
        };
        self.missed(span, miss);
        None
    }

    #[cold]
    #[inline(never)]
    fn missed(&self, span: SpanHandle, what: Count) {
        self.table.count(if span.is_invalid() { Count::InvalidCall } else { what }, 1);
    }

    #[inline(always)]
    fn end<const W: usize>(&self, children: Children<'_>, span: SpanHandle, time: Option<u64>) {
        if self.table.is_forked() {
            return;
        }
        let (trace_id, span_id) = ids_of(span);
        match self.table.end::<W>(trace_id, span_id) {
            Ok(handles) => {
                self.each(children, &handles, &mut { time });
            }
            Err(miss) => self.missed(span, miss.count()),
        }
    }

    /// Calls a child; `None` when it panicked.
    #[inline(always)]
    fn guarded<R>(&self, child: usize, call: impl FnOnce() -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => Some(result),
            Err(payload) => {
                self.panicked(child, payload);
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn panicked(&self, child: usize, payload: Box<dyn Any + Send>) {
        self.children[child].panicked(Panic::of(payload));
    }
}

impl TracerPlugin for FanOut {
    fn name(&self) -> &str {
        &self.name
    }

    fn start_span(&self, mut span: SpanStart<'_>) -> SpanHandle {
        // Not moved: see `start_in`.
        sized!(self.start(&mut span))
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, mut value: AttrValue) {
        sized!(self.set_attribute_in(span, key, &mut value));
        // What has nothing to drop is not asked for it.
        if let AttrValue::I64(_) | AttrValue::Bool(_) | AttrValue::F64(_) = value {
            mem::forget(value);
        }
    }

    fn set_status(&self, span: SpanHandle, status: SpanStatus) {
        sized!(self.set_status_in(span, status));
    }

    fn add_event(&self, span: SpanHandle, event: SpanEvent<'_>) {
        sized!(self.add_event_in(span, event));
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        sized!(self.end(span, end_time_unix_nanos));
    }

    /// Has all children flush at once and waits until they are done, or until
    /// [the deadline](FanOutBuilder::flush_timeout).
    ///
    /// # Errors
    ///
    /// One text of all that went wrong, joined by "; ": children in their order, each with its name,
    /// its place and its reason, such as an error of its own, a flush that is still running, or panics
    /// in other calls since the last flush; then the spans that were refused since.
    fn flush(&self) -> Result<(), String> {
        self.flush_all()
    }
}

impl FanOut {
    #[inline(always)]
    fn set_attribute_in<const W: usize>(
        &self,
        children: Children<'_>,
        span: SpanHandle,
        key: &str,
        value: &mut AttrValue,
    ) {
        let Some(handles) = self.live::<W>(span) else { return };
        if !lend_plain(children, &handles, key, value) {
            self.each(children, &handles, &mut Attribute { key, kept: kept(children, key), value });
        }
    }

    #[inline(always)]
    fn set_status_in<const W: usize>(
        &self,
        children: Children<'_>,
        span: SpanHandle,
        mut status: SpanStatus,
    ) {
        if let Some(handles) = self.live::<W>(span) {
            self.each(children, &handles, &mut status);
        }
    }

    #[inline(always)]
    fn add_event_in<const W: usize>(
        &self,
        children: Children<'_>,
        span: SpanHandle,
        mut event: SpanEvent<'_>,
    ) {
        if let Some(handles) = self.live::<W>(span) {
            self.each(children, &handles, &mut event);
        }
    }
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut")
            .field("name", &self.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// A handle of ours as the table knows it. Which way round the bytes are read is our own affair.
#[inline(always)]
fn ids_of(span: SpanHandle) -> (u128, u64) {
    (u128::from_le_bytes(span.trace_id), u64::from_le_bytes(span.span_id))
}

/// Whether a child records the span. By words: the handle itself is compared in wider steps than those
/// in which it was just stored, for which a processor waits.
#[inline(always)]
fn has_handle(handles: &[u64], child: usize) -> bool {
    handles[child * HANDLE_WORDS..][..HANDLE_WORDS].iter().fold(0, |all, word| all | word) != 0
}

#[inline(always)]
fn words_at(handles: &[u64], child: usize) -> [u64; HANDLE_WORDS] {
    std::array::from_fn(|word| handles[child * HANDLE_WORDS + word])
}

/// What a child calls the span that is any tracer.
#[inline(always)]
fn host_handle_at(handles: &[u64], child: usize) -> SpanHandle {
    let [low, high, span_id] = words_at(handles, child);
    let trace_id = u128::from(high) << 64 | u128::from(low);
    SpanHandle { trace_id: trace_id.to_le_bytes(), span_id: span_id.to_le_bytes() }
}

#[inline(always)]
fn words_of(handle: SpanHandle) -> [u64; HANDLE_WORDS] {
    let (trace_id, span_id) = ids_of(handle);
    [trace_id as u64, (trace_id >> 64) as u64, span_id]
}

#[inline(always)]
fn set_handle_at(handles: &mut [u64], child: usize, words: [u64; HANDLE_WORDS]) {
    handles[child * HANDLE_WORDS..][..HANDLE_WORDS].copy_from_slice(&words);
}
