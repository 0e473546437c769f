//! The texts of a batch that is being made.

use crate::Text;

/// Slots of the table that finds a literal by its address. A power of two.
const LITERAL_SLOTS: usize = 1024;

/// Slots of the table that finds a text by its content. A power of two.
const CONTENT_SLOTS: usize = 4096;

/// How many slots in a row are tried before a text is taken for new.
const PROBES: usize = 4;

/// All texts of a batch, one behind the other, and what finds those that are there already.
///
/// Finding is best effort and bounded: both tables have a fixed size and a fixed number of tries,
/// so a flood of distinct or maliciously colliding names costs bytes in the batch (a text that is
/// there twice) but neither time nor memory beyond that.
pub(crate) struct TextStore {
    text: String,
    /// Where each text ends in `text`. An end that does not fit is cut off: the batch is then over
    /// its size limit and is refused as a whole.
    ends: Vec<u32>,
    /// How many texts, and bytes of them, are in every batch and stay when the store is reset.
    kept: (usize, usize),
    literals: Box<[Literal; LITERAL_SLOTS]>,
    contents: Box<[Content; CONTENT_SLOTS]>,
    /// Which batch is being made. Entries of `contents` of other batches are empty, so that starting a new
    /// batch does not mean wiping the table.
    epoch: u32,
    /// Whether no text was interned that the tables had no room for: two different indices that
    /// interning gave are two different texts.
    is_exact: bool,
}

/// Which text a literal is.
#[derive(Clone, Copy, Default)]
struct Literal {
    /// See [`place_of`]; 0 where none was seen in this batch.
    place: u64,
    index: u32,
}

/// A text by the hash of its content.
#[derive(Clone, Copy, Default)]
struct Content {
    hash: u32,
    epoch: u32,
    index: u32,
}

impl Default for TextStore {
    fn default() -> Self {
        Self::new()
    }
}

impl TextStore {
    /// A store that holds the empty text, which is text 0.
    pub(crate) fn new() -> Self {
        Self {
            text: String::new(),
            ends: vec![0],
            kept: (1, 0),
            literals: Box::new([Literal::default(); LITERAL_SLOTS]),
            contents: Box::new([Content::default(); CONTENT_SLOTS]),
            epoch: 1,
            is_exact: true,
        }
    }

    /// Whether interned texts are the same only if their indices are.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Makes the texts that are there now part of every batch.
    pub(crate) fn keep(&mut self) {
        self.kept = (self.ends.len(), self.text.len());
    }

