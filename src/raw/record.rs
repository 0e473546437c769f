//! What a log record looks like, and how the drain reads it.
//!
//! ```text
//!        63            32 31      16 15     8 7        6     0
//!       ┌────────────────┬──────────┬────────┬─────────┬──────┐
//! word 0│ sequence       │ words    │ count  │ foreign │ kind │
//!       ├────────────────┴──────────┴────────┴─────────┴──────┤
//! word 1│ place of the span (a blob part: its length in bytes) │
//!       ├─────────────────────────────────────────────────────┤
//! body  │ as the kind says, then `count` attributes            │
//!       └─────────────────────────────────────────────────────┘
//! ```
//!
//! *Text* that is static is one word, see `raw::packed`, which is never 0; copied text is a
//! 0, its length in bytes, and its bytes padded to whole words.
//!
//! An *attribute* is a key word, as in `raw::packed` (address 0: the key is copied
//! and follows as length and bytes), then the value: one word for a boolean, integer, float or
//! static string; a length word and the payload for a string or an array. Bit 63 of the length word
//! says that the payload did not fit here: it is in the blob parts that come right before the record.

use crate::raw::packed::{is_copied_key, unpack_key, unpack_static};
use crate::value::Value;

/// Longest key or name that is copied, in bytes; a longer one is cut on a character boundary.
pub(crate) const MAX_COPIED_TEXT: usize = 1024;
/// Longest payload that stands inside a record, in bytes; a longer one goes into blob parts.
pub(crate) const MAX_INLINE: usize = 2048;
/// In a payload's length word: the payload is in the blob.
pub(crate) const IN_BLOB: u64 = 1 << 63;
/// Words before a record's body.
pub(crate) const HEADER_WORDS: usize = 2;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Attributes of the span.
    Attributes = 1,
    /// A status: one word with the code, then the message as text.
    Status = 2,
    /// An event: its name as text, a word with its time, a word that says in what unit, attributes.
    Event = 3,
    /// A link: trace id (two words), span id, flags, trace state as text, attributes.
    Link = 4,
    /// More attributes for the event or link that this log recorded last for the span.
    More = 5,
    /// The span's start in nanoseconds since the Unix epoch.
    StartTime = 6,
    /// The span's end in nanoseconds since the Unix epoch.
    EndTime = 7,
    /// The span's name as text.
    Name = 8,
    /// The trace state as text.
    TraceState = 9,
    /// A part of a payload; the first part of one has `count` 1.
    Blob = 10,
}

impl Kind {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Kind::Attributes,
            2 => Kind::Status,
            3 => Kind::Event,
            4 => Kind::Link,
            5 => Kind::More,
            6 => Kind::StartTime,
            7 => Kind::EndTime,
            8 => Kind::Name,
            9 => Kind::TraceState,
            10 => Kind::Blob,
            _ => return None,
        })
    }
}

/// A value's type in a key word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Type {
    Str = 0,
    StaticStr = 1,
    Bool = 2,
    I64 = 3,
    F64 = 4,
    StrArray = 5,
    BoolArray = 6,
    I64Array = 7,
    F64Array = 8,
}

/// Who made a call, and which number it took: what orders records of different threads. As it stands
/// in a record's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// From one number to the next, in a slot's counter.
    pub(crate) const STEP: u64 = 1 << 32;

    const FOREIGN: u64 = 1 << 7;

    /// The owner's, of what it saw in the slot's counter.
    #[inline(always)]
    pub(crate) const fn by_owner(counter: u64) -> Self {
        Self(counter)
    }

    /// That of another thread, which moved the counter to here.
    #[inline(always)]
    pub(crate) const fn by_stranger(counter: u64) -> Self {
        Self(counter | Self::FOREIGN)
    }

    /// That of the record whose first word this is.
    #[inline(always)]
    const fn of(first: u64) -> Self {
        Self(first & (!0 << 32 | Self::FOREIGN))
    }

    #[inline(always)]
    pub(crate) const fn sequence(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    pub(crate) const fn is_foreign(self) -> bool {
        self.0 & Self::FOREIGN != 0
    }
}

