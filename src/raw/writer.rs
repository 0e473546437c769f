//! Writes records of any length into a log: see `raw::record` for what they look like, and
//! `raw::quick` for the way that most records take.

use crate::raw::log::{Append, Chunk, Exhausted, Log};
use crate::raw::packed::{copied_key, pack_key, pack_static};
use crate::raw::quick::{Body, Sink};
use crate::raw::record::{HEADER_WORDS, IN_BLOB, Kind, MAX_COPIED_TEXT, MAX_INLINE, Stamp, Type, header};
use crate::raw::supply::Supply;
use crate::seeded::{Bug, seeded};
use crate::value::{Text, Value};

/// The largest attribute that stands in one record must fit into one chunk: header, copied key,
/// length word, payload.
#[cfg(not(loom))]
const _: () =
    assert!(HEADER_WORDS + 2 + MAX_COPIED_TEXT / 8 + 1 + MAX_INLINE / 8 <= crate::raw::log::CHUNK_WORDS);

/// How many bytes of the text of a record's body are kept.
const fn longest(kind: Kind) -> usize {
    match kind {
        Kind::Name | Kind::Event => MAX_COPIED_TEXT,
        _ => MAX_INLINE,
    }
}

/// No record is open.
const NONE: usize = usize::MAX;

/// Writes one call's records and publishes them together.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    append: Append<'a>,
    pool: &'a Supply<&'static Chunk>,
    kind: Kind,
    place: u64,
    stamp: Stamp,
    /// Where the open record's header stands, or `NONE`.
    header_at: usize,
    count: u8,
    max_payload: usize,
    /// Texts and values that were cut to a limit.
    pub(crate) truncated: u32,
}

impl<'a> Writer<'a> {
    /// Begins a record and writes its body.
    ///
    /// # Safety
    ///
    /// As for [`Log::append`].
    pub(crate) unsafe fn open(
        log: &'a Log,
        pool: &'a Supply<&'static Chunk>,
        place: u64,
        stamp: Stamp,
        body: &Body<'_>,
        max_payload: usize,
    ) -> Result<Self, Exhausted> {
        let (words, text) = body.parts();
        let text = text.map_or(0, |text| Self::text_words(text, longest(body.kind()).min(max_payload)));
        // SAFETY: passed on.
        let append = unsafe { log.append(pool, HEADER_WORDS + words + text)? };
        let kind = body.kind();
        let mut writer =
            Self { append, pool, kind, place, stamp, header_at: NONE, count: 0, max_payload, truncated: 0 };
        writer.begin();
        body.write(&mut writer);
        Ok(writer)
    }

    #[inline(always)]
    fn begin(&mut self) {
        self.header_at = self.append.at();
        self.count = 0;
        self.append.put([0, self.place]);
    }

    /// Closes the open record; one that says nothing is taken back.
    #[inline(always)]
    fn seal(&mut self) {
        if self.header_at == NONE {
            return;
        }
        if self.count == 0 && matches!(self.kind, Kind::Attributes | Kind::More) {
            self.append.rewind(self.header_at);
        } else {
            let words = self.append.at() - self.header_at;
            self.append.patch(self.header_at, header(self.kind, self.stamp, self.count, words));
        }
        self.header_at = NONE;
    }

    /// Publishes what was written.
    #[inline(always)]
    pub(crate) fn finish(mut self) {
        self.seal();
        self.append.commit();
    }

    /// Makes room for `need` words in an open record, in a record of its own if it must.
    #[inline(always)]
    fn reserve(&mut self, need: usize) -> Result<(), Exhausted> {
        if self.header_at != NONE && self.append.room() >= need && self.count < u8::MAX {
            return Ok(());
        }
        self.go_on(need)
    }

    #[cold]
    #[inline(never)]
    fn go_on(&mut self, need: usize) -> Result<(), Exhausted> {
        if seeded(Bug::LostLastAttribute) {
            self.count = self.count.saturating_sub(1);
        }
        self.seal();
        if !matches!(self.kind, Kind::Attributes) {
            self.kind = Kind::More;
        }
        if self.append.room() < HEADER_WORDS + need {
            self.append.extend(self.pool)?;
        }
        self.begin();
        Ok(())
    }

    /// Body words that a text takes at most, once it was cut.
    fn text_words(text: Text<'_>, max: usize) -> usize {
        match text {
            Text::Static(text) if pack_static(text).is_some() => 1,
            text => 2 + text.as_str().len().min(max).div_ceil(8),
        }
    }

