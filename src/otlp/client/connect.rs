//! From a host's name to a stream: resolve, connect, proxy, TLS. Each step's failure says which it
//! was and where.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::address::Origin;
use super::failure::Failure;
use super::proxy::{Proxies, Route};
use crate::export::{ExportError, ExportErrorKind};
use crate::otlp::settings::{Tls, client_config};

/// How long an address has for itself before the next one is tried beside it (RFC 8305, section 5:
/// "Connection Attempt Delay").
const HEAD_START: Duration = Duration::from_millis(250);

/// Bytes to and from a server, whatever they go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of a host and a port.
pub(super) type Resolver = Arc<dyn Fn(String, u16) -> Resolving + Send + Sync>;

/// The system's resolver. It cannot be interrupted, so it runs on a thread of the runtime's, which
/// nobody waits for once the attempt is called off.
pub(super) fn system_resolver() -> Resolver {
    Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }))
}

/// Makes streams to servers.
pub(super) struct Connector {
    pub(super) resolver: Resolver,
    pub(super) proxies: Proxies,
    /// For the server: offers the protocols that are to be spoken inside.
    pub(super) tls: Security,
    /// For a proxy that is itself reached over TLS: offers HTTP/1.1 alone.
    pub(super) proxy_tls: Security,
}

/// How TLS is set up. The authorities are read when they are first needed: plain text needs none, and
/// a redirect or a proxy may.
pub(super) struct Security {
    tls: Tls,
    protocols: &'static [&'static [u8]],
    config: OnceLock<Arc<ClientConfig>>,
}

impl Security {
    /// As `tls` says, offering `protocols`.
    pub(super) fn new(tls: Tls, protocols: &'static [&'static [u8]]) -> Self {
        Self { tls, protocols, config: OnceLock::new() }
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, ExportError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(client_config(&self.tls, self.protocols)?);
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

/// A stream on which requests can be sent.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    /// Whether the server chose HTTP/2 while TLS was set up.
    pub(super) is_http2: bool,
    /// If requests go to a proxy which passes them on: what it wants to know.
    pub(super) forwarding: Option<Route>,
}

impl Connector {
    /// A stream to `origin`, through whatever proxy is due. `by_tunnel` says that plain HTTP, too,
    /// must not be touched by a proxy on the way.
    pub(super) async fn connect(&self, origin: &Origin, by_tunnel: bool) -> Result<Connected, Failure> {
        let Some(route) = self.proxies.route(origin)? else {
            let stream = self.tcp(origin, "").await?;
            return self.secured(origin, Box::new(stream)).await;
        };
        let stream = self.tcp(&route.proxy, "the proxy ").await?;
        let stream = if route.proxy.is_tls {
            handshake(&self.proxy_tls, &route.proxy, Box::new(stream)).await?.0
        } else {
            Box::new(stream)
        };
        if !origin.is_tls && !by_tunnel {
            return Ok(Connected { stream, is_http2: false, forwarding: Some(route) });
        }
        let tunnel = route.tunnel(origin, stream).await?;
        self.secured(origin, Box::new(TokioIo::new(tunnel))).await
    }

    async fn secured(&self, origin: &Origin, stream: Box<dyn Stream>) -> Result<Connected, Failure> {
        if !origin.is_tls {
            return Ok(Connected { stream, is_http2: false, forwarding: None });
        }
        let (stream, is_http2) = handshake(&self.tls, origin, stream).await?;
        Ok(Connected { stream, is_http2, forwarding: None })
    }

    async fn tcp(&self, origin: &Origin, what: &str) -> Result<TcpStream, Failure> {
        let at = origin.host_and_port();
        let addresses = match origin.address() {
            Some(address) => vec![SocketAddr::new(address, origin.port)],
            None => (self.resolver)(origin.host.clone(), origin.port).await.map_err(|error| {
                Failure::unanswered(format!("cannot resolve {what}{}: {error}", origin.host))
            })?,
        };
        let stream = first_of(addresses).await.map_err(|(address, error)| {
            let tried = match address {
                Some(address) if address.to_string() != at => format!(" ({address})"),
                _ => String::new(),
            };
            Failure::unanswered(format!("cannot connect to {what}{at}{tried}: {error}"))
        })?;
        // A request is written whole; waiting for more to send with it would only delay it. Where
        // it cannot be set, it is merely slower.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Connects to whichever address answers first, each next one being tried a little later than the
/// one before ("Happy Eyeballs", RFC 8305). The error is that of the address that failed last.
async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, (Option<SocketAddr>, io::Error)> {
    let mut waiting = interleaved(addresses);
    // Dropping the set ends the attempts that came too late.
    let mut running = JoinSet::new();
    let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut last = (None, nothing);
    loop {
        if let Some(address) = waiting.pop_front() {
            running.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let ended = if waiting.is_empty() {
            running.join_next().await
        } else {
            match tokio::time::timeout(HEAD_START, running.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok((_, Ok(stream)))) => return Ok(stream),
            Some(Ok((address, Err(error)))) => last = (Some(address), error),
            Some(Err(error)) => last = (None, io::Error::other(error)),
            None => return Err(last),
        }
    }
}

/// The addresses in the resolver's order, but of alternating families, so that one family that leads
/// nowhere costs one head start.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let is_first_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == is_first_v6);
    let mut mixed = VecDeque::with_capacity(first.len() + second.len());
    let mut second = second.into_iter();
    for address in first {
        mixed.push_back(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

/// TLS with `origin` over `stream`, and whether HTTP/2 was agreed on.
async fn handshake(
    security: &Security,
    origin: &Origin,
    stream: Box<dyn Stream>,
) -> Result<(Box<dyn Stream>, bool), Failure> {
    let config = security.config();
    let config = config.map_err(|error| Failure::last(error.kind(), error.to_string()))?;
    let name = ServerName::try_from(origin.host.clone()).map_err(|error| {
        let message = format!("{} can have no certificate: {error}", origin.host);
        Failure::last(ExportErrorKind::InvalidConfig, message)
    })?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Ok((Box::new(stream), is_http2))
        }
        Err(error) => {
            let message = format!("no TLS with {}: {error}", origin.host_and_port());
            let is_refusal = error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>());
            // A certificate that is refused now is refused the next time, too.
            Err(if is_refusal {
                Failure::last(ExportErrorKind::Io, message)
            } else {
                Failure::unanswered(message)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_in_the_resolvers_order() {
        let parse =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let mixed = interleaved(parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(mixed, parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        let mixed = interleaved(parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]));
        assert_eq!(mixed, parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]));
        assert!(interleaved(Vec::new()).is_empty());
    }
}
