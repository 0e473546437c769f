//! Text from spans on a terminal: made harmless, measured and cut.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with everything escaped that a terminal might obey instead of showing it.
///
/// Names and values come from whoever sent the traced request. Escaped are the control characters
/// (so also line ends and the escape character that starts a terminal's commands) and the invisible
/// characters of Unicode that reorder or hide text.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\0'..='\x1f' | '\x7f' => {
                // Writing to a `String` does not fail.
                let _ = write!(escaped, "\\x{:02x}", u32::from(character));
            }
            _ if is_harmful(character) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

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

/// How many columns `text` takes on a terminal.
///
/// The ranges are the blocks of East Asian wide characters, emoji and combining marks. Within a
/// block a terminal may differ for single characters, which costs alignment and nothing else.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// `text` if it fits into `limit` columns, else its beginning and an ellipsis that do.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let mut left = limit.saturating_sub(1);
    let mut end = 0;
    for (index, character) in text.char_indices() {
        let Some(rest) = left.checked_sub(columns(character)) else {
            break;
        };
        left = rest;
        end = index + character.len_utf8();
    }
    let ellipsis = if limit == 0 { "" } else { "…" };
    Cow::Owned(format!("{}{ellipsis}", &text[..end]))
}

/// `text` with blanks behind it up to `columns` columns.
pub(crate) fn left_aligned(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` with blanks in front of it up to `columns` columns.
pub(crate) fn right_aligned(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_might_obey_is_escaped() {
        assert_eq!(harmless("GET /cart"), "GET /cart");
        assert_eq!(harmless("a\x1b[2Jb"), "a\\x1b[2Jb");
        assert_eq!(harmless("a\r\n\tb\0"), "a\\r\\n\\tb\\x00");
        assert_eq!(harmless("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(harmless("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(harmless("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("checkout", 5), "chec…");
        assert_eq!(cut("checkout", 0), "");
        assert_eq!(right_aligned("日", 4), "  日");
        assert_eq!(left_aligned("日", 4), "日  ");
    }

    proptest! {
        #[test]
        fn escaped_text_holds_nothing_harmful(text in any::<String>()) {
            prop_assert!(!harmless(&text).chars().any(is_harmful));
        }

        #[test]
        fn cut_text_fits(text in any::<String>(), limit in 0_usize..40) {
            prop_assert!(width(&cut(&text, limit)) <= limit);
        }
    }
}
