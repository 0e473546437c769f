//! What a request goes through: the SERVER span and the plugins below it.

use crate::auth::Auth;
use crate::cache::Cache;
use crate::render::Render;
use crate::span::{Live, SharedTracer, attribute};
use crate::wire::Wire;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanKind};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// What all requests share.
pub(crate) struct Site {
    tracer: SharedTracer,
    wire: Wire,
    auth: Auth,
    cache: Cache,
    render: Render,
    handled: Arc<AtomicU64>,
}

impl Site {
    /// A site whose plugins trace to `tracer`, of which `wire` knows the headers, and the threads that
    /// end when it is dropped. Each request that was answered is counted in `handled`.
    pub(crate) fn open(
        tracer: SharedTracer,
        wire: Wire,
        handled: Arc<AtomicU64>,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (render, threads) = Render::open(Arc::clone(&tracer))?;
        let (auth, cache) = (Auth::new(Arc::clone(&tracer)), Cache::new(Arc::clone(&tracer)));
        Ok((Self { tracer, wire, auth, cache, render, handled }, threads))
    }

    /// Serves one request, under a span of its own.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, _) = request.into_parts();
        let page = page_of(&head);
        // The name is the route, not the path, of which there are endlessly many.
        let name = if page.is_some() { "GET /page/{id}" } else { "HTTP" };
        let asked = vec![
            attribute("http.request.method", head.method.as_str()),
            attribute("url.path", head.uri.path()),
        ];
        let caller = self.wire.parent(&head.headers);
        let parent = caller.as_ref().map(|caller| caller.handle());
        let span = Live::start(&self.tracer, name, SpanKind::Server, parent, asked);
        let traceparent = self.traceparent(span.handle(), caller.is_some(), &head.headers);
        // What is below goes by the span's own handle.
        drop(caller);
        let (status, body) = match page {
            Some(id) => self.page(span.handle(), &head, id).await,
            None => (404, "only GET /page/<number> is here".to_owned()),
        };
        span.set("http.response.status_code", i64::from(status));
        let mut response = Response::new(Full::from(body));
        // Every status here is one that HTTP has.
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        if let Some(value) = traceparent {
            response.headers_mut().insert("traceparent", value);
        }
        self.handled.fetch_add(1, Ordering::Relaxed);
        Ok(response)
    }

    /// The `traceparent` with which a request to another service would continue the trace. Here the
    /// client gets it, to look its request up with; W3C Trace Context has it in requests only. A span
    /// that is not sampled has no ids: the caller's header goes on as it came.
    fn traceparent(&self, span: SpanHandle, has_caller: bool, headers: &HeaderMap) -> Option<HeaderValue> {
        match self.wire.traceparent(span) {
            Some(value) => HeaderValue::from_bytes(&value).ok(),
            None => headers.get("traceparent").filter(|_| has_caller).cloned(),
        }
    }

    /// The status and body of the answer to a request for a page.
    async fn page(&self, parent: SpanHandle, head: &Parts, id: u32) -> (u16, String) {
        if let Err(why) = self.auth.check(parent, &head.headers) {
            return (401, why.to_owned());
        }
        if let Some(page) = self.cache.get(parent, id) {
            return (200, page);
        }
        match self.render.page(parent, id).await {
            Ok(page) => {
                self.cache.put(parent, id, &page);
                (200, page)
            }
            Err(why) => (404, why.to_owned()),
        }
    }
}

fn page_of(head: &Parts) -> Option<u32> {
    match head.method {
        Method::GET => head.uri.path().strip_prefix("/page/")?.parse().ok(),
        _ => None,
    }
}
