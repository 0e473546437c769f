//! The collector's side: HTTP/1.1 and HTTP/2 on one port, kept alive, one answer for all.

use crate::collector::{Arrived, Kind, spans};
use crate::content::Sink;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io::BufRead;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket};

/// What gRPC puts in front of a message: whether it is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;

#[derive(Debug, Default)]
struct State {
    sink: Sink,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl State {
    fn arrived(&self) -> Arrived {
        // The spans first: they are counted last, so the others are those of these spans at least.
        let spans = self.sink.spans();
        let (hash, extra) = (self.sink.hash(), self.sink.extra());
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Arrived { spans, hash, extra, requests: read(&self.requests), bytes: read(&self.bytes) }
    }

    fn take(&self, message: &[u8]) -> Result<(), String> {
        let spans = spans::count(message)?;
        if self.sink.is_verifying() {
            spans::verify(message, &self.sink)?;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(message.len() as u64, Ordering::Relaxed);
        self.sink.count(spans);
        Ok(())
    }
}

/// Prints its address, then what has arrived for each line on standard input, and ends with that.
pub(crate) fn serve(kind: Kind) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the collector: {error}");
    let state = Arc::new(State::default());
    if kind == Kind::Verifying {
        state.sink.verify();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let socket = TcpSocket::new_v4().map_err(failed)?;
    socket.bind(([127, 0, 0, 1], 0).into()).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    // A port that is only taken is one on which nobody listens, and nobody else can.
    let mut taken = Some(socket);
    if kind != Kind::Closed {
        let listening = runtime.block_on(async { taken.take().map(|socket| socket.listen(128)).transpose() });
        if let Some(listener) = listening.map_err(failed)? {
            let state = Arc::clone(&state);
            std::thread::spawn(move || runtime.block_on(accept(listener, kind, state)));
        }
    }
    println!("http://{address}");
    for question in std::io::stdin().lock().lines() {
        question.map_err(failed)?;
        println!("{}", state.arrived().to_row());
    }
    Ok(String::new())
}

async fn accept(listener: TcpListener, kind: Kind, state: Arc<State>) {
    let mut held = Vec::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if kind == Kind::Silent {
            held.push(stream);
            continue;
        }
        // Without it an answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { answered(request, &state).await }
            });
            // What ends a connection is the other side's to notice: it misses an answer.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The empty message, or what is wrong with the request.
async fn answered(request: Request<Incoming>, state: &State) -> Result<Response<Answer>, hyper::Error> {
    let media = request.headers().get(CONTENT_TYPE).cloned();
    let body = request.into_body().collect().await?.to_bytes();
    let is_grpc = media.as_ref().is_some_and(|media| media.as_bytes().starts_with(b"application/grpc"));
    let taken = match body.split_at_checked(PREFIX_BYTES) {
        Some(([0, ..], message)) if is_grpc => state.take(message),
        _ if is_grpc => Err("not a message that is not compressed".to_owned()),
        _ => state.take(&body),
    };
    let mut response = Response::new(match (&taken, is_grpc) {
        (_, true) => Answer::grpc(taken.is_ok()),
        (Ok(()), _) => Answer::default(),
        (Err(error), _) => Answer::text(error),
    });
    if taken.is_err() && !is_grpc {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    } else if let Some(media) = media {
        response.headers_mut().insert(CONTENT_TYPE, media);
    }
    Ok(response)
}

/// A body and what comes behind it.
#[derive(Debug, Default)]
struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn text(text: &str) -> Self {
        Self { data: Some(Bytes::copy_from_slice(text.as_bytes())), trailers: None }
    }

    /// The empty message behind its prefix, or nothing, and a status: OK or INTERNAL.
    fn grpc(taken: bool) -> Self {
        let status = HeaderValue::from_static(if taken { "0" } else { "13" });
        Self {
            data: taken.then_some(Bytes::from_static(&[0; PREFIX_BYTES])),
            trailers: Some(HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), status)])),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
