//! What frames hold.

use super::{KIND_METRICS_BATCH, KIND_SPAN_BATCH};
use crate::batch::{BatchError, BatchView, MetricsView};

/// What a [`SegmentReader`](super::SegmentReader) hands out: batches of spans ([`BatchView`]), of metrics
/// ([`MetricsView`]), or both ([`AnyBatch`]). Frames of other kinds are passed over.
pub trait Payload<'a>: Sized + sealed::Parse<'a> {}

impl<'a, P: sealed::Parse<'a>> Payload<'a> for P {}

pub(super) mod sealed {
    use crate::batch::BatchError;

    pub trait Parse<'a>: Sized {
        /// The payload of a frame of this kind; `None` if it is not what is handed out.
        fn parse(kind: u16, payload: &'a [u8]) -> Option<Result<Self, BatchError>>;
    }
}

/// A batch of a segment that holds whatever it holds.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum AnyBatch<'a> {
    /// Finished spans.
    Spans(BatchView<'a>),
    /// Metrics.
    Metrics(MetricsView<'a>),
}

impl<'a> sealed::Parse<'a> for BatchView<'a> {
    fn parse(kind: u16, payload: &'a [u8]) -> Option<Result<Self, BatchError>> {
        (kind == KIND_SPAN_BATCH).then(|| Self::parse(payload))
    }
}

impl<'a> sealed::Parse<'a> for MetricsView<'a> {
    fn parse(kind: u16, payload: &'a [u8]) -> Option<Result<Self, BatchError>> {
        (kind == KIND_METRICS_BATCH).then(|| Self::parse(payload))
    }
}

impl<'a> sealed::Parse<'a> for AnyBatch<'a> {
    fn parse(kind: u16, payload: &'a [u8]) -> Option<Result<Self, BatchError>> {
        match kind {
            KIND_SPAN_BATCH => Some(BatchView::parse(payload).map(Self::Spans)),
            KIND_METRICS_BATCH => Some(MetricsView::parse(payload).map(Self::Metrics)),
            _ => None,
        }
    }
}
