//! The start of a child in the short way.
//!
//! Everything is out of line: what a caller lays out is where the child goes, its parent, its name and
//! its kind. Each function hands everything on to the next as it came, so that none needs a stack frame.

use super::{Span, Way};
use crate::context::{TraceFlags, TraceId};
use crate::raw::block::Block;
use crate::raw::handle::Place;
use crate::raw::local::Target;
use crate::raw::packed::TextParts;
use crate::raw::slot::{NameWord, Origin};
use crate::raw::tally::Count;
use crate::sampling::ParentSample;
use crate::tracer::Core;
use crate::tracer::position::NO_STATE;
use crate::tracer::start::{More, SpanBuilder};
use crate::value::{SpanKind, Text};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

impl Span {
    /// A span that was started in the short way, while the thread does not panic.
    #[inline(always)]
    pub(crate) fn started(core: &'static Core, target: Target, trace_id: TraceId, flags: TraceFlags) -> Self {
        Self {
            way: Way::Short(core),
            short: target.block,
            place: target.place,
            trace_id,
            id: AtomicU64::new(0),
            flags,
            has_status: false,
        }
    }

    /// Starts a child with a static name, by the same tracer and with nothing else to record.
    #[inline(never)]
    pub(crate) fn start_child(&self, name: TextParts, kind: SpanKind) -> Self {
        // Asked first, where nothing is in a register yet that the answer could cost.
        if thread::panicking() {
            return self.start_child_at_length(name, kind);
        }
        self.start_child_calmly(name, kind)
    }

    #[inline(never)]
    fn start_child_calmly(&self, name: TextParts, kind: SpanKind) -> Self {
        let Way::Short(core) = &self.way else { return self.start_child_at_length(name, kind) };
        match self.start_short(core, name, kind) {
            Some(target) => Self::started(core, target, self.trace_id, self.flags),
            None => self.start_child_at_length(name, kind),
        }
    }

    #[inline(always)]
    fn start_short(&self, core: &'static Core, name: TextParts, kind: SpanKind) -> Option<Target> {
        let name = NameWord::of_parts(name)?;
        let parent = self.id.load(Ordering::Relaxed);
        if parent == 0 {
            return None;
        }
        let start = |_, ticks| Child { of: self, parent, ticks, name, kind };
        core.engine.start_short(start).map(|(target, _)| target)
    }

    /// The tracer, if a child of this span, which is not recording, gets nothing but ids; it is counted
    /// then. Laid out in the caller: it is less than a call's own share.
    #[inline(always)]
    pub(crate) fn passes_on(&self) -> Option<&'static Core> {
        let Way::Passing(Some(core)) = self.way else { return None };
        // An invalid span has no id.
        let passes_on =
            self.id.load(Ordering::Relaxed) != 0 && core.sampler.never(ParentSample::LocalNotSampled);
        (passes_on && core.engine.count_short(Count::NotSampled)).then_some(core)
    }

    /// The child of a span that [passes its ids on](Self::passes_on).
    #[inline(always)]
    pub(crate) fn passed_on(&self, core: &'static Core) -> Self {
        Self {
            way: Way::Passing(Some(core)),
            short: Block::nobodys(),
            place: Place::NONE,
            trace_id: self.trace_id,
            id: AtomicU64::new(self.id.load(Ordering::Relaxed)),
            flags: self.flags,
            has_status: self.has_status,
        }
    }

    #[inline(never)]
    fn start_child_at_length(&self, name: TextParts, kind: SpanKind) -> Self {
        if self.id.load(Ordering::Relaxed) == 0 && self.is_recording() && !thread::panicking() {
            // The first child: it needs the parent's id, and those after it find that.
            let _ = self.span_id();
            return self.start_child_calmly(name, kind);
        }
        SpanBuilder::new(None, Text::Static(name.text())).below(self).kind(kind).start_elsewhere()
    }

    /// As [`start_child`](Self::start_child), with more to record.
    #[inline(never)]
    pub(crate) fn start_child_with(&self, name: TextParts, kind: SpanKind, more: &More<'_>) -> Self {
        let child = self.start_child(name, kind);
        if let Some((core, target)) = child.live() {
            more.record(core, target, &NO_STATE);
        }
        child
    }
}

/// What the slot of a child is filled from.
struct Child<'a> {
    of: &'a Span,
    parent: u64,
    ticks: u64,
    name: NameWord,
    kind: SpanKind,
}

impl Origin for Child<'_> {
    #[inline(always)]
    fn ticks(&self) -> u64 {
        self.ticks
    }

    #[inline(always)]
    fn parent(&self) -> u64 {
        self.parent
    }

    #[inline(always)]
    fn name(&self) -> NameWord {
        self.name
    }

    #[inline(always)]
    fn trace_high(&self) -> u64 {
        self.of.trace_id.high()
    }

    #[inline(always)]
    fn trace_low(&self) -> u64 {
        self.of.trace_id.low()
    }

    #[inline(always)]
    fn kind(&self) -> u8 {
        self.kind as u8
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        self.of.flags.to_byte()
    }
}
