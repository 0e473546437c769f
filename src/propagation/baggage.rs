//! W3C Baggage: names and values of the application's own that travel with a request.

mod wire;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::carrier::{Getter, Setter};

const BAGGAGE: &str = "baggage";

/// The most members that are kept (W3C Baggage, section "Limits").
const MEMBERS_MAX: usize = 64;

/// The most bytes that the members take in a header, commas included (section "Limits").
const HEADER_BYTES_MAX: usize = 8192;

/// The most bytes of received headers that are looked at. An escape takes three bytes for one, so
/// this admits a list within the limits even if its sender escaped all of it.
const RECEIVED_BYTES_MAX: usize = 3 * HEADER_BYTES_MAX;

/// Names with values, in order, that travel with a request and say something about it.
///
/// A name is a token as HTTP has it, compared with regard to case; a value is any text. There are
/// at most 64 members, and together they take at most 8192 bytes in a header.
///
/// Baggage is sent to whomever is called and received from whoever calls: keep secrets out of it,
/// and trust none of it.
///
/// ```
/// use nanospan::propagation::Baggage;
///
/// let mut baggage: Baggage = "userId=alice, serverNode=DF%2028;ttl=3".parse()?;
/// assert_eq!(baggage.get("serverNode"), Some("DF 28"));
/// baggage.insert("userId", "Amélie")?;
/// assert_eq!(baggage.to_string(), "userId=Am%C3%A9lie,serverNode=DF%2028;ttl=3");
/// # Ok::<(), nanospan::propagation::BaggageError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baggage {
    members: Vec<BaggageMember>,
    /// The bytes that all members take in a header, commas not included.
    members_bytes: usize,
}

impl Baggage {
    /// Baggage without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { members: Vec::new(), members_bytes: 0 }
    }

    /// The value of the member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.member(name).map(BaggageMember::value)
    }

    /// The member called `name`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&BaggageMember> {
        self.members.iter().find(|member| member.name() == name)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &BaggageMember> {
        self.members.iter()
    }

    /// The number of members, at most 64.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sets `name` to `value`, without properties. A member of that name keeps its place.
    ///
    /// # Errors
    ///
    /// When `name` is not a token, or the baggage would exceed a limit; it is then unchanged.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), BaggageError> {
        self.insert_with_properties(name, value, &[])
    }

    /// Sets `name` to `value` with properties, which are names with or without a value. A member
    /// of that name keeps its place.
    ///
    /// # Errors
    ///
    /// When `name` or the name of a property is not a token, or the baggage would exceed a limit;
    /// it is then unchanged.
    pub fn insert_with_properties(
        &mut self,
        name: &str,
        value: &str,
        properties: &[(&str, Option<&str>)],
    ) -> Result<(), BaggageError> {
        BaggageMember::new(name, value, properties)
            .and_then(|member| self.put(member))
            .map_err(|reason| BaggageError { member: None, reason })
    }

    /// Removes the member called `name`, and says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(at) = self.members.iter().position(|member| member.name() == name) else {
            return false;
        };
        self.members_bytes -= self.members.remove(at).encoded_bytes;
        true
    }

    /// Adds a member or replaces the one of its name, if the limits allow it.
    fn put(&mut self, member: BaggageMember) -> Result<(), Reason> {
        let at = self.members.iter().position(|known| known.name == member.name);
        let replaced_bytes = at.map_or(0, |at| self.members[at].encoded_bytes);
        let members = self.members.len() + usize::from(at.is_none());
        let members_bytes = self.members_bytes - replaced_bytes + member.encoded_bytes;
        if members > MEMBERS_MAX {
            return Err(Reason::TooManyMembers);
        }
        if members_bytes + (members - 1) > HEADER_BYTES_MAX {
            return Err(Reason::TooLong);
        }
        self.members_bytes = members_bytes;
        match at {
            Some(at) => self.members[at] = member,
            None => self.members.push(member),
        }
        Ok(())
    }
}

impl fmt::Display for Baggage {
    /// Writes the value of a `baggage` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, member) in self.members.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{member}")?;
        }
        Ok(())
    }
}

impl FromStr for Baggage {
    type Err = BaggageError;

    /// Reads the value of a `baggage` header, and takes all of it or nothing.
    ///
    /// Empty members are skipped. Of members with the same name the last one counts.
    ///
    /// # Errors
    ///
    /// When a member is malformed or the limits are exceeded; the error says which member.
    fn from_str(text: &str) -> Result<Self, BaggageError> {
        let mut baggage = Self::new();
        for (at, member) in wire::members(text.as_bytes()).enumerate() {
            wire::parse_member(member)
                .and_then(|member| baggage.put(member))
                .map_err(|reason| BaggageError { member: Some(at + 1), reason })?;
        }
        Ok(baggage)
    }
}

