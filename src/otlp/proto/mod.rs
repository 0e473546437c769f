//! OTLP's messages for metrics, as they are on the wire.
//!
//! A message is its bytes. They are made from [`metrics::data`](crate::metrics::data), which has the shape of
//! the message, and read into it: a tree of generated types would say the same a second time.

mod attributes;
mod decode;
mod fault;
mod fields;
mod part;
mod points;

pub use fault::DecodeError;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub(super) use part::{data_point_count, metric_count};

use crate::metrics::data;
use crate::otlp::encode;

/// The protobuf message `opentelemetry.proto.metrics.v1.ResourceMetrics`, encoded.
///
/// A client for gRPC or HTTP puts it into an `ExportMetricsServiceRequest` as it is: as the field 1. One that
/// wants something else than these bytes [decodes](Self::decode) them.
///
/// ```
/// use nanospan::metrics::data;
/// use nanospan::otlp::proto::ResourceMetrics;
///
/// let mut metrics = data::ResourceMetrics::default();
/// let metric = metrics.scopes.push().metrics.push();
/// metric.name = "shop.cart.items".into();
/// metric.data.gauge().points.push().value = Some(17.into());
///
/// let mut message = ResourceMetrics::default();
/// message.encode(&metrics);
/// assert_eq!(message.data_point_count(), Ok(1));
///
/// let mut read = data::ResourceMetrics::default();
/// message.decode(&mut read)?;
/// assert_eq!(read, metrics);
/// # Ok::<(), nanospan::otlp::proto::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceMetrics {
    bytes: Vec<u8>,
}

impl ResourceMetrics {
    /// A message that somebody else has encoded. Nothing is checked: what is wrong with it is the error of
    /// whatever reads it.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Becomes the message of `metrics`, in the memory of the message that it was.
    ///
    /// Fields of default value are left out, and every length is as short as it can be, so that these are the
    /// bytes that protobuf's own encoders write. The resource and the scopes are there even if nothing is
    /// said about them.
    pub fn encode(&mut self, metrics: &data::ResourceMetrics) {
        self.bytes.clear();
        encode::metrics::resource_metrics(metrics, &mut self.bytes);
    }

    /// Becomes the empty message, and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Makes `into` what the message says, in the memory that it has.
    ///
    /// Any bytes may be read: the time is linear in their number, and so is the memory that is taken, with a
    /// few hundred bytes for one in the worst case, a message of points of which each says nothing. Fields that
    /// are not known are passed over, as protobuf wants it, so that a newer message is read as far as it can
    /// be; the resource's references to entities are among these.
    ///
    /// # Errors
    ///
    /// The bytes are no such message, or say something that [`data`] cannot hold: a text that is not UTF-8, a
    /// metric without data, a sum or a histogram without a temporality, an id of another length, a value of an
    /// attribute that is empty, a map, bytes, or an array of several types. Then `into` is cleared.
    pub fn decode(&self, into: &mut data::ResourceMetrics) -> Result<(), DecodeError> {
        use data::Clear;
        into.clear();
        decode::resource_metrics(&self.bytes, into).inspect_err(|_| into.clear())
    }

    /// How many points there are in all. They are counted, and not read.
    ///
    /// # Errors
    ///
    /// The bytes are no message down to the points.
    pub fn data_point_count(&self) -> Result<usize, DecodeError> {
        part::data_point_count(&self.bytes, 0..usize::MAX)
    }
}
