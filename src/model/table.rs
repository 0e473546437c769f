//! A table and the threads that use it.

use crate::raw::table as real;
use crate::raw::table::Miss;
use crate::raw::tally::Count;

/// Words of an entry under the model.
const WORDS: usize = 2;

/// A table of handles, each of which leads to two words.
#[derive(Debug, Clone, Copy)]
pub struct Table(&'static real::Table);

/// An entry that is being filled.
#[derive(Debug)]
pub struct Vacant(real::Vacant);

/// An entry that was lent.
#[derive(Debug)]
pub struct Lent(#[expect(dead_code, reason = "it is there to be dropped")] real::Lent);

/// What a handle led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A live entry and its words.
    Live([u64; WORDS]),
    /// An entry that has ended, and its words.
    Ended([u64; WORDS]),
    /// An entry in another life.
    Stale,
    /// Nothing of this table's.
    Forged,
}

impl Table {
    /// A table of so many entries, of which a thread may keep so many.
    #[must_use]
    pub fn new(entries: usize, keep: u32) -> Self {
        Self(real::Table::leak_keeping(entries, WORDS, keep))
    }

    /// Takes a free entry.
    #[must_use]
    pub fn reserve(self) -> Option<Vacant> {
        self.0.reserve().map(Vacant)
    }

    /// Takes a free entry and publishes it with both words the same: the number of its handle.
    #[must_use]
    pub fn start(self, trace: u64, word: u64) -> Option<u64> {
        self.reserve().map(|vacant| vacant.publish(trace, word))
    }

    /// Reads the entry that a handle leads to.
    #[must_use]
    pub fn read(self, trace: u64, id: u64) -> Found {
        match self.0.read(trace.into(), id) {
            Ok(real::Entry { words, live: true }) => Found::Live(words),
            Ok(real::Entry { words, live: false }) => Found::Ended(words),
            Err(Miss::Stale) => Found::Stale,
            Err(Miss::Forged) => Found::Forged,
        }
    }

    /// Ends an entry: its words, when this call did it.
    #[must_use]
    pub fn end(self, trace: u64, id: u64) -> Option<[u64; WORDS]> {
        self.0.end(trace.into(), id).ok()
    }

    /// Entries in use.
    #[must_use]
    pub fn in_use(self) -> u64 {
        self.0.counted(Count::Taken) - self.0.counted(Count::Returned)
    }
}

impl Vacant {
    /// Publishes the entry with both words the same: the number of its handle.
    #[must_use]
    pub fn publish(self, trace: u64, word: u64) -> u64 {
        self.0.publish(trace.into(), &[word; WORDS])
    }

    /// As [`publish`](Self::publish), but lends the entry.
    #[must_use]
    pub fn lend(self, trace: u64, word: u64) -> (u64, Lent) {
        let (id, lent) = self.0.lend(trace.into(), &[word; WORDS]);
        (id, Lent(lent))
    }
}
