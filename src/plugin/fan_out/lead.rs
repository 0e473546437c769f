//! Several plugins of this crate: the first one's spans stand for the fan-out's.
//!
//! A handle of such a plugin leads to its span's slot by arithmetic, and the slot knows whether the span
//! is live. So where all children are plugins, the first one's handles are the fan-out's own, and
//! [beside](crate::raw::beside) each slot stands which spans the others have started for it. No entry
//! is taken at the start nor given back at the end, who may end a span is settled in the slot, and the
//! other children are called by place, not by handle. All of them record a span under the same trace id.
//!
//! A span that the first child does not record, and one whose parents are in different traces, has an
//! entry of the table, as all have where any child is another tracer.
//!
//! A plugin that is started again has another tracer. From then on spans are started in that; for
//! those that are still live what led before is kept.

use crate::context::{SpanHandle, SpanId, TraceId};
use crate::plugin::calls::{self, Above, Start};
use crate::plugin::fan_out::callee::{Callee, our_handle_at, words_of_ours};
use crate::plugin::fan_out::{Children, Handles, MAX_CHILDREN, out_of_line, set_handle_at};
use crate::raw::beside::Beside;
use crate::raw::cell::AtomicRef;
use crate::raw::engine::Engine;
use crate::raw::handle::Place;
use crate::raw::local::Target;
use crate::raw::lookup::Found;
use crate::raw::packed::KeyWord;
use crate::raw::quick::Plain;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::tracer::Core;
use crate::value::{Text, Value};
use bext_plugin_api::tracer::{self as host, AttrValue};
use std::ptr;

/// What has led so far.
pub(super) struct Leads {
    newest: AtomicRef<Lead>,
    /// Whether a thread is about to add one, or there was no memory for one.
    busy: AtomicBool,
}

/// The children's tracers, and which of their spans go together.
pub(super) struct Lead {
    first: &'static Core,
    others: Box<[Other]>,
    older: Option<&'static Lead>,
    #[cfg(loom)]
    whole: crate::model::Witness,
}

/// A child behind the first.
struct Other {
    core: &'static Core,
    /// Its spans beside the first child's slots.
    spans: Beside,
}

/// A span of the fan-out: where it is in the first child.
#[derive(Clone, Copy)]
pub(super) struct Led {
    lead: &'static Lead,
    target: Target,
}

impl Leads {
    pub(super) fn none() -> Self {
        Self { newest: AtomicRef::none(), busy: AtomicBool::new(false) }
    }

