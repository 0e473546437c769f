//! JSON in one line that is safe to look at on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::text::is_harmful;

/// Writes `value` and a line end.
pub(crate) fn write_line(mut output: impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut output, Harmless))?;
    output.write_all(b"\n")
}

/// JSON escapes the control characters of ASCII and no other. This also escapes those that a
/// terminal might obey, or that hide or reorder text; the values stay what they are.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        // Most text is this, and it takes no look at each character.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (index, character) in fragment.char_indices() {
            if is_harmful(character) {
                writer.write_all(&fragment.as_bytes()[written..index])?;
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                written = index + character.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back_as_itself_from_harmless_json(text in any::<String>()) {
            let mut line = Vec::new();
            write_line(&mut line, &text).expect("a vector takes all");
            let line = String::from_utf8(line).expect("JSON is UTF-8");
            prop_assert!(!line.trim_end_matches('\n').chars().any(is_harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&line).expect("valid JSON"), text);
        }
    }

    #[test]
    fn characters_beyond_sixteen_bits_are_escaped_as_pairs() {
        let mut line = Vec::new();
        write_line(&mut line, &"a\u{9b}\u{e0041}b").expect("a vector takes all");
        assert_eq!(line, b"\"a\\u009b\\udb40\\udc41b\"\n");
    }
}
