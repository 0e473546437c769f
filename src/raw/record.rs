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
pub(crate) const MAX_COPIED_TEXT: usize = if cfg!(nanospan_tiny) { 64 } else { 1024 };
/// Longest payload that stands inside a record, in bytes; a longer one goes into blob parts. Also the longest
/// description of a status.
pub(crate) const MAX_INLINE: usize = if cfg!(nanospan_tiny) { 64 } else { 2048 };
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
    pub(super) fn from_bits(bits: u8) -> Option<Self> {
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

const STR: u64 = Type::Str as u64;
const STATIC: u64 = Type::StaticStr as u64;
const BOOL: u64 = Type::Bool as u64;
const I64: u64 = Type::I64 as u64;
const F64: u64 = Type::F64 as u64;
const STRS: u64 = Type::StrArray as u64;
const BOOLS: u64 = Type::BoolArray as u64;
const I64S: u64 = Type::I64Array as u64;

/// Types whose values are one word.
const SHORT_TYPES: u64 = 1 << BOOL | 1 << I64 | 1 << F64 | 1 << STATIC;

/// Whether an attribute with this key word, in which the key's address is, is of such a type.
#[inline(always)]
const fn is_short(key: u64) -> bool {
    SHORT_TYPES >> (key >> 60) & 1 != 0
}

/// The attribute in these two words.
///
/// # Safety
///
/// They are the whole of an attribute that a log's writer wrote, with a static key and a short type.
#[inline(always)]
unsafe fn short(key: u64, value: u64) -> (&'static str, Plain) {
    let plain = match key >> 60 {
        // SAFETY: the value of a static string is a `pack_static`.
        STATIC => Plain::Text(unsafe { unpack_static(value) }),
        BOOL => Plain::Bool(value),
        I64 => Plain::I64(value),
        _ => Plain::F64(value),
    };
    // SAFETY: such a key word is a `pack_key`.
    let key = unsafe { unpack_key(key) };
    (key, plain)
}

/// A value of one word; a number by its bits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    Bool(u64),
    I64(u64),
    F64(u64),
    Text(&'static str),
}

/// What [`Records::take_short`] fills.
pub(crate) trait Short {
    /// Whether the attributes of a record, so many, are taken. They follow if they are.
    fn make_room(&mut self, count: usize) -> bool;
    fn attribute(&mut self, key: &'static str, value: Plain);
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
    pub(super) const fn of(first: u64) -> Self {
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

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) count: u8,
    pub(crate) stamp: Stamp,
    /// Word 1.
    pub(crate) place: u64,
    /// What follows the header; not checked again, so only this module and `recorded` make records.
    pub(super) body: &'a [u64],
}

/// The records in a run of committed words.
///
/// The words were written by `raw::writer`, `raw::quick`, `raw::short` or the engine's `record`, each of which
/// commits whole records in the layout above and nothing else; that is this type's invariant, and what the
/// unchecked decoding below rests on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Records<'a>(&'a [u64]);

/// Records of one span that follow each other in its log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Word 1 of each.
    pub(crate) place: u64,
    /// Whether a thread other than the owner made one of them.
    pub(crate) foreign: bool,
    pub(crate) records: Records<'a>,
}

impl<'a> Records<'a> {
    /// # Safety
    ///
    /// `words` holds whole records, made by those that the type names.
    pub(crate) unsafe fn new(words: &'a [u64]) -> Self {
        Self(words)
    }

    /// The next records as far as they belong to one span and no payload stands before them. `None`
    /// when none is left, or when the next one is a part of a payload.
    #[inline]
    pub(crate) fn next_run(&mut self) -> Option<Run<'a>> {
        const BLOB: u64 = Kind::Blob as u64;
        let words = self.0;
        let &[mut first, place, ..] = words else { return None };
        let mut end = 0;
        let mut all = 0;
        while first & KIND_MASK != BLOB {
            all |= first;
            // A record has a header at least, so this comes to an end.
            end += words_in(first).max(HEADER_WORDS);
            match words.get(end..) {
                Some(&[next, same, ..]) if same == place => first = next,
                _ => break,
            }
        }
        let (run, rest) = words.split_at_checked(end)?;
        self.0 = rest;
        (end > 0).then_some(Run { place, foreign: all & Stamp::FOREIGN != 0, records: Records(run) })
    }
}

impl<'a> Records<'a> {
    /// Takes records at the front as long as they hold attributes of the span with a static key and a
    /// value that is a word, and `sink` takes them.
    #[inline(always)]
    pub(crate) fn take_short(&mut self, sink: &mut impl Short) {
        const ONE: u64 = header(Kind::Attributes, Stamp::by_owner(0), 1, HEADER_WORDS + 2);
        const SHAPE: u64 = 0xffff_ff00 | KIND_MASK;
        while let &[first, _, key, value, ref rest @ ..] = self.0 {
            if first & SHAPE == ONE {
                if !is_short(key) || !sink.make_room(1) {
                    return;
                }
                // SAFETY: by the invariant of this type; a copied key takes more than a word.
                let (key, value) = unsafe { short(key, value) };
                sink.attribute(key, value);
                self.0 = rest;
                continue;
            }
            let Some((body, rest)) = self.several(first) else { return };
            if !sink.make_room(body.len() / 2) {
                return;
            }
            for attribute in body.chunks_exact(2) {
                // SAFETY: as above.
                let (key, value) = unsafe { short(attribute[0], attribute[1]) };
                sink.attribute(key, value);
            }
            self.0 = rest;
        }
    }

    /// The attributes of the record at the front, which begins with word `first`, if they are all of that
    /// kind; and what is behind it.
    #[inline]
    fn several(&self, first: u64) -> Option<(&'a [u64], &'a [u64])> {
        let (record, rest) = self.0.split_at_checked(words_in(first))?;
        let body = record.get(HEADER_WORDS..)?;
        // No attribute is shorter than two words, so none is longer.
        let is_short = first & KIND_MASK == Kind::Attributes as u64
            && body.len() == 2 * usize::from((first >> 8) as u8)
            && body.chunks_exact(2).all(|attribute| is_short(attribute[0]));
        is_short.then_some((body, rest))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const KIND_MASK: u64 = 0x7f;

/// How long a record with this word 0 is, in words.
#[inline]
const fn words_in(first: u64) -> usize {
    (first >> 16 & 0xffff) as usize
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let &first = self.0.first()?;
        let (words, rest) = self.0.split_at_checked(words_in(first))?;
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

/// A record with its payloads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) record: Record<'a>,
    pub(super) blob: &'a [u64],
}

impl<'a> From<Record<'a>> for Entry<'a> {
    /// A record that has no payload beside it.
    #[inline]
    fn from(record: Record<'a>) -> Self {
        Self { record, blob: &[] }
    }
}

impl<'a> Entry<'a> {
    /// What the record says, to be read in the order that its kind prescribes.
    #[inline]
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
    #[inline]
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    #[inline]
    fn take(&mut self, words: usize) -> Option<&'a [u64]> {
        let (taken, rest) = self.words.split_at_checked(words)?;
        self.words = rest;
        Some(taken)
    }

    /// A text as `Kind` describes it.
    #[inline]
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
    #[inline]
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

    #[inline]
    fn value(&mut self, ty: u64) -> Option<Raw<'a>> {
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