    fn cut<'t>(&mut self, text: &'t str, max: usize) -> &'t str {
        let cut = cut_to(text, max);
        self.truncated += u32::from(cut.len() < text.len());
        cut
    }

    /// A trace state, cut behind a whole member (W3C Trace Context, section "tracestate Limits").
    fn cut_members<'t>(&mut self, state: &'t str, max: usize) -> &'t str {
        if state.len() <= max {
            return state;
        }
        let whole = cut_to(state, max + 1).rfind(',').unwrap_or(0);
        self.cut(state, whole)
    }

    /// One attribute of the open record.
    #[inline]
    pub(crate) fn attribute(&mut self, key: Text<'_>, value: &Value<'_>) -> Result<(), Exhausted> {
        match *value {
            Value::Bool(value) => self.scalar(key, Type::Bool, u64::from(value)),
            Value::I64(value) => self.scalar(key, Type::I64, value as u64),
            Value::F64(value) => self.scalar(key, Type::F64, value.to_bits()),
            Value::StaticStr(text) => match pack_static(text) {
                Some(word) => self.scalar(key, Type::StaticStr, word),
                None => self.string(key, text),
            },
            Value::Str(text) => self.string(key, text),
            _ => self.array(key, value),
        }
    }

    #[inline(always)]
    fn scalar(&mut self, key: Text<'_>, ty: Type, value: u64) -> Result<(), Exhausted> {
        if let Text::Static(text) = key {
            if let Some(word) = pack_key(text, ty) {
                self.reserve(2)?;
                self.append.put([word, value]);
                self.count += 1;
                return Ok(());
            }
        }
        self.key(key, ty, 1)?;
        self.append.put([value]);
        self.count += 1;
        Ok(())
    }

    /// A key, with room for `value` words behind it.
    #[inline]
    fn key(&mut self, key: Text<'_>, ty: Type, value: usize) -> Result<(), Exhausted> {
        if let Text::Static(text) = key {
            if let Some(word) = pack_key(text, ty) {
                self.reserve(1 + value)?;
                self.append.put([word]);
                return Ok(());
            }
        }
        let text = self.cut(key.as_str(), MAX_COPIED_TEXT);
        self.reserve(2 + text.len().div_ceil(8) + value)?;
        self.append.put([copied_key(ty), text.len() as u64]);
        self.append.put_bytes(text.as_bytes());
        Ok(())
    }

    #[inline(always)]
    fn string(&mut self, key: Text<'_>, text: &str) -> Result<(), Exhausted> {
        if text.len() > MAX_INLINE.min(self.max_payload) {
            return self.long_string(key, text);
        }
        self.key(key, Type::Str, 1 + text.len().div_ceil(8))?;
        self.append.put([text.len() as u64]);
        self.append.put_bytes(text.as_bytes());
        self.count += 1;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn long_string(&mut self, key: Text<'_>, text: &str) -> Result<(), Exhausted> {
        let text = self.cut(text, self.max_payload);
        if text.len() <= MAX_INLINE {
            return self.string(key, text);
        }
        let mut blob = Spill::begin(self);
        blob.bytes(text.as_bytes())?;
        blob.end();
        self.refer(key, Type::Str, text.len())
    }

    /// The attribute whose payload was just spilled.
    fn refer(&mut self, key: Text<'_>, ty: Type, length: usize) -> Result<(), Exhausted> {
        self.key(key, ty, 1)?;
        self.append.put([length as u64 | IN_BLOB]);
        self.count += 1;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn array(&mut self, key: Text<'_>, value: &Value<'_>) -> Result<(), Exhausted> {
        let array = Array::of(value, self.max_payload);
        self.truncated += u32::from(array.cut);
        if array.length <= MAX_INLINE {
            self.key(key, array.ty, 1 + array.length.div_ceil(8))?;
            self.append.put([array.length as u64]);
            let append = &mut self.append;
            let _: Result<(), Exhausted> = array.each(value, |part| {
                match part {
                    Part::Word(word) => append.put([word]),
                    Part::Bytes(bytes) => append.put_bytes(bytes),
                }
                Ok(())
            });
            self.count += 1;
            return Ok(());
        }
        let mut blob = Spill::begin(self);
        array.each(value, |part| match part {
            Part::Word(word) => blob.bytes(&word.to_ne_bytes()),
            Part::Bytes(bytes) => blob.bytes(bytes),
        })?;
        blob.end();
        self.refer(key, array.ty, array.length)
    }
}

/// What a body puts into the record just opened, which has room for it.
impl Sink for Writer<'_> {
    fn words<const K: usize>(&mut self, words: [u64; K]) {
        self.append.put(words);
    }

    fn text(&mut self, text: Text<'_>) {
        if let Text::Static(text) = text {
            if let Some(word) = pack_static(text) {
                self.append.put([word]);
                return;
            }
        }
        let most = longest(self.kind).min(self.max_payload);
        let text = match self.kind {
            Kind::TraceState | Kind::Link => self.cut_members(text.as_str(), most),
            _ => self.cut(text.as_str(), most),
        };
        self.append.put([0, text.len() as u64]);
        self.append.put_bytes(text.as_bytes());
    }
}

