#![doc = include_str!("../../docs/otlp.md")]

#[cfg_attr(
    not(any(feature = "otlp-grpc", feature = "otlp-http", test)),
    allow(dead_code, unused_imports, reason = "the client asks for these")
)]
mod answer;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod builder;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod client;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod delivery;
mod encode;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod exporter;
mod metrics;
pub mod proto;
mod read;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod retry;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod settings;
#[cfg_attr(
    not(any(feature = "otlp-grpc", feature = "otlp-http")),
    expect(dead_code, reason = "the client asks for these")
)]
mod signal;

pub(crate) use encode::metrics_json_request;
pub use encode::{
    MetricsData, TracesData, encode_json, encode_json_within, encode_metrics_json, encode_protobuf,
    encode_protobuf_within,
};
pub use metrics::MetricClient;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use retry::RetryPolicy;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use settings::{Compression, Protocol, Proxy};
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use {
    builder::{OtlpBuilder, OtlpExporterBuilder, OtlpMetricExporterBuilder},
    exporter::{OtlpExporter, OtlpStats},
    metrics::{OtlpMetricClient, OtlpMetricExporter, OtlpMetricStats},
};
