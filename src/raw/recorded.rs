//! Records that were copied out of the logs, and the payloads that did not fit in them.

use crate::raw::record::{Entry, Kind, Record, Stamp, header};
use crate::seeded::{Bug, seeded};

/// Records copied out of the logs, each with the payload that did not fit in it: those of spans that
/// have not ended, and those that have such a payload.
///
/// Only records out of logs come in, so what comes out may be decoded without a check.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// For each record: the lengths of body and blob, word 0 less its length, word 1, body, blob.
    words: Vec<u64>,
}

/// Where a record stands in a [`Recorded`] that has not been cleared since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(u32);

/// The payload of the blob parts seen last.
#[derive(Debug, Default)]
pub(crate) struct Blob(Vec<u64>);

impl Blob {
    /// Adds a part; the first part of a payload begins anew.
    pub(crate) fn add(&mut self, part: &Record<'_>) {
        if part.count == 1 {
            self.0.clear();
        }
        if seeded(Bug::PayloadPartLost) {
            self.0.fill(0);
        }
        self.0.extend_from_slice(part.body);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Recorded {
    /// How many words a record takes.
    pub(crate) fn words_of(record: &Record<'_>, blob: &Blob) -> usize {
        3 + record.body.len() + blob.0.len()
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: &Record<'_>, blob: &Blob) -> At {
        let at = At(self.words.len() as u32);
        let lengths = record.body.len() as u64 | (blob.0.len() as u64) << 32;
        self.words.extend_from_slice(&[
            lengths,
            header(record.kind, record.stamp, record.count, 0),
            record.place,
        ]);
        self.words.extend_from_slice(record.body);
        self.words.extend_from_slice(&blob.0);
        at
    }

    /// The record at a place that `push` returned since the last `clear`. Any other place gives
    /// `None` or an arbitrary record of this store.
    pub(crate) fn get(&self, at: At) -> Option<Entry<'_>> {
        Recorded::first(self.words.get(at.0 as usize..)?).map(|(entry, _)| entry)
    }

    /// All records in the order in which they came.
    pub(crate) fn iter(&self) -> Entries<'_> {
        Entries(&self.words)
    }

    fn first(words: &[u64]) -> Option<(Entry<'_>, &[u64])> {
        let (&[lengths, first, place], rest) = words.split_first_chunk()?;
        let (body, rest) = rest.split_at_checked(lengths as u32 as usize)?;
        let (blob, rest) = rest.split_at_checked((lengths >> 32) as usize)?;
        let kind = Kind::from_bits(first as u8 & 0x7f)?;
        let record = Record { kind, count: (first >> 8) as u8, stamp: Stamp::of(first), place, body };
        Some((Entry { record, blob }, rest))
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn shrink_to(&mut self, words: usize) {
        self.words.shrink_to(words);
    }
}

/// The records of a [`Recorded`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries<'a>(&'a [u64]);

impl Entries<'_> {
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (entry, rest) = Recorded::first(self.0)?;
        self.0 = rest;
        Some(entry)
    }
}
