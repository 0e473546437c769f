//! Where a request goes: URLs, and what of them tells one server from another.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};

/// What a connection leads to; requests to one origin may share a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) is_tls: bool,
    /// A name, or an address without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// That of an `http` or `https` URL; any other has none.
    pub(super) fn of(url: &Uri) -> Option<Self> {
        let is_tls = match url.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        (!host.is_empty()).then_some(Self { is_tls, host, port })
    }

    /// Host and port, as in a request for a tunnel.
    pub(super) fn host_and_port(&self) -> String {
        match self.address() {
            Some(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// Host and port as the field `Host` has them: without the port that goes without saying
    /// (RFC 9110, section 7.2).
    pub(super) fn authority(&self) -> String {
        let full = self.host_and_port();
        let implied = if self.is_tls { ":443" } else { ":80" };
        full.strip_suffix(implied).map_or(full.clone(), str::to_owned)
    }

    /// The host, if it is an address and not a name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// `url` without what may be secret in it: the query, and who asks.
pub(super) fn shown(url: &Uri) -> String {
    match Origin::of(url) {
        Some(origin) => format!("{origin}{}", url.path()),
        None => String::from("an unusable URL"),
    }
}

/// Where a redirect from `base` leads to, or `None` if `location` is no `http` or `https` URL, or
/// no reference to one (RFC 3986, section 5.2).
pub(super) fn redirected(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority, reference) = match location.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            (scheme.to_ascii_lowercase().parse().ok()?, rest[..at].parse().ok()?, &rest[at..])
        }
        _ => match location.strip_prefix("//") {
            Some(rest) => {
                let at = rest.find(['/', '?']).unwrap_or(rest.len());
                (base.scheme()?.clone(), rest[..at].parse().ok()?, &rest[at..])
            }
            None => return joined(base.scheme()?.clone(), base.authority()?.clone(), base, location),
        },
    };
    joined(scheme, authority, &Uri::default(), reference)
}

/// The URL of `reference`, a path or a query, at `authority`, as seen from the path of `base`.
fn joined(scheme: Scheme, authority: Authority, base: &Uri, reference: &str) -> Option<Uri> {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let path = if path.starts_with('/') {
        without_dots(path)
    } else if path.is_empty() {
        base.path().to_owned()
    } else {
        let parent = base.path().rsplit_once('/').map_or("", |(parent, _)| parent);
        without_dots(&format!("{parent}/{path}"))
    };
    let whole = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let url = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(whole.parse::<PathAndQuery>().ok()?)
        .build()
        .ok()?;
    Origin::of(&url).map(|_| url)
}

/// The path with `.` and `..` taken as what they mean (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |text: &str| Origin::of(&uri(text));
        assert_eq!(of("http://Host/a"), of("http://host:80/b?c"));
        assert_eq!(of("https://host/a"), of("https://host:443/b"));
        assert_ne!(of("http://host/a"), of("https://host/a"));
        assert_ne!(of("http://host/a"), of("http://host:81/a"));
        assert_eq!(of("ftp://host/"), None);
        assert_eq!(of("/path"), None);
    }

    #[test]
    fn the_authority_leaves_out_the_implied_port_and_brackets_ipv6() {
        let authority = |text: &str| Origin::of(&uri(text)).unwrap().authority();
        assert_eq!(authority("http://host:80/"), "host");
        assert_eq!(authority("https://host:80/"), "host:80");
        assert_eq!(authority("https://[::1]/"), "[::1]");
        assert_eq!(authority("http://[::1]:4318/"), "[::1]:4318");
        let origin = Origin::of(&uri("https://[::1]/")).unwrap();
        assert_eq!(origin.host_and_port(), "[::1]:443");
        assert_eq!(origin.address(), Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
    }

    #[test]
    fn what_is_shown_of_a_url_is_no_secret() {
        assert_eq!(shown(&uri("https://user:pass@host:1/path?token=abc")), "https://host:1/path");
    }

    #[test]
    fn a_redirect_is_resolved_as_the_rfc_says() {
        let base = uri("https://a.b:1/v1/traces?q=1");
        for (location, expected) in [
            ("http://c/x?y#z", "http://c/x?y"),
            ("http://c", "http://c/"),
            ("HTTP://c?y", "http://c/?y"),
            ("//c:2/x", "https://c:2/x"),
            ("/x/../y/./z", "https://a.b:1/y/z"),
            ("other", "https://a.b:1/v1/other"),
            ("../other/", "https://a.b:1/other/"),
            ("../../../..", "https://a.b:1/"),
            ("?p=http://c", "https://a.b:1/v1/traces?p=http://c"),
            ("", "https://a.b:1/v1/traces"),
        ] {
            let url = redirected(&base, location);
            assert_eq!(url.map(|url| url.to_string()).as_deref(), Some(expected), "{location}");
        }
        for location in ["ftp://c/", "http://", "http:///x", "/a b", "https://[::/"] {
            assert_eq!(redirected(&base, location), None, "{location}");
        }
    }
}
