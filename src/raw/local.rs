//! What a thread keeps for a tracer: the block it fills, the blocks it still holds, its log, its
//! counters.
//!
//! All of it is written by one thread at a time, with relaxed stores that compile to plain moves.
//! The drain and the account read it from elsewhere. When the thread exits the value stays; the next
//! thread that gets the same place in the registry goes on with it, half-filled block and all, so
//! nothing is lost and nothing has to be cleaned up in a hurry.

use crate::raw::block::{ALL, Block, SLOTS};
use crate::raw::cell::AtomicRef;
use crate::raw::handle::{Base, HandleCell, Place};
use crate::raw::ids::TraceIds;
use crate::raw::intern::Seen;
use crate::raw::log::Log;
use crate::raw::random;
use crate::raw::slot::{Origin, Slot};
use crate::raw::supply::{Supply, Taken};
use crate::raw::tally::Tally;
use crate::sync::atomic::{AtomicU64, Ordering};
use std::marker::PhantomData;

/// How many blocks with live spans a thread holds besides the one that it fills. Spans in them are
/// still ended without a locked instruction; spans in older blocks are treated like a stranger's.
pub(crate) const HELD: usize = 3;

/// See the module.
///
/// What the thread writes for each span and each record comes first and fills one cache line, up to the
/// log's tail; what the drain writes, too, stands behind it. The alignment is that of two lines, for
/// processors fetch them in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Local {
    /// Spans issued so far.
    issued: AtomicU64,
    /// The place of the current block's next slot; when its slot is 0, the thread needs a block.
    next: AtomicU64,
    current: AtomicRef<Block>,
    pub(crate) ids: TraceIds,
    pub(crate) log: Log,
    held: [AtomicRef<Block>; HELD],
    /// Which of its registry's locals this is, counted from 0.
    pub(crate) number: u32,
    /// Blocks taken in this round.
    taken: Taken,
    pub(crate) tally: Tally,
    recent: [Recent; RECENT],
    /// Those below which a span was started. Apart, or a span would take its parent's place.
    parents: [Recent; RECENT],
    pub(crate) seen: Seen,
}

/// How many handles a thread remembers.
const RECENT: usize = 8;

/// A handle that its thread has looked up before, so that it need not be taken apart and checked
/// again. Whether the span is still live is looked at each time.
#[derive(Debug)]
struct Recent {
    handle: HandleCell,
    place: AtomicU64,
    block: AtomicRef<Block>,
}

impl Recent {
    fn new() -> Self {
        Self { handle: HandleCell::new(), place: AtomicU64::new(0), block: AtomicRef::none() }
    }

    #[inline(always)]
    fn get(&self, trace_id: u128, span_id: u64) -> Option<Target> {
        // Relaxed, here and in `set`: only the thread itself touches what it remembers.
        if !self.handle.is(trace_id, span_id) {
            return None;
        }
        // No block: nothing was remembered yet, and the handle is the invalid one.
        let block = self.block.load(Ordering::Relaxed)?;
        Some(Target { block, place: Place::from_bits(self.place.load(Ordering::Relaxed)) })
    }

    #[inline(always)]
    fn set(&self, trace_id: u128, span_id: u64, target: Target) {
        self.handle.set(trace_id, span_id);
        self.place.store(target.place.bits(), Ordering::Relaxed);
        self.block.store(Some(target.block), Ordering::Relaxed);
    }
}

impl Local {
    pub(crate) fn new(seed: [u64; 2], number: u32) -> Self {
        Self {
            issued: AtomicU64::new(0),
            next: AtomicU64::new(0),
            current: AtomicRef::none(),
            log: Log::new(),
            ids: TraceIds::new(seed),
            held: std::array::from_fn(|_| AtomicRef::none()),
            number,
            taken: Taken::new(),
            tally: Tally::new(),
            recent: std::array::from_fn(|_| Recent::new()),
            parents: std::array::from_fn(|_| Recent::new()),
            seen: Seen::new(),
        }
    }

    /// Spans that this thread, and those before it in this place, have started.
    pub(crate) fn issued(&self) -> u64 {
        // Relaxed: for the account, which is exact when nobody records.
        self.issued.load(Ordering::Relaxed)
    }
}

