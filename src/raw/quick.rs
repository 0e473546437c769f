//! The short way into a log: a call whose record fits into the tail chunk is written in one go.
//! Whatever turns out not to fit, must be cut or is an array is left uncommitted, and the call begins
//! again with [`writer`](crate::raw::writer), which says the same in the same words.

use crate::raw::log::Room;
use crate::raw::packed::{KeyWord, copied_key, pack_key, pack_static};
use crate::raw::record::{Kind, MAX_COPIED_TEXT, Type};
use crate::value::{Text, Value};

/// Longest text that is written here, in bytes.
pub(crate) const SHORT: usize = if cfg!(nanospan_tiny) { 64 } else { 256 };

const _: () = assert!(SHORT <= MAX_COPIED_TEXT, "a short key is never cut");

/// What a record says before its attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    /// Attributes of the span, and nothing else.
    Attributes,
    /// A status: its code and message.
    Status(u64, Text<'a>),
    /// An event: its name, its time, and whether that is Unix time.
    Event(Text<'a>, [u64; 2]),
    /// A link: trace id in two halves, span id and flags; its trace state.
    Link([u64; 4], Text<'a>),
    /// The start or end in Unix nanoseconds.
    Time(Kind, u64),
    /// The name or the trace state.
    Text(Kind, Text<'a>),
}

/// Where a body is written to.
pub(crate) trait Sink {
    fn words<const K: usize>(&mut self, words: [u64; K]);
    /// A text, cut to the sink's limit.
    fn text(&mut self, text: Text<'_>);
}

impl<'a> Body<'a> {
    #[inline(always)]
    pub(crate) fn kind(&self) -> Kind {
        match *self {
            Body::Attributes => Kind::Attributes,
            Body::Status(..) => Kind::Status,
            Body::Event(..) => Kind::Event,
            Body::Link(..) => Kind::Link,
            Body::Time(kind, _) | Body::Text(kind, _) => kind,
        }
    }

    /// Words that stand beside the text, and the text.
    #[inline(always)]
    pub(crate) fn parts(&self) -> (usize, Option<Text<'a>>) {
        match *self {
            Body::Attributes => (0, None),
            Body::Status(_, text) => (1, Some(text)),
            Body::Event(text, _) => (2, Some(text)),
            Body::Link(_, text) => (4, Some(text)),
            Body::Time(..) => (1, None),
            Body::Text(_, text) => (0, Some(text)),
        }
    }

    #[inline(always)]
    pub(crate) fn write(&self, sink: &mut impl Sink) {
        match *self {
            Body::Attributes => {}
            Body::Status(code, text) => {
                sink.words([code]);
                sink.text(text);
            }
            Body::Event(text, time) => {
                sink.text(text);
                sink.words(time);
            }
            Body::Link(words, text) => {
                sink.words(words);
                sink.text(text);
            }
            Body::Time(_, time) => sink.words([time]),
            Body::Text(_, text) => sink.text(text),
        }
    }
}

impl Sink for Room<'_> {
    #[inline(always)]
    fn words<const K: usize>(&mut self, words: [u64; K]) {
        self.put(words);
    }

    #[inline(always)]
    fn text(&mut self, text: Text<'_>) {
        if let Text::Static(text) = text {
            if let Some(word) = pack_static(text) {
                return self.put([word]);
            }
        }
        let text = text.as_str();
        self.put([0, text.len() as u64]);
        short(self, text);
    }
}

/// A text's bytes, if they are few.
#[inline(always)]
fn short(room: &mut Room<'_>, text: &str) {
    if text.len() <= SHORT {
        room.put_bytes(text.as_bytes());
    } else {
        room.overrun();
    }
}

/// One attribute.
#[inline(always)]
pub(crate) fn attribute(room: &mut Room<'_>, key: Text<'_>, value: &Value<'_>) {
    match *value {
        Value::Bool(value) => word(room, key, Type::Bool, u64::from(value)),
        Value::I64(value) => word(room, key, Type::I64, value as u64),
        Value::F64(value) => word(room, key, Type::F64, value.to_bits()),
        Value::StaticStr(text) => match pack_static(text) {
            Some(packed) => word(room, key, Type::StaticStr, packed),
            None => string(room, key, text),
        },
        Value::Str(text) => string(room, key, text),
        _ => room.overrun(),
    }
}

#[inline(always)]
fn word(room: &mut Room<'_>, key: Text<'_>, ty: Type, value: u64) {
    if let Text::Static(text) = key {
        if let Some(key) = pack_key(text, ty) {
            return room.put([key, value]);
        }
    }
    copied(room, key.as_str(), ty);
    room.put([value]);
}

#[inline(always)]
fn string(room: &mut Room<'_>, key: Text<'_>, value: &str) {
    let packed = match key {
        Text::Static(text) => pack_key(text, Type::Str),
        Text::Copied(_) => None,
    };
    match packed {
        Some(key) => room.put([key, value.len() as u64]),
        None => {
            copied(room, key.as_str(), Type::Str);
            room.put([value.len() as u64]);
        }
    }
    short(room, value);
}

#[inline(always)]
fn copied(room: &mut Room<'_>, key: &str, ty: Type) {
    room.put([copied_key(ty), key.len() as u64]);
    short(room, key);
}

/// A value of a kind that most have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain<'a> {
    /// A boolean, an integer, a float or a copied string.
    pub(crate) ty: Type,
    /// The value's bits; of a string its length.
    pub(crate) word: u64,
    /// The string; empty for the others.
    pub(crate) text: &'a str,
}

impl<'a> Plain<'a> {
    /// `None` for a value of another kind.
    #[inline(always)]
    pub(crate) fn of(value: &Value<'a>) -> Option<Self> {
        let (ty, word, text) = match *value {
            Value::Bool(value) => (Type::Bool, u64::from(value), ""),
            Value::I64(value) => (Type::I64, value as u64, ""),
            Value::F64(value) => (Type::F64, value.to_bits(), ""),
            Value::Str(text) => (Type::Str, text.len() as u64, text),
            _ => return None,
        };
        Some(Self { ty, word, text })
    }

    pub(crate) fn value(self) -> Value<'a> {
        match self.ty {
            Type::Bool => Value::Bool(self.word != 0),
            Type::I64 => Value::I64(self.word as i64),
            Type::F64 => Value::F64(f64::from_bits(self.word)),
            _ => Value::Str(self.text),
        }
    }
}

/// A record of one attribute, with a place for its header. The key is given both ways; it is copied
/// when it has no word.
#[inline(always)]
pub(crate) fn plain(room: &mut Room<'_>, place: u64, key: &str, key_word: KeyWord, value: Plain<'_>) {
    match key_word.get() {
        Some(key) => room.put([0, place, key, value.word]),
        None => {
            room.put([0, place, copied_key(value.ty), key.len() as u64]);
            short(room, key);
            room.put([value.word]);
        }
    }
    if value.ty == Type::Str {
        short(room, value.text);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Words and texts that were written.
    #[derive(Debug, Default, PartialEq)]
    struct Written(usize, Vec<String>);

    impl Sink for Written {
        fn words<const K: usize>(&mut self, _: [u64; K]) {
            self.0 += K;
        }

        fn text(&mut self, text: Text<'_>) {
            self.1.push(text.as_str().to_owned());
        }
    }

    /// Room is made for what a body says it takes, and then it is written without another look.
    #[test]
    fn every_body_writes_as_many_words_and_the_text_that_it_says() {
        let text = Text::Copied("text");
        let bodies = [
            Body::Attributes,
            Body::Status(2, text),
            Body::Event(text, [1, 2]),
            Body::Link([1, 2, 3, 4], text),
            Body::Time(Kind::EndTime, 1),
            Body::Text(Kind::Name, text),
        ];
        for body in bodies {
            let (words, text) = body.parts();
            let mut written = Written::default();
            body.write(&mut written);
            let texts = text.iter().map(|text| text.as_str().to_owned()).collect();
            assert_eq!(written, Written(words, texts), "{body:?}");
        }
    }
}