/// `text` cut to at most `max` bytes, on a character boundary.
pub(crate) fn cut_to(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A payload on its way into blob parts.
struct Spill<'w, 'a> {
    writer: &'w mut Writer<'a>,
    first: bool,
    part_at: usize,
}

impl<'w, 'a> Spill<'w, 'a> {
    fn begin(writer: &'w mut Writer<'a>) -> Self {
        writer.seal();
        Self { writer, first: true, part_at: NONE }
    }

    /// Adds bytes, padded to whole words; only whole words end a part.
    fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), Exhausted> {
        while !bytes.is_empty() {
            if self.part_at == NONE || self.writer.append.room() == 0 {
                self.next_part()?;
            }
            let append = &mut self.writer.append;
            let (now, later) = bytes.split_at(bytes.len().min(append.room() * 8));
            append.put_bytes(now);
            bytes = later;
        }
        Ok(())
    }

    fn next_part(&mut self) -> Result<(), Exhausted> {
        self.end();
        let writer = &mut *self.writer;
        if writer.append.room() <= HEADER_WORDS {
            writer.append.extend(writer.pool)?;
        }
        self.part_at = writer.append.at();
        writer.append.put([0, 0]);
        Ok(())
    }

    fn end(&mut self) {
        if self.part_at == NONE {
            return;
        }
        let writer = &mut *self.writer;
        let words = writer.append.at() - self.part_at;
        writer.append.patch(self.part_at, header(Kind::Blob, writer.stamp, u8::from(self.first), words));
        self.first = false;
        self.part_at = NONE;
    }
}

enum Part<'v> {
    Word(u64),
    Bytes(&'v [u8]),
}

/// An array's shape in a record.
struct Array {
    ty: Type,
    /// Elements that are kept.
    elements: usize,
    /// Payload in bytes.
    length: usize,
    cut: bool,
}

impl Array {
    fn of(value: &Value<'_>, max: usize) -> Self {
        let fixed = |ty, count: usize, size: usize| {
            let elements = count.min(max / size);
            Self { ty, elements, length: elements * size, cut: elements < count }
        };
        let strings = |lengths: &mut dyn ExactSizeIterator<Item = usize>| {
            let count = lengths.len();
            let (mut elements, mut length) = (0, 0);
            for bytes in lengths {
                let with_this = length + 8 + bytes.div_ceil(8) * 8;
                if with_this > max {
                    break;
                }
                length = with_this;
                elements += 1;
            }
            Self { ty: Type::StrArray, elements, length, cut: elements < count }
        };
        match value {
            Value::StrArray(values) => strings(&mut values.iter().map(|s| s.len())),
            Value::StringArray(values) => strings(&mut values.iter().map(String::len)),
            Value::BoolArray(values) => fixed(Type::BoolArray, values.len(), 1),
            Value::I64Array(values) => fixed(Type::I64Array, values.len(), 8),
            Value::F64Array(values) => fixed(Type::F64Array, values.len(), 8),
            // Scalars do not come here; as an array they are empty.
            _ => fixed(Type::BoolArray, 0, 1),
        }
    }

    /// Calls `put` with the payload's parts in order.
    fn each<'v>(
        &self,
        value: &Value<'v>,
        mut put: impl FnMut(Part<'_>) -> Result<(), Exhausted>,
    ) -> Result<(), Exhausted> {
        let mut string = |text: &str| {
            put(Part::Word(text.len() as u64))?;
            put(Part::Bytes(text.as_bytes()))
        };
        match value {
            Value::StrArray(values) => values[..self.elements].iter().try_for_each(|text| string(text)),
            Value::StringArray(values) => values[..self.elements].iter().try_for_each(|text| string(text)),
            Value::I64Array(values) => {
                values[..self.elements].iter().try_for_each(|&v| put(Part::Word(v as u64)))
            }
            Value::F64Array(values) => {
                values[..self.elements].iter().try_for_each(|&v| put(Part::Word(v.to_bits())))
            }
            Value::BoolArray(values) => values[..self.elements].chunks(8).try_for_each(|eight| {
                let mut word = [0; 8];
                for (byte, &value) in word.iter_mut().zip(eight) {
                    *byte = u8::from(value);
                }
                put(Part::Word(u64::from_ne_bytes(word)))
            }),
            _ => Ok(()),
        }
    }
}
