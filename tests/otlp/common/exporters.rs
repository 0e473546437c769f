//! Exporters to test collectors.

use std::time::Duration;

use nanospan::export::{Context, ExportError, SpanExporter};
use nanospan::otlp::{OtlpExporter, OtlpExporterBuilder, Protocol, Proxy, RetryPolicy};

use super::batches::batch;

pub(crate) const PROTOCOLS: [Protocol; 3] = [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson];

/// Longer than anything takes that does not hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// To this endpoint, whatever proxies the environment has, with waits as short as can be.
pub(crate) fn builder(protocol: Protocol, endpoint: &str) -> OtlpExporterBuilder {
    let impatient = RetryPolicy::new().initial(Duration::from_millis(2)).max(Duration::from_millis(10));
    OtlpExporter::builder()
        .protocol(protocol)
        .endpoint(endpoint)
        .proxy(Proxy::None)
        .timeout(PATIENCE)
        .retry(impatient)
}

pub(crate) fn exporter(protocol: Protocol, endpoint: &str) -> OtlpExporter {
    builder(protocol, endpoint).build().unwrap()
}

/// Exports a batch of `spans`.
pub(crate) fn export(exporter: &OtlpExporter, spans: usize) -> Result<(), ExportError> {
    exporter.export(&Context::with_timeout(PATIENCE), &batch(0, spans))
}
