//! A message as something to deliver, of which each metric is a part.

use std::ops::Range;

use crate::metrics::data;
use crate::otlp::delivery::Source;
use crate::otlp::encode::{metrics_json_request, requests};
use crate::otlp::proto::{self, DecodeError};

/// A message that is sent as it is encoded.
pub(super) struct Encoded<'a> {
    message: &'a [u8],
    metrics: usize,
}

impl<'a> Encoded<'a> {
    /// # Errors
    ///
    /// The bytes are no message down to the points. So what is cut out of it is no trouble later.
    pub(super) fn of(message: &'a proto::ResourceMetrics) -> Result<Self, DecodeError> {
        message.data_point_count()?;
        let message = message.as_bytes();
        Ok(Self { message, metrics: proto::metric_count(message)? })
    }
}

impl Source for Encoded<'_> {
    fn parts(&self) -> usize {
        self.metrics
    }

    fn items(&self, range: Range<usize>) -> u64 {
        // It was counted before.
        proto::data_point_count(self.message, range).unwrap_or_default() as u64
    }

    fn encode(&self, range: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize {
        halved(range, limit, into, |range, into| {
            if range == (0..self.metrics) {
                requests::request(self.message, into);
            } else {
                requests::part(self.message, range, into);
            }
        })
    }
}

/// A message that is sent in JSON.
pub(super) struct Decoded<'a> {
    metrics: &'a data::ResourceMetrics,
}

impl<'a> Decoded<'a> {
    pub(super) fn of(metrics: &'a data::ResourceMetrics) -> Self {
        Self { metrics }
    }

    fn all(&self) -> impl Iterator<Item = &'a data::Metric> {
        self.metrics.scopes.iter().flat_map(|scope| &scope.metrics)
    }
}

impl Source for Decoded<'_> {
    fn parts(&self) -> usize {
        self.all().count()
    }

    fn items(&self, range: Range<usize>) -> u64 {
        self.all().skip(range.start).take(range.len()).map(|metric| metric.data.point_count() as u64).sum()
    }

    fn encode(&self, range: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize {
        let all = 0..self.parts();
        halved(range, limit, into, |range, into| {
            let range = if range == all { 0..usize::MAX } else { range };
            metrics_json_request(self.metrics, range, into);
        })
    }
}

/// Encodes `range`, and half of it again and again until it takes at most `limit` bytes. That a message is too
/// large is rare, and how full each request is matters little.
fn halved(
    range: Range<usize>,
    limit: usize,
    into: &mut Vec<u8>,
    encode: impl Fn(Range<usize>, &mut Vec<u8>),
) -> usize {
    let Range { start, end } = range;
    let mut count = end - start;
    while count > 0 {
        into.clear();
        encode(start..start + count, into);
        if into.len() <= limit {
            break;
        }
        count /= 2;
    }
    count
}