/// One name of a [`Baggage`] with its value and properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaggageMember {
    name: Box<str>,
    /// As it was before it was escaped.
    value: Box<str>,
    /// As it is in the header after the first semicolon, without optional whitespace. Kept in this
    /// form because it is passed on far more often than it is read.
    metadata: Box<str>,
    /// The bytes that the member takes in a header.
    encoded_bytes: usize,
}

impl BaggageMember {
    fn new(name: &str, value: &str, properties: &[(&str, Option<&str>)]) -> Result<Self, Reason> {
        let name = wire::check_token(name.as_bytes()).ok_or(Reason::Name)?;
        let mut metadata = String::new();
        for (name, value) in properties {
            let name = wire::check_token(name.as_bytes()).ok_or(Reason::Property)?;
            wire::push_property(&mut metadata, name, value.map(wire::escape).as_deref());
        }
        Ok(Self::from_parts(name, value.into(), metadata))
    }

    /// The parts must be within the grammar.
    fn from_parts(name: &str, value: Box<str>, metadata: String) -> Self {
        let metadata_bytes = if metadata.is_empty() { 0 } else { ";".len() + metadata.len() };
        let encoded_bytes = name.len() + "=".len() + wire::escaped_len(&value) + metadata_bytes;
        Self { name: name.into(), value, metadata: metadata.into(), encoded_bytes }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, without escapes.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The properties in order, without escapes; a name may appear more than once.
    pub fn properties(&self) -> impl Iterator<Item = (&str, Option<Cow<'_, str>>)> {
        self.metadata.split(';').filter(|property| !property.is_empty()).map(|property| {
            match property.split_once('=') {
                Some((name, value)) => (name, Some(wire::unescape(value))),
                None => (property, None),
            }
        })
    }
}

impl fmt::Display for BaggageMember {
    /// Writes the member as it is in a header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let semicolon = if self.metadata.is_empty() { "" } else { ";" };
        write!(f, "{}={}{semicolon}{}", self.name, wire::escape(&self.value), self.metadata)
    }
}

/// Reads and writes the `baggage` header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BaggagePropagator;

impl BaggagePropagator {
    /// The headers that [`inject`](Self::inject) may write. A carrier that is used again must be
    /// cleared of them, for empty baggage leaves the header alone.
    pub const FIELDS: [&'static str; 1] = [BAGGAGE];

    /// The propagator.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// The baggage that the caller sent, or `None` if there was none that can be used.
    ///
    /// Several headers count as one list. What can be used of it is used: a member that is
    /// malformed or does not fit into the limits is left out, always as a whole, and so is all that
    /// follows the first 24 KiB.
    #[must_use]
    pub fn extract(&self, carrier: &(impl Getter + ?Sized)) -> Option<Baggage> {
        let mut baggage = Baggage::new();
        let mut bytes_left = RECEIVED_BYTES_MAX;
        carrier.for_each_value(BAGGAGE, &mut |value| {
            for member in wire::members(wire::whole_members_within(value, bytes_left)) {
                // A bad member is the sender's mistake, and there is nobody here to tell.
                let _ = wire::parse_member(member).and_then(|member| baggage.put(member));
            }
            bytes_left = bytes_left.saturating_sub(value.len());
        });
        (!baggage.is_empty()).then_some(baggage)
    }

    /// Writes `baggage` to the carrier; nothing, if it is empty.
    pub fn inject(&self, baggage: &Baggage, carrier: &mut (impl Setter + ?Sized)) {
        if !baggage.is_empty() {
            carrier.set(BAGGAGE, &baggage.to_string());
        }
    }
}

/// Why a text or a change does not give a [`Baggage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaggageError {
    /// Counts from 1, members that are empty not included; absent when a single one was given.
    member: Option<usize>,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    TooManyMembers,
    TooLong,
    NoEquals,
    Name,
    Value,
    Property,
}

impl fmt::Display for BaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, "baggage member {member}: ")?,
            None => write!(f, "baggage: ")?,
        }
        match self.reason {
            Reason::TooManyMembers => write!(f, "exceeds the limit of {MEMBERS_MAX} members"),
            Reason::TooLong => write!(f, "exceeds the limit of {HEADER_BYTES_MAX} bytes in all"),
            Reason::NoEquals => write!(f, "expected a name, an equals sign and a value"),
            Reason::Name => write!(f, "a name is a token: letters, digits and !#$%&'*+-.^_`|~"),
            Reason::Value => write!(f, "a value has only printable ASCII and complete escapes"),
            Reason::Property => {
                write!(f, "a property is a token, or a token, an equals sign and a value")
            }
        }
    }
}

impl std::error::Error for BaggageError {}
