//! The addresses that a setting may name: a URL with scheme `http` or `https`, or `host:port` alone.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::given::Secret;

/// What stands in front of `://`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// The parts of an address, as given. A fragment is never sent to anybody and is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Option<Scheme>,
    /// The value of the `Authorization` header that the user name and password come to.
    pub(super) authorization: Option<Secret<String>>,
    /// A name or an IP address, an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// Empty, or from the first slash on.
    pub(super) path: String,
    /// What follows the question mark.
    pub(super) query: Option<String>,
}

impl Address {
    /// Takes `text` apart (RFC 3986, section 3).
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence that begins with where it stands. The text itself is
    /// not repeated, because a password may be anywhere in one that is malformed.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(parse_scheme(scheme)?), rest),
            None if starts_with_scheme(text) => return Err("the // after the scheme is missing"),
            None => (None, text),
        };
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if !path.bytes().chain(query.unwrap_or("").bytes()).all(is_path_or_query) {
            return Err("its path has a character that must be percent-encoded");
        }
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, authority),
        };
        let authorization = user.map(basic).transpose()?.flatten();
        let (host, port) = parse_host_and_port(host_and_port)?;
        Ok(Self { scheme, authorization, host, port, path: path.into(), query: query.map(Into::into) })
    }

    /// The host, with the brackets that an IPv6 address has in a URL, and the port if one was given.
    pub(super) fn authority(&self) -> String {
        let mut authority = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        if let Some(port) = self.port {
            // Writing to a string cannot fail.
            let _ = write!(authority, ":{port}");
        }
        authority
    }
}

fn parse_scheme(scheme: &str) -> Result<Scheme, &'static str> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|known| scheme.eq_ignore_ascii_case(known.as_str()))
        .ok_or("its scheme is neither http nor https")
}

fn starts_with_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| parse_scheme(scheme).is_ok())
}

/// `pchar`, and the slash and the question mark (RFC 3986, sections 3.3 and 3.4).
fn is_path_or_query(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte)
}

fn parse_host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the ] after its IPv6 address is missing")?;
        host.parse::<Ipv6Addr>().map_err(|_| "what is in brackets is not an IPv6 address")?;
        match rest.strip_prefix(':') {
            Some(port) => (host, port),
            None if rest.is_empty() => (host, ""),
            None => return Err("what follows its IPv6 address is not a port"),
        }
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if port.contains(':') {
            return Err("it has more than one port, or an IPv6 address without brackets");
        }
        check_name(host)?;
        (host, port)
    };
    Ok((host.to_owned(), parse_port(port)?))
}

/// An empty port is the same as none (RFC 3986, section 3.2.3).
fn parse_port(port: &str) -> Result<Option<u16>, &'static str> {
    if port.is_empty() {
        return Ok(None);
    }
    // `parse` alone would admit a plus sign.
    let is_decimal = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port @ 1..) if is_decimal => Ok(Some(port)),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

/// A host name, or an IPv4 address. Underscores are none of the DNS's, but networks of containers
/// have names with them.
fn check_name(host: &str) -> Result<(), &'static str> {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() {
        Err("it has no host")
    } else if !host.is_ascii() {
        Err("its host is not ASCII; write the xn-- form of an international name")
    } else if !host.bytes().all(is_name_byte) {
        Err("its host has a character that no host name has")
    } else if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && host.parse::<Ipv4Addr>().is_err()
    {
        Err("its host is neither a name nor an IPv4 address")
    } else {
        Ok(())
    }
}

/// The value of an `Authorization` header for the `user:password` of an address, if it has any
/// (RFC 7617, section 2).
fn basic(user: &str) -> Result<Option<Secret<String>>, &'static str> {
    const UNREADABLE: &str = "its user name or password has a character that must be percent-encoded";
    if user.is_empty() {
        return Ok(None);
    }
    let is_userinfo = |byte: u8| is_path_or_query(byte) && !b"/?@".contains(&byte);
    if !user.bytes().all(is_userinfo) {
        return Err(UNREADABLE);
    }
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair = percent_decode(name).ok_or(UNREADABLE)?;
    if pair.contains(&b':') {
        return Err("its user name has a colon, which cannot be sent");
    }
    pair.push(b':');
    pair.extend(percent_decode(password).ok_or(UNREADABLE)?);
    Ok(Some(Secret::new(format!("Basic {}", base64(&pair)))))
}

/// Undoes percent-encoding (RFC 3986, section 2.1); `None` for a percent sign that begins no escape.
pub(super) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                digit(*high)? << 4 | digit(*low)?
            }
            (b'%', _) => return None,
            (byte, _) => *byte,
        });
    }
    Some(bytes)
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            // A group of n bytes fills n + 1 digits.
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
