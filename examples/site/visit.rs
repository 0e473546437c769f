//! One SERVER span for each request, as OpenTelemetry's semantic conventions for HTTP describe it.

use crate::reply::{Failure, Reply};
use crate::routes::Route;
use crate::site::Site;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use nanospan::propagation::{Getter, format_traceparent};
use nanospan::{Span, SpanBuilder, SpanKind, Status, Value, attributes};
use std::sync::atomic::{AtomicI64, Ordering};

/// The span of a request that is being served.
#[derive(Debug)]
pub(crate) struct Visit {
    span: Span,
    /// How many spans were begun right below it.
    children: u32,
}

impl Visit {
    /// Starts the span: below the caller's, if the request says what that is.
    pub(crate) fn begin(site: &Site, request: &Parts, route: &Route<'_>) -> Self {
        let (method, method_name) = method_of(&request.method);
        let name = route.span_name().unwrap_or(method_name);
        let caller = site.propagators.extract(&Headers(&request.headers)).span;
        let mut builder = site.tracer.span(name).kind(SpanKind::Server);
        if let Some(caller) = &caller {
            builder = builder.child_of_context(caller);
        }
        let span = builder
            .attributes(&attributes![
                "http.request.method" => Value::StaticStr(method),
                "url.scheme" => Value::StaticStr("http"),
                "url.path" => request.uri.path(),
                "server.address" => &site.address,
                "server.port" => site.port,
                "network.protocol.version" => Value::StaticStr(version_of(request.version)),
                "thread.id" => thread_id(),
            ])
            .start();
        if let Some(template) = route.template() {
            span.set_attribute("http.route", Value::StaticStr(template));
        }
        if let Some(query) = request.uri.query() {
            span.set_attribute("url.query", query);
        }
        if let Some(agent) = request.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()) {
            span.set_attribute("user_agent.original", agent);
        }
        Self { span, children: 0 }
    }

    /// The request's own span.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Begins to make a span right below the request's own.
    pub(crate) fn child(&mut self, name: &'static str) -> SpanBuilder<'_> {
        self.children += 1;
        self.span.child(name)
    }

    /// Ends the span and says in the response which it was.
    pub(crate) fn end(mut self, outcome: Result<Reply, Failure>) -> Response<Full<Bytes>> {
        let reply = outcome.unwrap_or_else(|failure| {
            self.record(&failure);
            failure.into()
        });
        self.span.set_attribute("http.response.status_code", reply.status.as_u16());
        self.span.set_attribute("site.thread.end", thread_id());

        let mut response = Response::new(Full::new(Bytes::from(reply.body)));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        headers.insert("x-spans", self.children.into());
        if let Some(cache) = reply.cache {
            headers.insert("x-cache", HeaderValue::from_static(cache));
        }
        let context = self.span.context();
        if context.is_valid() {
            let told = format_traceparent(context.trace_id(), context.span_id(), context.flags());
            // Hexadecimal digits and dashes are always a header's value.
            headers.extend(HeaderValue::from_bytes(&told).map(|told| (TRACERESPONSE, told)));
        }
        response
    }

    /// What the span says of a failure. One of the client's own making is no error of the server.
    fn record(&mut self, failure: &Failure) {
        if failure.status() < StatusCode::INTERNAL_SERVER_ERROR {
            return;
        }
        let message = failure.to_string();
        self.span.set_attribute("error.type", Value::StaticStr(failure.error_type()));
        self.span.add_event(
            "exception",
            &attributes![
                "exception.type" => Value::StaticStr(failure.error_type()),
                "exception.message" => &message,
            ],
        );
        self.span.set_status(Status::error(&message));
    }
}

/// Tells the caller the span that served it, in the form of a `traceparent`.
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// Lets a propagator read the headers of a request.
struct Headers<'a>(&'a HeaderMap);

impl Getter for Headers<'_> {
    fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for value in self.0.get_all(name) {
            visit(value.as_bytes());
        }
    }
}

/// `http.request.method`, and what a span without a route is called: of the methods that anybody can
/// make up, only the known ones may become names.
fn method_of(method: &Method) -> (&'static str, &'static str) {
    match method.as_str() {
        "GET" => ("GET", "GET"),
        "HEAD" => ("HEAD", "HEAD"),
        "POST" => ("POST", "POST"),
        "PUT" => ("PUT", "PUT"),
        "PATCH" => ("PATCH", "PATCH"),
        "DELETE" => ("DELETE", "DELETE"),
        "OPTIONS" => ("OPTIONS", "OPTIONS"),
        _ => ("_OTHER", "HTTP"),
    }
}

fn version_of(version: Version) -> &'static str {
    if version == Version::HTTP_10 { "1.0" } else { "1.1" }
}

/// A number for the current thread, which shows in the files where a span began and ended.
pub(crate) fn thread_id() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    thread_local!(static ID: i64 = NEXT.fetch_add(1, Ordering::Relaxed));
    ID.with(|id| *id)
}
