//! From a handle to its span, and back. A thread remembers what it asked for last.

use crate::raw::engine::Engine;
use crate::raw::handle::{LIVE, Place};
use crate::raw::local::Target;
use crate::raw::tally::Count;
use crate::seeded::{Bug, seeded};

/// What a handle turned out to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    Live(Target),
    /// Ours, but the span has ended.
    Ended,
    /// Not made by this tracer.
    Forged,
}

impl Engine {
    /// Looks a handle up without counting anything.
    ///
    /// The order matters: the tag first, which an id that is not ours fails; then whether the block
    /// exists; then whether this life of the slot is live; then the trace id.
    #[inline]
    pub(crate) fn find(&self, trace_id: u128, span_id: u64) -> Found {
        let Some(target) = self.open(trace_id, span_id) else { return Found::Forged };
        if seeded(Bug::StaleAccepted) {
            let now = Target { place: Place::from_bits(target.slot().header().end), ..target };
            return if now.place.bits() & LIVE != 0 { Found::Live(now) } else { Found::Ended };
        }
        // The tag vouches for the trace id: if another stands there, the slot was issued anew between
        // the two looks.
        if !target.is_live() || target.slot().trace_id() != trace_id {
            return Found::Ended;
        }
        Found::Live(target)
    }

    /// Where the span is or was that a handle of ours names.
    #[inline]
    fn open(&self, trace_id: u128, span_id: u64) -> Option<Target> {
        self.at(self.key.open(span_id, trace_id)?)
    }

    /// A place of ours.
    #[inline(always)]
    pub(crate) fn at(&self, place: Place) -> Option<Target> {
        let block = self.memory.blocks.get(place.base().address().wrapping_sub(1))?;
        Some(Target { block, place })
    }

    /// Looks a handle up for a call on it: a live span, or one that has ended a moment ago, which
    /// the call then finds out. Counts what leads to neither.
    #[inline(always)]
    pub(crate) fn resolve(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        if let Some(target) = self.own_aside().and_then(|own| own.recall(trace_id, span_id)) {
            return Some(target);
        }
        self.resolve_anew(trace_id, span_id)
    }

    #[inline(never)]
    pub(super) fn resolve_anew(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        if trace_id == 0 && span_id == 0 {
            self.count(Count::InvalidCall, 1);
            return None;
        }
        match self.find(trace_id, span_id) {
            Found::Live(target) => {
                if let Some(own) = self.own_aside() {
                    own.remember(trace_id, span_id, target);
                }
                Some(target)
            }
            Found::Ended => {
                self.count(Count::Stale, 1);
                None
            }
            Found::Forged if seeded(Bug::ForgedNotCounted) => None,
            Found::Forged => {
                self.count(Count::Forged, 1);
                None
            }
        }
    }

    /// The id of a span that was just started on this thread.
    #[inline]
    pub(crate) fn id_of(&'static self, target: Target, trace_id: u128) -> u64 {
        let span_id = self.key.seal(target.place, trace_id);
        if let Some(own) = self.own_aside() {
            own.remember(trace_id, span_id, target);
        }
        span_id
    }

    /// The flags of the span that a handle names, if this thread remembers it as a parent and it is
    /// live.
    #[inline(always)]
    pub(crate) fn parent_flags(&'static self, trace_id: u128, span_id: u64) -> Option<u8> {
        let parent = self.own_aside()?.recall_parent(trace_id, span_id)?;
        parent.is_live().then(|| parent.slot().flags())
    }

    /// As [`find`](Self::find); the thread remembers a live span as a parent.
    pub(crate) fn find_parent(&'static self, trace_id: u128, span_id: u64) -> Found {
        let found = self.find(trace_id, span_id);
        if let (Found::Live(target), Some(own)) = (found, self.own_aside()) {
            own.remember_parent(trace_id, span_id, target);
        }
        found
    }

    /// Where the span is or was that a handle names, if the calling thread asked for it a moment ago and
    /// calls are let in.
    #[cfg(feature = "bext")]
    #[inline(always)]
    pub(crate) fn recall(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        self.own_aside()?.recall(trace_id, span_id)
    }

    /// The same for a handle that spans were started below.
    #[cfg(feature = "bext")]
    #[inline(always)]
    pub(crate) fn recall_parent(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        self.own_aside()?.recall_parent(trace_id, span_id)
    }

    /// Where the span is or was that a handle names, unless it was made elsewhere or the slot is in use
    /// again. Counts nothing, and works after shutdown. The calling thread remembers a live span, and
    /// as a parent, too.
    #[cfg(feature = "bext")]
    pub(crate) fn locate(&'static self, trace_id: u128, span_id: u64) -> Option<Target> {
        let target = self.open(trace_id, span_id).filter(|target| target.slot().trace_id() == trace_id)?;
        if let Some(own) = self.own_aside().filter(|_| target.is_live()) {
            own.remember(trace_id, span_id, target);
            own.remember_parent(trace_id, span_id, target);
        }
        Some(target)
    }
}