/// A span of ours: where it lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) block: &'static Block,
    pub(crate) place: Place,
}

impl Target {
    #[inline(always)]
    pub(crate) fn slot(self) -> &'static Slot {
        self.block.slot(self.place.slot())
    }

    /// Whether the span has not ended; a hint, as [`Slot::is_live`] is.
    #[inline(always)]
    pub(crate) fn is_live(self) -> bool {
        self.slot().is_live(self.place)
    }
}

/// What a [registry](crate::raw::registry) keeps for each thread.
pub(crate) trait PerThread: Send + Sync + 'static {
    /// The `n`-th thread's, counted from 0. With a seed, it is the same each time.
    fn make(seed: Option<u64>, n: u64) -> Self;
}

impl PerThread for Local {
    fn make(seed: Option<u64>, n: u64) -> Self {
        let seed = match seed {
            None => [random::word(), random::word()],
            Some(seed) => [seed.wrapping_add(2 * n), !seed.wrapping_add(2 * n)],
        };
        // A process has fewer threads.
        Self::new(seed, n as u32)
    }
}

/// The calling thread's own [`Local`], or what else a registry keeps: proof that no other thread
/// writes to it now.
#[derive(Debug)]
pub(crate) struct Own<T: 'static = Local> {
    local: &'static T,
    /// Not Send and not Sync: it stays on its thread.
    _thread: PhantomData<*const ()>,
}

impl<T> Clone for Own<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Own<T> {}

impl<T> Own<T> {
    /// # Safety
    ///
    /// While the value or a copy of it lives, only the calling thread uses `local` through an `Own`.
    #[inline(always)]
    pub(crate) unsafe fn new(local: &'static T) -> Self {
        Self { local, _thread: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn local(self) -> &'static T {
        self.local
    }
}

impl Own {
    /// Where the next span will be, if the thread's block has a slot left.
    #[inline(always)]
    pub(crate) fn vacancy(self) -> Option<Target> {
        // Relaxed, here and in `issue`: only the thread itself touches its block and its next slot.
        let place = Place::from_bits(self.local.next.load(Ordering::Relaxed));
        if place.slot() as usize % SLOTS == 0 {
            return None;
        }
        let block = self.local.current.load(Ordering::Relaxed);
        // SAFETY: the slot was not the first one, so the thread has filled a part of a block. It keeps
        // that as its current one until it needs another, or has ended all its spans: there are as
        // many as slots only when the next slot is 0.
        Some(Target { block: unsafe { block.unwrap_unchecked() }, place })
    }

    /// The same in a new block; `region` is where all of the tracer's blocks are. `None` when there is
    /// no block.
    ///
    /// Of the block nothing is read: the drain, on another core, wrote its header last.
    #[cold]
    #[inline(never)]
    pub(crate) fn vacancy_in_new_block(
        self,
        blocks: &Supply<Base>,
        region: &'static [Block],
    ) -> Option<Target> {
        let base = blocks.take_share(&self.local.taken)?;
        // Always there: what is supplied are blocks of this region.
        let block = region.get(base.address().wrapping_sub(1))?;
        if let Some(full) = self.local.current.load(Ordering::Relaxed) {
            self.keep(full);
        }
        block.adopt(self.local);
        let place = Place::new(base, 0);
        self.local.current.store(Some(block), Ordering::Relaxed);
        self.local.next.store(place.bits(), Ordering::Relaxed);
        Some(Target { block, place })
    }

    /// Puts a new live span into the slot that `vacancy` named in the same call.
    #[inline(always)]
    pub(crate) fn issue(self, vacant: Target, start: &impl Origin) {
        let Target { block, place } = vacant;
        block.slot(place.slot()).start(place, start);
        // Added to where it stands, which is one instruction.
        let next = Place::from_bits(self.local.next.load(Ordering::Relaxed)).next();
        self.local.next.store(next.bits(), Ordering::Relaxed);
        let issued = self.local.issued.load(Ordering::Relaxed);
        self.local.issued.store(issued + 1, Ordering::Relaxed);
    }

