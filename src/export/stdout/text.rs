//! Texts from spans and metrics, made harmless; what all formats are written with.
//!
//! Names and values come from whoever sent the traced request. What all formats escape are the
//! control characters (so also line ends and the escape character that starts a terminal's
//! commands) and the invisible characters of Unicode that reorder or hide text.

use std::fmt::Write as _;

use crate::OwnedValue;

/// The text of some items, spans or data points, and where each item's text ends.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) text: String,
    /// Growing byte offsets into `text`, the last one its length.
    pub(crate) ends: Vec<usize>,
}

impl Page {
    /// Says that the text of an item is complete.
    pub(crate) fn end_item(&mut self) {
        self.ends.push(self.text.len());
    }
}

/// Appends formatted text.
macro_rules! put {
    ($out:expr, $($what:tt)*) => {{
        // Writing to a `String` does not fail.
        let _ = write!($out, $($what)*);
    }};
}
pub(crate) use put;

/// Whether a terminal might obey `character`, or show other text differently because of it.
pub(crate) fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Appends `text` in quotes, with the escapes that Rust and JSON have in common; `escape` appends what
/// stands for a harmful character that has none of them.
fn escaped(out: &mut String, text: &str, escape: impl Fn(&mut String, char)) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_harmful(character) => escape(out, character),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Appends `text` in quotes, with the escapes of Rust's string literals.
pub(crate) fn quoted(out: &mut String, text: &str) {
    escaped(out, text, |out, harmful| put!(out, "\\u{{{:x}}}", u32::from(harmful)));
}

/// Appends a name: in quotes if without them it could be taken for more than a name.
///
/// Parts of a line are set apart by two blanks, so a name with single blanks may stand as it is.
pub(crate) fn name(out: &mut String, text: &str) {
    let strange = |c: char| is_harmful(c) || matches!(c, '"' | '\\' | '=') || (c.is_whitespace() && c != ' ');
    let plain = !text.is_empty() && text.trim() == text && !text.contains("  ") && !text.contains(strange);
    if plain { out.push_str(text) } else { quoted(out, text) }
}

/// Appends a key: in quotes if without them it could be taken for more than a key.
pub(crate) fn key(out: &mut String, text: &str) {
    if text.contains(' ') { quoted(out, text) } else { name(out, text) }
}

/// Appends attributes for the eye, behind two blanks: `key=value key=value`.
pub(crate) fn attributes<'a>(
    out: &mut String,
    attributes: impl IntoIterator<Item = (&'a str, &'a OwnedValue)>,
) {
    for (index, (attribute, value)) in attributes.into_iter().enumerate() {
        out.push_str(if index == 0 { "  " } else { " " });
        key(out, attribute);
        out.push('=');
        match value {
            OwnedValue::Str(value) => quoted(out, value),
            OwnedValue::Bool(value) => put!(out, "{value}"),
            OwnedValue::I64(value) => put!(out, "{value}"),
            OwnedValue::F64(value) => put!(out, "{value:?}"),
            OwnedValue::StrArray(values) => list(out, values, |out, value| quoted(out, value)),
            OwnedValue::BoolArray(values) => list(out, values, |out, value| put!(out, "{value}")),
            OwnedValue::I64Array(values) => list(out, values, |out, value| put!(out, "{value}")),
            OwnedValue::F64Array(values) => list(out, values, |out, value| put!(out, "{value:?}")),
        }
    }
}

/// Appends items in brackets, with commas between them.
fn list<T>(out: &mut String, items: &[T], mut item: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item(out, one);
    }
    out.push(']');
}

/// Appends `text` as a JSON string (RFC 8259, section 7).
pub(crate) fn json_string(out: &mut String, text: &str) {
    escaped(out, text, escape_json);
}

/// Appends what stands for `character` in a JSON string.
pub(super) fn escape_json(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        put!(out, "\\u{unit:04x}");
    }
}
