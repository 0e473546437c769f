//! This crate's clients over OTLP, as the suite gets to see them.

use crate::collector::{Collector, Reply};
use crate::metrics::{metric_builder, partial};
use nanospan::conformance::metric_client::{Answer, Subject};
use nanospan::otlp::proto::ResourceMetrics;
use nanospan::otlp::{Compression, MetricClient, OtlpMetricClient, Protocol};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use std::sync::Arc;

pub(crate) struct Otlp {
    protocol: Protocol,
    client: Arc<OtlpMetricClient>,
    collector: Collector,
}

impl Otlp {
    pub(crate) fn new(protocol: Protocol, compression: Compression) -> Self {
        let collector = Collector::new([]);
        let builder = metric_builder(protocol, &collector.url()).compression(compression);
        Self { protocol, client: Arc::new(builder.build_client().unwrap()), collector }
    }

    fn reply(&self, answer: &Answer) -> Reply {
        let is_grpc = self.protocol == Protocol::Grpc;
        match answer {
            Answer::Accept if is_grpc => Reply::grpc(0, ""),
            Answer::Accept => Reply::status(200),
            Answer::Partial { rejected_data_points, message } => {
                partial(self.protocol, *rejected_data_points as i64, message)
            }
            Answer::Refuse if is_grpc => Reply::grpc(3, "no"),
            Answer::Refuse => Reply::status(400),
            Answer::Unavailable if is_grpc => Reply::grpc(14, "later"),
            Answer::Unavailable => Reply::status(503),
            Answer::Never => Reply::Never,
            other => panic!("an answer that this receiver does not know: {other:?}"),
        }
    }
}

/// The messages of a request: of protobuf their bytes, of JSON what OpenTelemetry's own types make of it.
fn messages(content: &[u8], is_json: bool) -> Vec<ResourceMetrics> {
    if is_json {
        let request: ExportMetricsServiceRequest = serde_json::from_slice(content).unwrap_or_default();
        let messages = request.resource_metrics.iter();
        return messages.map(|message| ResourceMetrics::from_bytes(message.encode_to_vec())).collect();
    }
    let mut rest = content;
    let mut messages = Vec::new();
    while let Some((0x0a, mut behind)) = rest.split_first() {
        let length = prost::encoding::decode_varint(&mut behind).expect("a length") as usize;
        messages.push(ResourceMetrics::from_bytes(behind[..length].to_vec()));
        rest = &behind[length..];
    }
    assert!(rest.is_empty(), "a request is messages and nothing else");
    messages
}

impl Subject for Otlp {
    fn client(&self) -> Arc<dyn MetricClient> {
        Arc::clone(&self.client) as _
    }

    fn delivered(&self) -> Vec<ResourceMetrics> {
        let asked = self.collector.asked();
        let taken = asked.iter().filter(|asked| asked.is_taken);
        taken.flat_map(|asked| messages(&asked.content(), self.protocol == Protocol::HttpJson)).collect()
    }

    fn answer(&self, next: &[Answer], then: Answer) -> bool {
        self.collector.answer_next(next.iter().map(|answer| self.reply(answer)));
        self.collector.answer(Some(self.reply(&then)));
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.collector.open_connections() == 0)
    }
}
