//! One unary gRPC call and its status (gRPC over HTTP/2; OTLP specification, section "OTLP/gRPC").

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, TE, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};

use super::address::Origin;
use super::base64;
use super::body::{Payload, Unreadable, payload, read, unpack};
use super::connection::{Connection, Framing, target};
use super::exchange::Exchange;
use super::failure::Failure;
use crate::export::{ExportErrorKind, ResponseStatus};
use crate::otlp::answer::{self, PartialSuccess};
use crate::otlp::retry::{self, Verdict};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// What stands before a message: whether it is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;

/// The status codes that are made here, when the server gives none.
const UNKNOWN: u32 = 2;

/// Calls the method with `content` as its one message. `left` is the time that there is for it.
pub(super) async fn attempt(
    exchange: &Exchange,
    content: &Bytes,
    left: Option<Duration>,
) -> Result<PartialSuccess, Failure> {
    let origin = Origin::of(&exchange.url).ok_or_else(|| {
        let message = format!("{} is no http or https URL", exchange.shown_url);
        Failure::last(ExportErrorKind::InvalidConfig, message)
    })?;
    let prefix = prefix(exchange, content)?;
    let make = |connection: &Connection| request(exchange, connection, &prefix, content, left);
    let (connection, response) =
        exchange.kept.send(&exchange.connector, &origin, Framing::Http2, make).await?;
    let (head, body) = response.into_parts();
    let limit = exchange.max_response_bytes;
    let (bytes, trailers) = match read(body, limit.saturating_add(PREFIX_BYTES)).await {
        Ok(whole) => whole,
        // An answer without gRPC in it is known by its head.
        Err(_) if !is_grpc(head.status, &head.headers) => (Bytes::new(), HeaderMap::new()),
        Err(Unreadable::TooLarge(_)) => return Err(Unreadable::TooLarge(limit).into()),
        Err(unreadable) => return Err(unreadable.into()),
    };
    exchange.kept.keep(connection);
    // A server that has nothing but a status sends it in place of the headers ("Trailers-Only").
    let fields = if trailers.contains_key(GRPC_STATUS) { &trailers } else { &head.headers };
    let status = Status::of(head.status, fields);
    match retry::of_grpc(status.code, status.retry_delay) {
        Verdict::Delivered => {
            let message = message(bytes, &head.headers, limit)?;
            Ok(match answer::partial_success(exchange.signal, &message) {
                Ok(answer) => exchange.shown(answer),
                // The status says that the request was taken.
                Err(malformed) => exchange.warning(&malformed),
            })
        }
        verdict => {
            let mut text = format!("it answered {}", name(status.code));
            let words = exchange.secrets.shown(&status.message);
            if !words.is_empty() {
                text.push_str(": ");
                text.push_str(&words);
            }
            Err(Failure::answered(ResponseStatus::Grpc(status.code), text, verdict))
        }
    }
}

fn is_grpc(status: StatusCode, headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    headers.contains_key(GRPC_STATUS) || (status == StatusCode::OK && media.starts_with(b"application/grpc"))
}

fn prefix(exchange: &Exchange, content: &Bytes) -> Result<Bytes, Failure> {
    let length = u32::try_from(content.len()).map_err(|_| {
        let message = format!("a gRPC message cannot have {} bytes", content.len());
        Failure::last(ExportErrorKind::Other, message)
    })?;
    let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
    prefix.put_u8(exchange.is_compressed.into());
    prefix.put_u32(length);
    Ok(prefix.freeze())
}

fn request(
    exchange: &Exchange,
    connection: &Connection,
    prefix: &Bytes,
    content: &Bytes,
    left: Option<Duration>,
) -> Result<Request<Payload>, Failure> {
    let mut request = Request::post(target(connection, &exchange.url))
        .body(payload(prefix.clone(), content.clone()))
        .map_err(|error| {
            let message = format!("no request can be made for {}: {error}", exchange.shown_url);
            Failure::last(ExportErrorKind::InvalidConfig, message)
        })?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, exchange.user_agent.clone());
    headers.extend(exchange.headers.clone());
    // Behind the configured ones: what the protocol fixes is not for a setting to change.
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, exchange.content_type.clone());
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
    if exchange.is_compressed {
        headers.insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(left) = left {
        headers.insert(GRPC_TIMEOUT, timeout(left));
    }
    Ok(request)
}

/// At most eight digits and a unit: milliseconds up to a day, and whole seconds beyond. Rounded up:
/// this side keeps the time, and the server must not be the first to give up.
fn timeout(left: Duration) -> HeaderValue {
    let millis = left.as_nanos().div_ceil(1_000_000);
    let (number, unit) =
        if millis < 100_000_000 { (millis, 'm') } else { (millis.div_ceil(1000).min(99_999_999), 'S') };
    HeaderValue::try_from(format!("{number}{unit}")).expect("digits and a letter are a header's value")
}

/// What became of a call.
struct Status {
    code: u32,
    message: String,
    retry_delay: Option<Duration>,
}

