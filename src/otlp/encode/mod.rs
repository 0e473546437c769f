//! Batches and metrics as OTLP's requests, in protobuf and in JSON.
//!
//! Both encodings are written straight from the batch: no message is built in between, and nothing is
//! allocated but what the vector that takes them needs to grow.

pub(super) mod fields;
mod json;
pub(super) mod metrics;
mod protobuf;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub(super) mod requests;
mod wire;

pub use json::TracesData;
pub use json::metrics::MetricsData;
pub(crate) use json::metrics::request as metrics_json_request;

use std::ops::Range;

use crate::batch::BatchView;
use crate::metrics::data::ResourceMetrics;

/// Appends an `ExportTraceServiceRequest` with the spans `spans` of `batch` in protobuf.
///
/// Indices count in the order of [`BatchView::spans`]; those that the batch does not have are passed
/// over. Without any span the request is the empty message, which has no bytes: OTLP wants no envelope
/// without spans in it. Fields of default value are left out, and every length is as short as it can
/// be, so that these are the bytes that protobuf's own encoders write.
///
/// ```
/// use nanospan::batch::{BatchBuilder, SpanHead};
/// use nanospan::otlp::encode_protobuf;
///
/// let mut builder = BatchBuilder::new(&[], 7);
/// # builder.begin_span(&SpanHead {
/// #     trace_id: 1,
/// #     span_id: 2,
/// #     parent_span_id: 0,
/// #     start_unix_nanos: 3,
/// #     end_unix_nanos: 4,
/// #     name: "GET /cart".into(),
/// #     kind: nanospan::SpanKind::Server,
/// #     flags: 1,
/// # });
/// // ... spans are added ...
/// let batch = builder.finish(0, 1_700_000_000_000_000_000)?;
///
/// let mut request = Vec::new();
/// encode_protobuf(&batch.view(), 0..batch.span_count(), &mut request);
/// // Field 1 of the request, a ResourceSpans.
/// assert_eq!(request[0], 0x0a);
/// # Ok::<(), nanospan::batch::BatchError>(())
/// ```
pub fn encode_protobuf(batch: &BatchView<'_>, spans: Range<usize>, into: &mut Vec<u8>) {
    encode_protobuf_within(batch, spans, usize::MAX, into);
}

/// Appends an `ExportTraceServiceRequest` with as many of the spans `spans`, from the first on, as
/// take at most `limit` bytes, and gives their number.
///
/// It is 0, and nothing is appended, when the first of them alone takes more. As
/// [`encode_protobuf`] in all else. At most one span more is written than fits, and taken back, so
/// that memory is bounded whatever the batch holds.
pub fn encode_protobuf_within(
    batch: &BatchView<'_>,
    spans: Range<usize>,
    limit: usize,
    into: &mut Vec<u8>,
) -> usize {
    protobuf::request(batch, clamped(batch, spans), limit, into)
}

/// Appends an `ExportTraceServiceRequest` with the spans `spans` of `batch` in JSON.
///
/// The indices are as in [`encode_protobuf`]. Without any span the request is the empty message, `{}`.
pub fn encode_json(batch: &BatchView<'_>, spans: Range<usize>, into: &mut Vec<u8>) {
    let spans = clamped(batch, spans);
    if spans.is_empty() {
        into.extend_from_slice(b"{}");
    } else {
        encode_json_within(batch, spans, usize::MAX, into);
    }
}

/// [`encode_protobuf_within`], in JSON.
pub fn encode_json_within(
    batch: &BatchView<'_>,
    spans: Range<usize>,
    limit: usize,
    into: &mut Vec<u8>,
) -> usize {
    json::request(batch, clamped(batch, spans), limit, into)
}

/// Appends an `ExportMetricsServiceRequest` with `metrics` in JSON, which is [`MetricsData`] as well: a line of
/// a file in OTLP's JSON format.
///
/// Without any point the request is the empty message, `{}`: OTLP wants no envelope without data in it.
///
/// ```
/// use nanospan::metrics::data::ResourceMetrics;
/// use nanospan::otlp::encode_metrics_json;
///
/// let mut metrics = ResourceMetrics::default();
/// let metric = metrics.scopes.push().metrics.push();
/// metric.name = "shop.cart.items".into();
/// metric.data.gauge().points.push().value = Some(17.into());
/// let mut json = Vec::new();
/// encode_metrics_json(&metrics, &mut json);
/// assert!(json.starts_with(br#"{"resourceMetrics":[{"resource":{}"#));
/// ```
pub fn encode_metrics_json(metrics: &ResourceMetrics, into: &mut Vec<u8>) {
    json::append(into, &MetricsData::new(metrics));
}

/// The part of `spans` that the batch has.
fn clamped(batch: &BatchView<'_>, spans: Range<usize>) -> Range<usize> {
    let end = spans.end.min(batch.span_count());
    spans.start.min(end)..end
}
