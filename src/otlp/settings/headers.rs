//! Headers that go with each request.

use std::ffi::OsStr;
use std::fmt;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::address::percent_decode;

/// Names that describe how the request is sent. The exporter sets those itself, and another value
/// would make the request unreadable. So do all names that begin with `grpc-` (gRPC over HTTP/2,
/// section "Requests").
const OWN_NAMES: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers, of which the values are secret: each is marked as sensitive, and shows in no text.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers(HeaderMap);

impl Headers {
    /// What to add to each request, one value to a name. It is to take the place of what the
    /// exporter would send under the same name, such as `user-agent`.
    pub(crate) fn map(&self) -> &HeaderMap {
        &self.0
    }

    /// Whether a header of this name, in any case, is among them.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Adds a header, or replaces the one of the same name.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the value is not repeated.
    pub(super) fn insert(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else {
            // What is no name may be a value at the wrong place.
            return Err("the name is not that of an HTTP header".to_owned());
        };
        if OWN_NAMES.contains(&key.as_str()) || key.as_str().starts_with("grpc-") {
            return Err(format!("{key} is set by the exporter itself"));
        }
        // What gRPC and every version of HTTP agree on (RFC 9110, section 5.5; gRPC over HTTP/2,
        // rule `ASCII-Value`).
        let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let Some(mut value) = HeaderValue::from_str(value).ok().filter(|_| is_printable) else {
            return Err(format!("the value of {key} has a character other than printable ASCII"));
        };
        value.set_sensitive(true);
        self.0.insert(key, value);
        Ok(())
    }

    /// Reads a variable's value: `name=value`, separated by commas, values percent-encoded (OTLP
    /// Exporter Configuration, section "Specifying headers via environment variables").
    ///
    /// That is the form of W3C Baggage without its properties. As in Baggage, spaces around names and
    /// values do not count and the last of several values of one name does. Beyond it, a value may
    /// have spaces and quotation marks as they are, since services document such values.
    ///
    /// # Errors
    ///
    /// Which entry is wrong, and how; no value is repeated.
    pub(super) fn parse(text: &OsStr) -> Result<Self, String> {
        let text = text.to_str().ok_or("it is not Unicode")?;
        let mut headers = Self::default();
        for (number, entry) in (1..).zip(text.split(',')) {
            // A comma too many is no reason to refuse what is clear.
            if !entry.trim().is_empty() {
                let added = headers.insert_entry(entry);
                added.map_err(|problem| format!("entry {number}: {problem}"))?;
            }
        }
        Ok(headers)
    }

    fn insert_entry(&mut self, entry: &str) -> Result<(), String> {
        let (name, value) = entry.split_once('=').ok_or("there is no = between a name and a value")?;
        if value.contains(';') {
            return Err("a ; begins metadata, which headers do not have; write %3B".to_owned());
        }
        let value = percent_decode(value.trim()).ok_or("a % begins no escape; write %25")?;
        let value = String::from_utf8(value).map_err(|_| "the value is not Unicode")?;
        // No header's value begins or ends with a space, however it was written (RFC 9110, section
        // 5.5).
        self.insert(name.trim(), value.trim_matches(' '))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name.as_str(), "…"))).finish()
    }
}
