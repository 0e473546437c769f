//! The `tracestate` list: what each tracing system on the path keeps with a trace.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The most members that a list may have (W3C Trace Context, section "tracestate Header Field
/// Values").
const MAX_MEMBERS: usize = 32;

/// The most characters in a key, and the most in a value.
const MAX_KEY_OR_VALUE: usize = 256;

/// Members longer than this are the first to go when a list is cut (section "tracestate Limits").
const LONG_MEMBER: usize = 128;

/// A list of key-value pairs that travels with a trace, most recently changed first.
///
/// The value is immutable: changes give a new list. An empty list is a null pointer, and clones
/// share one allocation, so keeping and cloning it is cheap. It is valid at all times: at most 32
/// members, no key twice, every key and value within the grammar of W3C Trace Context level 2.
///
/// ```
/// use nanospan::TraceState;
///
/// let received: TraceState = "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE".parse()?;
/// let sent = received.insert("congo", "ucfJifl5GOE")?;
/// assert_eq!(sent.as_str(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// # Ok::<(), nanospan::TraceStateError>(())
/// ```
// The header's own text is the representation: it is parsed once, sent as it stands, and searched
// rarely. The box keeps the pointer thin.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct TraceState(Option<Arc<Box<str>>>);

impl TraceState {
    /// The list without members.
    pub const EMPTY: Self = Self(None);

    /// The value of a `tracestate` header that carries the list; empty when the list is.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().map_or("", |text| text)
    }

    /// Whether the list has no member.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The number of members, at most 32.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The members in order: keys and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        members(self.as_str()).filter_map(|member| member.split_once('='))
    }

    /// The value of `key`, if the list has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// The list with `key` set to `value` and moved to the front; all other members keep their
    /// order. A list of 32 members loses its last one to a new key.
    ///
    /// # Errors
    ///
    /// When `key` or `value` is not within the grammar.
    pub fn insert(&self, key: &str, value: &str) -> Result<Self, TraceStateError> {
        check_key(key.as_bytes()).map_err(TraceStateError)?;
        check_value(value.as_bytes()).map_err(TraceStateError)?;
        let mut text = String::with_capacity(key.len() + value.len() + 2 + self.as_str().len());
        push_member(&mut text, &[key, "=", value]);
        for (kept, value) in self.iter().filter(|(kept, _)| *kept != key).take(MAX_MEMBERS - 1) {
            push_member(&mut text, &[kept, "=", value]);
        }
        Ok(Self::from_canonical(text))
    }

    /// The list without `key`; all other members keep their order.
    #[must_use]
    pub fn delete(&self, key: &str) -> Self {
        if self.get(key).is_none() {
            return self.clone();
        }
        let mut text = String::with_capacity(self.as_str().len());
        for (kept, value) in self.iter().filter(|(kept, _)| *kept != key) {
            push_member(&mut text, &[kept, "=", value]);
        }
        Self::from_canonical(text)
    }

    /// The list cut to at most `max_bytes` of header text, by whole members.
    ///
    /// Members longer than 128 characters go first, the last of them before the others, and then
    /// members from the end (W3C Trace Context, section "tracestate Limits").
    #[must_use]
    pub fn truncated(&self, max_bytes: usize) -> Self {
        let text = self.as_str();
        if text.len() <= max_bytes {
            return self.clone();
        }
        let mut kept: Vec<&str> = members(text).collect();
        let mut total = text.len();
        for longer_than in [LONG_MEMBER, 0] {
            for at in (0..kept.len()).rev() {
                if total > max_bytes && kept[at].len() > longer_than {
                    // A member goes with the comma that set it apart from its neighbour; the last
                    // one standing has none.
                    total -= kept.remove(at).len() + usize::from(!kept.is_empty());
                }
            }
        }
        Self::from_canonical(kept.join(","))
    }

    /// Combines the values of one or several `tracestate` headers, in order of appearance.
    ///
    /// Memory is bounded by the grammar, whatever is received: 32 members of 513 bytes and the
    /// commas between them.
    pub(crate) fn parser() -> TraceStateParser {
        TraceStateParser::default()
    }

    fn from_canonical(text: String) -> Self {
        if text.is_empty() { Self::EMPTY } else { Self(Some(Arc::new(text.into_boxed_str()))) }
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceState({:?})", self.as_str())
    }
}

impl FromStr for TraceState {
    type Err = TraceStateError;

    /// Reads the value of a `tracestate` header.
    ///
    /// Empty members are skipped. Of members with the same key the first, which is the most
    /// recent, is kept.
    ///
    /// # Errors
    ///
    /// When the list has more than 32 members that are not empty, or a member that is not within
    /// the grammar: no part of such a list is used.
    fn from_str(text: &str) -> Result<Self, TraceStateError> {
        let mut parser = Self::parser();
        parser.push(text.as_bytes())?;
        Ok(parser.finish())
    }
}

