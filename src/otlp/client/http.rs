//! One request of OTLP/HTTP and its answer, redirects followed (OTLP specification, section
//! "OTLP/HTTP").

use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
    RETRY_AFTER, USER_AGENT,
};
use hyper::{HeaderMap, Request, Response, Uri};

use super::address::Origin;
use super::body::{Payload, Unreadable, payload, read, unpack};
use super::connection::{Connection, Framing, target};
use super::exchange::Exchange;
use super::failure::Failure;
use super::redirect::{redirected, shown};
use crate::export::{ExportErrorKind, ResponseStatus};
use crate::otlp::answer::{self, PartialSuccess};
use crate::otlp::retry::{self, Verdict};

/// How often a request may be sent elsewhere before that is taken for a circle.
const MOST_REDIRECTS: usize = 10;

/// How the answer may be compressed.
const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip");

/// Sends `content` and follows redirects until something else is answered.
pub(super) async fn attempt(exchange: &Exchange, content: &Bytes) -> Result<PartialSuccess, Failure> {
    let mut url = exchange.url.clone();
    // Given away for good: a third server must not get them back from a second one.
    let mut with_headers = true;
    for _ in 0..=MOST_REDIRECTS {
        let origin = Origin::of(&url).ok_or_else(|| {
            let message = format!("{} is no http or https URL", shown(&url));
            Failure::last(ExportErrorKind::InvalidConfig, message)
        })?;
        let make = |connection: &Connection| request(exchange, connection, &url, with_headers, content);
        let (connection, response) =
            exchange.kept.send(&exchange.connector, &origin, Framing::Negotiated, make).await?;
        let (head, body) = response.into_parts();
        let Some(next) = next_url(&url, &head)? else {
            return answered(exchange, connection, &url, Response::from_parts(head, body)).await;
        };
        // The body of a redirect says nothing; a connection on which it was not read is not kept.
        drop((connection, body));
        with_headers &= Origin::of(&next) == Some(origin);
        url = next;
    }
    let message = format!("more than {MOST_REDIRECTS} redirects, the last one to {}", shown(&url));
    Err(Failure::last(ExportErrorKind::Rejected, message))
}

fn request(
    exchange: &Exchange,
    connection: &Connection,
    url: &Uri,
    with_headers: bool,
    content: &Bytes,
) -> Result<Request<Payload>, Failure> {
    let failed = |error: hyper::http::Error| {
        let message = format!("no request can be made for {}: {error}", shown(url));
        Failure::last(ExportErrorKind::InvalidConfig, message)
    };
    let mut request = Request::post(target(connection, url))
        .body(payload(Bytes::new(), content.clone()))
        .map_err(failed)?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, exchange.user_agent.clone());
    if with_headers {
        headers.extend(exchange.headers.clone());
    }
    if !connection.is_http2() {
        let authority = Origin::of(url).map(|origin| origin.authority()).unwrap_or_default();
        let authority = HeaderValue::from_str(&authority).map_err(|error| failed(error.into()))?;
        headers.insert(HOST, authority);
    }
    // Behind the configured ones: what the protocol fixes is not for a setting to change.
    headers.insert(CONTENT_TYPE, exchange.content_type.clone());
    headers.insert(ACCEPT_ENCODING, ACCEPTED);
    if exchange.is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(authorization) = connection.forwarding().and_then(|route| route.authorization.clone()) {
        headers.insert(PROXY_AUTHORIZATION, authorization);
    }
    Ok(request)
}

/// Where the answer sends us, if it does.
fn next_url(url: &Uri, head: &hyper::http::response::Parts) -> Result<Option<Uri>, Failure> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = head.headers.get(LOCATION).and_then(|location| location.to_str().ok());
    match location.and_then(|location| redirected(url, location)) {
        Some(next) => Ok(Some(next)),
        None => {
            let message = format!("{} redirects to no http or https URL: {}", shown(url), head.status);
            Err(Failure::last(ExportErrorKind::Rejected, message))
        }
    }
}

async fn answered(
    exchange: &Exchange,
    connection: Connection,
    url: &Uri,
    response: Response<Incoming>,
) -> Result<PartialSuccess, Failure> {
    // The error of the upload names the URL that was configured.
    let who = if *url == exchange.url { String::from("it") } else { shown(url) };
    let (head, body) = response.into_parts();
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let verdict = retry::of_http(head.status.as_u16(), retry_after, SystemTime::now());
    let limit = exchange.max_response_bytes;
    let encoding = head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let content = match read(body, limit).await {
        Ok((packed, _)) => {
            exchange.kept.keep(connection);
            unpack(packed, encoding, limit)
        }
        Err(unreadable) => Err(unreadable),
    };
    let content = match content {
        Err(error @ Unreadable::TooLarge(_)) => {
            // Whatever the status: who answers like that is not asked again.
            let message = format!("{who} answered {}: {error}", head.status);
            return Err(Failure::last(ExportErrorKind::Other, message));
        }
        // The status says that the request was taken: what cannot be read is a warning.
        Err(error) if verdict == Verdict::Delivered => return Ok(exchange.warning(&error)),
        content => content,
    };
    // The status decides; words that cannot be read are words less.
    let content = content.unwrap_or_default();
    if verdict == Verdict::Delivered {
        return Ok(accepted(exchange, &head.headers, &content));
    }
    let words = words(&head.headers, &content);
    let words = exchange.secrets.shown(&words);
    let mut message = format!("{who} answered {}", head.status);
    if !words.is_empty() {
        message.push_str(": ");
        message.push_str(&words);
    }
    Err(Failure::answered(ResponseStatus::Http(head.status.as_u16()), message, verdict))
}

/// What is in the answer of a server that took the request. One that says so in another language
/// than ours has taken it all the same, and one that garbles its answer, too: it is a warning.
fn accepted(exchange: &Exchange, headers: &HeaderMap, content: &[u8]) -> PartialSuccess {
    if content.is_empty() {
        return PartialSuccess::default();
    }
    let parsed = match media_type(headers) {
        Some(Media::Protobuf) => answer::partial_success(exchange.signal, content),
        Some(Media::Json) => answer::partial_success_json(exchange.signal, content),
        None => return PartialSuccess::default(),
    };
    match parsed {
        Ok(answer) => exchange.shown(answer),
        Err(malformed) => exchange.warning(&malformed),
    }
}

/// The text of an error: that of a `google.rpc.Status`, or the body itself if it is text.
fn words(headers: &HeaderMap, content: &[u8]) -> String {
    let parsed = match media_type(headers) {
        Some(Media::Protobuf) => answer::status(content),
        Some(Media::Json) => answer::status_json(content),
        None => return String::from_utf8_lossy(content).into_owned(),
    };
    parsed.map(|status| status.message).unwrap_or_default()
}

enum Media {
    Protobuf,
    Json,
}

/// The answer's media type, its parameters left out (RFC 9110, section 8.3.1).
fn media_type(headers: &HeaderMap) -> Option<Media> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/x-protobuf" => Some(Media::Protobuf),
        "application/json" => Some(Media::Json),
        _ => None,
    }
}
