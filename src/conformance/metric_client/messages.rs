//! Messages of metrics as the checks see them. A client owes what an exporter does, up to its shutdown, so the
//! checks are the same.

use super::{Answer, Subject};
use crate::conformance::case::Verdict;
use crate::conformance::exporting::{Exported, Preferring};
use crate::export::{Context, ExportError, Telemetry};
use crate::metrics::data::{self, Temporality};
use crate::metrics::{Aggregation, InstrumentKind, Metrics};
use crate::otlp::MetricClient;
use crate::otlp::proto::ResourceMetrics;
use std::sync::Arc;

/// Encoded metrics, counted by their data points.
#[derive(Debug)]
pub(super) enum Messages {}

impl Telemetry for Messages {
    type Batch = ResourceMetrics;
    type Exporter = dyn MetricClient;

    const ITEMS: &'static str = "data points";
    const EXPORTER: &'static str = "metric client";

    fn count(message: &ResourceMetrics) -> usize {
        message.data_point_count().unwrap_or_default()
    }

    fn bytes(message: &ResourceMetrics) -> usize {
        message.as_bytes().len()
    }

    fn export(
        client: &dyn MetricClient,
        context: &Context,
        message: &ResourceMetrics,
    ) -> Result<(), ExportError> {
        client.upload_metrics(context, message)
    }

    fn force_flush(client: &dyn MetricClient, context: &Context) -> Result<(), ExportError> {
        client.force_flush(context)
    }

    fn shutdown(client: &dyn MetricClient, context: &Context) -> Result<(), ExportError> {
        client.shutdown(context)
    }
}

impl Exported for Messages {
    type Subject = dyn Subject;
    type Delivered = Vec<ResourceMetrics>;
    type Memory = ResourceMetrics;

    fn exporter(subject: &dyn Subject) -> Arc<dyn MetricClient> {
        subject.client()
    }

    fn delivered(subject: &dyn Subject) -> Vec<Vec<ResourceMetrics>> {
        vec![subject.delivered()]
    }

    fn set_unreachable(subject: &dyn Subject, unreachable: bool) -> bool {
        subject.answer(&[], if unreachable { Answer::Refuse } else { Answer::Accept })
    }

    fn set_hanging(subject: &dyn Subject, hanging: bool) -> bool {
        subject.answer(&[], if hanging { Answer::Never } else { Answer::Accept })
    }

    fn flushes(_: &dyn Subject) -> bool {
        true
    }

    fn is_released(subject: &dyn Subject) -> Option<bool> {
        subject.is_released()
    }

    fn fill(memory: &mut ResourceMetrics, sequence: u64, points: u64) -> ResourceMetrics {
        let mut message = std::mem::take(memory);
        message.encode(&Metrics::batch(sequence, points));
        message
    }

    fn recycle(memory: &mut ResourceMetrics, message: ResourceMetrics) {
        *memory = message;
    }

    fn odd_batch() -> ResourceMetrics {
        encoded(&Metrics::odd_batch())
    }

    fn counts(delivered: &Vec<ResourceMetrics>, message: &ResourceMetrics) -> Vec<usize> {
        Metrics::counts(&all_decoded(delivered), &decoded(message))
    }

    fn whole(delivered: &Vec<ResourceMetrics>, message: &ResourceMetrics) -> Verdict {
        Metrics::whole(&all_decoded(delivered), &decoded(message))
    }
}

impl Preferring for Messages {
    fn temporality(client: &dyn MetricClient, kind: InstrumentKind) -> Temporality {
        client.temporality(kind)
    }

    fn aggregation(client: &dyn MetricClient, kind: InstrumentKind) -> Aggregation {
        client.aggregation(kind)
    }
}

fn encoded(metrics: &data::ResourceMetrics) -> ResourceMetrics {
    let mut message = ResourceMetrics::default();
    message.encode(metrics);
    message
}

/// What a message says; nothing, if it is none.
fn decoded(message: &ResourceMetrics) -> data::ResourceMetrics {
    let mut metrics = data::ResourceMetrics::default();
    // One that cannot be read has no point in it that is looked for.
    let _ = message.decode(&mut metrics);
    metrics
}

fn all_decoded(messages: &[ResourceMetrics]) -> Vec<data::ResourceMetrics> {
    messages.iter().map(decoded).collect()
}
