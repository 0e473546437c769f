//! A handle of a table that a thread has just used, with what its entry held: the next call on it needs
//! neither to take the handle apart nor to read the entry, only to see that it is in the same life.

use crate::raw::handle::{HandleCell, Place};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Words that are remembered: those of an entry of one line.
#[cfg(not(loom))]
pub(crate) const MEMO_WORDS: usize = 6;
#[cfg(loom)]
pub(crate) const MEMO_WORDS: usize = 2;

/// See the module. All accesses are Relaxed: only the thread itself looks here.
#[derive(Debug)]
pub(crate) struct Memo {
    handle: HandleCell,
    number: AtomicU32,
    generation: AtomicU32,
    words: [AtomicU64; MEMO_WORDS],
}

/// What is remembered of a handle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) number: u32,
    pub(crate) generation: u32,
    words: &'static [AtomicU64; MEMO_WORDS],
}

impl Known {
    /// The entry's words; beyond those that are remembered they are zero.
    #[inline(always)]
    pub(crate) fn words<const W: usize>(self) -> [u64; W] {
        let mut words = [0; W];
        for (to, from) in words.iter_mut().zip(self.words) {
            *to = from.load(Ordering::Relaxed);
        }
        words
    }
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self {
            handle: HandleCell::new(),
            number: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// What is remembered, if it is of this handle.
    #[inline(always)]
    pub(crate) fn get(&'static self, trace_id: u128, span_id: u64) -> Option<Known> {
        // Span id 0, which no handle of a table has, is there before anything was remembered.
        (self.handle.is(trace_id, span_id) && span_id != 0).then(|| Known {
            number: self.number.load(Ordering::Relaxed),
            generation: self.generation.load(Ordering::Relaxed),
            words: &self.words,
        })
    }

    /// Remembers a handle, and the first of the words of its entry; of more there is no memory.
    #[inline(always)]
    pub(crate) fn set<const W: usize>(&self, trace_id: u128, span_id: u64, place: Place, words: &[u64; W]) {
        if W > MEMO_WORDS {
            return;
        }
        self.handle.set(trace_id, span_id);
        self.number.store(place.entry(), Ordering::Relaxed);
        self.generation.store(place.generation(), Ordering::Relaxed);
        for (at, to) in self.words.iter().enumerate() {
            to.store(words.get(at).copied().unwrap_or(0), Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_handle_is_known_and_the_invalid_one_never_is() {
        let memo: &'static Memo = Box::leak(Box::new(Memo::new()));
        assert!(memo.get(0, 0).is_none());
        let place = Place::of_entry(5, 6);
        memo.set(1 << 64 | 2, 3, place, &[7, 8, 9]);
        let known = memo.get(1 << 64 | 2, 3).unwrap();
        assert_eq!((known.number, known.generation), (5, 6));
        assert_eq!(known.words::<6>(), [7, 8, 9, 0, 0, 0]);
        for (trace_id, span_id) in [(2 << 64 | 2, 3), (1 << 64 | 3, 3), (1 << 64 | 2, 4)] {
            assert!(memo.get(trace_id, span_id).is_none());
        }
        memo.set(4, 5, place, &[0; MEMO_WORDS + 1]);
        assert!(memo.get(4, 5).is_none(), "an entry with more words than there is memory for");
    }
}
