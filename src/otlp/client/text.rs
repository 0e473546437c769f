//! What a server says, made fit to be shown.

use std::fmt::Write;

/// How much of it is shown, in bytes: a sentence or two, not a page of HTML.
const SHOWN_BYTES: usize = 256;

/// What stands where a secret was.
const HIDDEN: &str = "[redacted]";

/// The values that must not be shown even when a server repeats them.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Of the values of configured headers: each whole, and what follows the scheme in the likes of
    /// `Bearer abc`.
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut secrets = Vec::new();
        for value in values {
            secrets.push(value.to_owned());
            secrets.extend(value.split_once(' ').map(|(_, token)| token.trim().to_owned()));
        }
        secrets.retain(|secret| !secret.is_empty());
        // The longest first: one may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// `text` on one line, without secrets, and cut to a length that a log can bear.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut text = text.trim().to_owned();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        let mut shown = String::new();
        for (at, character) in text.char_indices() {
            if at >= SHOWN_BYTES {
                shown.push('…');
                break;
            }
            if character.is_control() {
                // Writing to a string cannot fail.
                let _ = write!(shown, "{}", character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_wherever_the_server_repeats_it() {
        let secrets = Secrets::of(["Bearer abcdef", "k3y", ""].into_iter());
        let shown = secrets.shown("no such token: abcdef (Bearer abcdef), key k3yk3y");
        assert_eq!(shown, "no such token: [redacted] ([redacted]), key [redacted][redacted]");
        assert!(!format!("{secrets:?}").contains("abc"));
    }

    #[test]
    fn a_secret_at_the_cut_does_not_show_in_part() {
        let secrets = Secrets::of(["s3cret"].into_iter());
        let text = format!("{}s3cret", "x".repeat(SHOWN_BYTES - 3));
        assert!(!secrets.shown(&text).contains("s3c"));
    }

    #[test]
    fn long_text_is_cut_between_characters_and_control_characters_are_escaped() {
        let shown = Secrets::default().shown(&"ä".repeat(10_000));
        assert_eq!(shown, format!("{}…", "ä".repeat(SHOWN_BYTES / 2)));
        assert_eq!(Secrets::default().shown(" a\r\n\u{1b}[31mb \n"), "a\\r\\n\\u{1b}[31mb");
    }
}
