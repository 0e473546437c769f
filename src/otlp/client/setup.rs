//! From settings to what requests are made of.

use std::sync::Arc;

use hyper::header::HeaderValue;

use super::connect::{Connector, Resolver, Security};
use super::connection::Kept;
use super::exchange::Exchange;
use super::proxy::Proxies;
use super::text::Secrets;
use crate::export::{ExportError, ExportErrorKind};
use crate::otlp::settings::{Compression, Protocol, Scheme, Settings};

/// The protocols that TLS may settle on (RFC 7301).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What OTLP over HTTP offers.
const EITHER: &[&[u8]] = if cfg!(feature = "otlp-grpc") { &[HTTP2, HTTP1] } else { &[HTTP1] };

/// Everything that requests as `settings` want them take.
pub(super) fn exchange(settings: Settings, resolver: Resolver) -> Result<Exchange, ExportError> {
    let url = settings.url().clone();
    let headers = settings.headers.map().clone();
    let (alpn, content_type): (&[&[u8]], _) = match settings.protocol {
        Protocol::Grpc => (&[HTTP2], "application/grpc"),
        Protocol::HttpProtobuf => (EITHER, "application/x-protobuf"),
        Protocol::HttpJson => (EITHER, "application/json"),
    };
    let user_agent = HeaderValue::from_str(&settings.user_agent).map_err(|error| {
        ExportError::new(ExportErrorKind::InvalidConfig, "the user agent cannot be sent").with_source(error)
    })?;
    let tls = Security::new(settings.tls.clone(), alpn);
    if settings.endpoint.scheme == Scheme::Https {
        // What is wrong with it is known now, and not by the first batch.
        tls.config()?;
    }
    Ok(Exchange {
        signal: settings.signal,
        protocol: settings.protocol,
        shown_url: settings.endpoint.to_string(),
        url,
        secrets: Secrets::of(headers.values().filter_map(|value| value.to_str().ok())),
        headers,
        content_type: HeaderValue::from_static(content_type),
        user_agent,
        is_compressed: settings.compression == Compression::Gzip,
        max_response_bytes: settings.max_response_bytes,
        retry: settings.retry,
        connector: Connector {
            resolver,
            proxies: Proxies::new(&settings.proxy),
            tls,
            proxy_tls: Security::new(settings.tls, &[HTTP1]),
        },
        kept: Kept::default(),
        counters: Arc::default(),
    })
}
