//! A thread's log: a chain of fixed-size chunks that its thread appends records to and the drain
//! walks behind it.
//!
//! # States of a chunk
//!
//! ```text
//!   pooled ──thread: extend──▶ tail ──thread: extend again──▶ sealed ──drain: walked──▶ retired
//!     ▲                        next = none                    used, next set            │
//!     └──────────────── the collector, once no reader is pinned any more ◀──────────────┘
//! ```
//!
//! # The position
//!
//! `committed` counts words and only ever grows. It is stored with Release after the record's words
//! were written and, when the record began a new chunk, after that chunk was linked. A reader that
//! loads it with Acquire therefore finds every word below it written and every chunk that holds one
//! of them reachable. A seal leaves a gap of unused words at the end of a chunk; the position does
//! not count the gap, and `used` says where it begins.
//!
//! # The worst race: rotation between the drain's two looks
//!
//! The drain loads position p and walks. Meanwhile the thread fills the chunk, seals it at `used`,
//! links the next one and commits p'. The drain may see `next` already set although its p is still
//! inside the old chunk: it stops at p all the same, for it never goes past the position that it
//! loaded. Next time it loads p' or later, finds `next` set, and the Release of `next` has made
//! `used` visible. It moves on after `used` words, so nothing is skipped and nothing read twice.
//!
//! # Who else reads
//!
//! [`Log::backlog`] walks the chain from any thread to tell how much is waiting. It is why a walked
//! chunk does not go straight back to the pool: both walkers are pinned in the tracer's own epoch
//! collector, and a chunk returns to the pool when no walker that could see it is left. The drain, too,
//! reads what it walked until it is unpinned. Producers
//! never pin, so no deferred work ever runs on them.

use crate::raw::cell::{AtomicRef, Words};
use crate::raw::record::Records;
use crate::raw::supply::{Supply, Taken};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crossbeam_epoch::Guard;

/// Words in a chunk: with its header, 4 KiB. Tiny under the model: two records of one attribute or
/// one of three fill it, one of two leaves a gap, and a call with four needs a second chunk.
#[cfg(not(loom))]
pub(crate) const CHUNK_WORDS: usize = 504;
#[cfg(loom)]
pub(crate) const CHUNK_WORDS: usize = 8;

/// One piece of a log.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Chunk {
    next: AtomicRef<Chunk>,
    /// How many words hold records; valid once `next` is set.
    used: AtomicU32,
    words: Words<CHUNK_WORDS>,
}

impl Chunk {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { next: AtomicRef::none(), used: AtomicU32::new(0), words: Words::zeroed() }
    }

    /// Drain: has the operating system map the chunk's first page. Chunks lie side by side and are
    /// as long as a page, so the next one's first page is the rest of this one's.
    pub(crate) fn touch(&self) {
        self.used.store(0, Ordering::Relaxed);
    }
}

/// There is no chunk left: the record is shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// The chain. `tail` and `tail_base` are its thread's alone, with relaxed loads and stores that cost as
/// much as plain ones; `reader` is the drain's.
#[derive(Debug)]
pub(crate) struct Log {
    committed: AtomicU64,
    /// Position of the tail chunk's first word; `committed - CHUNK_WORDS` while there is no chunk.
    tail_base: AtomicU64,
    tail: AtomicRef<Chunk>,
    /// Where the drain begins; stored once.
    first: AtomicRef<Chunk>,
    /// The first chunk that the drain has not retired, for [`Log::backlog`].
    oldest: AtomicRef<Chunk>,
    /// Which of its readers the drain keeps for this log; the drain's alone.
    reader: AtomicU32,
    /// Chunks taken in this round; the thread's alone.
    taken: Taken,
}

