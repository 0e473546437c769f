#![doc = include_str!("../../docs/otlp.md")]

#[cfg_attr(
    not(any(feature = "otlp-client", test)),
    allow(dead_code, unused_imports, reason = "the client asks for these")
)]
mod answer;
#[cfg(feature = "otlp-client")]
mod builder;
#[cfg(feature = "otlp-client")]
mod client;
#[cfg(feature = "otlp-client")]
mod delivery;
mod encode;
#[cfg(feature = "otlp-client")]
mod exporter;
mod metrics;
pub mod proto;
mod read;
#[cfg(feature = "otlp-client")]
mod retry;
#[cfg(feature = "otlp-client")]
mod settings;
#[cfg_attr(not(feature = "otlp-client"), expect(dead_code, reason = "the client asks for these"))]
mod signal;

pub use encode::{
    TracesData, encode_json, encode_json_within, encode_metrics_json, encode_protobuf, encode_protobuf_within,
};
pub use metrics::MetricClient;
#[cfg(feature = "otlp-client")]
pub use retry::RetryPolicy;
#[cfg(feature = "otlp-client")]
pub use settings::{Compression, Protocol, Proxy};
#[cfg(feature = "otlp-client")]
pub use {
    builder::{OtlpBuilder, OtlpExporterBuilder, OtlpMetricExporterBuilder},
    exporter::{OtlpExporter, OtlpStats},
    metrics::{OtlpMetricClient, OtlpMetricExporter, OtlpMetricStats},
};