    /// What was added last.
    #[inline(always)]
    fn newest(&self) -> Option<&'static Lead> {
        // Acquire pairs with the Release in `add`: who sees it sees it whole.
        let newest = self.newest.load(Ordering::Acquire);
        #[cfg(loom)]
        newest.inspect(|lead| lead.whole.look());
        newest
    }

    /// What leads now; `None` unless all children are plugins of ours, several, and have tracers.
    #[inline(always)]
    pub(super) fn get(&self, children: Children<'_>) -> Option<&'static Lead> {
        match self.newest() {
            Some(lead) if lead.is_of(children) => Some(lead),
            _ => self.add(children),
        }
    }

    /// Adds the children's tracers: once for each set of them, which is the one time that it takes
    /// memory. A call that comes meanwhile does without.
    #[cold]
    #[inline(never)]
    fn add(&self, children: Children<'_>) -> Option<&'static Lead> {
        let (first, others) = children.split_first()?;
        let first = first.core()?;
        // Acquire pairs with the Release below: what the call before added is seen to be the newest.
        if others.is_empty()
            || others.iter().any(|other| other.core().is_none())
            || self.busy.swap(true, Ordering::Acquire)
        {
            return None;
        }
        let older = self.newest();
        let lead = match older {
            Some(lead) if lead.is_of(children) => Some(lead),
            _ => {
                let blocks = first.engine.sizes.blocks;
                // Without memory it stays busy, and is not tried again.
                let spans = others.iter().map(|_| Beside::new(blocks)).collect::<Option<Vec<_>>>()?;
                let others = others.iter().zip(spans);
                let others = others.map(|(other, spans)| Some(Other { core: other.core()?, spans }));
                // None when one has stopped meanwhile.
                others.collect::<Option<_>>().map(|others| -> &'static Lead {
                    let lead = Box::leak(Box::new(Lead {
                        first,
                        others,
                        older,
                        #[cfg(loom)]
                        whole: crate::model::Witness::new(),
                    }));
                    // Release pairs with the Acquire in `newest`.
                    self.newest.store(Some(lead), Ordering::Release);
                    lead
                })
            }
        };
        // Release pairs with the Acquire above.
        self.busy.store(false, Ordering::Release);
        lead
    }

    /// The span that a handle names, if the calling thread has just used it and it is live: the common
    /// case. What is not found here may be all the same.
    #[inline(always)]
    pub(super) fn recall(&self, span: host::SpanHandle) -> Option<Led> {
        let lead = self.newest()?;
        let span = SpanHandle::from(span);
        let target = lead.first.engine.recall(span.trace_id.to_u128(), span.span_id.to_u64())?;
        (target.is_live() && lead.has_made(target.place)).then_some(Led { lead, target })
    }

    /// The span that a handle names, live or not, if the fan-out made the handle here.
    #[inline(never)]
    pub(super) fn find(&self, span: host::SpanHandle) -> Option<Led> {
        let span = SpanHandle::from(span);
        let mut leads = std::iter::successors(self.newest(), |lead| lead.older);
        leads.find_map(|lead| {
            let target = lead.first.engine.locate(span.trace_id.to_u128(), span.span_id.to_u64())?;
            lead.has_made(target.place).then_some(Led { lead, target })
        })
    }

    /// Whether a handle names a span of a first child that has ended, whoever made it.
    pub(super) fn has_ended(&self, span: host::SpanHandle) -> bool {
        let span = SpanHandle::from(span);
        let mut leads = std::iter::successors(self.newest(), |lead| lead.older);
        leads.any(|lead| {
            let found = lead.first.engine.find(span.trace_id.to_u128(), span.span_id.to_u64());
            matches!(found, Found::Ended)
        })
    }
}

impl Lead {
    /// Whether these are the children's tracers.
    #[inline(always)]
    fn is_of(&self, children: Children<'_>) -> bool {
        let Some((first, others)) = children.split_first() else { return false };
        let is = |child: &Callee, core| child.core().is_some_and(|of| ptr::eq(of, core));
        others.len() == self.others.len()
            && is(first, self.first)
            && others.iter().zip(&self.others).all(|(child, other)| is(child, other.core))
    }

    /// Whether a span of the first child was started for the fan-out.
    #[inline(always)]
    fn has_made(&self, place: Place) -> bool {
        self.others.first().is_some_and(|other| other.spans.get(place).is_some())
    }

    /// Starts the span in each child, below its own parent there or as a root. `None` when the first
    /// child does not record it, and then no other was asked.
    #[inline(always)]
    pub(super) fn start(&self, start: &Start<'_>, parent: &Parents<'_>) -> Option<host::SpanHandle> {
        let (target, trace_id) = start.on(self.first, parent.above(self, 0))?;
        let handle = self.first.handle_of(target, trace_id);
        for (at, other) in self.others.iter().enumerate() {
            let above = match parent.above(self, at + 1) {
                Above::Nothing => Above::Trace(trace_id),
                above => above,
            };
            let begun = start.on(other.core, above);
            other.spans.put(target.place, begun.map(|(target, _)| target.place));
        }
        Some(handle.into())
    }

    /// The name as the children take it: looked up once for all of them.
    #[inline(always)]
    pub(super) fn kept<'t>(&self, name: &'t str) -> Text<'t> {
        self.first.engine.kept(name).map_or(Text::Copied(name), Text::Static)
    }

    /// The parent that a handle names, if the calling thread has started spans below it or used it just
    /// now, and it is live here: the common case.
    #[inline(always)]
    pub(super) fn recall_parent(&self, span: host::SpanHandle) -> Option<Parents<'static>> {
        let span = SpanHandle::from(span);
        let target = self.first.engine.recall_parent(span.trace_id.to_u128(), span.span_id.to_u64())?;
        (target.is_live() && self.has_made(target.place)).then_some(Parents::Led(span, target))
    }
}

