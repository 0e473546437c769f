//! Attributes and their values.

use super::fault::{Fault, at, nth};
use super::fields::{each, owned};
use crate::OwnedValue;
use crate::metrics::data::{Attributes, KeyValue};
use crate::otlp::encode::fields::metrics as tags;
use crate::otlp::read::{Field, Problem};

/// Adds the attribute in one of the fields that are called `name`.
pub(super) fn attribute(field: &Field<'_>, name: &'static str, into: &mut Attributes) -> Result<(), Fault> {
    use tags::key_value::*;
    let index = into.len();
    let KeyValue { key, value } = into.push();
    let mut has_value = false;
    let all = each(field.bytes(), |field| {
        match field.tag() {
            KEY => *key = owned(&field, "key")?.into(),
            VALUE => {
                any(field.bytes(), value, array).map_err(at("value"))?;
                has_value = true;
            }
            _ => field.skip(ALL)?,
        }
        Ok(())
    });
    let all = all.and_then(|()| if has_value { Ok(()) } else { Err(at("value")(NO_VALUE)) });
    all.map_err(nth(name, index))
}

const NO_VALUE: Problem =
    "there is no value of a type that is known: a text, a boolean, a number, or an array";

/// Reads an `AnyValue`, an array by `array`. A text goes into the memory of the one that is there.
fn any(
    message: &[u8],
    into: &mut OwnedValue,
    array: fn(&[u8]) -> Result<OwnedValue, Fault>,
) -> Result<(), Fault> {
    use tags::any_value::*;
    let mut has_value = false;
    each(message, |field| {
        match field.tag() {
            STRING => {
                let text = field.text()?;
                match &mut *into {
                    OwnedValue::Str(memory) => {
                        memory.clear();
                        memory.push_str(text);
                    }
                    other => *other = text.into(),
                }
            }
            BOOL => *into = (field.number() != 0).into(),
            INT => *into = (field.number() as i64).into(),
            DOUBLE => *into = field.double().into(),
            ARRAY => *into = array(field.bytes()).map_err(at("array_value"))?,
            // Whatever else it may be has a number of its own, and stands alone.
            _ => return field.skip(ALL),
        }
        has_value = true;
        Ok(())
    })?;
    if has_value { Ok(()) } else { Err(Fault::from(NO_VALUE)) }
}

/// Reads an `ArrayValue`, all of whose elements are of one type. One without elements is of texts.
fn array(message: &[u8]) -> Result<OwnedValue, Fault> {
    use tags::array_value::*;
    let (mut array, mut index) = (None, 0);
    each(message, |field| {
        match field.tag() {
            VALUES => {
                let mut element = OwnedValue::Bool(false);
                any(field.bytes(), &mut element, |_| Err(Fault::from("an array has no arrays in it")))
                    .and_then(|()| add(&mut array, element).map_err(Fault::from))
                    .map_err(nth("values", index))?;
                index += 1;
            }
            _ => field.skip(ALL)?,
        }
        Ok(())
    })?;
    Ok(array.unwrap_or(OwnedValue::StrArray(Vec::new())))
}

/// Adds an element to an array, which the first one begins.
fn add(array: &mut Option<OwnedValue>, element: OwnedValue) -> Result<(), Problem> {
    match (array, element) {
        (Some(OwnedValue::StrArray(array)), OwnedValue::Str(element)) => array.push(element),
        (Some(OwnedValue::BoolArray(array)), OwnedValue::Bool(element)) => array.push(element),
        (Some(OwnedValue::I64Array(array)), OwnedValue::I64(element)) => array.push(element),
        (Some(OwnedValue::F64Array(array)), OwnedValue::F64(element)) => array.push(element),
        (Some(_), _) => return Err("an array has elements of one type"),
        (array @ None, element) => {
            *array = Some(match element {
                OwnedValue::Str(element) => OwnedValue::StrArray(vec![element]),
                OwnedValue::Bool(element) => OwnedValue::BoolArray(vec![element]),
                OwnedValue::I64(element) => OwnedValue::I64Array(vec![element]),
                OwnedValue::F64(element) => OwnedValue::F64Array(vec![element]),
                _ => return Err("an array has elements of one type"),
            });
        }
    }
    Ok(())
}