/// The drain has not seen the log yet.
const NO_READER: u32 = u32::MAX;

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            committed: AtomicU64::new(CHUNK_WORDS as u64),
            tail_base: AtomicU64::new(0),
            tail: AtomicRef::none(),
            first: AtomicRef::none(),
            oldest: AtomicRef::none(),
            reader: AtomicU32::new(NO_READER),
            taken: Taken::new(),
        }
    }

    /// Thread: appends one record of `K` words and publishes it.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`]; `words` is one whole record.
    #[inline(always)]
    pub(crate) unsafe fn append_words<const K: usize>(
        &self,
        pool: &Supply<Chunk>,
        words: [u64; K],
    ) -> Result<(), Exhausted> {
        let position = self.committed.load(Ordering::Relaxed);
        let at = self.tail_at(position);
        if at + K <= CHUNK_WORDS {
            if let Some(tail) = self.tail.load(Ordering::Relaxed) {
                // SAFETY: in bounds by the check above. Only this thread writes to its tail chunk
                // (this function's contract), and the words are above `committed`, where no reader
                // looks.
                unsafe { tail.words.write(at, words) };
                // Release pairs with the Acquire in `Log::committed`.
                self.committed.store(position + K as u64, Ordering::Release);
                return Ok(());
            }
        }
        self.append_in_new_chunk(pool, words)
    }

    #[cold]
    #[inline(never)]
    fn append_in_new_chunk<const K: usize>(
        &self,
        pool: &Supply<Chunk>,
        words: [u64; K],
    ) -> Result<(), Exhausted> {
        let mut append = Append::at_end_of(self);
        append.extend(pool)?;
        append.put(words);
        append.commit();
        Ok(())
    }

    /// Thread: begins a record of at most `CHUNK_WORDS` words, with room for `need` of them now.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one that appends to this log, it keeps no other `Append` of
    /// this log, and what it commits are whole records.
    #[inline(always)]
    pub(crate) unsafe fn append(&self, pool: &Supply<Chunk>, need: usize) -> Result<Append<'_>, Exhausted> {
        let mut append = Append::at_end_of(self);
        if append.at + need > CHUNK_WORDS {
            append.extend(pool)?;
        }
        Ok(append)
    }

    /// Thread: the rest of the tail chunk, if there is one, for a record that may fit into it.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`]; what is put before the commit is one whole record.
    #[inline(always)]
    pub(crate) unsafe fn room(&self) -> Option<Room<'_>> {
        let position = self.committed.load(Ordering::Relaxed);
        let chunk = self.tail.load(Ordering::Relaxed)?;
        let at = self.tail_at(position);
        Some(Room { log: self, chunk, position, from: at, at })
    }

    /// Where in the tail chunk the thread's own position is; `CHUNK_WORDS` while there is no chunk.
    #[inline(always)]
    fn tail_at(&self, position: u64) -> usize {
        (position - self.tail_base.load(Ordering::Relaxed)) as usize
    }

    /// The position up to which everything is written. Acquire pairs with the Release in `commit`.
    #[inline]
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

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

/// A record in the making. Nothing of it is seen before [`Append::commit`].
#[derive(Debug)]
pub(crate) struct Append<'a> {
    log: &'a Log,
    /// Next free word of the tail chunk.
    at: usize,
}

impl<'a> Append<'a> {
    #[inline(always)]
    fn at_end_of(log: &'a Log) -> Self {
        Self { log, at: log.tail_at(log.committed.load(Ordering::Relaxed)) }
    }

    /// Free words in the tail chunk.
    #[inline(always)]
    pub(crate) fn room(&self) -> usize {
        CHUNK_WORDS - self.at
    }

    /// The word that the next write goes to.
    #[inline(always)]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Writes words; the caller made sure that there is room.
    #[inline(always)]
    pub(crate) fn put<const K: usize>(&mut self, words: [u64; K]) {
        debug_assert!(K <= self.room());
        if self.at + K > CHUNK_WORDS {
            return;
        }
        if let Some(tail) = self.log.tail.load(Ordering::Relaxed) {
            // SAFETY: in bounds by the check above. Only this thread writes to its tail chunk
            // (`Log::append`'s contract), and the words are above `committed`, where no reader looks.
            unsafe { tail.words.write(self.at, words) };
        }
        self.at += K;
    }

    /// Overwrites one word of the record in the making.
    #[inline(always)]
    pub(crate) fn patch(&mut self, at: usize, word: u64) {
        debug_assert!(at < self.at);
        if at >= self.at {
            return;
        }
        if let Some(tail) = self.log.tail.load(Ordering::Relaxed) {
            // SAFETY: `at` is below `self.at`, so in bounds, and belongs to a record that is not
            // committed: callers patch only words that they put after the last `extend`.
            unsafe { tail.words.write(at, [word]) };
        }
    }

    /// Takes back what was put from word `at` on.
    pub(crate) fn rewind(&mut self, at: usize) {
        debug_assert!(at <= self.at);
        self.at = self.at.min(at);
    }

