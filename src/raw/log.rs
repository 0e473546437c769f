//! A thread's log: a chain of fixed-size chunks that its thread appends records to and readers walk
//! behind it.
//!
//! # States of a chunk
//!
//! ```text
//!   pooled ──thread: extend──▶ tail ──thread: extend again──▶ sealed ──drain: walked──▶ retired
//!     ▲                        next = none                    used, next set            │
//!     └──────────────── the collector, once no reader is pinned any more ◀──────────────┘
//! ```
//!
//! # Who may do what
//!
//! * The **thread** alone appends. The words of the tail above the position are its own, and it alone
//!   moves the tail and the position on.
//! * **Readers** look at the words below the position, and at the links. Who they are, and why no chunk
//!   is written again while one of them is in it, stands in [`reader`].
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

mod reader;

pub(crate) use reader::Reader;

use crate::raw::cell::{AtomicRef, Words};
use crate::raw::prefetch::prefetch;
use crate::raw::supply::{Supply, Taken};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(all(test, not(loom)))]
use std::mem::offset_of;

/// Words in a chunk: with its header, 4 KiB. Tiny under the model: two records of one attribute or
/// one of three fill it, one of two leaves a gap, and a call with four needs a second chunk.
#[cfg(not(loom))]
pub(crate) const CHUNK_WORDS: usize = if cfg!(nanospan_tiny) { 24 } else { 504 };
#[cfg(loom)]
pub(crate) const CHUNK_WORDS: usize = 8;

/// With fewer words left a record that does not fit is not split: an eighth of a chunk at most is left
/// empty, and the record is written in one go.
const NEARLY_FULL: usize = CHUNK_WORDS / 8;

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
    /// as long as a page, so the next one's first page is the rest of this one's. Changes nothing, for
    /// a thread may just have taken the chunk.
    pub(crate) fn touch(&self) {
        // An addition of nothing would be compiled to a load, for which the system maps a page that
        // it has to replace at the first store.
        let _ = self.used.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// There is no chunk left: the record is shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// The chain. `tail` and `tail_at` are its thread's alone, with relaxed loads and stores that cost as
/// much as plain ones.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Log {
    committed: AtomicU64,
    /// Where `committed` is in the tail chunk, in words; `CHUNK_WORDS` while there is no chunk.
    tail_at: AtomicU64,
    tail: AtomicRef<Chunk>,
    /// Where the drain begins; stored once.
    first: AtomicRef<Chunk>,
    /// The first chunk that the drain has not retired, for [`Log::backlog`].
    oldest: AtomicRef<Chunk>,
    /// Chunks taken in this round; the thread's alone.
    taken: Taken,
}

/// Where in a log stands what its thread writes for each record.
#[cfg(all(test, not(loom)))]
pub(crate) const OF_THREAD: [usize; 3] =
    [offset_of!(Log, committed), offset_of!(Log, tail_at), offset_of!(Log, tail)];
