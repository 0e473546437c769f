//! Metrics over OTLP: the contract of clients, one that keeps it, and the exporter over any.

#[cfg(feature = "otlp-client")]
mod client;
mod contract;
#[cfg(feature = "otlp-client")]
mod exporter;
#[cfg(feature = "otlp-client")]
mod source;
#[cfg(feature = "otlp-client")]
mod stats;

pub use contract::MetricClient;
#[cfg(feature = "otlp-client")]
pub use {client::OtlpMetricClient, exporter::OtlpMetricExporter, stats::OtlpMetricStats};
