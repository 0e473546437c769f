//! Reads variables by the rules that all of OpenTelemetry's share.
//!
//! | kind | good values | any other value |
//! | --- | --- | --- |
//! | all | empty, or nothing but whitespace, is unset; whitespace around a value does not count | |
//! | boolean | `true`, in any case; `false`, in any case | warning; `false` |
//! | number | decimal digits, within the range of the setting | warning; as if unset |
//! | duration | a number of milliseconds | warning; as if unset |
//! | choice | one of the known names, in any case | warning; as if unset |
//! | list | choices with commas between them, each once; `none` alone | warning; the other names hold |
//!
//! (OpenTelemetry specification: Environment Variable Specification, sections "Parsing empty value"
//! and "Type-specific guidance"; Common Configuration Specification, section "Type-specific
//! guidance". Whitespace is this crate's own addition.)
//!
//! Text of other kinds, addresses or headers, is read as it is and judged by whoever asked for it. It
//! may hold secrets, so no [`Warning`] is ever about it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What stands for nothing in every list (Common Configuration Specification, section "Enum").
const NONE: &str = "none";

/// The most characters of a value that a warning shows.
const SHOWN_CHARS_MAX: usize = 64;

/// A set of variables, with somewhere to report the bad ones.
pub(crate) struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    warn: &'a mut dyn FnMut(Warning),
}

impl<'a> Environment<'a> {
    /// The variables that `lookup` finds by name. Each bad one that is asked for goes to `warn`.
    pub(crate) fn new(
        lookup: &'a dyn Fn(&str) -> Option<OsString>,
        warn: &'a mut dyn FnMut(Warning),
    ) -> Self {
        Self { lookup, warn }
    }

    /// The value, without whitespace around it, if any is left. What is not Unicode stays as it is.
    pub(crate) fn raw(&self, name: &str) -> Option<OsString> {
        let value = (self.lookup)(name)?;
        let value = match value.to_str() {
            Some(text) => OsString::from(text.trim()),
            None => value,
        };
        (!value.is_empty()).then_some(value)
    }

    /// A boolean; every value but `true` is `false`.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.text(name)?;
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            self.warn(name, &value, "is neither true nor false", "taken as false");
        }
        Some(is_true)
    }

    /// A number within `range`; `what` says what it counts, such as "a number of spans".
    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<u64>, what: &str) -> Option<u64> {
        let value = self.text(name)?;
        // `parse` alone would admit a plus sign.
        let is_decimal = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = if is_decimal { value.parse().ok() } else { None };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let problem = match (*range.start(), *range.end()) {
                    (0, u64::MAX) => format!("is not {what}"),
                    (least, u64::MAX) => format!("is not {what} from {least} on"),
                    (least, most) => format!("is not {what} from {least} to {most}"),
                };
                self.warn(name, &value, problem, "ignored");
                None
            }
        }
    }

    /// A number of milliseconds. What zero means is the setting's own affair: for a time-out it is
    /// no limit (Common Configuration Specification, section "Timeout").
    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        self.number(name, 0..=u64::MAX, "a number of milliseconds").map(Duration::from_millis)
    }

    /// One of the `known` names, in any case.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, known: &[(&str, T)]) -> Option<T> {
        let value = self.text(name)?;
        let chosen = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&value));
        if chosen.is_none() {
            self.unknown(name, &value, known);
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// Names out of the `known` ones, in any case, with commas between them, in the order in which they come.
    /// Empty ones are skipped. One that is there again, and `none` beside others, give a warning each
    /// and do not count. `None` when no name is left.
    pub(crate) fn choices<T: Copy + PartialEq>(&mut self, name: &str, known: &[(&str, T)]) -> Option<Vec<T>> {
        let mut chosen = Vec::new();
        for part in self.text(name)?.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match known.iter().find(|(known, _)| known.eq_ignore_ascii_case(part)) {
                Some((_, choice)) if chosen.contains(choice) => {
                    self.warn(name, part, "is named more than once", "taken once");
                }
                Some((_, choice)) => chosen.push(*choice),
                None => self.unknown(name, part, known),
            }
        }
        let none = known.iter().find(|(known, _)| *known == NONE).map(|(_, none)| *none);
        if let Some(none) = none.filter(|none| chosen.len() > 1 && chosen.contains(none)) {
            self.warn(name, NONE, "stands beside other names", "ignored");
            chosen.retain(|choice| *choice != none);
        }
        (!chosen.is_empty()).then_some(chosen)
    }

    fn unknown<T>(&mut self, name: &str, value: &str, known: &[(&str, T)]) {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        self.warn(name, value, format!("is not one of {}", names.join(", ")), "ignored");
    }

    /// A share: a decimal fraction from 0 to 1.
    pub(crate) fn share(&mut self, name: &str) -> Option<f64> {
        let value = self.text(name)?;
        let share = value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            self.warn(name, &value, "is not a number from 0 to 1", "ignored");
        }
        share
    }

    /// Pairs `key=value` with commas between them, both percent-encoded. One that is malformed makes all of
    /// them useless (Resource SDK, section "Specifying resource information via an environment variable").
    pub(crate) fn pairs(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let value = self.text(name)?;
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut pairs = Vec::new();
        for (n, part) in (1..).zip(parts) {
            let decoded = part.split_once('=').and_then(|(key, value)| {
                let (key, value) = (decode(key.trim())?, decode(value.trim())?);
                (!key.is_empty() && !part[part.find('=')? + 1..].contains('=')).then_some((key, value))
            });
            let Some(pair) = decoded else {
                let problem = format!("has no percent-encoded key=value for its pair {n}");
                self.warn(name, &value, problem, "ignored as a whole");
                return None;
            };
            pairs.push(pair);
        }
        Some(pairs)
    }

    /// The value as text, for kinds of which no good value is other than Unicode.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| value.to_string_lossy().trim().to_owned())
    }

    /// Tells of a variable that holds no secret.
    pub(crate) fn warn(
        &mut self,
        name: &str,
        value: &str,
        problem: impl Into<Cow<'static, str>>,
        instead: &'static str,
    ) {
        let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        (self.warn)(Warning { variable: name.into(), value: shown, problem: problem.into(), instead });
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1). `None` for a percent sign that begins no escape, and
/// when the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push((digit(high)? << 4 | digit(low)?) as u8);
                tail
            }
            (b'%', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// A variable whose value is of no use, and what is done instead.
///
/// Its text fits on one line, whatever the value holds:
/// `OTEL_EXPORTER_OTLP_COMPRESSION="zstd" is not one of gzip, none: ignored`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    variable: String,
    /// The value's beginning; never that of a variable which may hold a secret.
    value: String,
    problem: Cow<'static, str>,
    instead: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, problem, instead } = self;
        write!(f, "{variable}={value:?} {problem}: {instead}")
    }
}
