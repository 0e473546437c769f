//! How a value becomes the eight bytes of an attribute: clause 4.6 of `docs/batch-format.md`.

use super::generated::nanospan as schema;
use super::intern::TextStore;
use crate::Value;

/// A value as an attribute holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded {
    pub(crate) value_type: schema::ValueType,
    pub(crate) word: u64,
}

impl Encoded {
    fn new(value_type: schema::ValueType, word: u64) -> Self {
        Self { value_type, word }
    }
}

/// Encodes a value, with what it points to added to `texts` and `elements`.
///
/// An index that does not fit is cut off: the batch is then over its size limit and is refused as a
/// whole.
#[inline]
pub(crate) fn encode(texts: &mut TextStore, elements: &mut Vec<u64>, value: &Value<'_>) -> Encoded {
    use schema::ValueType;

    match *value {
        Value::Str(text) => Encoded::new(ValueType::String, texts.append(text).into()),
        Value::StaticStr(text) => Encoded::new(ValueType::String, texts.intern_literal(text).into()),
        Value::Bool(value) => Encoded::new(ValueType::Bool, value.into()),
        Value::I64(value) => Encoded::new(ValueType::Int64, value as u64),
        Value::F64(value) => Encoded::new(ValueType::Float64, value.to_bits()),
        Value::StrArray(values) => {
            encode_array(ValueType::StringArray, elements, values, |text| texts.append(text).into())
        }
        Value::StringArray(values) => {
            encode_array(ValueType::StringArray, elements, values, |text| texts.append(text).into())
        }
        Value::BoolArray(values) => {
            encode_array(ValueType::BoolArray, elements, values, |&value| value.into())
        }
        Value::I64Array(values) => {
            encode_array(ValueType::Int64Array, elements, values, |&value| value as u64)
        }
        Value::F64Array(values) => {
            encode_array(ValueType::Float64Array, elements, values, |value| value.to_bits())
        }
    }
}

/// Encodes an array. Out of line, because arrays are rare.
#[cold]
fn encode_array<T>(
    value_type: schema::ValueType,
    elements: &mut Vec<u64>,
    values: &[T],
    word: impl FnMut(&T) -> u64,
) -> Encoded {
    let first = elements.len() as u32;
    elements.extend(values.iter().map(word));
    Encoded::new(value_type, (values.len() as u64) << 32 | u64::from(first))
}