/// Word 0 of a record.
#[inline(always)]
pub(crate) const fn header(kind: Kind, stamp: Stamp, count: u8, words: usize) -> u64 {
    stamp.0 | kind as u64 | (count as u64) << 8 | (words as u64 & 0xffff) << 16
}

/// One record out of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) count: u8,
    pub(crate) stamp: Stamp,
    /// Word 1.
    pub(crate) place: u64,
    /// What follows the header; not checked again, so only this module makes records.
    body: &'a [u64],
}

/// The records in a run of committed words.
///
/// The words were written by `raw::writer` and by nothing else; that is this type's invariant, and
/// what the unchecked decoding below rests on.
#[derive(Debug)]
pub(crate) struct Records<'a>(&'a [u64]);

impl<'a> Records<'a> {
    /// # Safety
    ///
    /// `words` holds whole records made by `raw::writer`.
    pub(crate) unsafe fn new(words: &'a [u64]) -> Self {
        Self(words)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let &first = self.0.first()?;
        let length = (first >> 16 & 0xffff) as usize;
        let (words, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Record {
            kind: Kind::from_bits(first as u8 & 0x7f)?,
            count: (first >> 8) as u8,
            stamp: Stamp::of(first),
            place: *words.get(1)?,
            body: words.get(HEADER_WORDS..)?,
        })
    }
}

/// Records copied out of the logs, each with the payload that did not fit in it.
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
        self.0.extend_from_slice(part.body);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
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
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &self.words[..];
        std::iter::from_fn(move || {
            let (entry, later) = Recorded::first(rest)?;
            rest = later;
            Some(entry)
        })
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

/// A record with its payloads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) record: Record<'a>,
    blob: &'a [u64],
}

impl<'a> Entry<'a> {
    /// What the record says, to be read in the order that its kind prescribes.
    pub(crate) fn body(&self) -> Body<'a> {
        Body { words: self.record.body, blob: self.blob }
    }
}

/// Reads a body word by word.
#[derive(Debug, Clone)]
pub(crate) struct Body<'a> {
    words: &'a [u64],
    /// Payloads that did not fit in the record, one after another.
    blob: &'a [u64],
}

impl<'a> Body<'a> {
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn take(&mut self, words: usize) -> Option<&'a [u64]> {
        let (taken, rest) = self.words.split_at_checked(words)?;
        self.words = rest;
        Some(taken)
    }

    /// A text as `Kind` describes it.
    pub(crate) fn text(&mut self) -> Option<Decoded<'a>> {
        match self.word()? {
            0 => self.copied_text().map(Decoded::Copied),
            // SAFETY: a non-zero text word is a `pack_static`, by the invariant of `Records`.
            word => Some(Decoded::Static(unsafe { unpack_static(word) })),
        }
    }

    fn copied_text(&mut self) -> Option<&'a str> {
        let length = self.word()? as usize;
        let words = self.take(length.div_ceil(8))?;
        // SAFETY: the writer put the bytes of a `&str` here, whole.
        Some(unsafe { text_in(words, length) })
    }

    /// The next attribute.
    pub(crate) fn attribute(&mut self) -> Option<(Decoded<'a>, Raw<'a>)> {
        let word = self.word()?;
        let key = if is_copied_key(word) {
            Decoded::Copied(self.copied_text()?)
        } else {
            // SAFETY: a key word with an address is a `pack_key`, by the invariant of `Records`.
            Decoded::Static(unsafe { unpack_key(word) })
        };
        Some((key, self.value(word >> 60)?))
    }

    fn value(&mut self, ty: u64) -> Option<Raw<'a>> {
        const STR: u64 = Type::Str as u64;
        const STATIC: u64 = Type::StaticStr as u64;
        const BOOL: u64 = Type::Bool as u64;
        const I64: u64 = Type::I64 as u64;
        const F64: u64 = Type::F64 as u64;
        const STRS: u64 = Type::StrArray as u64;
        const BOOLS: u64 = Type::BoolArray as u64;
        const I64S: u64 = Type::I64Array as u64;
        Some(match ty {
            BOOL => Raw::Bool(self.word()? != 0),
            I64 => Raw::I64(self.word()? as i64),
            F64 => Raw::F64(f64::from_bits(self.word()?)),
            // SAFETY: the value of a static string is a `pack_static`.
            STATIC => Raw::StaticStr(unsafe { unpack_static(self.word()?) }),
            _ => {
                let word = self.word()?;
                let length = (word & !IN_BLOB) as usize;
                let words = length.div_ceil(8);
                let payload = if word & IN_BLOB == 0 {
                    self.take(words)?
                } else {
                    let (taken, rest) = self.blob.split_at_checked(words)?;
                    self.blob = rest;
                    taken
                };
                match ty {
                    // SAFETY: the writer put the bytes of a `&str` here, whole.
                    STR => Raw::Str(unsafe { text_in(payload, length) }),
                    STRS => Raw::StrArray(payload),
                    BOOLS => Raw::BoolArray(bytes_of(payload, length)),
                    I64S => Raw::I64Array(payload),
                    _ => Raw::F64Array(payload),
                }
            }
        })
    }
}

