//! Attributes, and the small parts that all messages consist of.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::OwnedValue;
use crate::batch::{Attributes, ValueView};
use crate::context::hex;
use crate::metrics::data as metrics;

/// A key, and what becomes an `AnyValue`.
struct KeyValue<'a, V>(&'a str, V);

impl<V: Serialize> Serialize for KeyValue<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("key", self.0)?;
        fields.serialize_entry("value", &self.1)?;
        fields.end()
    }
}

/// A value that somebody owns, as an `AnyValue`.
struct OwnedAny<'a>(&'a OwnedValue);

impl Serialize for OwnedAny<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scalar = match self.0 {
            OwnedValue::Str(value) => ValueView::Str(value),
            OwnedValue::Bool(value) => ValueView::Bool(*value),
            OwnedValue::I64(value) => ValueView::I64(*value),
            OwnedValue::F64(value) => ValueView::F64(*value),
            OwnedValue::StrArray(values) => {
                return array(serializer, &values.iter().map(String::as_str), ValueView::Str);
            }
            OwnedValue::BoolArray(values) => {
                return array(serializer, &values.iter().copied(), ValueView::Bool);
            }
            OwnedValue::I64Array(values) => {
                return array(serializer, &values.iter().copied(), ValueView::I64);
            }
            OwnedValue::F64Array(values) => {
                return array(serializer, &values.iter().copied(), ValueView::F64);
            }
        };
        AnyValue(scalar).serialize(serializer)
    }
}

struct AnyValue<'a>(ValueView<'a>);

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            ValueView::Str(value) => one(serializer, "stringValue", value),
            ValueView::Bool(value) => one(serializer, "boolValue", value),
            ValueView::I64(value) => one(serializer, "intValue", &Int64(*value)),
            ValueView::F64(value) => one(serializer, "doubleValue", &Double(*value)),
            ValueView::StrArray(values) => array(serializer, values, ValueView::Str),
            ValueView::BoolArray(values) => array(serializer, values, ValueView::Bool),
            ValueView::I64Array(values) => array(serializer, values, ValueView::I64),
            ValueView::F64Array(values) => array(serializer, values, ValueView::F64),
        }
    }
}

/// An `ArrayValue`, each element of which is a value of its own.
fn array<'a, S: Serializer, T>(
    serializer: S,
    elements: &(impl Iterator<Item = T> + Clone),
    value: impl Fn(T) -> ValueView<'a>,
) -> Result<S::Ok, S::Error> {
    struct ArrayValue<T>(T);

    impl<T: Serialize> Serialize for ArrayValue<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            one(serializer, "values", &self.0)
        }
    }

    let values = Sequence(|| elements.clone().map(|element| AnyValue(value(element))));
    one(serializer, "arrayValue", &ArrayValue(values))
}

/// A double as ProtoJSON has it: JSON itself has no NaN and no infinities.
pub(super) struct Double(pub(super) f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.0 == f64::INFINITY {
            serializer.serialize_str("Infinity")
        } else if self.0 == f64::NEG_INFINITY {
            serializer.serialize_str("-Infinity")
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// An id in hexadecimal.
pub(super) struct Id<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hex::encode(&self.0, &mut [0; 32]))
    }
}

/// A moment: a `fixed64`, and so a decimal string.
pub(super) struct Fixed64(pub(super) u64);

impl Serialize for Fixed64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(decimal(self.0, &mut [0; 20]))
    }
}

/// An `int64`, and so a decimal string.
pub(super) struct Int64(pub(super) i64);

impl Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(number) => Fixed64(number).serialize(serializer),
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

/// The decimal digits of `number`, written into `buffer`. It is written out because the formatting
/// machinery of the standard library is what encoding would spend most of its time in.
fn decimal(mut number: u64, buffer: &mut [u8; 20]) -> &str {
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[start..]).expect("decimal digits are ASCII")
}

/// A list of what an iterator gives, which is made anew each time the list is encoded.
pub(super) struct Sequence<F>(pub(super) F);

impl<F, I> Serialize for Sequence<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// An object of one field.
pub(super) fn one<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    name: &'static str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(Some(1))?;
    fields.serialize_entry(name, value)?;
    fields.end()
}

/// A text, unless it is empty.
pub(super) fn text<M: SerializeMap>(fields: &mut M, name: &'static str, text: &str) -> Result<(), M::Error> {
    if text.is_empty() {
        return Ok(());
    }
    fields.serialize_entry(name, text)
}

/// A number of 32 bits, unless it is 0.
pub(super) fn number<M: SerializeMap>(
    fields: &mut M,
    name: &'static str,
    number: u32,
) -> Result<(), M::Error> {
    if number == 0 {
        return Ok(());
    }
    fields.serialize_entry(name, &number)
}

/// The attributes, unless there are none.
pub(super) fn attributes<M: SerializeMap>(
    fields: &mut M,
    attributes: Attributes<'_>,
) -> Result<(), M::Error> {
    if attributes.clone().next().is_none() {
        return Ok(());
    }
    let list = Sequence(|| attributes.clone().map(|(key, value)| KeyValue(key, AnyValue(value))));
    fields.serialize_entry("attributes", &list)
}

/// The same for attributes that somebody owns.
pub(super) fn owned_attributes<M: SerializeMap>(
    fields: &mut M,
    name: &'static str,
    attributes: &[metrics::KeyValue],
) -> Result<(), M::Error> {
    list(fields, name, attributes, |each| KeyValue(&each.key, OwnedAny(&each.value)))
}

/// What `value` makes of each of `items`, unless there are none.
pub(super) fn list<'a, M: SerializeMap, T, V: Serialize>(
    fields: &mut M,
    name: &'static str,
    items: &'a [T],
    value: impl Fn(&'a T) -> V,
) -> Result<(), M::Error> {
    if items.is_empty() {
        return Ok(());
    }
    fields.serialize_entry(name, &Sequence(|| items.iter().map(&value)))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for shift in 0..64 {
            for number in [u64::MAX >> shift, 1 << shift, 1_u64.rotate_right(shift) - 1] {
                assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
            }
        }
    }
}
