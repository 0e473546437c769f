//! Where requests go.

use std::ffi::{OsStr, OsString};
use std::fmt;

use hyper::Uri;

use super::Protocol;
use super::address::{Address, Scheme};
use super::given::{Given, Origin, Secret};
use crate::export::ExportError;
use crate::otlp::signal::Signal;

/// How the path of an endpoint is meant, for OTLP over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is what the paths of all signals begin with.
    Base,
    /// It is that of this signal, and used as it is.
    Exact,
}

/// A receiver's address.
///
/// Its text is for errors and logs: it has neither the user name and password nor the query, in
/// which some services take a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Whether the connection is made with TLS.
    pub(crate) scheme: Scheme,
    /// What is asked for; the query and all, the user name and password excepted.
    url: Uri,
}

impl Endpoint {
    /// What is asked for. It may hold a secret in its query.
    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    /// The host, an IPv6 address without its brackets, and the port.
    pub(super) fn server(&self) -> (&str, u16) {
        let host = self.url.host().unwrap_or_default();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let default = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        (address.unwrap_or(host), self.url.port_u16().unwrap_or(default))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}{}", self.scheme.as_str(), self.url.path())?;
        if self.url.query().is_some() { f.write_str("?…") } else { Ok(()) }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// The value of an `Authorization` header, and who gave the address that it comes from.
pub(super) type Authorization = Given<Secret<String>>;

/// The endpoint, and the `Authorization` header that goes with its user name and password.
///
/// `insecure` decides on TLS for an address without a scheme, which only gRPC has.
pub(super) fn resolve(
    signal: Signal,
    protocol: Protocol,
    given: Option<Given<(Secret<OsString>, Reach)>>,
    insecure: bool,
) -> Result<(Endpoint, Option<Authorization>), ExportError> {
    let Given { value: (text, reach), origin } = given.unwrap_or_else(|| {
        // The defaults of OTLP Exporter Configuration, section "Configuration Options".
        let text = match protocol {
            Protocol::Grpc => "http://localhost:4317",
            Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
        };
        Given { value: (Secret::new(text.into()), Reach::Base), origin: Origin::Default }
    });
    match endpoint(signal, protocol, text.expose(), reach, insecure) {
        Ok((endpoint, authorization)) => Ok((endpoint, authorization.map(|value| Given { value, origin }))),
        Err(problem) => Err(origin.refuse(problem)),
    }
}

fn endpoint(
    signal: Signal,
    protocol: Protocol,
    text: &OsStr,
    reach: Reach,
    insecure: bool,
) -> Result<(Endpoint, Option<Secret<String>>), &'static str> {
    let address = Address::parse(text.to_str().ok_or("it is not Unicode")?)?;
    let scheme = match (address.scheme, protocol) {
        (Some(scheme), _) => scheme,
        (None, Protocol::HttpProtobuf | Protocol::HttpJson) => {
            return Err("it has no scheme; write http:// or https:// in front");
        }
        // 80 and 443, which a URL would mean, are where no collector listens.
        (None, Protocol::Grpc) if address.port.is_none() => {
            return Err("it has neither a scheme nor a port; write host:4317, or a URL");
        }
        (None, Protocol::Grpc) if insecure => Scheme::Http,
        (None, Protocol::Grpc) => Scheme::Https,
    };
    let path = match protocol {
        // A gRPC call's path is that of its method, and there is no rule for one in front.
        Protocol::Grpc if !matches!(address.path.as_str(), "" | "/") || address.query.is_some() => {
            return Err("it has a path, which gRPC cannot ask for; write http://host:port alone");
        }
        Protocol::Grpc => signal.grpc_path().to_owned(),
        Protocol::HttpProtobuf | Protocol::HttpJson => http_path(signal, &address, reach),
    };
    let url = Uri::builder()
        .scheme(scheme.as_str())
        .authority(address.authority())
        .path_and_query(path)
        .build()
        .map_err(|_| "it is not a URL")?;
    Ok((Endpoint { scheme, url }, address.authorization))
}

/// The path and query to ask for (OTLP Exporter Configuration, section "Endpoint URLs for
/// OTLP/HTTP").
fn http_path(signal: Signal, address: &Address, reach: Reach) -> String {
    let mut path = address.path.clone();
    if reach == Reach::Base {
        if !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(signal.http_path());
    } else if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = &address.query {
        path.push('?');
        path.push_str(query);
    }
    path
}