    /// Writes bytes in whole words; the caller made sure that there is room.
    #[inline]
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        let words = bytes.len().div_ceil(8);
        debug_assert!(words <= self.room());
        if words > self.room() {
            return;
        }
        if let Some(tail) = self.log.tail.load(Ordering::Relaxed) {
            // SAFETY: as in `put`.
            unsafe { tail.words.write_bytes(self.at, bytes) };
        }
        self.at += words;
    }

    /// Seals the tail chunk where the record stands and links an empty one behind it.
    ///
    /// What was put before stays part of the log once something is committed.
    #[cold]
    #[inline(never)]
    pub(crate) fn extend(&mut self, pool: &Supply<Chunk>) -> Result<(), Exhausted> {
        let log = self.log;
        let fresh = pool.take_share(&log.taken).ok_or(Exhausted)?;
        fresh.next.store(None, Ordering::Relaxed);
        match log.tail.load(Ordering::Relaxed) {
            Some(tail) => {
                tail.used.store(self.at as u32, Ordering::Relaxed);
                // Release pairs with the walkers' Acquire of `next`: `used` and the fresh chunk's
                // reset come with it.
                tail.next.store(Some(fresh), Ordering::Release);
                let base = log.tail_base.load(Ordering::Relaxed);
                log.tail_base.store(base + self.at as u64, Ordering::Relaxed);
            }
            None => {
                // Release pairs with the Acquire in `Reader::walk` and `backlog`.
                log.first.store(Some(fresh), Ordering::Release);
                log.oldest.store(Some(fresh), Ordering::Release);
                log.tail_base.store(log.committed.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        log.tail.store(Some(fresh), Ordering::Relaxed);
        self.at = 0;
        Ok(())
    }

    /// Publishes everything put so far.
    #[inline(always)]
    pub(crate) fn commit(self) {
        let position = self.log.tail_base.load(Ordering::Relaxed) + self.at as u64;
        // Release pairs with the Acquire in `Log::committed`.
        self.log.committed.store(position, Ordering::Release);
    }
}

/// A record that may fit into the tail chunk. What does not fit is not written and still counted, so
/// that it is enough to look once, at the end. Nothing of it is seen before [`Room::commit`].
#[derive(Debug)]
pub(crate) struct Room<'a> {
    log: &'a Log,
    chunk: &'static Chunk,
    /// The log's position before the record, and the word that stands for.
    position: u64,
    from: usize,
    /// Next free word; beyond the chunk's end when the record did not fit.
    at: usize,
}

impl Room<'_> {
    /// Writes words, if they fit.
    #[inline(always)]
    pub(crate) fn put<const K: usize>(&mut self, words: [u64; K]) {
        if self.at + K <= CHUNK_WORDS {
            // SAFETY: in bounds by the check above. Only this thread writes to its tail chunk
            // (`Log::room`'s contract), and the words are above `committed`, where no reader looks.
            unsafe { self.chunk.words.write(self.at, words) };
        }
        self.at += K;
    }

    /// Writes bytes in whole words, if they fit.
    #[inline(always)]
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        let words = bytes.len().div_ceil(8);
        if self.at + words <= CHUNK_WORDS {
            // SAFETY: as in `put`.
            unsafe { self.chunk.words.write_bytes(self.at, bytes) };
        }
        self.at += words;
    }

    /// Makes the record one that does not fit.
    #[inline(always)]
    pub(crate) fn overrun(&mut self) {
        self.at += CHUNK_WORDS;
    }

    /// Words put so far.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.at - self.from
    }

    /// Publishes the record, whose first word is `header`; `false`, and nothing is published, when it
    /// did not fit.
    #[inline(always)]
    pub(crate) fn commit(self, header: u64) -> bool {
        if self.at > CHUNK_WORDS {
            return false;
        }
        // SAFETY: `from` is below `at`, for a record was put, and the rest is as in `put`.
        unsafe { self.chunk.words.write(self.from, [header]) };
        // Release pairs with the Acquire in `Log::committed`.
        self.log.committed.store(self.position + self.len() as u64, Ordering::Release);
        true
    }
}

/// The drain's place in one log.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk: Option<&'static Chunk>,
    at: usize,
    position: u64,
}

impl Reader {
    /// Drain: the reader of this log among `readers`, made when the log is new.
    pub(crate) fn of<'r>(log: &Log, readers: &'r mut Vec<Reader>) -> &'r mut Reader {
        // Relaxed: only the drain's thread looks here.
        let mut index = log.reader.load(Ordering::Relaxed) as usize;
        if index >= readers.len() {
            index = readers.len();
            readers.push(Reader::new());
            log.reader.store(index as u32, Ordering::Relaxed);
        }
        &mut readers[index]
    }

    pub(crate) fn new() -> Self {
        Self { chunk: None, at: 0, position: CHUNK_WORDS as u64 }
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
        pool: &'static Supply<Chunk>,
        run: impl FnMut(Records<'g>),
    ) -> u64 {
        let mut retired = 0;
        let retire = |chunk| {
            retired += 1;
            // There is room: no more chunks exist than the supply holds.
            guard.defer(move || pool.give(chunk).is_ok());
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
            let written = self.at + (target - self.position) as usize;
            let end = if next.is_some() {
                written.min(chunk.used.load(Ordering::Relaxed) as usize)
            } else {
                written
            };
            if end > self.at {
                // SAFETY: the words lie below `target`, so they were written before the Acquire load
                // of `committed` and their thread writes above `committed` only; the chunk goes
                // back to the pool only through `retire`, after `'g`. `end` is within the chunk because the
                // thread never writes past it. Only `raw::writer`, `raw::quick` and
                // `Engine::scalar` append, all whole records, and both ends of the run are places where a commit ended or a
                // chunk began.
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