/// Collects the members of one list from its headers.
#[derive(Debug, Default)]
pub(crate) struct TraceStateParser {
    text: String,
    /// Members seen so far, duplicates included.
    seen: usize,
}

impl TraceStateParser {
    /// Takes the members of one more header.
    pub(crate) fn push(&mut self, header: &[u8]) -> Result<(), TraceStateError> {
        for member in header.split(|byte| *byte == b',').map(trim_ows) {
            if member.is_empty() {
                continue;
            }
            self.seen += 1;
            let (key, value) = self.split(member).map_err(TraceStateError)?;
            let known = members(&self.text)
                .any(|seen| seen.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')));
            if !known {
                push_member(&mut self.text, &[key, "=", value]);
            }
        }
        Ok(())
    }

    fn split<'a>(&self, member: &'a [u8]) -> Result<(&'a str, &'a str), Reason> {
        if self.seen > MAX_MEMBERS {
            return Err(Reason::TooManyMembers);
        }
        let Some(equals) = member.iter().position(|byte| *byte == b'=') else {
            return Err(Reason::NoEquals { member: self.seen });
        };
        let key = check_key(&member[..equals]).map_err(|reason| reason.at(self.seen))?;
        let value = check_value(&member[equals + 1..]).map_err(|reason| reason.at(self.seen))?;
        Ok((key, value))
    }

    pub(crate) fn finish(self) -> TraceState {
        TraceState::from_canonical(self.text)
    }
}

/// The members of a list in canonical form: separated by single commas, none empty.
fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|member| !member.is_empty())
}

fn push_member(text: &mut String, parts: &[&str; 3]) {
    if !text.is_empty() {
        text.push(',');
    }
    for part in parts {
        text.push_str(part);
    }
}

/// Strips the optional whitespace (spaces and tabs) of RFC 9110, section 5.6.3.
pub(crate) fn trim_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// `key = ( lcalpha / DIGIT ) 0*255 ( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )`
///
/// This is level 2's grammar. It contains level 1's, which allowed one `@`, between a tenant and a
/// system, and limited their lengths.
fn check_key(key: &[u8]) -> Result<&str, Reason> {
    let starts_well = key.first().is_some_and(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
    let is_key_char =
        |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    if starts_well && key.len() <= MAX_KEY_OR_VALUE && key.iter().all(is_key_char) {
        std::str::from_utf8(key).map_err(|_| Reason::Key { member: None })
    } else {
        Err(Reason::Key { member: None })
    }
}

/// `value = 0*255(chr) nblk-chr`: printable ASCII but comma and equals sign, no space at the end.
fn check_value(value: &[u8]) -> Result<&str, Reason> {
    let ends_well = value.last().is_some_and(|byte| *byte != b' ');
    let is_value_char = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    if ends_well && value.len() <= MAX_KEY_OR_VALUE && value.iter().all(is_value_char) {
        std::str::from_utf8(value).map_err(|_| Reason::Value { member: None })
    } else {
        Err(Reason::Value { member: None })
    }
}

/// Why a text or a change does not give a [`TraceState`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStateError(Reason);

/// `member` counts from 1 and is absent when a single pair was at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    TooManyMembers,
    NoEquals { member: usize },
    Key { member: Option<usize> },
    Value { member: Option<usize> },
}

impl Reason {
    fn at(self, at: usize) -> Self {
        match self {
            Reason::Key { .. } => Reason::Key { member: Some(at) },
            Reason::Value { .. } => Reason::Value { member: Some(at) },
            other => other,
        }
    }
}

impl fmt::Display for TraceStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |f: &mut fmt::Formatter<'_>, member: Option<usize>| match member {
            Some(member) => write!(f, "tracestate member {member}: "),
            None => write!(f, "tracestate: "),
        };
        match self.0 {
            Reason::TooManyMembers => write!(f, "tracestate has more than {MAX_MEMBERS} members"),
            Reason::NoEquals { member } => {
                place(f, Some(member))?;
                write!(f, "expected a key and a value with an equals sign between them")
            }
            Reason::Key { member } => {
                place(f, member)?;
                write!(
                    f,
                    "a key is 1 to {MAX_KEY_OR_VALUE} characters of a-z, 0-9, _, -, *, / and @, \
                     and starts with a letter or digit"
                )
            }
            Reason::Value { member } => {
                place(f, member)?;
                write!(
                    f,
                    "a value is 1 to {MAX_KEY_OR_VALUE} printable ASCII characters without comma \
                     and equals sign, and does not end with a space"
                )
            }
        }
    }
}

impl std::error::Error for TraceStateError {}
