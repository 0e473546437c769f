//! What a request goes through: the SERVER span and the plugins below it.

use crate::auth::Auth;
use crate::cache::Cache;
use crate::render::Render;
use crate::span::{Live, SharedTracer, attribute};
use crate::witness::hex;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
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
    auth: Auth,
    cache: Cache,
    render: Render,
    handled: Arc<AtomicU64>,
}

impl Site {
    /// A site whose plugins trace to `tracer`, and the threads that end when it is dropped. Each
    /// request that was answered is counted in `handled`.
    pub(crate) fn open(
        tracer: SharedTracer,
        handled: Arc<AtomicU64>,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (render, threads) = Render::open(Arc::clone(&tracer))?;
        let (auth, cache) = (Auth::new(Arc::clone(&tracer)), Cache::new(Arc::clone(&tracer)));
        Ok((Self { tracer, auth, cache, render, handled }, threads))
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
        let span = Live::start(&self.tracer, name, SpanKind::Server, None, asked);
        let (status, body) = match page {
            Some(id) => self.page(span.handle(), &head, id).await,
            None => (404, "only GET /page/<number> is here".to_owned()),
        };
        span.set("http.response.status_code", i64::from(status));
        let mut response = Response::new(Full::from(body));
        // Every status here is one that HTTP has.
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        if let Ok(value) = text_of(span.handle()).parse() {
            response.headers_mut().insert("x-span", value);
        }
        self.handled.fetch_add(1, Ordering::Relaxed);
        Ok(response)
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

/// Trace and span id: a client can look its request up with them.
fn text_of(handle: SpanHandle) -> String {
    format!("{}-{}", hex(&handle.trace_id), hex(&handle.span_id))
}
