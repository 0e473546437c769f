//! A collector that answers as a test tells it to, and remembers what it was asked.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As the first line of the request has it: a path, or all of a URL.
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    /// As it came.
    pub(crate) body: Vec<u8>,
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
    pub(crate) at: Instant,
    /// Whether the answer was a success.
    pub(crate) is_taken: bool,
}

impl Asked {
    /// A header's value, or the empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The request proper: without the frame of gRPC, and unpacked.
    pub(crate) fn content(&self) -> Vec<u8> {
        let (body, is_packed) = if self.header("content-type").starts_with("application/grpc") {
            let length = u32::from_be_bytes(self.body[1..5].try_into().unwrap());
            assert_eq!(self.body.len(), 5 + length as usize, "one whole message");
            assert_eq!(self.body[0] == 1, self.header("grpc-encoding") == "gzip");
            (&self.body[5..], self.body[0] == 1)
        } else {
            (&self.body[..], self.header("content-encoding") == "gzip")
        };
        if !is_packed {
            return body.to_vec();
        }
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(body).read_to_end(&mut content).unwrap();
        content
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        trailers: Vec<(String, String)>,
    },
    /// Nothing, ever.
    Never,
    /// The head of a success, and nothing of its body, ever.
    Unfinished,
    /// The connection is closed instead.
    Close,
    /// After a while.
    Late(Duration, Box<Reply>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new(), trailers: Vec::new() }
    }

    /// A gRPC answer with an empty message and this status in the trailers.
    pub(crate) fn grpc(code: u32, message: &str) -> Self {
        let reply = Self::status(200).header("content-type", "application/grpc");
        let reply = if code == 0 { reply.body([0, 0, 0, 0, 0]) } else { reply };
        reply.trailer("grpc-status", code).trailer("grpc-message", message)
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_string()));
        }
        self
    }

    pub(crate) fn trailer(mut self, name: &str, value: impl ToString) -> Self {
        if let Self::Answer { trailers, .. } = &mut self {
            trailers.push((name.to_owned(), value.to_string()));
        }
        self
    }

    pub(crate) fn body(mut self, content: impl Into<Vec<u8>>) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = content.into();
        }
        self
    }

    /// Whether it says that the request was taken.
    fn is_success(&self) -> bool {
        match self {
            Self::Answer { status, trailers, .. } => {
                *status == 200 && trailers.iter().all(|(name, value)| name != "grpc-status" || value == "0")
            }
            _ => false,
        }
    }

    pub(crate) fn late(self, after: Duration) -> Self {
        Self::Late(after, Box::new(self))
    }
}

/// What is known of the requests, and what is still to be answered.
#[derive(Default)]
struct Book {
    asked: Vec<Asked>,
    script: VecDeque<Reply>,
    /// What is answered behind the script, if it is not that all is well.
    from_now_on: Option<Reply>,
    connections: usize,
    open_connections: usize,
}

/// A collector on a port of its own, which goes away with it.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    is_tls: bool,
    book: Arc<Mutex<Book>>,
    _stop: oneshot::Sender<()>,
}

impl Collector {
    /// One that answers by `script`, and then that all is well.
    pub(crate) fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(script, None)
    }

    pub(crate) fn with_tls(script: impl IntoIterator<Item = Reply>, config: rustls::ServerConfig) -> Self {
        Self::start(script, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start(script: impl IntoIterator<Item = Reply>, tls: Option<TlsAcceptor>) -> Self {
        let book = Book { script: script.into_iter().collect(), ..Book::default() };
        let book = Arc::new(Mutex::new(book));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let is_tls = tls.is_some();
        let shared = Arc::clone(&book);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                tokio::spawn(accept(TcpListener::from_std(listener).unwrap(), tls, shared));
                let _ = stopped.await;
            });
        });
        Self { address, is_tls, book, _stop: stop }
    }

    /// Its URL, by the name that certificates are made for.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().asked.clone()
    }

    /// Answers the next requests so, one after another.
    pub(crate) fn answer_next(&self, script: impl IntoIterator<Item = Reply>) {
        self.book.lock().unwrap().script = script.into_iter().collect();
    }

    /// What is answered from now on, to whatever the script has nothing for; `None` is that all is well.
    pub(crate) fn answer(&self, reply: Option<Reply>) {
        self.book.lock().unwrap().from_now_on = reply;
    }

    /// Counts the requests, for whoever does not have the collector.
    pub(crate) fn counter(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let book = Arc::clone(&self.book);
        move || book.lock().unwrap().asked.len()
    }

    /// How many connections are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.book.lock().unwrap().open_connections
    }

    /// The only request that there was.
    pub(crate) fn only(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// Waits until there were `requests`.
    pub(crate) fn wait_for(&self, requests: usize) {
        let begun = Instant::now();
        while self.asked().len() < requests {
            assert!(begun.elapsed() < Duration::from_secs(30), "{} requests came", self.asked().len());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, book: Arc<Mutex<Book>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = {
            let mut book = book.lock().unwrap();
            book.connections += 1;
            book.open_connections += 1;
            book.connections - 1
        };
        let (tls, book) = (tls.clone(), Arc::clone(&book));
        tokio::spawn(async move {
            match tls {
                // A client that does not trust us is none of our business.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, number, Arc::clone(&book)).await;
                    }
                }
                None => serve(stream, number, Arc::clone(&book)).await,
            }
            book.lock().unwrap().open_connections -= 1;
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: usize,
    book: Arc<Mutex<Book>>,
) {
    let service = service_fn(|request| answer(request, connection, Arc::clone(&book)));
    let server = auto::Builder::new(TokioExecutor::new());
    // Connections end in every way that tests can think of.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body of which nothing ever comes.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    book: Arc<Mutex<Book>>,
) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes().to_vec();
    let content_type = head.headers.get("content-type").cloned().unwrap_or(HeaderValue::from_static(""));
    let is_grpc = content_type == "application/grpc";
    let mut reply = {
        let mut book = book.lock().unwrap();
        let reply = book.script.pop_front().or_else(|| book.from_now_on.clone());
        book.asked.push(Asked {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            version: head.version,
            headers: head.headers,
            body,
            connection,
            at: Instant::now(),
            is_taken: reply.as_ref().is_none_or(Reply::is_success),
        });
        reply.unwrap_or_else(|| if is_grpc { Reply::grpc(0, "") } else { Reply::status(200) })
    };
    loop {
        match reply {
            Reply::Late(after, next) => {
                tokio::time::sleep(after).await;
                reply = *next;
            }
            Reply::Never => std::future::pending().await,
            Reply::Unfinished => {
                let head = Response::builder().header("content-type", content_type);
                return Ok(head.body(Endless.boxed_unsync()).unwrap());
            }
            Reply::Close => return Err(std::io::Error::other("closed on purpose")),
            Reply::Answer { status, headers, body, trailers } => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let trailers: HeaderMap = trailers
                    .into_iter()
                    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                    .collect();
                let body = Full::new(Bytes::from(body));
                let body = if trailers.is_empty() {
                    body.boxed_unsync()
                } else {
                    body.with_trailers(async { Some(Ok(trailers)) }).boxed_unsync()
                };
                return Ok(response.body(body).unwrap());
            }
        }
    }
}
