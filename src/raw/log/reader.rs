//! Who reads a log: the drain, which walks behind the log's thread, and whoever asks how much waits.
//!
//! # States of a reader
//!
//! ```text
//!   nowhere ──first chunk──▶ in the tail ──thread: extend──▶ in a sealed chunk ◀──────┐
//!                                 ▲                              │ at `used`: retire  │
//!                                 └──── `next` is the tail ──────┴── it is sealed ────┘
//! ```
//!
//! # Who may do what
//!
//! * The **drain**, with the one [`Reader`] of a log, lends the records below a position that it loaded
//!   before, moves `oldest` on, and retires what it has walked to the end.
//! * **Any thread** may walk the chain from `oldest` on, with [`Log::backlog`], and read its links.
//! * Both are pinned in the tracer's own epoch **collector**, which alone gives a retired chunk back to
//!   the pool. The thread that appends never pins, so no deferred work ever runs on it.
//!
//! # The worst race: a chunk retired under a walker
//!
//! Walker W loads `oldest`, which is chunk A, and stalls. The drain comes to the end of A, stores its
//! successor B in `oldest` and retires A.
//!
//! * W is pinned, so A stays as it was sealed and its link leads to B. W counts A, too, which did wait
//!   when W looked.
//! * The drain defers the return of A behind its store of B. The collector lets go of A when nobody is
//!   pinned any more who could have loaded it; who pins after that loads B or what came later. The
//!   drain is pinned as well, until its pass is over: so long it may read what was lent.
//!
//! Given back at once, A could be taken by any thread and linked into its log. W would go on in that
//! one, and the drain would read words while they are written.

use super::{CHUNK_WORDS, Chunk, Log};
use crate::raw::record::Records;
use crate::raw::supply::Supply;
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::Ordering;
use crossbeam_epoch::Guard;

/// The drain's place in one log.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk: Option<&'static Chunk>,
    at: usize,
    position: u64,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { chunk: None, at: 0, position: CHUNK_WORDS as u64 }
    }

    /// Whether there are records up to `target` that were not read.
    #[inline]
    pub(crate) fn is_behind(&self, target: u64) -> bool {
        self.position < target
    }

    /// Lends the records committed up to `target` to `run`, chunk by chunk, and gives the chunks that
    /// were walked to their end back to `pool` once no walker can see them any more, `guard`'s owner
    /// included. Returns how many these are. No record crosses a chunk.
    ///
    /// `target` was loaded by [`Log::committed`]; only one thread walks a log with a `Reader`.
    pub(crate) fn read<'g>(
        &mut self,
        log: &Log,
        target: u64,
        guard: &'g Guard,
        pool: &'static Supply<&'static Chunk>,
        run: impl FnMut(Records<'g>),
    ) -> u64 {
        let mut retired = 0;
        let retire = |chunk| {
            retired += 1;
            // There is room: no more chunks exist than the supply holds.
            let give = move || pool.give(chunk).is_ok();
            if seeded(Bug::GuardDroppedEarly) {
                give();
                return;
            }
            guard.defer(give);
        };
        // SAFETY: what is deferred runs when the guard is gone, and `'g` with it.
        unsafe { self.walk(log, target, run, retire) };
        retired
    }

    /// As [`read`](Self::read), with every chunk that was walked to its end lent to `retire`.
    ///
    /// # Safety
    ///
    /// A chunk that `retire` got goes back to a pool only when `'g` is over.
    pub(crate) unsafe fn walk<'g>(
        &mut self,
        log: &Log,
        target: u64,
        mut run: impl FnMut(Records<'g>),
        mut retire: impl FnMut(&'static Chunk),
    ) {
        while self.position < target {
            let Some(chunk) = self.chunk else {
                // Acquire pairs with the Release in `extend`; a position beyond the start says that
                // there is a first chunk.
                self.chunk = log.first.load(Ordering::Acquire);
                continue;
            };
            // Acquire pairs with the Release in `extend`.
            let next = chunk.next.load(Ordering::Acquire);
            let mut written = self.at + (target - self.position) as usize;
            if seeded(Bug::WatermarkUnchecked) {
                written = CHUNK_WORDS;
            }
            let end = if next.is_some() {
                written.min(chunk.used.load(Ordering::Relaxed) as usize)
            } else {
                written
            };
            if end > self.at {
                // SAFETY: the words lie below `target`, so they were written before the Acquire load
                // of `committed` and their thread writes above `committed` only; the chunk goes
                // back to the pool only through `retire`, after `'g`. `end` is within the chunk because the
                // thread never writes past it. Only those that `Records` names append, all whole records,
                // and both ends of the run are places where a commit ended or a chunk began.
                run(unsafe { Records::new(chunk.words.lend(self.at, end - self.at)) });
                self.position += (end - self.at) as u64;
                self.at = end;
            }
            if let Some(next) = next {
                if self.at == chunk.used.load(Ordering::Relaxed) as usize {
                    // Release pairs with the Acquire in `backlog`.
                    log.oldest.store(Some(next), Ordering::Release);
                    self.chunk = Some(next);
                    self.at = 0;
                    retire(chunk);
                }
            }
        }
    }
}

impl Log {
    /// Words committed and not yet retired, up to a chunk's worth: for the account, from any thread.
    pub(crate) fn backlog(&self, _pinned: &Guard) -> usize {
        // Acquire pairs with the Release in `Reader::walk` and in `extend`: the chunk's fields are
        // those of the life in which it was linked.
        let mut chunks = 0;
        let mut chunk = self.oldest.load(Ordering::Acquire);
        while let Some(current) = chunk {
            chunks += 1;
            chunk = current.next.load(Ordering::Acquire);
        }
        chunks * CHUNK_WORDS
    }

    /// Walks as [`backlog`](Self::backlog) does and reads the words of sealed chunks, too.
    #[cfg(loom)]
    pub(crate) fn read_sealed(&self, _pinned: &Guard) {
        let mut chunk = self.oldest.load(Ordering::Acquire);
        while let Some(current) = chunk {
            chunk = current.next.load(Ordering::Acquire);
            if chunk.is_some() {
                let used = current.used.load(Ordering::Relaxed) as usize;
                // SAFETY: the words of a sealed chunk were written before its `next`, and are not
                // written again before every walker that could see it is unpinned: loom checks that.
                let _ = unsafe { current.words.lend(0, used) };
            }
        }
    }
}
