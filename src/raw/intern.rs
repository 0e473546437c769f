//! Names and keys that have to be copied, but come again and again: kept once, so that a record holds
//! a word in their place and the drain knows them by their address.
//!
//! # States of a place in the table
//!
//! ```text
//!   empty ──any thread: compare-and-swap, after its entry was written──▶ taken, for good
//! ```
//!
//! The table is bounded and nothing leaves it. So that a text which comes once, such as a name with a
//! request's number in it, does not take the place of one that comes often, a text is kept when the
//! same thread has seen it shortly before. What is not kept is copied into the log each time.

use crate::raw::cell::{AtomicRef, Words};
use crate::raw::region;
use crate::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
use std::sync::OnceLock;

/// Longest text that is kept, in bytes.
pub(crate) const LONGEST: usize = 64;
const TEXT_AT: usize = 8;
const ENTRY_WORDS: usize = TEXT_AT + LONGEST / 8;

/// Texts kept at most, and places in the table: it stays half empty.
#[cfg(not(loom))]
const ENTRIES: usize = 2048;
#[cfg(loom)]
const ENTRIES: usize = 2;
const PLACES: usize = 2 * ENTRIES;

/// Texts that a thread remembers to have seen.
#[cfg(not(loom))]
const NOTES: usize = 64;
#[cfg(loom)]
const NOTES: usize = 1;

/// Places that a text may take.
const PROBES: usize = 4;

/// A text: one cache line with its length in bytes and its [`Shape`], one with its bytes. Most are
/// known by the first line alone.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry(Words<ENTRY_WORDS>);

impl Entry {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(Words::zeroed())
    }
}

/// A place in the table.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Place(AtomicRef<Entry>);

impl Place {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicRef::none())
    }
}

/// What a thread has seen shortly before: hashes, each where its low bits say.
#[derive(Debug)]
pub(crate) struct Seen([AtomicU32; NOTES]);

impl Seen {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }

    /// Whether the hash was noted before; notes it. Relaxed: the thread's own.
    fn has(&self, hash: u64) -> bool {
        let note = &self.0[hash as usize % self.0.len()];
        let high = (hash >> 32) as u32;
        if note.load(Ordering::Relaxed) == high {
            return true;
        }
        note.store(high, Ordering::Relaxed);
        false
    }
}

/// See the module. Never moved or freed.
#[derive(Debug)]
pub(crate) struct Interner {
    places: &'static [Place; PLACES],
    entries: &'static [Entry],
    used: AtomicU32,
}