impl Status {
    /// Of the trailers, or of the status of HTTP where something else than gRPC answered.
    fn of(http: StatusCode, fields: &HeaderMap) -> Self {
        let Some(code) = fields.get(GRPC_STATUS) else {
            let code = code_of_http(http);
            return Self { code, message: format!("no status of gRPC, {http} of HTTP"), retry_delay: None };
        };
        // A code that is no number is none of those that are known.
        let code = code.to_str().ok().and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN);
        let message = fields.get(GRPC_MESSAGE).map(HeaderValue::as_bytes).unwrap_or_default();
        let details = fields.get(GRPC_DETAILS).and_then(|value| base64::decode(value.as_bytes()));
        // Details that cannot be read are none: the code and the message say enough.
        let details = details.and_then(|bytes| answer::status(&bytes).ok());
        Self {
            code,
            message: percent_decoded(message),
            retry_delay: details.and_then(|status| status.retry_delay),
        }
    }
}

/// gRPC, "HTTP to gRPC Status Code Mapping".
fn code_of_http(status: StatusCode) -> u32 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => UNKNOWN,
    }
}

/// The code's name.
fn name(code: u32) -> String {
    let name = ResponseStatus::name_in_grpc(code);
    name.map_or_else(|| format!("the status {code}"), ToString::to_string)
}

/// A `grpc-message`: UTF-8, of which all but printable ASCII is written as `%` and two digits. What
/// is not so is taken as it stands, as gRPC wants it.
fn percent_decoded(text: &[u8]) -> String {
    let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(at + 1), digit(at + 2)) {
            // Two hexadecimal digits are a byte.
            bytes.push((high << 4 | low) as u8);
            at += 3;
        } else {
            bytes.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The one message of an answer, unpacked to at most `limit` bytes.
fn message(mut bytes: Bytes, headers: &HeaderMap, limit: usize) -> Result<Bytes, Failure> {
    let broken = |what: &str| {
        let message = format!("the answer is no message of gRPC: {what}");
        Failure::last(ExportErrorKind::Other, message)
    };
    if bytes.len() < PREFIX_BYTES {
        return Err(broken(if bytes.is_empty() { "there is none" } else { "its prefix is cut" }));
    }
    let flag = bytes.get_u8();
    let length = bytes.get_u32() as usize;
    if bytes.len() < length {
        return Err(broken("it is cut"));
    }
    if bytes.len() > length {
        return Err(broken("there is more behind it"));
    }
    let encoding = match flag {
        0 => None,
        1 => match headers.get(GRPC_ENCODING) {
            Some(encoding) => Some(encoding.as_bytes()),
            None => return Err(broken("it is compressed, and nothing says how")),
        },
        _ => return Err(broken("its first byte is neither 0 nor 1")),
    };
    Ok(unpack(bytes, encoding, limit)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_has_at_most_eight_digits_and_is_rounded_up() {
        for (left, expected) in [
            (Duration::ZERO, "0m"),
            (Duration::from_nanos(1), "1m"),
            (Duration::from_millis(99_999_999), "99999999m"),
            (Duration::from_millis(99_999_999) + Duration::from_nanos(1), "100000S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(timeout(left), expected, "{left:?}");
        }
    }

    #[test]
    fn a_message_is_percent_decoded_and_what_is_not_encoded_well_is_left() {
        for (text, expected) in [
            ("", ""),
            ("a%20b", "a b"),
            ("%C3%A4", "ä"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "\u{fffd}"),
        ] {
            assert_eq!(percent_decoded(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_status_of_http_stands_in_for_a_missing_one_of_grpc() {
        for (http, code) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (200, 2),
            (302, 2),
            (500, 2),
        ] {
            let status = Status::of(StatusCode::from_u16(http).unwrap(), &HeaderMap::new());
            assert_eq!(status.code, code, "{http}");
        }
    }

    #[test]
    fn a_status_that_is_no_number_is_unknown() {
        for text in ["", "-1", "ok", "4294967296"] {
            let fields = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(text))]);
            assert_eq!(Status::of(StatusCode::OK, &fields).code, UNKNOWN, "{text}");
        }
        assert_eq!(name(14), "UNAVAILABLE");
        assert_eq!(name(17), "the status 17");
    }

    #[test]
    fn an_answer_is_one_whole_message() {
        let plain = HeaderMap::new();
        let one = |bytes: &'static [u8]| message(Bytes::from_static(bytes), &plain, 100);
        assert_eq!(one(&[0, 0, 0, 0, 2, 8, 9]).unwrap(), vec![8, 9]);
        assert_eq!(one(&[0, 0, 0, 0, 0]).unwrap(), Vec::new());
        for (bytes, what) in [
            (&[][..], "there is none"),
            (&[0, 0, 0, 0], "its prefix is cut"),
            (&[0, 0, 0, 0, 2, 8], "it is cut"),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "there is more behind it"),
            (&[1, 0, 0, 0, 0], "nothing says how"),
            (&[2, 0, 0, 0, 0], "neither 0 nor 1"),
        ] {
            let failure = one(bytes).unwrap_err();
            assert!(failure.message().ends_with(what), "{failure:?}");
            assert_eq!(failure.again(), None);
        }
    }
}
