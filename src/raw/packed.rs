//! Static texts and keys as one word each.
//!
//! ```text
//!        63  60 59          48 47                              0
//!       ┌──────┬──────────────┬─────────────────────────────────┐
//! text  │ length              │ address                         │   never 0
//!       ├──────┬──────────────┼─────────────────────────────────┤
//! key   │ type │ length       │ address                         │   address 0: the key is copied
//!       └──────┴──────────────┴─────────────────────────────────┘
//! ```
//!
//! What is too long, or has an address that is too high, is copied.

use crate::raw::record::Type;
use crate::value::Text;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: u64 = (1 << ADDRESS_BITS) - 1;
const KEY_LENGTH_MAX: usize = (1 << 12) - 1;

/// The word of a static text in two parts: its address, and what stands above it. Of a literal both are
/// constants, so that a call with one has nothing to compute; whether the address fits below is looked
/// at in the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextParts {
    text: *const u8,
    above: u64,
}

/// The same of a static key, with the type of its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyParts {
    key: *const u8,
    above: u64,
}

/// The addresses of several texts, so that one look tells whether all of them fit.
#[derive(Debug, Default)]
pub(crate) struct Addresses(u64);

impl Addresses {
    #[inline(always)]
    fn add(&mut self, text: *const u8) -> u64 {
        let address = text.expose_provenance() as u64;
        self.0 |= address;
        address
    }

    /// Whether the words made so far are words of their texts.
    #[inline(always)]
    pub(crate) fn fit(&self) -> bool {
        self.0 >> ADDRESS_BITS == 0
    }
}

impl TextParts {
    /// `None` when the text is too long for a word.
    #[inline(always)]
    pub(crate) fn of(text: &'static str) -> Option<Self> {
        let above = (text.len() as u64) << ADDRESS_BITS;
        (text.len() < 1 << 16).then_some(Self { text: text.as_ptr(), above })
    }

    /// The word; `None` when the address does not fit.
    #[inline(always)]
    pub(crate) fn word(self) -> Option<u64> {
        let address = self.text.expose_provenance() as u64;
        (address >> ADDRESS_BITS == 0).then_some(self.above | address)
    }

    /// The word, if `seen` still fits in the end.
    #[inline(always)]
    pub(crate) fn word_if(self, seen: &mut Addresses) -> u64 {
        self.above | seen.add(self.text)
    }

    pub(crate) fn text(self) -> &'static str {
        // SAFETY: `of` is the only maker, of the parts of a `&'static str`.
        unsafe { str_at(self.text, (self.above >> ADDRESS_BITS) as usize) }
    }
}

impl KeyParts {
    /// `None` when the key is too long for a word.
    #[inline(always)]
    pub(crate) fn of(key: &'static str, ty: Type) -> Option<Self> {
        let above = (ty as u64) << 60 | (key.len() as u64) << ADDRESS_BITS;
        (key.len() <= KEY_LENGTH_MAX).then_some(Self { key: key.as_ptr(), above })
    }

    /// The word; `None` when the address does not fit.
    #[inline(always)]
    pub(crate) fn word(self) -> Option<u64> {
        self.words(TextParts { text: std::ptr::null(), above: 0 }).map(|[key, _]| key)
    }

    /// The words of key and text, with one look.
    #[inline(always)]
    pub(crate) fn words(self, text: TextParts) -> Option<[u64; 2]> {
        let key = self.key.expose_provenance() as u64;
        let address = text.text.expose_provenance() as u64;
        ((key | address) >> ADDRESS_BITS == 0).then_some([self.above | key, text.above | address])
    }

    /// The word, if `seen` still fits in the end.
    #[inline(always)]
    pub(crate) fn word_if(self, seen: &mut Addresses) -> u64 {
        self.above | seen.add(self.key)
    }

    pub(crate) fn key(self) -> &'static str {
        // SAFETY: `of` is the only maker, of the parts of a `&'static str`.
        unsafe { str_at(self.key, (self.above >> ADDRESS_BITS) as usize & KEY_LENGTH_MAX) }
    }

    /// The type, as its number.
    #[inline(always)]
    pub(crate) fn is(self, ty: Type) -> bool {
        self.above >> 60 == ty as u64
    }
}

/// A static text as one word; `None` when its address or length do not fit.
#[inline(always)]
pub(crate) fn pack_static(text: &'static str) -> Option<u64> {
    TextParts::of(text)?.word()
}

/// A key word for a static key; `None` when its address or length do not fit.
#[inline(always)]
pub(crate) fn pack_key(key: &'static str, ty: Type) -> Option<u64> {
    KeyParts::of(key, ty)?.word()
}

/// A key word, if there is one: made of a static key, see `pack_key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyWord(u64);