/// Where in a log stands what the drain writes.
#[cfg(all(test, not(loom)))]
pub(crate) const OF_DRAIN: [usize; 1] = [offset_of!(Log, oldest)];

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            committed: AtomicU64::new(CHUNK_WORDS as u64),
            tail_at: AtomicU64::new(CHUNK_WORDS as u64),
            tail: AtomicRef::none(),
            first: AtomicRef::none(),
            oldest: AtomicRef::none(),
            taken: Taken::new(),
        }
    }

    /// Thread: appends one record of `K` words and publishes it, if the tail chunk has room.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`]; `words` is one whole record.
    #[inline(always)]
    pub(crate) unsafe fn append_words<const K: usize>(&self, words: [u64; K]) -> bool {
        let at = self.tail_at.load(Ordering::Relaxed) as usize;
        if at > CHUNK_WORDS - K {
            return false;
        }
        // SAFETY: as in `append_with_bytes`.
        unsafe { self.tail().words.write(at, words) };
        self.advance(K);
        true
    }

    /// As [`append_words`](Self::append_words); the record's last words are `bytes`.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`]; `words` and `bytes` are one whole record.
    #[inline(always)]
    pub(crate) unsafe fn append_with_bytes<const K: usize>(&self, words: [u64; K], bytes: &[u8]) -> bool {
        let at = self.tail_at.load(Ordering::Relaxed) as usize;
        let length = K + bytes.len().div_ceil(8);
        // `at` is at most `CHUNK_WORDS`.
        if CHUNK_WORDS.wrapping_sub(at) < length {
            return false;
        }
        // SAFETY: there is a tail chunk, for `tail_at` is `CHUNK_WORDS` until there is one. In bounds by
        // the check above. Only this thread writes to its tail chunk (this function's contract), and
        // the words are above `committed`, where no reader looks.
        unsafe {
            let tail = self.tail();
            tail.words.write(at, words);
            tail.words.write_bytes(at + K, bytes);
        }
        self.advance(length);
        true
    }

    /// Thread: the tail chunk.
    ///
    /// # Safety
    ///
    /// There is one: the thread has called [`Append::extend`] in this log.
    #[inline(always)]
    unsafe fn tail(&self) -> &'static Chunk {
        // SAFETY: by this function's contract; a tail is only ever replaced by another one.
        unsafe { self.tail.load(Ordering::Relaxed).unwrap_unchecked() }
    }

    /// Thread: writes the first words of a record of `length` words, if the tail chunk has room for it.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`].
    #[inline(always)]
    pub(crate) unsafe fn begin<const K: usize>(&self, words: [u64; K], length: usize) -> bool {
        debug_assert!(K <= length);
        let at = self.tail_at.load(Ordering::Relaxed) as usize;
        // `at` is at most `CHUNK_WORDS`.
        if CHUNK_WORDS.wrapping_sub(at) < length {
            return false;
        }
        // SAFETY: as in `append_with_bytes`.
        unsafe { self.tail().words.write(at, words) };
        true
    }

    /// Thread: goes on with the record that it began, behind its first words.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`]; [`begin`](Self::begin) made room for the record and wrote so many words,
    /// and nothing was published since.
    #[inline(always)]
    pub(crate) unsafe fn ahead(&self, words: usize) -> Ahead<'_> {
        let from = self.tail_at.load(Ordering::Relaxed) as usize;
        // SAFETY: where there is room there is a chunk.
        Ahead { log: self, chunk: unsafe { self.tail() }, from, at: from + words }
    }

    /// Thread: publishes so many words more.
    #[inline(always)]
    fn advance(&self, words: usize) {
        let at = self.tail_at.load(Ordering::Relaxed);
        self.tail_at.store(at + words as u64, Ordering::Relaxed);
        let position = self.committed.load(Ordering::Relaxed);
        // Release pairs with the Acquire in `Log::committed`.
        self.committed.store(position + words as u64, Ordering::Release);
    }

    /// Thread: begins a record of at most `CHUNK_WORDS` words, with room for `need` of them now.
    ///
    /// # Safety
    ///
    /// The calling thread is the only one that appends to this log, it keeps no other `Append` of
    /// this log, and what it commits are whole records.
    #[inline(always)]
    pub(crate) unsafe fn append(
        &self,
        pool: &Supply<&'static Chunk>,
        need: usize,
    ) -> Result<Append<'_>, Exhausted> {
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
        let chunk = self.tail.load(Ordering::Relaxed)?;
        let at = self.tail_at.load(Ordering::Relaxed) as usize;
        Some(Room { log: self, chunk, from: at, at })
    }

    /// Thread: goes on in an empty chunk, if the tail chunk is nearly full and there is one.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`].
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn turn_over(&self, pool: &Supply<&'static Chunk>) -> bool {
        let mut append = Append::at_end_of(self);
        let is_over = append.room() < NEARLY_FULL && append.extend(pool).is_ok();
        if is_over {
            // Nothing new is published: the position is that of the old chunk's end.
            append.commit();
        }
        is_over
    }

    /// The position up to which everything is written. Acquire pairs with the Release in `commit`.
    #[inline]
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Asks for the line that [`committed`](Self::committed) reads.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.committed);
    }
}

/// A record in the making. Nothing of it is seen before [`Append::commit`].
#[derive(Debug)]
pub(crate) struct Append<'a> {
    log: &'a Log,
    /// Position of the tail chunk's first word, or of a chunk's before the first one.
    base: u64,
    /// Next free word of the tail chunk.
    at: usize,
}

impl<'a> Append<'a> {
    #[inline(always)]
    fn at_end_of(log: &'a Log) -> Self {
        let at = log.tail_at.load(Ordering::Relaxed);
        Self { log, base: log.committed.load(Ordering::Relaxed) - at, at: at as usize }
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
    pub(crate) fn extend(&mut self, pool: &Supply<&'static Chunk>) -> Result<(), Exhausted> {
        let log = self.log;
        let fresh = pool.take_share(&log.taken).ok_or(Exhausted)?;
        fresh.next.store(None, Ordering::Relaxed);
        match log.tail.load(Ordering::Relaxed) {
            Some(tail) => {
                tail.used.store(self.at as u32, Ordering::Relaxed);
                // Release pairs with the walkers' Acquire of `next`: `used` and the fresh chunk's
                // reset come with it.
                tail.next.store(Some(fresh), Ordering::Release);
            }
            None => {
                // Release pairs with the Acquire in `Reader::walk` and `backlog`.
                log.first.store(Some(fresh), Ordering::Release);
                log.oldest.store(Some(fresh), Ordering::Release);
            }
        }
        log.tail.store(Some(fresh), Ordering::Relaxed);
        self.base += self.at as u64;
        self.at = 0;
        Ok(())
    }

    /// Publishes everything put so far.
    #[inline(always)]
    pub(crate) fn commit(self) {
        self.log.tail_at.store(self.at as u64, Ordering::Relaxed);
        let position = self.base + self.at as u64;
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
    /// The record's first word.
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
        self.log.advance(self.len());
        true
    }
}

/// A record for which there is room.
#[derive(Debug)]
pub(crate) struct Ahead<'a> {
    log: &'a Log,
    chunk: &'static Chunk,
    /// The record's first word.
    from: usize,
    /// Next free word.
    at: usize,
}

impl Ahead<'_> {
    /// Writes words.
    ///
    /// # Safety
    ///
    /// The room was made for them, too.
    #[inline(always)]
    pub(crate) unsafe fn put<const K: usize>(&mut self, words: [u64; K]) {
        // SAFETY: in bounds by this function's contract, otherwise as in `Log::append_with_bytes`.
        unsafe { self.chunk.words.write(self.at, words) };
        self.at += K;
    }

    /// Publishes what was put, which is the whole record.
    #[inline(always)]
    pub(crate) fn publish(self) {
        self.log.advance(self.at - self.from);
    }
}
