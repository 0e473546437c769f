//! Texts from spans, made harmless; what all formats are written with.
//!
//! Names and values come from whoever sent the traced request. What all formats escape are the
//! control characters (so also line ends and the escape character that starts a terminal's
//! commands) and the invisible characters of Unicode that reorder or hide text.

use std::fmt::Write as _;

/// The text of some spans, and where each span's text ends.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) text: String,
    /// Growing byte offsets into `text`, the last one its length.
    pub(crate) ends: Vec<usize>,
}

impl Page {
    /// Says that the text of a span is complete.
    pub(super) fn end_span(&mut self) {
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
pub(super) use put;

/// Whether a terminal might obey `character`, or show other text differently because of it.
pub(super) fn is_harmful(character: char) -> bool {
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
pub(super) fn quoted(out: &mut String, text: &str) {
    escaped(out, text, |out, harmful| put!(out, "\\u{{{:x}}}", u32::from(harmful)));
}

/// Appends a name: in quotes if without them it could be taken for more than a name.
///
/// Parts of a line are set apart by two blanks, so a name with single blanks may stand as it is.
pub(super) fn name(out: &mut String, text: &str) {
    let strange = |c: char| is_harmful(c) || matches!(c, '"' | '\\' | '=') || (c.is_whitespace() && c != ' ');
    let plain = !text.is_empty() && text.trim() == text && !text.contains("  ") && !text.contains(strange);
    if plain { out.push_str(text) } else { quoted(out, text) }
}

/// Appends a key: in quotes if without them it could be taken for more than a key.
pub(super) fn key(out: &mut String, text: &str) {
    if text.contains(' ') { quoted(out, text) } else { name(out, text) }
}

/// Appends `text` as a JSON string (RFC 8259, section 7).
pub(super) fn json_string(out: &mut String, text: &str) {
    escaped(out, text, escape_json);
}

/// Appends what stands for `character` in a JSON string.
pub(super) fn escape_json(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        put!(out, "\\u{unit:04x}");
    }
}
