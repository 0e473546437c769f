//! Through which proxy requests go.

use std::fmt;

use super::address::Address;

/// Through which proxy the exporter reaches the receiver.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// The one that the environment names, if any: `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, but for
    /// the hosts in `NO_PROXY`. The default.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// This one, for every host: a URL with scheme `http` or `https`, or `host:port`. It may have a user
    /// name and a password, percent-encoded where need be, which then show in no text.
    Url(String),
}

impl Proxy {
    /// What is wrong, if anything is; the address is not repeated.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            Proxy::Environment | Proxy::None => Ok(()),
            Proxy::Url(url) => Address::parse(url).map(|_| ()),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Proxy::Environment => return f.write_str("Environment"),
            Proxy::None => return f.write_str("None"),
            Proxy::Url(url) => url,
        };
        // A password may be anywhere in what cannot be read as an address.
        match Address::parse(url) {
            Ok(address) => write!(f, "Url({})", address.authority()),
            Err(_) => f.write_str("Url(…)"),
        }
    }
}
