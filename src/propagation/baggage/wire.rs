//! The grammar of a `baggage` header (W3C Baggage, section "Header Content").

use std::borrow::Cow;
use std::fmt::Write;

use super::{BaggageMember, Reason};
use crate::context::trim_ows;

/// The members of a list, without the whitespace around them and without the empty ones.
pub(super) fn members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim_ows).filter(|member| !member.is_empty())
}

/// The longest beginning of `list` that is within `bytes_max` and ends where a member does.
pub(super) fn whole_members_within(list: &[u8], bytes_max: usize) -> &[u8] {
    if list.len() <= bytes_max {
        return list;
    }
    // The comma may be the first byte that is too many.
    let end = list[..=bytes_max].iter().rposition(|byte| *byte == b',');
    &list[..end.unwrap_or(0)]
}

/// `list-member = key OWS "=" OWS value *( OWS ";" OWS property )`
pub(super) fn parse_member(member: &[u8]) -> Result<BaggageMember, Reason> {
    let mut parts = member.split(|byte| *byte == b';').map(trim_ows);
    let (name, value) = split_at_equals(parts.next().unwrap_or_default());
    let name = check_token(name).ok_or(Reason::Name)?;
    let value = check_value(value.ok_or(Reason::NoEquals)?).ok_or(Reason::Value)?;
    let mut metadata = String::new();
    for property in parts.filter(|property| !property.is_empty()) {
        let (name, value) = split_at_equals(property);
        let name = check_token(name).ok_or(Reason::Property)?;
        let value = match value {
            Some(value) => Some(check_value(value).ok_or(Reason::Property)?),
            None => None,
        };
        push_property(&mut metadata, name, value);
    }
    Ok(BaggageMember::from_parts(name, unescape(value).into(), metadata))
}

/// Splits at the first equals sign; all others belong to the value.
fn split_at_equals(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'=') {
        Some(equals) => (trim_ows(&text[..equals]), Some(trim_ows(&text[equals + 1..]))),
        None => (text, None),
    }
}

/// Appends a property, whose value must be escaped, to a member's metadata.
pub(super) fn push_property(metadata: &mut String, name: &str, value: Option<&str>) {
    if !metadata.is_empty() {
        metadata.push(';');
    }
    metadata.push_str(name);
    if let Some(value) = value {
        metadata.push('=');
        metadata.push_str(value);
    }
}

/// `text` if it is a `token` (RFC 7230, section 3.2.6).
pub(super) fn check_token(text: &[u8]) -> Option<&str> {
    let is_token_char = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if text.is_empty() || !text.iter().all(is_token_char) {
        return None;
    }
    std::str::from_utf8(text).ok()
}

/// `text` if it is a `value` in which every percent sign begins an escape.
fn check_value(text: &[u8]) -> Option<&str> {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (byte, tail) if *byte != b'%' && is_baggage_octet(*byte) => tail,
            _ => return None,
        };
    }
    std::str::from_utf8(text).ok()
}

/// `baggage-octet`: ASCII but control characters, whitespace, `"`, `,`, `;` and `\`.
fn is_baggage_octet(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')
}

fn needs_escape(byte: u8) -> bool {
    byte == b'%' || !is_baggage_octet(byte)
}

/// The length in bytes of what [`escape`] makes of `text`.
pub(super) fn escaped_len(text: &str) -> usize {
    text.len() + 2 * text.bytes().filter(|byte| needs_escape(*byte)).count()
}

/// Percent-encodes what may not stand in a value (RFC 3986, section 2.1).
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(escaped_len(text));
    for byte in text.bytes() {
        if needs_escape(byte) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        } else {
            escaped.push(char::from(byte));
        }
    }
    Cow::Owned(escaped)
}

/// Undoes [`escape`]. What is then not UTF-8 becomes U+FFFD; a percent sign that begins no escape,
/// which [`check_value`] lets nowhere near, stays as it is.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}
