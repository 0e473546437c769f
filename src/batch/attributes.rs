//! Reading attributes and their values where they lie.

use std::fmt;

use super::generated::nanospan as schema;
use super::table::Column;
use crate::OwnedValue;

/// The texts of a batch: one string and where each text ends in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) text: &'a str,
    pub(crate) ends: Column<'a, u32>,
}

impl<'a> Texts<'a> {
    /// The text `index`; empty if there is none, which a verified batch does not ask for.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &'a str {
        let index = index as usize;
        let start = match index.checked_sub(1) {
            Some(previous) => self.ends.get(previous),
            None => Some(0),
        };
        match (start, self.ends.get(index)) {
            (Some(start), Some(end)) => self.text.get(start as usize..end as usize).unwrap_or_default(),
            _ => "",
        }
    }
}

/// What the attributes of a batch point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) texts: Texts<'a>,
    pub(crate) elements: Column<'a, u64>,
}

/// An iterator over attributes: keys and values in the order in which they were recorded.
///
/// Attributes of a type that this version of the library does not know are left out; the dropped
/// count of the span, event or link that they belong to includes them.
#[derive(Clone)]
pub struct Attributes<'a> {
    store: Store<'a>,
    entries: Column<'a, schema::Attribute>,
}

impl<'a> Attributes<'a> {
    #[inline]
    pub(crate) fn new(store: Store<'a>, entries: Column<'a, schema::Attribute>) -> Self {
        Self { store, entries }
    }

    /// How many attributes the iterator will leave out.
    #[inline]
    pub(crate) fn unknown(&self) -> u32 {
        let unknown = self.entries.iter().filter(|entry| !is_known(entry.type_()));
        u32::try_from(unknown.count()).unwrap_or(u32::MAX)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, ValueView<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (entry, rest) = self.entries.split_first()?;
            self.entries = rest;
            if let Some(value) = ValueView::new(self.store, &entry) {
                return Some((self.store.texts.get(entry.key()), value));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.entries.len()))
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// Whether this version of the library knows the type of a value.
pub(crate) fn is_known(value_type: schema::ValueType) -> bool {
    (schema::ValueType::String..=schema::ValueType::Float64Array).contains(&value_type)
}

/// An attribute's value, borrowed from the batch.
///
/// Two values are equal if they are of the same type and hold the same bits: NaN equals a NaN of
/// the same payload, and 0.0 does not equal -0.0.
#[derive(Clone)]
#[non_exhaustive]
pub enum ValueView<'a> {
    /// A string.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// A double-precision float.
    F64(f64),
    /// An array of strings.
    StrArray(StrArray<'a>),
    /// An array of booleans.
    BoolArray(BoolArray<'a>),
    /// An array of signed 64-bit integers.
    I64Array(I64Array<'a>),
    /// An array of double-precision floats.
    F64Array(F64Array<'a>),
}

impl<'a> ValueView<'a> {
    /// The value of `entry`; `None` if its type is unknown.
    #[inline]
    fn new(store: Store<'a>, entry: &schema::Attribute) -> Option<Self> {
        let word = entry.value();
        Some(match entry.type_() {
            schema::ValueType::String => Self::Str(store.texts.get(word as u32)),
            schema::ValueType::Bool => Self::Bool(word != 0),
            schema::ValueType::Int64 => Self::I64(word as i64),
            schema::ValueType::Float64 => Self::F64(f64::from_bits(word)),
            schema::ValueType::StringArray => Self::StrArray(StrArray::new(store, word)),
            schema::ValueType::BoolArray => Self::BoolArray(BoolArray::new(store, word)),
            schema::ValueType::Int64Array => Self::I64Array(I64Array::new(store, word)),
            schema::ValueType::Float64Array => Self::F64Array(F64Array::new(store, word)),
            _ => return None,
        })
    }

    /// A copy of the value that outlives the batch.
    #[must_use]
    #[inline]
    pub fn to_owned(&self) -> OwnedValue {
        match self {
            Self::Str(value) => OwnedValue::Str((*value).to_owned()),
            Self::Bool(value) => OwnedValue::Bool(*value),
            Self::I64(value) => OwnedValue::I64(*value),
            Self::F64(value) => OwnedValue::F64(*value),
            Self::StrArray(values) => OwnedValue::StrArray(values.clone().map(str::to_owned).collect()),
            Self::BoolArray(values) => OwnedValue::BoolArray(values.clone().collect()),
            Self::I64Array(values) => OwnedValue::I64Array(values.clone().collect()),
            Self::F64Array(values) => OwnedValue::F64Array(values.clone().collect()),
        }
    }
}

impl PartialEq for ValueView<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::F64(a), Self::F64(b)) => a.to_bits() == b.to_bits(),
            (Self::StrArray(a), Self::StrArray(b)) => a.clone().eq(b.clone()),
            (Self::BoolArray(a), Self::BoolArray(b)) => a.clone().eq(b.clone()),
            (Self::I64Array(a), Self::I64Array(b)) => a.clone().eq(b.clone()),
            (Self::F64Array(a), Self::F64Array(b)) => {
                let (a, b) = (a.clone(), b.clone());
                a.map(f64::to_bits).eq(b.map(f64::to_bits))
            }
            _ => false,
        }
    }
}

impl Eq for ValueView<'_> {}

impl fmt::Debug for ValueView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::F64(value) => value.fmt(f),
            Self::StrArray(values) => values.fmt(f),
            Self::BoolArray(values) => values.fmt(f),
            Self::I64Array(values) => values.fmt(f),
            Self::F64Array(values) => values.fmt(f),
        }
    }
}

macro_rules! array {
    ($(#[$doc:meta])* $name:ident of $item:ty: |$store:ident, $word:ident| $read:expr) => {
        $(#[$doc])*
        ///
        /// It is an iterator of exact size; clone it to go over the elements again.
        #[derive(Clone)]
        pub struct $name<'a> {
            store: Store<'a>,
            words: Column<'a, u64>,
        }

        impl<'a> $name<'a> {
            #[inline]
            fn new(store: Store<'a>, value: u64) -> Self {
                let range = array_range(value);
                Self {
                    store,
                    words: store.elements.slice(range),
                }
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<$item> {
                let ($word, rest) = self.words.split_first()?;
                self.words = rest;
                let $store = &self.store;
                Some($read)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.words.len(), Some(self.words.len()))
            }
        }

        impl ExactSizeIterator for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    };
}

/// The elements that an array's value names.
pub(crate) fn array_range(value: u64) -> std::ops::Range<usize> {
    let first = value as u32 as usize;
    first..first + (value >> 32) as usize
}

array! {
    /// The strings of an array.
    StrArray of &'a str: |store, word| store.texts.get(word as u32)
}
array! {
    /// The booleans of an array.
    BoolArray of bool: |_store, word| word != 0
}
array! {
    /// The integers of an array.
    I64Array of i64: |_store, word| word as i64
}
array! {
    /// The floats of an array.
    F64Array of f64: |_store, word| f64::from_bits(word)
}
