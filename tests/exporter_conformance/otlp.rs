//! The exporter over OTLP, as the suite gets to see it, in front of a collector that decodes what comes.

use crate::collector::{Collector, Reply};
use crate::received;
use nanospan::conformance::exporter::Subject;
use nanospan::export::{FinishedSpan, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol, Proxy};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Otlp {
    protocol: Protocol,
    exporter: Arc<OtlpExporter>,
    collector: Collector,
}

impl Otlp {
    pub(crate) fn new(protocol: Protocol) -> Self {
        let collector = Collector::new([]);
        let exporter = OtlpExporter::builder()
            .protocol(protocol)
            .endpoint(collector.url())
            .proxy(Proxy::None)
            // A hang is ended by a context or by nothing.
            .timeout(Duration::ZERO)
            .build()
            .unwrap();
        Self { protocol, exporter: Arc::new(exporter), collector }
    }
}

impl Subject for Otlp {
    fn exporter(&self) -> Arc<dyn SpanExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<FinishedSpan>> {
        let taken = self.collector.asked().into_iter().filter(|asked| asked.is_taken);
        let spans = taken.flat_map(|asked| match self.protocol {
            Protocol::HttpJson => received::json(&asked.content()),
            _ => received::protobuf(&asked.content()),
        });
        vec![spans.collect()]
    }

    /// With an answer that is final: not to be tried again.
    fn set_unreachable(&self, unreachable: bool) -> bool {
        let refusal = match self.protocol {
            Protocol::Grpc => Reply::grpc(3, "refused"),
            _ => Reply::status(400),
        };
        self.collector.answer(unreachable.then_some(refusal));
        true
    }

    /// Reads what is asked, and never answers.
    fn set_hanging(&self, hanging: bool) -> bool {
        self.collector.answer(hanging.then_some(Reply::Never));
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.collector.open_connections() == 0)
    }
}