impl Interner {
    /// The process's: tracers record much the same names and keys, and below a fan-out the very same.
    #[cfg(not(loom))]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Interner> = OnceLock::new();
        SHARED.get_or_init(Self::leak)
    }

    /// The model's: nothing outlives an interleaving.
    #[cfg(loom)]
    pub(crate) fn shared() -> &'static Self {
        Box::leak(Box::new(Self::leak()))
    }

    pub(crate) fn leak() -> Self {
        let places =
            region::leak(PLACES).try_into().expect("the region has as many places as were asked for");
        Self { places, entries: region::leak(ENTRIES), used: AtomicU32::new(0) }
    }

    /// The kept text that equals `text`. `None` for one that is not kept, or not yet.
    #[inline(always)]
    pub(crate) fn get(&'static self, text: &str, seen: &Seen) -> Option<&'static str> {
        if text.len() > LONGEST {
            return None;
        }
        let shape = Shape::of(text.as_bytes());
        let hash = shape.hash();
        // Acquire pairs with the Release in `add`: the entry was written before.
        let first = self.place(hash, 0).0.load(Ordering::Acquire);
        if let Some(entry) = first {
            // SAFETY: the entry was published.
            let same = unsafe { same(entry, text, &shape) };
            if same.is_some() {
                return same;
            }
        }
        // Not the shape: what is lent to a call has to lie in memory, here as well.
        self.get_elsewhere(text, seen)
    }

    #[inline(never)]
    fn get_elsewhere(&'static self, text: &str, seen: &Seen) -> Option<&'static str> {
        let shape = &Shape::of(text.as_bytes());
        let hash = shape.hash();
        for probe in 0..PROBES {
            // Acquire: as above.
            let Some(entry) = self.place(hash, probe).0.load(Ordering::Acquire) else {
                return self.add(text, shape, seen);
            };
            // SAFETY: as above.
            let same = unsafe { same(entry, text, shape) };
            if same.is_some() {
                return same;
            }
        }
        None
    }

    #[inline(always)]
    fn place(&self, hash: u64, probe: usize) -> &'static Place {
        &self.places[(hash as usize).wrapping_add(probe) % PLACES]
    }

    #[cold]
    #[inline(never)]
    fn add(&'static self, text: &str, shape: &Shape, seen: &Seen) -> Option<&'static str> {
        let hash = shape.hash();
        if !seen.has(hash) || self.used.load(Ordering::Relaxed) as usize >= ENTRIES {
            return None;
        }
        // Relaxed: it only hands out each entry once.
        let entry = self.entries.get(self.used.fetch_add(1, Ordering::Relaxed) as usize)?;
        // SAFETY: the entry was handed to this thread alone and is not published yet; the text is
        // not longer than it has room for (`get`).
        unsafe {
            let Shape { length, words: [a, b, c, d] } = *shape;
            entry.0.write(0, [length, a, b, c, d]);
            entry.0.write_bytes(TEXT_AT, text.as_bytes());
        }
        for probe in 0..PROBES {
            // Release pairs with the Acquire in `get`; and the Acquire here with another thread's
            // Release, which may have kept the same text.
            let place = self.place(hash, probe);
            match place.0.fill(entry, Ordering::Release, Ordering::Acquire) {
                // SAFETY: written above, and published.
                Ok(()) => return unsafe { same(entry, text, shape) },
                // SAFETY: published.
                Err(other) => match unsafe { same(other, text, shape) } {
                    None => {}
                    same => return same,
                },
            }
        }
        // The entry is lost; there are no more of these than there are entries.
        None
    }
}

/// The entry's text, if it equals `text`, which has this shape.
///
/// # Safety
///
/// The entry was published, and this thread has seen that with Acquire, or wrote it itself.
#[inline(always)]
unsafe fn same(entry: &'static Entry, text: &str, shape: &Shape) -> Option<&'static str> {
    // SAFETY: a published entry is never written again.
    let words = unsafe { entry.0.lend(0, 5) };
    let differs = shape.words.iter().zip(&words[1..]).fold(0, |other, (a, b)| other | (a ^ b));
    let differs = differs | (words[0] ^ shape.length);
    if differs != 0 {
        return None;
    }
    // SAFETY: as above; its bytes are as many as its first word says and were those of a text.
    let kept = unsafe { entry.0.text(TEXT_AT, text.len()) };
    (text.len() <= Shape::WHOLE || kept == text).then_some(kept)
}

/// What a text is found by: its length, and words that cover its first and last 16 bytes and may
/// overlap. Up to [`Shape::WHOLE`] bytes these are the whole text.
#[derive(Debug)]
struct Shape {
    length: u64,
    words: [u64; 4],
}

impl Shape {
    const WHOLE: usize = 32;

    #[inline(always)]
    fn of(bytes: &[u8]) -> Self {
        let word = |eight: Option<&[u8; 8]>| eight.map_or(0, |eight| u64::from_le_bytes(*eight));
        let half = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
        let words = if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            let ends = |piece: &[u8; 16]| [word(piece.first_chunk()), word(piece.last_chunk())];
            let ([a, b], [c, d]) = (ends(first), ends(last));
            [a, b, c, d]
        } else if bytes.len() >= 8 {
            [word(bytes.first_chunk()), word(bytes.last_chunk()), 0, 0]
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            [half(first) | half(last) << 32, 0, 0, 0]
        } else if let (&[first, ..], &[.., last]) = (bytes, bytes) {
            let middle = bytes[bytes.len() / 2];
            [u64::from(first) | u64::from(middle) << 8 | u64::from(last) << 16, 0, 0, 0]
        } else {
            [0; 4]
        };
        Self { length: bytes.len() as u64, words }
    }

    /// Multiplies and folds. What differs only in the middle of a long text goes to the next place.
    #[inline(always)]
    fn hash(&self) -> u64 {
        let [a, b, c, d] = self.words;
        let left = a ^ c.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15;
        let right = b ^ d.rotate_left(32) ^ self.length.rotate_right(8) ^ 0xd1b5_4a32_d192_ed03;
        let product = u128::from(left) * u128::from(right);
        // Never 0 in its upper half, which is what a thread has noted before it has noted anything.
        (product as u64 ^ (product >> 64) as u64) | 1 << 63
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn interner() -> &'static Interner {
        Box::leak(Box::new(Interner::leak()))
    }

    #[test]
    fn a_text_is_kept_when_it_comes_the_second_time_and_found_from_then_on() {
        let (interner, seen) = (interner(), Seen::new());
        for length in 0..=LONGEST {
            let text = "abcdefghijklmnopqrstuvwxyz".repeat(3)[..length].to_owned();
            assert_eq!(interner.get(&text, &seen), None, "{length}");
            let kept = interner.get(&text, &seen);
            assert_eq!(kept, Some(&*text), "{length}");
            let again = interner.get(&text.clone(), &seen);
            assert_eq!(again.map(str::as_ptr), kept.map(str::as_ptr), "{length}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_told_apart() {
        let (interner, seen) = (interner(), Seen::new());
        for length in 1..=LONGEST {
            for at in 0..length {
                let mut text = vec![b'a'; length];
                text[at] = b'b';
                let text = String::from_utf8(text).unwrap();
                for _ in 0..3 {
                    let kept = interner.get(&text, &seen);
                    assert!(kept.is_none_or(|kept| kept == text), "{text} gave {kept:?}");
                }
            }
        }
    }

    #[test]
    fn a_longer_text_is_not_kept() {
        let (interner, seen) = (interner(), Seen::new());
        let text = "x".repeat(LONGEST + 1);
        assert!((0..5).all(|_| interner.get(&text, &seen).is_none()));
    }

    #[test]
    fn the_table_is_bounded_and_what_it_has_stays() {
        let (interner, seen) = (interner(), Seen::new());
        let kept = |n: usize| (0..2).filter_map(|_| interner.get(&format!("key.{n}"), &seen)).last();
        let mut addresses = HashSet::new();
        for n in 0..4 * ENTRIES {
            addresses.extend(kept(n).map(str::as_ptr));
        }
        assert!(addresses.len() <= ENTRIES && addresses.len() > ENTRIES / 2, "{} are kept", addresses.len());
        for n in 0..4 * ENTRIES {
            if let Some(text) = interner.get(&format!("key.{n}"), &seen) {
                assert!(addresses.contains(&text.as_ptr()), "{text} moved");
            }
        }
    }

    #[test]
    fn a_text_that_comes_once_takes_no_place() {
        let (interner, seen) = (interner(), Seen::new());
        (0..10 * ENTRIES).for_each(|n| assert_eq!(interner.get(&format!("request.{n}"), &seen), None));
        assert_eq!(interner.used.load(Ordering::Relaxed), 0);
    }
}
