//! One connection, kept between requests.

use std::future::Future;

use hyper::body::Incoming;
use hyper::client::conn::http1;
#[cfg(feature = "otlp-grpc")]
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::sync::{Mutex, PoisonError};
use tokio::task::AbortHandle;

use super::address::Origin;
use super::body::Payload;
use super::connect::{Connected, Connector};
use super::failure::{Failure, chain};
use super::proxy::Route;

/// The task that reads and writes a connection; dropping this ends it, and closes the connection.
pub(super) struct Driver(AbortHandle);

impl Driver {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is spoken on a connection.
enum Sender {
    Http1(http1::SendRequest<Payload>),
    #[cfg(feature = "otlp-grpc")]
    Http2(http2::SendRequest<Payload>),
}

/// A connection to an origin, or to a proxy that passes requests on to it.
pub(super) struct Connection {
    origin: Origin,
    sender: Sender,
    forwarding: Option<Route>,
    _driver: Driver,
}

/// How requests are framed on plain connections; on others, TLS settles it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// HTTP/1.1, or HTTP/2 where TLS settles on it.
    #[cfg(feature = "otlp-http")]
    Negotiated,
    /// HTTP/2, known beforehand (RFC 9113, section 3.3).
    #[cfg(feature = "otlp-grpc")]
    Http2,
}

impl Connection {
    async fn open(connector: &Connector, origin: &Origin, framing: Framing) -> Result<Self, Failure> {
        let by_tunnel = match framing {
            #[cfg(feature = "otlp-http")]
            Framing::Negotiated => false,
            #[cfg(feature = "otlp-grpc")]
            Framing::Http2 => true,
        };
        let Connected { stream, is_http2, forwarding } = connector.connect(origin, by_tunnel).await?;
        let broke = |error: hyper::Error| {
            let text = chain(&error);
            Failure::unanswered(format!("no HTTP with {}: {text}", origin.host_and_port()))
        };
        let io = TokioIo::new(stream);
        #[cfg(feature = "otlp-grpc")]
        if is_http2 || framing == Framing::Http2 {
            let mut builder = http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            builder.timer(hyper_util::rt::TokioTimer::new());
            let (sender, connection) = builder.handshake(io).await.map_err(broke)?;
            // What ends the connection is told to the request as well.
            let driver = Driver::spawn(async move { drop(connection.await) });
            let sender = Sender::Http2(sender);
            return Ok(Self { origin: origin.clone(), sender, forwarding, _driver: driver });
        }
        // Without HTTP/2 it is not offered, either.
        let _ = is_http2;
        let (sender, connection) = http1::handshake(io).await.map_err(broke)?;
        let driver = Driver::spawn(async move { drop(connection.await) });
        let sender = Sender::Http1(sender);
        Ok(Self { origin: origin.clone(), sender, forwarding, _driver: driver })
    }

    /// If the connection is to a proxy that passes requests on: what it wants to know.
    pub(super) fn forwarding(&self) -> Option<&Route> {
        self.forwarding.as_ref()
    }

    pub(super) fn is_http2(&self) -> bool {
        match self.sender {
            Sender::Http1(_) => false,
            #[cfg(feature = "otlp-grpc")]
            Sender::Http2(_) => true,
        }
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            #[cfg(feature = "otlp-grpc")]
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, Unsent> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                if let Err(error) = sender.ready().await {
                    return Err(Unsent { was_untouched: true, error });
                }
                sender.try_send_request(request).await.map_err(Unsent::from)
            }
            #[cfg(feature = "otlp-grpc")]
            Sender::Http2(sender) => {
                if let Err(error) = sender.ready().await {
                    return Err(Unsent { was_untouched: true, error });
                }
                sender.try_send_request(request).await.map_err(Unsent::from)
            }
        }
    }
}

/// A request without a response.
struct Unsent {
    /// Whether nothing of it was sent.
    was_untouched: bool,
    error: hyper::Error,
}

impl From<hyper::client::conn::TrySendError<Request<Payload>>> for Unsent {
    fn from(error: hyper::client::conn::TrySendError<Request<Payload>>) -> Self {
        Self { was_untouched: error.message().is_some(), error: error.into_error() }
    }
}

/// The connection that is kept for the next request, if any.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<Connection>>);

impl Kept {
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(|connection| connection.origin == *origin && !connection.is_closed())
    }

    /// Keeps a connection, all of whose response was read.
    pub(super) fn keep(&self, connection: Connection) {
        if !connection.is_closed() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
    }

    /// Sends the request that `request` makes for a connection, on the kept one or on a new one.
    ///
    /// A kept connection may turn out closed when it is used. Where nothing of the request was sent,
    /// it is sent on a new one, which is no second attempt; where something was, the server may have
    /// taken it, and whether to send it again is for the retry policy to say.
    pub(super) async fn send(
        &self,
        connector: &Connector,
        origin: &Origin,
        framing: Framing,
        request: impl Fn(&Connection) -> Result<Request<Payload>, Failure>,
    ) -> Result<(Connection, Response<Incoming>), Failure> {
        if let Some(mut connection) = self.take(origin) {
            match connection.send(request(&connection)?).await {
                Ok(response) => return Ok((connection, response)),
                Err(unsent) if unsent.was_untouched => {}
                Err(unsent) => return Err(no_answer(origin, &unsent.error)),
            }
        }
        let mut connection = Connection::open(connector, origin, framing).await?;
        match connection.send(request(&connection)?).await {
            Ok(response) => Ok((connection, response)),
            Err(unsent) => Err(no_answer(origin, &unsent.error)),
        }
    }
}

fn no_answer(origin: &Origin, error: &hyper::Error) -> Failure {
    Failure::unanswered(format!("no answer from {}: {}", origin.host_and_port(), chain(error)))
}

/// Where a request for `path` at the connection's origin is addressed to: a path for a server of
/// HTTP/1.1, all of it for HTTP/2 and for a proxy (RFC 9112, section 3.2; RFC 9113, section 8.3.1).
pub(super) fn target(connection: &Connection, url: &hyper::Uri) -> String {
    let path = url.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
    if connection.is_http2() || connection.forwarding().is_some() {
        format!("{}{path}", connection.origin)
    } else {
        path.to_owned()
    }
}