    /// Forgets all texts but the kept ones. Memory beyond `limit` bytes is given back.
    pub(crate) fn reset(&mut self, limit: usize) {
        let (texts, bytes) = self.kept;
        self.ends.truncate(texts);
        self.text.truncate(bytes);
        self.ends.shrink_to(limit / size_of::<u32>());
        self.text.shrink_to(limit);
        self.is_exact = true;
        self.literals.fill(Literal::default());
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            // After 2^32 batches an old entry could pass for a new one.
            self.contents.fill(Content::default());
            self.epoch = 1;
        }
    }

    /// All texts, one behind the other.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where each text ends.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Adds `text` without looking whether it is there already, and gives its index.
    #[inline]
    pub(crate) fn append(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let index = self.ends.len() as u32;
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        index
    }

    /// The index of `text`, which is added if it is not found.
    #[inline]
    pub(crate) fn intern(&mut self, text: Text<'_>) -> u32 {
        match text {
            Text::Static(text) => self.intern_literal(text),
            Text::Copied(text) => self.intern_content(text),
        }
    }

    /// The index of a literal, found by where it lies: its content is not looked at.
    #[inline(always)]
    pub(crate) fn intern_literal(&mut self, text: &'static str) -> u32 {
        self.find_literal(text).unwrap_or_else(|| self.meet_literal(text))
    }

    /// The index of a literal that was met in this batch, if it is remembered: then, interned texts are
    /// the same only if their indices are.
    #[inline(always)]
    pub(crate) fn find_literal(&self, text: &'static str) -> Option<u32> {
        let place = place_of(text)?;
        let seen = &self.literals[literal_slot(place)];
        (seen.place == place).then_some(seen.index)
    }

    /// Keeps in mind a literal that was not found by its place. The same text may lie at several places,
    /// and two literals may want one slot, so the content decides.
    #[cold]
    fn meet_literal(&mut self, text: &'static str) -> u32 {
        let index = self.intern_content(text);
        if let Some(place) = place_of(text).filter(|_| self.is_exact) {
            self.literals[literal_slot(place)] = Literal { place, index };
        }
        index
    }

    /// The index of a text found by its content.
    fn intern_content(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let hash = hash(text.as_bytes());
        let first = hash as usize;
        for probe in 0..PROBES {
            let slot = (first + probe) % CONTENT_SLOTS;
            let seen = self.contents[slot];
            if seen.epoch != self.epoch {
                let index = self.append(text);
                self.contents[slot] = Content { hash, epoch: self.epoch, index };
                return index;
            }
            if seen.hash == hash && self.get(seen.index) == Some(text.as_bytes()) {
                return seen.index;
            }
        }
        if std::mem::take(&mut self.is_exact) {
            self.literals.fill(Literal::default());
        }
        self.append(text)
    }

    /// The bytes of the text `index`, unless an end was cut off.
    pub(crate) fn get(&self, index: u32) -> Option<&[u8]> {
        if index == 0 {
            return Some(&[]);
        }
        let index = index as usize;
        let start = *self.ends.get(index.checked_sub(1)?)? as usize;
        self.text.as_bytes().get(start..*self.ends.get(index)? as usize)
    }
}

/// Where a literal lies and how long it is, in one number; `None` when that does not fit.
#[inline]
fn place_of(text: &'static str) -> Option<u64> {
    let (address, length) = (text.as_ptr().addr() as u64, text.len() as u64);
    (address >> 48 == 0 && length >> 16 == 0).then_some(length << 48 | address)
}

/// Where a literal is looked for. Literals lie close together, which the multiplication spreads.
#[inline]
fn literal_slot(place: u64) -> usize {
    (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - LITERAL_SLOTS.trailing_zeros())) as usize
}

/// A hash of `bytes` that is fast for the short texts that names and keys are. It need not resist
/// attack: the number of tries is bounded.
#[inline]
fn hash(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = bytes.len() as u64;
    if let Some(last) = bytes.last_chunk::<8>() {
        // Whole words, and then the last eight bytes, which may have been seen in part.
        for word in bytes.chunks_exact(8) {
            hash = mix(hash, word_of(word));
        }
        hash = mix(hash, u64::from_le_bytes(*last));
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        hash = mix(hash, u64::from(first) << 32 | u64::from(last));
    } else {
        hash = mix(hash, word_of(bytes));
    }
    (hash ^ hash >> 32) as u32
}

