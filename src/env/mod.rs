//! Reads variables by the rules that all of OpenTelemetry's share.
//!
//! | kind | good values | any other value |
//! | --- | --- | --- |
//! | all | empty, or nothing but whitespace, is unset; whitespace around a value does not count | |
//! | boolean | `true`, in any case; `false`, in any case | warning; `false` |
//! | number | decimal digits, within the range of the setting | warning; as if unset |
//! | duration | a number of milliseconds | warning; as if unset |
//! | choice | one of the known names, in any case | warning; as if unset |
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
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.warn(name, &value, format!("is not one of {}", names.join(", ")), "ignored");
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// The value as text, for kinds of which no good value is other than Unicode.
    fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| value.to_string_lossy().trim().to_owned())
    }

    fn warn(
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