impl KeyWord {
    /// The key has to be copied.
    pub(crate) const NONE: Self = Self(0);

    #[inline(always)]
    pub(crate) fn of(key: Text<'_>, ty: Type) -> Self {
        match key {
            // An address is never 0, so neither is the word.
            Text::Static(key) => Self(pack_key(key, ty).unwrap_or(0)),
            Text::Copied(_) => Self::NONE,
        }
    }

    #[inline(always)]
    pub(crate) fn get(self) -> Option<u64> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// A key word that says that the key is copied behind it.
#[inline(always)]
pub(crate) const fn copied_key(ty: Type) -> u64 {
    (ty as u64) << 60
}

/// Whether a key word says that.
#[inline(always)]
pub(crate) const fn is_copied_key(word: u64) -> bool {
    word & ADDRESS_MASK == 0
}

/// The text that `pack_static` made `word` of.
///
/// # Safety
///
/// `word` came from `pack_static`.
#[inline]
pub(crate) unsafe fn unpack_static(word: u64) -> &'static str {
    // SAFETY: passed on.
    unsafe { static_text(word & ADDRESS_MASK, (word >> ADDRESS_BITS) as usize) }
}

/// The key that `pack_key` made `word` of.
///
/// # Safety
///
/// `word` came from `pack_key`.
#[inline]
pub(crate) unsafe fn unpack_key(word: u64) -> &'static str {
    // SAFETY: passed on.
    unsafe { static_text(word & ADDRESS_MASK, (word >> ADDRESS_BITS) as usize & KEY_LENGTH_MAX) }
}

/// # Safety
///
/// `address` and `length` are those of one `&'static str` whose provenance was exposed.
#[inline]
unsafe fn static_text(address: u64, length: usize) -> &'static str {
    // SAFETY: by this function's contract.
    unsafe { str_at(std::ptr::with_exposed_provenance(address as usize), length) }
}

/// # Safety
///
/// `start` and `length` are those of one `&'static str`.
#[inline]
unsafe fn str_at(start: *const u8, length: usize) -> &'static str {
    // SAFETY: by this function's contract: readable for the whole program, and UTF-8.
    unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(start, length)) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_its_text_and_parts_give_back_theirs() {
        for text in ["", "k", "http.response.status_code", "ä€𝄞"] {
            let parts = TextParts::of(text).unwrap();
            assert_eq!(parts.text(), text);
            let word = parts.word().unwrap();
            assert_ne!(word, 0);
            // SAFETY: the word was made of the parts of a text.
            assert_eq!(unsafe { unpack_static(word) }, text);
            let key = KeyParts::of(text, Type::F64Array).unwrap();
            assert_eq!(key.key(), text);
            assert!(key.is(Type::F64Array) && !key.is(Type::Str));
            assert_eq!(key.words(parts), Some([key.word().unwrap(), word]));
            assert!(!is_copied_key(key.word().unwrap()) && is_copied_key(copied_key(Type::F64Array)));
            // SAFETY: the word was made of the parts of a key.
            assert_eq!(unsafe { unpack_key(key.word().unwrap()) }, text);
        }
    }

    #[test]
    fn what_is_too_long_or_too_high_is_no_word() {
        let text: &'static str = "x".repeat(1 << 16).leak();
        assert!(TextParts::of(text).is_none());
        assert!(TextParts::of(&text[1..]).is_some());
        assert!(KeyParts::of(&text[..KEY_LENGTH_MAX + 1], Type::I64).is_none());
        assert!(KeyParts::of(&text[..KEY_LENGTH_MAX], Type::I64).is_some());

        let high = std::ptr::without_provenance(1 << ADDRESS_BITS);
        let [low_text, high_text] = [text.as_ptr(), high].map(|text| TextParts { text, above: 0 });
        let [low_key, high_key] = [text.as_ptr(), high].map(|key| KeyParts { key, above: 0 });
        assert_eq!((high_text.word(), high_key.word()), (None, None));
        assert_eq!((low_key.words(high_text), high_key.words(low_text)), (None, None));
        assert!(low_key.words(low_text).is_some());

        let mut seen = Addresses::default();
        assert_eq!(Some(low_key.word_if(&mut seen)), low_key.word());
        assert_eq!(Some(low_text.word_if(&mut seen)), low_text.word());
        assert!(seen.fit());
        for key_is_high in [false, true] {
            let mut seen = Addresses::default();
            if key_is_high {
                high_key.word_if(&mut seen)
            } else {
                high_text.word_if(&mut seen)
            };
            // One that fits does not hide one that does not.
            low_key.word_if(&mut seen);
            assert!(!seen.fit());
        }
    }
}
