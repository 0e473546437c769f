//! Which proxy a request goes through, and the tunnel through it.

use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;

use super::address::Origin;
use super::body::{Payload, payload};
use super::connect::Stream;
use super::connection::Driver;
use super::failure::{Failure, chain};
use crate::export::ExportErrorKind;
use crate::otlp::settings::Proxy;

/// The proxies that were configured.
pub(super) struct Proxies(Option<Matcher>);

impl Proxies {
    /// Of the settings; `HTTP_PROXY` and its siblings are read now.
    pub(super) fn new(proxy: &Proxy) -> Self {
        Self(match proxy {
            Proxy::Environment => Some(Matcher::from_env()),
            Proxy::None => None,
            Proxy::Url(url) => Some(Matcher::builder().all(url.as_str()).build()),
        })
    }

    /// The proxy to `origin`, if there is one.
    pub(super) fn route(&self, origin: &Origin) -> Result<Option<Route>, Failure> {
        let Some(matcher) = &self.0 else { return Ok(None) };
        let url = origin.to_string().parse().map_err(|error| {
            let message = format!("{origin} cannot be looked up among the proxies: {error}");
            Failure::last(ExportErrorKind::InvalidConfig, message)
        })?;
        let Some(proxy) = matcher.intercept(&url) else { return Ok(None) };
        let Some(address) = Origin::of(proxy.uri()) else {
            let scheme = proxy.uri().scheme_str().unwrap_or("no");
            let message = format!("the proxy for {origin} has the scheme {scheme}; http and https are known");
            return Err(Failure::last(ExportErrorKind::InvalidConfig, message));
        };
        let authorization = proxy.basic_auth().cloned().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Some(Route { proxy: address, authorization }))
    }
}

/// The way through a proxy.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) proxy: Origin,
    /// What shows the proxy that we may use it.
    pub(super) authorization: Option<HeaderValue>,
}

impl Route {
    /// Has the proxy connect `stream` to `origin` (RFC 9110, section 9.3.6).
    pub(super) async fn tunnel(&self, origin: &Origin, stream: Box<dyn Stream>) -> Result<Upgraded, Failure> {
        let proxy = self.proxy.host_and_port();
        let broke = |error: &hyper::Error| {
            let text = chain(error);
            Failure::unanswered(format!("no tunnel through the proxy {proxy} to {origin}: {text}"))
        };
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| broke(&error))?;
        let driver = Driver::spawn(async move {
            // What ends the connection is told to the request as well.
            let _ = connection.with_upgrades().await;
        });
        let response = sender.send_request(self.tunnel_request(origin)?).await;
        let response = response.map_err(|error| broke(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(origin, status));
        }
        let tunnel = hyper::upgrade::on(response).await.map_err(|error| broke(&error))?;
        drop(driver);
        Ok(tunnel)
    }

    fn tunnel_request(&self, origin: &Origin) -> Result<Request<Payload>, Failure> {
        let to = origin.host_and_port();
        let mut request = Request::connect(&to).header(HOST, &to);
        if let Some(authorization) = &self.authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let empty = payload(bytes::Bytes::new(), bytes::Bytes::new());
        request.body(empty).map_err(|error| {
            let message = format!("no proxy can be asked for {origin}: {error}");
            Failure::last(ExportErrorKind::InvalidConfig, message)
        })
    }

    fn refused(&self, origin: &Origin, status: StatusCode) -> Failure {
        let proxy = self.proxy.host_and_port();
        let message = format!("the proxy {proxy} makes no tunnel to {origin}: {status}");
        match status {
            // It could not reach the server, or is itself in trouble: the like of no connection.
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Failure::unanswered(message),
            _ => Failure::last(ExportErrorKind::Io, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment may name any.
    #[test]
    fn a_proxy_that_speaks_another_language_is_refused_with_its_scheme() {
        let proxies =
            Proxies(Some(Matcher::builder().all("socks5://user:password@proxy.invalid:1080").build()));
        let origin = Origin { is_tls: false, host: String::from("collector.invalid"), port: 4318 };
        let failure = proxies.route(&origin).unwrap_err();
        let expected =
            "the proxy for http://collector.invalid:4318 has the scheme socks5; http and https are known";
        assert_eq!(failure.message(), expected);
        assert_eq!(failure.again(), None, "it will be no other the next time");
    }
}