/// At most eight bytes as a number.
#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
impl TextStore {
    /// Breaks the store: text `index` now ends at `end`.
    pub(crate) fn tamper_end(&mut self, index: usize, end: u32) {
        self.ends[index] = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(store: &TextStore, index: u32) -> &str {
        let bytes = store.get(index).expect("the index was just given");
        std::str::from_utf8(bytes).expect("only strings are added")
    }

    #[test]
    fn a_text_is_found_by_content_whether_it_is_a_literal_or_copied() {
        let mut store = TextStore::new();
        let literal: &'static str = "http.route";
        let other_place: &'static str = Box::leak(literal.to_owned().into_boxed_str());
        let index = store.intern(Text::Static(literal));
        assert_eq!(store.intern(Text::Static(literal)), index);
        assert_eq!(store.intern(Text::Static(other_place)), index);
        assert_eq!(store.intern(Text::Copied(literal)), index);
        assert_ne!(store.intern(Text::Static(&literal[..4])), index);
        assert_eq!(store.ends().len(), 3);
    }

    #[test]
    fn the_empty_text_is_text_0() {
        let mut store = TextStore::new();
        assert_eq!(store.append(""), 0);
        assert_eq!(store.intern(Text::Static("")), 0);
        assert_eq!(store.intern(Text::Copied("")), 0);
        assert_eq!(store.ends(), [0]);
    }

    #[test]
    fn more_texts_than_the_tables_hold_are_all_kept() {
        let mut store = TextStore::new();
        let texts: Vec<String> = (0..3 * CONTENT_SLOTS).map(|n| format!("{n:x}")).collect();
        for round in 0..2 {
            for expected in &texts {
                let index = store.intern(Text::Copied(expected));
                assert_eq!(text(&store, index), expected, "round {round}");
            }
        }
    }

    #[test]
    fn literals_that_want_the_same_slot_keep_their_own_text() {
        let mut store = TextStore::new();
        let all: &'static str = Box::leak("0123456789".repeat(1000).into_boxed_str());
        for round in 0..2 {
            for start in 0..all.len() - 10 {
                for length in 5..10 {
                    let literal = &all[start..start + length];
                    let index = store.intern(Text::Static(literal));
                    assert_eq!(text(&store, index), literal, "round {round}");
                }
            }
        }
        // Ten beginnings times five lengths, none of which is there twice, and the empty text.
        assert_eq!(store.ends().len(), 51);
    }

    #[test]
    fn literals_that_begin_at_one_place_are_told_apart_by_their_length() {
        let mut store = TextStore::new();
        let all: &'static str = Box::leak("0123456789".repeat(10 * LITERAL_SLOTS).into_boxed_str());
        let slot = |length: usize| place_of(&all[..length]).map(literal_slot);
        let short = 5;
        let long = (short + 1..all.len()).find(|&length| slot(length) == slot(short));
        let long = long.expect("there are fewer slots than lengths");
        for length in [short, long, short] {
            let index = store.intern(Text::Static(&all[..length]));
            assert_eq!(text(&store, index), &all[..length]);
        }
    }

    #[test]
    fn only_kept_texts_outlive_a_reset() {
        let mut store = TextStore::new();
        let kept = store.append("kept");
        store.keep();
        let literal: &'static str = "of this batch";
        for _ in 0..3 {
            assert_eq!(store.intern(Text::Static(literal)), kept + 1);
            store.append("appended");
            store.reset(1 << 20);
            assert_eq!(store.text(), "kept");
            assert_eq!(store.ends(), [0, 4]);
        }
    }

    #[test]
    fn slots_of_old_batches_stay_empty_when_the_count_of_batches_wraps() {
        let mut store = TextStore::new();
        let literal: &'static str = "of the first batch";
        store.intern(Text::Static(literal));
        store.epoch = u32::MAX;
        store.reset(0);
        assert_eq!(store.epoch, 1);
        store.intern(Text::Static("another"));
        let index = store.intern(Text::Static(literal));
        assert_eq!(text(&store, index), literal);
    }

    #[test]
    fn a_store_that_keeps_a_text_twice_says_so_and_remembers_no_literal_until_it_is_reset() {
        let mut store = TextStore::new();
        let literal: &'static str = "http.route";
        store.intern(Text::Static(literal));
        assert!(store.is_exact() && store.find_literal(literal).is_some());
        for n in 0..2 * CONTENT_SLOTS {
            store.intern(Text::Copied(&format!("{n:x}")));
        }
        assert!(!store.is_exact());
        store.intern(Text::Static(literal));
        assert_eq!(store.find_literal(literal), None);
        store.reset(1 << 20);
        assert!(store.is_exact());
        assert_eq!(store.find_literal(literal), None);
    }

    #[test]
    fn the_hash_sees_every_byte() {
        for length in 1..40 {
            let bytes = vec![b'a'; length];
            for at in 0..length {
                let mut other = bytes.clone();
                other[at] = b'b';
                assert_ne!(hash(&bytes), hash(&other), "byte {at} of {length}");
            }
        }
    }
}