    /// Where the span is that this handle names, if this thread asked for it a moment ago. The span
    /// may have ended since.
    #[inline(always)]
    pub(crate) fn recall(self, trace_id: u128, span_id: u64) -> Option<Target> {
        self.local.recent[span_id as usize % RECENT].get(trace_id, span_id)
    }

    /// Keeps the answer to a look-up.
    #[inline(always)]
    pub(crate) fn remember(self, trace_id: u128, span_id: u64, target: Target) {
        self.local.recent[span_id as usize % RECENT].set(trace_id, span_id, target);
    }

    /// As `recall`, for a parent.
    #[inline(always)]
    pub(crate) fn recall_parent(self, trace_id: u128, span_id: u64) -> Option<Target> {
        self.local.parents[span_id as usize % RECENT].get(trace_id, span_id)
    }

    /// As `remember`, for a parent.
    pub(crate) fn remember_parent(self, trace_id: u128, span_id: u64, target: Target) {
        self.local.parents[span_id as usize % RECENT].set(trace_id, span_id, target);
    }

    /// Ends a span in a block that this thread holds. `false` when it had ended before.
    #[inline(always)]
    pub(crate) fn end(self, target: Target, ticks: impl FnOnce() -> u64) -> bool {
        match target.block.end_owned(target.place, ticks) {
            None => false,
            Some(mask) => {
                if mask == ALL {
                    self.let_go(target.block);
                }
                true
            }
        }
    }

    /// Keeps a full block while spans in it live; lets go of those that have none left, and of the
    /// oldest one when there are too many.
    fn keep(self, full: &'static Block) {
        let mut kept: [Option<&'static Block>; HELD] = [None; HELD];
        let mut n = 0;
        let older = self.local.held.iter().filter_map(|cell| cell.load(Ordering::Relaxed));
        for block in older.chain([full]) {
            let (by_owner, by_others) = block.ended();
            if by_owner | by_others == ALL {
                block.release();
                continue;
            }
            if n == HELD {
                if let Some(oldest) = kept[0] {
                    oldest.release();
                }
                kept.rotate_left(1);
                n -= 1;
            }
            kept[n] = Some(block);
            n += 1;
        }
        for (cell, block) in self.local.held.iter().zip(kept) {
            cell.store(block, Ordering::Relaxed);
        }
    }

    /// Lets go of a block whose spans this thread has all ended.
    #[cold]
    #[inline(never)]
    fn let_go(self, block: &'static Block) {
        if self.local.current.is(block, Ordering::Relaxed) {
            self.local.current.store(None, Ordering::Relaxed);
        }
        for cell in &self.local.held {
            if cell.is(block, Ordering::Relaxed) {
                cell.store(None, Ordering::Relaxed);
            }
        }
        block.release();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::raw::log::{OF_DRAIN, OF_THREAD};
    use std::mem::offset_of;

    /// Bytes in a cache line of the processors that we know.
    const LINE: usize = 64;

    /// A line more would be one more to fetch in every span that does not find it in the core's cache;
    /// one that the drain writes would have to be fetched back each time.
    #[test]
    fn a_span_and_its_records_write_one_line_of_the_thread_s_local_which_the_drain_does_not() {
        let log = offset_of!(Local, log);
        let of_thread = [offset_of!(Local, issued), offset_of!(Local, next), offset_of!(Local, ids)];
        let last = offset_of!(Local, ids) + size_of::<TraceIds>() - 1;
        for offset in of_thread.into_iter().chain([last]).chain(OF_THREAD.map(|offset| log + offset)) {
            assert_eq!(offset / LINE, 0, "byte {offset}");
        }
        for offset in OF_DRAIN.map(|offset| log + offset) {
            assert_ne!(offset / LINE, 0, "byte {offset}");
        }
    }

    /// Threads that record side by side must not wait for each other's lines.
    #[test]
    fn the_locals_of_two_threads_share_no_pair_of_lines() {
        assert_eq!(align_of::<Local>() % (2 * LINE), 0);
        assert_eq!(size_of::<Local>() % (2 * LINE), 0);
    }
}
