//! Lowercase hexadecimal, the only kind that W3C Trace Context admits (its rule `HEXDIGLC`).

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Marks the bytes that are no digit; no digit has any of the upper four bits set.
const NOT_A_DIGIT: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Writes two digits for each of `bytes` into `text` and returns what was written.
///
/// # Panics
///
/// When `text` is shorter than twice `bytes`.
#[inline]
pub(crate) fn encode<'a>(bytes: &[u8], text: &'a mut [u8]) -> &'a str {
    let text = &mut text[..bytes.len() * 2];
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    // Only ASCII digits were written, so the check cannot fail.
    std::str::from_utf8(text).unwrap_or_default()
}

/// Reads `text` as exactly `2 * N` digits.
#[inline]
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Result<[u8; N], DecodeError> {
    if text.len() != 2 * N {
        return Err(DecodeError::Length { expected: 2 * N, found: text.len() });
    }
    let mut bytes = [0; N];
    for (at, (byte, pair)) in bytes.iter_mut().zip(text.chunks_exact(2)).enumerate() {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        if high == NOT_A_DIGIT {
            return Err(DecodeError::Digit { found: pair[0], offset: 2 * at });
        }
        if low == NOT_A_DIGIT {
            return Err(DecodeError::Digit { found: pair[1], offset: 2 * at + 1 });
        }
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

/// Why a text is not the expected number of lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DecodeError {
    Length { expected: usize, found: usize },
    Digit { found: u8, offset: usize },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DecodeError::Length { expected, found } => {
                write!(f, "expected {expected} lowercase hexadecimal digits, found {found} bytes")
            }
            DecodeError::Digit { found, offset } => write!(
                f,
                "expected a lowercase hexadecimal digit at offset {offset}, found '{}'",
                found.escape_ascii()
            ),
        }
    }
}
