#![doc = include_str!("../../docs/otlp.md")]

#[cfg_attr(
    not(any(feature = "otlp-grpc", feature = "otlp-http", test)),
    allow(dead_code, unused_imports, reason = "the client asks for these")
)]
mod answer;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod client;
mod encode;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod exporter;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod retry;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod settings;
#[cfg_attr(
    not(any(feature = "otlp-grpc", feature = "otlp-http")),
    expect(dead_code, reason = "the client asks for these")
)]
mod signal;

pub use encode::{TracesData, encode_json, encode_json_within, encode_protobuf, encode_protobuf_within};
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use exporter::{OtlpExporter, OtlpExporterBuilder, OtlpStats};
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use retry::RetryPolicy;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use settings::{Compression, Protocol, Proxy};