/// What a span is to stand below.
pub(super) enum Parents<'a> {
    /// It is a root.
    None,
    /// A span of the fan-out that was found here.
    Led(SpanHandle, Target),
    /// Each child's own handle.
    Handles(&'a [u64]),
}

impl Parents<'_> {
    /// What it is in a child.
    #[inline(always)]
    fn above(&self, lead: &Lead, child: usize) -> Above {
        match *self {
            Parents::None => Above::Nothing,
            Parents::Led(span, target) if child == 0 => Above::Found(span, target),
            Parents::Led(_, target) => {
                match lead.others.get(child - 1).and_then(|other| other.mate(target)) {
                    Some((span, target)) => Above::Found(span, target),
                    None => Above::Handle(SpanHandle::INVALID),
                }
            }
            Parents::Handles(handles) => Above::Handle(our_handle_at(handles, child)),
        }
    }
}

impl Other {
    /// The span that goes with one of the first child's: its handle, and where it is.
    #[inline(always)]
    fn mate(&self, first: Target) -> Option<(SpanHandle, Target)> {
        let engine = self.core.engine;
        let target = engine.at(self.spans.get(first.place)??)?;
        // As a rule the first child's trace; its own where it did not know the parent.
        let trace_id = target.slot().trace_id();
        let span_id = SpanId::from_u64(engine.key.seal(target.place, trace_id));
        Some((SpanHandle { trace_id: TraceId::from_u128(trace_id), span_id }, target))
    }
}

impl Led {
    #[inline(always)]
    pub(super) fn is_live(self) -> bool {
        self.target.is_live()
    }

    /// Calls each child that records the span, in their order.
    #[inline(always)]
    pub(super) fn each(self, call: impl Fn(&'static Engine, Target)) {
        call(self.lead.first.engine, self.target);
        for other in &self.lead.others {
            if let Some(target) = self.in_other(other) {
                call(other.core.engine, target);
            }
        }
    }

    #[inline(always)]
    fn in_other(self, other: &Other) -> Option<Target> {
        other.core.engine.at(other.spans.get(self.target.place)??)
    }

    /// Sets an attribute in each child.
    #[inline(always)]
    pub(super) fn attribute(self, key: &str, value: &AttrValue) {
        let key = self.lead.kept(key);
        let value = Value::from(value);
        match Plain::of(&value) {
            // What it takes to record it is worked out once.
            Some(Plain { ty, word, text }) => {
                let (key_text, key_word) = (key.as_str(), KeyWord::of(key, ty));
                self.each(|engine, target| engine.plain_on(target, key_text, key_word, ty, word, text));
            }
            None => self.each(|engine, target| engine.attributes(target, &[(key, value)])),
        }
    }

    /// Ends the span in each child. `false` when it had ended.
    #[inline(always)]
    pub(super) fn end(self, time: Option<u64>) -> bool {
        match &*self.lead.others {
            others @ [_] => self.end_with(others, [None], time),
            others => out_of_line(|| self.end_with(others, [None; MAX_CHILDREN], time)),
        }
    }

    #[inline(always)]
    fn end_with<const N: usize>(
        self,
        others: &[Other],
        mut targets: [Option<Target>; N],
        time: Option<u64>,
    ) -> bool {
        // Before the end, after which the slot may be issued again.
        for (target, other) in targets.iter_mut().zip(others) {
            *target = self.in_other(other);
        }
        let first = self.lead.first.engine;
        calls::end_time(first, self.target, time);
        if !first.end_anyway(self.target) {
            return false;
        }
        for (target, other) in targets.into_iter().zip(others) {
            if let Some(target) = target {
                let engine = other.core.engine;
                calls::end(engine, target, time);
            }
        }
        true
    }

    /// What each child calls the span; `span` is its handle.
    pub(super) fn handles<const W: usize>(self, span: host::SpanHandle) -> Handles<W> {
        let mut handles = [0; W];
        set_handle_at(&mut handles, 0, words_of_ours(span.into()));
        for (at, other) in self.lead.others.iter().enumerate() {
            if let Some((handle, _)) = other.mate(self.target) {
                set_handle_at(&mut handles, at + 1, words_of_ours(handle));
            }
        }
        handles
    }
}
