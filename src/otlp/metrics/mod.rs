//! Metrics over OTLP: the contract of clients, one that keeps it, and the exporter over any.

#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod client;
mod contract;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod exporter;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod source;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod stats;

pub use contract::MetricClient;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub use {client::OtlpMetricClient, exporter::OtlpMetricExporter, stats::OtlpMetricStats};