/// # Safety
///
/// `words` begins with `length` bytes of UTF-8 that the writer put there.
unsafe fn text_in(words: &[u64], length: usize) -> &str {
    // SAFETY: UTF-8 by this function's contract.
    unsafe { std::str::from_utf8_unchecked(bytes_of(words, length)) }
}

fn bytes_of(words: &[u64], length: usize) -> &[u8] {
    debug_assert!(length <= words.len() * 8);
    let length = length.min(words.len() * 8);
    // SAFETY: in bounds by the line above; any byte of an initialised word is initialised; a byte
    // has no alignment.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), length) }
}

/// A text out of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decoded<'a> {
    Static(&'static str),
    Copied(&'a str),
}

impl<'a> Decoded<'a> {
    #[inline]
    pub(crate) fn as_str(&self) -> &'a str {
        match self {
            Decoded::Static(text) => text,
            Decoded::Copied(text) => text,
        }
    }

    /// Whether both are the same text; two static keys usually are the same literal.
    #[inline]
    pub(crate) fn same(&self, other: &Decoded<'_>) -> bool {
        let (a, b) = (self.as_str(), other.as_str());
        a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b)
    }
}

impl<'a> From<Decoded<'a>> for crate::value::Text<'a> {
    fn from(text: Decoded<'a>) -> Self {
        match text {
            Decoded::Static(text) => crate::value::Text::Static(text),
            Decoded::Copied(text) => crate::value::Text::Copied(text),
        }
    }
}

/// A value out of a record; arrays are still in the log's form.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    Str(&'a str),
    StaticStr(&'static str),
    Bool(bool),
    I64(i64),
    F64(f64),
    /// For each string its length and its bytes, padded.
    StrArray(&'a [u64]),
    BoolArray(&'a [u8]),
    I64Array(&'a [u64]),
    F64Array(&'a [u64]),
}

impl<'a> Raw<'a> {
    /// Lends the value to `f`; arrays are put together first.
    #[inline]
    pub(crate) fn with<R>(self, f: impl FnOnce(&Value<'_>) -> R) -> R {
        match self {
            Raw::Str(text) => f(&Value::Str(text)),
            Raw::StaticStr(text) => f(&Value::StaticStr(text)),
            Raw::Bool(value) => f(&Value::Bool(value)),
            Raw::I64(value) => f(&Value::I64(value)),
            Raw::F64(value) => f(&Value::F64(value)),
            Raw::StrArray(words) => {
                let mut body = Body { words, blob: &[] };
                let texts: Vec<&str> = std::iter::from_fn(|| body.copied_text()).collect();
                f(&Value::StrArray(&texts))
            }
            Raw::BoolArray(bytes) => {
                let values: Vec<bool> = bytes.iter().map(|&b| b != 0).collect();
                f(&Value::BoolArray(&values))
            }
            Raw::I64Array(words) => {
                let values: Vec<i64> = words.iter().map(|&w| w as i64).collect();
                f(&Value::I64Array(&values))
            }
            Raw::F64Array(words) => {
                let values: Vec<f64> = words.iter().map(|&w| f64::from_bits(w)).collect();
                f(&Value::F64Array(&values))
            }
        }
    }
}
