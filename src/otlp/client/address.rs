//! What of a URL tells one server from another.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

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
}
