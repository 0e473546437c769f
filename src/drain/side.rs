//! The side table: what was recorded on spans that are still live.
//!
//! A log's chunks go back to the threads after every pass, so the records of spans that have not
//! ended are moved here. The table is addressed by block and slot, without hashing, and bounded in
//! bytes: a record that finds no room is shed and counted in its span, never the span.

use crate::raw::record::Record;
use crate::raw::recorded::{Blob, Entries, Recorded};

/// No buffer.
pub(crate) const NONE: u32 = u32::MAX;

/// How many words an emptied buffer may keep for its next span.
const KEEP_WORDS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(crate) struct SideTable {
    buffers: Vec<Recorded>,
    free: Vec<u32>,
    words: usize,
    max_words: usize,
}

/// The table is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl SideTable {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { buffers: Vec::new(), free: Vec::new(), words: 0, max_words: max_bytes / 8 }
    }

    /// Adds a record to the span whose buffer is `id`, giving it one when it has none.
    pub(crate) fn add(&mut self, id: &mut u32, record: &Record<'_>, blob: &Blob) -> Result<(), Full> {
        let words = Recorded::words_of(record, blob);
        if self.words + words > self.max_words {
            return Err(Full);
        }
        if *id == NONE {
            *id = self.free.pop().unwrap_or_else(|| {
                self.buffers.push(Recorded::default());
                self.buffers.len() as u32 - 1
            });
        }
        self.buffers[*id as usize].push(record, blob);
        self.words += words;
        Ok(())
    }

    /// The records in buffer `id`, in the order in which they came.
    pub(crate) fn records(&self, id: u32) -> Entries<'_> {
        self.buffers.get(id as usize).map(Recorded::iter).unwrap_or_default()
    }

    /// Empties a buffer when its span has been assembled.
    pub(crate) fn release(&mut self, id: u32) {
        if let Some(buffer) = self.buffers.get_mut(id as usize) {
            self.words -= buffer.len();
            buffer.clear();
            buffer.shrink_to(KEEP_WORDS);
            self.free.push(id);
        }
    }

    /// Bytes that records take.
    pub(crate) fn bytes(&self) -> usize {
        self.words * 8
    }
}
