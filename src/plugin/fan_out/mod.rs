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
//!
//! Where all children are plugins of this crate, there is a shorter way: see [`lead`].

mod builder;
mod callee;
mod children;
mod flush;
mod lead;
#[cfg(loom)]
pub(crate) mod model;
mod parent;
mod stats;

use crate::plugin::calls::Start;
use crate::plugin::fan_out::callee::{Attribute, Callee, Payload, kept, our_handle_at, words_of_ours};
use crate::plugin::fan_out::children::{Child, Panic};
use crate::plugin::fan_out::lead::{Leads, Parents};
use crate::raw::table::{Entry, Table, Vacant};
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
/// Under which ids a child's back-end shows a span says [`child_handle`](Self::child_handle): a
/// `traceparent` that goes out must carry those. A request that came in with such a header is continued
/// by [`parent_of`](Self::parent_of).
///
/// Where all children are [`Plugin`](crate::plugin::Plugin)s added by [`child`](FanOutBuilder::child),
/// they record a span under one trace id, and if the first child records it, its handle is `FanOut`'s.
/// (Not so below a parent of `parent_of` whose handles are in different traces.) In any other case a
/// handle has the trace id of the first child that gave one, and a span id of `FanOut`'s own, which none
/// of the back-ends knows.
///
/// A handle that this `FanOut` did not make, or of a span that has ended, is a no-op for every call and
/// counted. That goes for spans that the first child started by itself, too; of those, calls on ended
/// ones count as stale. As a parent a span that has ended still counts, as long as its slot or its entry
/// in the table was not used again; then, and with any handle that was made elsewhere, the new span is a
/// root. Stale and foreign handles are told apart as [`Tracer`](crate::Tracer) does, or by a keyed 64-bit
/// check that covers the trace id. One case is left: a handle that comes late by an exact multiple of
/// 2^20 uses of its slot or its entry, which is then again in use by the same trace, means that other
/// span.
///
/// A span must be ended here. One that is ended under its handle in the first child by itself stays live
/// in the others. Of two threads that end a span at the very same moment both may be passed on, and are
/// then both taken off [`live_spans`](FanOutStats::live_spans); each child takes the first.
///
/// # Limits
///
/// At most [`max_live_spans`](FanOutBuilder::max_live_spans) are live at once, not counting those whose
/// handle is the first child's, and at most 64 children are called. What is refused is counted in [`stats`](Self::stats) and told by the next flush. In a
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
    /// Spans that the first child's tracers have; the others are in the table.
    leads: Leads,
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
        let handles = self.handles::<W>(span)?;
        Some(children[child].host_handle(&handles, child)).filter(|handle| !handle.is_invalid())
    }

    /// Starts a span in the common case: all children are plugins of ours, and the parent is a live span
    /// below which this thread has started others. `Some(None)` when the first child does not record it.
    #[inline(always)]
    fn start_led(&self, span: &SpanStart<'_>) -> Option<Option<SpanHandle>> {
        let lead = self.leads.get(&self.tracers)?;
        let parents = lead.recall_parent(span.parent?)?;
        let name = lead.kept(span.name);
        let handle = lead.start(&Start { name, attributes: &span.attributes, rest: span }, &parents);
        if handle.is_some() {
            self.table.count(Count::Taken);
        }
        Some(handle)
    }

    /// Starts a span where the common case does not apply.
    #[inline(always)]
    fn start<const W: usize>(
        &self,
        children: Children<'_>,
        span: &mut SpanStart<'_>,
        mut first_was_asked: bool,
    ) -> SpanHandle {
        let parents = match span.parent {
            None => None,
            Some(parent) => match self.handles::<W>(parent) {
                // To each child its parent is invalid, too.
                None if parent.is_invalid() => Some([0; W]),
                parents => parents,
            },
        };
        let may_lead = !first_was_asked
            && !self.table.is_forked()
            && parents.is_none_or(|parents| in_one_trace(children, &parents));
        let lead = if may_lead { self.leads.get(children) } else { None };
        // Lent to children of ours, given to the others: the last of all gets these, not a clone.
        let mut attributes = mem::take(&mut span.attributes);
        let name = kept(children, span.name);
        if let Some(lead) = lead {
            let start = Start { name, attributes: &attributes, rest: span };
            let parents = parents.as_ref().map_or(Parents::None, |parents| Parents::Handles(parents));
            if let Some(handle) = lead.start(&start, &parents) {
                self.table.count(Count::Taken);
                return handle;
            }
            first_was_asked = true;
        }
        // Before any other child is called: a span that is refused is refused for all.
        let Some(vacant) = self.table.reserve() else { return SpanHandle::INVALID };
        let mut handles: Handles<W> = [0; W];
        for (at, child) in children.iter().enumerate().skip(usize::from(first_was_asked)) {
            let words = match child {
                Callee::Ours(plugin) => {
                    let parent = parents.as_ref().map(|parents| our_handle_at(parents, at));
                    let start = Start { name, attributes: &attributes, rest: span };
                    words_of_ours(plugin.start(&start, parent))
                }
                Callee::Other(tracer) => {
                    let is_last = at + 1 == children.len();
                    let attributes = || if is_last { mem::take(&mut attributes) } else { attributes.clone() };
                    self.start_in(at, tracer, span, &parents, attributes)
                }
            };
            set_handle_at(&mut handles, at, words);
        }
        publish(vacant, children, &handles)
    }

    /// What each child calls a span or a parent of ours, live or ended.
    #[inline(always)]
    fn handles<const W: usize>(&self, span: SpanHandle) -> Option<Handles<W>> {
        if let Some(led) = self.leads.find(span) {
            return Some(led.handles(span));
        }
        let (trace_id, span_id) = ids_of(span);
        self.table.read::<W>(trace_id, span_id).ok().map(|entry| entry.words)
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

    /// Calls each child that records a live span. When it is none, that is counted.
    #[inline(always)]
    fn call<const W: usize>(&self, children: Children<'_>, span: SpanHandle, payload: &mut impl Payload) {
        if self.table.is_forked() {
            return;
        }
        let miss = match self.leads.recall(span).or_else(|| self.leads.find(span)) {
            Some(led) if led.is_live() => {
                return led.each(|engine, target| payload.record(engine, target));
            }
            Some(_) => Count::Stale,
            None => {
                let (trace_id, span_id) = ids_of(span);
                match self.table.read::<W>(trace_id, span_id) {
                    Ok(Entry { words, live: true }) => return self.each(children, &words, payload),
                    Ok(Entry { live: false, .. }) => Count::Stale,
                    Err(miss) => miss.count(),
                }
            }
        };
        self.missed(span, miss);
    }

    #[cold]
    #[inline(never)]
    fn missed(&self, span: SpanHandle, what: Count) {
        self.table.count(match what {
            _ if span.is_invalid() => Count::InvalidCall,
            Count::Forged if self.leads.has_ended(span) => Count::Stale,
            what => what,
        });
    }

    #[inline(always)]
    fn end<const W: usize>(&self, children: Children<'_>, span: SpanHandle, time: Option<u64>) {
        if self.table.is_forked() {
            return;
        }
        let miss = match self.leads.find(span) {
            Some(led) if led.is_live() && led.end(time) => return self.table.count(Count::Returned),
            Some(_) => Count::Stale,
            None => {
                let (trace_id, span_id) = ids_of(span);
                match self.table.end::<W>(trace_id, span_id) {
                    Ok(handles) => return self.each(children, &handles, &mut { time }),
                    Err(miss) => miss.count(),
                }
            }
        };
        self.missed(span, miss);
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
        let first_was_asked = match self.start_led(&span) {
            Some(Some(handle)) => return handle,
            Some(None) => true,
            None => false,
        };
        // Not moved: see `start_in`.
        out_of_line(|| sized!(self.start(&mut span, first_was_asked)))
    }

    fn set_attribute(&self, span: SpanHandle, key: &str, mut value: AttrValue) {
        match self.leads.recall(span) {
            Some(led) => led.attribute(key, &value),
            None => out_of_line(|| {
                let mut attribute = Attribute { key, kept: kept(&self.tracers, key), value: &mut value };
                sized!(self.call(span, &mut attribute));
            }),
        }
        // What has nothing to drop is not asked for it.
        if let AttrValue::I64(_) | AttrValue::Bool(_) | AttrValue::F64(_) = value {
            mem::forget(value);
        }
    }

    fn set_status(&self, span: SpanHandle, mut status: SpanStatus) {
        sized!(self.call(span, &mut status));
    }

    fn add_event(&self, span: SpanHandle, mut event: SpanEvent<'_>) {
        sized!(self.call(span, &mut event));
    }

    fn end_span(&self, span: SpanHandle, end_time_unix_nanos: Option<u64>) {
        match self.leads.recall(span) {
            Some(led) if led.end(end_time_unix_nanos) => self.table.count(Count::Returned),
            _ => out_of_line(|| sized!(self.end(span, end_time_unix_nanos))),
        }
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

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut")
            .field("name", &self.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Whether what plugins of ours call a parent is all in one trace, or invalid.
#[inline(always)]
fn in_one_trace<const W: usize>(children: Children<'_>, parents: &Handles<W>) -> bool {
    let [low, high, _] = words_at(parents, 0);
    (1..children.len()).all(|at| {
        let others = words_at(parents, at);
        others == [0; HANDLE_WORDS] || others[..2] == [low, high]
    })
}

/// Publishes an entry of the table: the handle. Invalid, and the entry is free again, when no child
/// records the span.
#[inline(always)]
fn publish<const W: usize>(vacant: Vacant, children: Children<'_>, handles: &Handles<W>) -> SpanHandle {
    if !(0..children.len()).any(|at| has_handle(handles, at)) {
        return SpanHandle::INVALID;
    }
    let mut trace_ids = children.iter().enumerate().map(|(at, child)| child.trace_id(handles, at));
    let trace_id = trace_ids.find(|&id| id != 0).unwrap_or(0);
    let span_id = vacant.publish(trace_id, handles);
    let trace_id = wide::le_bytes(trace_id as u64, (trace_id >> 64) as u64);
    SpanHandle { trace_id, span_id: span_id.to_le_bytes() }
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
