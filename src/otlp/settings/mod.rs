//! What an exporter shall do: where to send, how, and for how long to try.
//!
//! A [`SettingsBuilder`] takes options and variables in any order; an option of the program comes before
//! a variable for the signal alone, that before the variable for all signals, and that before the
//! default. Whatever is overridden is not looked at. [`SettingsBuilder::build`] then reads what is
//! left, so that text which is not an address, or a file that cannot be read, is an error that says
//! who named it.

mod address;
mod builder;
mod endpoint;
mod given;
mod headers;
mod pem;
mod proxy;
#[cfg(test)]
mod tests;
mod tls;
mod variables;

pub(crate) use address::Scheme;
pub(crate) use builder::SettingsBuilder;
pub(crate) use endpoint::Endpoint;
pub(crate) use headers::Headers;
pub(crate) use pem::Pem;
pub use proxy::Proxy;
pub(crate) use tls::{Tls, client_config};

use std::fmt;
use std::time::Duration;

use hyper::Uri;

use super::retry::RetryPolicy;
use super::signal::Signal;
use crate::export::{Component, ResponseStatus};
use crate::metrics::Preferences;

/// A form of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// Protobuf in gRPC; needs the feature `otlp-grpc`.
    Grpc,
    /// Protobuf in HTTP; needs the feature `otlp-http`. The default, whatever features there are.
    #[default]
    HttpProtobuf,
    /// JSON in HTTP; needs the feature `otlp-http`.
    HttpJson,
}

impl Protocol {
    /// The name in variables (OTLP Exporter Configuration, section "Specify Protocol").
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::HttpProtobuf => "http/protobuf",
            Protocol::HttpJson => "http/json",
        }
    }

    /// The feature that it needs, and whether that is compiled in.
    fn feature(self) -> (&'static str, bool) {
        match self {
            Protocol::Grpc => ("otlp-grpc", cfg!(feature = "otlp-grpc")),
            Protocol::HttpProtobuf | Protocol::HttpJson => ("otlp-http", cfg!(feature = "otlp-http")),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all. The default.
    #[default]
    None,
    /// By gzip (RFC 1952).
    Gzip,
}

impl Compression {
    /// The name in variables and in `Content-Encoding`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
        }
    }
}

/// What an exporter does, checked. Its text has no secret.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Endpoint,
    /// What was configured, and what a user name and password in the address come to.
    pub(crate) headers: Headers,
    pub(crate) compression: Compression,
    /// How long a whole export may take, all attempts included; zero is no limit.
    pub(crate) timeout: Duration,
    pub(crate) tls: Tls,
    pub(crate) proxy: Proxy,
    pub(crate) retry: RetryPolicy,
    /// The largest request to send, before and after compression. At most 4 GiB - 1, which is what the
    /// length of a gRPC message can say.
    pub(crate) max_request_bytes: usize,
    /// The largest answer to take, after decompression.
    pub(crate) max_response_bytes: usize,
    /// The value of the header, unless one of the headers takes its place.
    pub(crate) user_agent: String,
    /// What is wanted of metrics.
    pub(crate) preferences: Preferences,
}

impl Settings {
    /// The settings of the defaults, to change.
    pub(crate) fn builder(signal: Signal) -> SettingsBuilder {
        SettingsBuilder::new(signal)
    }

    /// What is asked for: by HTTP the signal's path, by gRPC that of its method. It may hold a secret in
    /// its query; the endpoint's own text does not.
    pub(crate) fn url(&self) -> &Uri {
        self.endpoint.url()
    }

    /// What the exporter is called in metrics about it (OpenTelemetry's semantic conventions, attribute
    /// `otel.component.type`), and where it sends, which a proxy in between does not change.
    pub(crate) fn component(&self) -> Component {
        let kind = match (self.signal, self.protocol) {
            (Signal::Traces, Protocol::Grpc) => "otlp_grpc_span_exporter",
            (Signal::Traces, Protocol::HttpProtobuf) => "otlp_http_span_exporter",
            (Signal::Traces, Protocol::HttpJson) => "otlp_http_json_span_exporter",
            (Signal::Metrics, Protocol::Grpc) => "otlp_grpc_metric_exporter",
            (Signal::Metrics, Protocol::HttpProtobuf) => "otlp_http_metric_exporter",
            (Signal::Metrics, Protocol::HttpJson) => "otlp_http_json_metric_exporter",
        };
        let (host, port) = self.endpoint.server();
        // What OTLP/HTTP answers, "Full Success"; any other status of 2xx is taken as it.
        let success = match self.protocol {
            Protocol::Grpc => ResponseStatus::Grpc(0),
            Protocol::HttpProtobuf | Protocol::HttpJson => ResponseStatus::Http(200),
        };
        Component::new(kind).with_server(host, port).with_success(success)
    }
}
