//! Fields, as whoever knows them by their tags reads them.

use super::fault::{Fault, at};
use crate::Timestamp;
use crate::otlp::read::{Field, Problem, Value, fields};

const NO_TEXT: Problem = "a text is not UTF-8";

impl<'a> Field<'a> {
    /// The bytes of a field that is known by its tag to have some.
    pub(super) fn bytes(&self) -> &'a [u8] {
        match self.value {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The text of such a field.
    pub(super) fn text(&self) -> Result<&'a str, Problem> {
        std::str::from_utf8(self.bytes()).map_err(|_| NO_TEXT)
    }

    /// The number of a field that is known by its tag to have one.
    pub(super) fn number(&self) -> u64 {
        match self.value {
            Value::Varint(number) | Value::Fixed64(number) => number,
            _ => 0,
        }
    }

    pub(super) fn double(&self) -> f64 {
        f64::from_bits(self.number())
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.number())
    }

    /// Passes over a field that is not known. One that is, by its number, is of another type than `known` has
    /// it: then this is another message.
    pub(super) fn skip(&self, known: &[u8]) -> Result<(), Fault> {
        match known.iter().any(|tag| u32::from(tag >> 3) == self.number) {
            true => Err(Fault::from("a field is of another type than the message has it")),
            false => Ok(()),
        }
    }
}

/// Calls `see` with each field of a message.
pub(super) fn each<'a>(
    message: &'a [u8],
    mut see: impl FnMut(Field<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for field in fields(message) {
        see(field?)?;
    }
    Ok(())
}

/// The text of a field that is called `name`.
pub(super) fn owned(field: &Field<'_>, name: &'static str) -> Result<String, Fault> {
    field.text().map(str::to_owned).map_err(at(name))
}

/// Numbers one behind the other.
pub(super) fn packed(
    field: &Field<'_>,
    next: fn(&mut &[u8]) -> Result<u64, Problem>,
    mut see: impl FnMut(u64),
) -> Result<(), Problem> {
    let mut rest = field.bytes();
    while !rest.is_empty() {
        see(next(&mut rest)?);
    }
    Ok(())
}

/// A `sint32`, of which more than 32 bits are cut off, as elsewhere.
pub(super) fn zigzag(number: u64) -> i32 {
    let number = number as u32;
    (number >> 1) as i32 ^ -((number & 1) as i32)
}
