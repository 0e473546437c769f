//! Reading a batch of metrics where it lies.

use std::fmt;

use super::{METRICS_FORMAT_MAJOR, schema, verify};
use crate::batch::BatchError;
use crate::batch::attributes::{Attributes, Store, Texts};
use crate::batch::generated::nanospan::Attribute;
use crate::batch::span::range_of;
use crate::batch::table::{Column, Table};

/// A batch of metrics, read where it lies. [`to_metrics`](Self::to_metrics) makes the metrics of it.
///
/// Everything that is followed was checked when the view was made. The bytes may lie at any address: unlike
/// FlatBuffers' own readers this one does not need them aligned in memory.
#[derive(Clone, Copy)]
pub struct MetricsView<'a> {
    bytes: &'a [u8],
    version: (u16, u16),
    instance_id: u64,
    sequence: u64,
    created_unix_nanos: u64,
    pub(super) resource_schema_url: u32,
    pub(super) resource_dropped_attributes: u32,
    pub(super) store: Store<'a>,
    pub(super) resource: Column<'a, Attribute>,
    pub(super) scopes: Column<'a, schema::MetricScope>,
    pub(super) scope_attributes: Column<'a, Attribute>,
    pub(super) metrics: Column<'a, schema::Metric>,
    pub(super) metadata: Column<'a, Attribute>,
    pub(super) points: Column<'a, schema::Point>,
    pub(super) attributes: Column<'a, Attribute>,
    pub(super) exemplars: Column<'a, schema::Exemplar>,
    pub(super) exemplar_attributes: Column<'a, Attribute>,
    pub(super) histograms: Column<'a, schema::HistogramData>,
    pub(super) bucket_counts: Column<'a, u64>,
    pub(super) bounds: Column<'a, f64>,
    pub(super) exponential_histograms: Column<'a, schema::ExponentialHistogramData>,
    pub(super) positive_counts: Column<'a, u64>,
    pub(super) negative_counts: Column<'a, u64>,
    pub(super) summaries: Column<'a, schema::SummaryData>,
    pub(super) quantiles: Column<'a, schema::Quantile>,
}

impl<'a> MetricsView<'a> {
    /// Checks `bytes` in full and gives access to the batch that they hold.
    ///
    /// The time is linear in the length of `bytes`, whatever they hold, and nothing is allocated.
    ///
    /// # Errors
    ///
    /// If `bytes` are not a batch of metrics, are of a major version that is not known, or break a rule of the
    /// format; the error says which and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let view = Self::locate(bytes)?;
        verify::check(&view)?;
        Ok(view)
    }

    /// Finds the parts of a batch without checking what they hold.
    fn locate(bytes: &'a [u8]) -> Result<Self, BatchError> {
        use schema::MetricsBatch as Slot;

        let table = Table::root(bytes, schema::METRICS_BATCH_IDENTIFIER, "MetricsBatch")?;
        let version = (table.number("major", Slot::VT_MAJOR)?, table.number("minor", Slot::VT_MINOR)?);
        if version.0 != METRICS_FORMAT_MAJOR {
            return Err(BatchError::UnknownVersion { major: version.0, minor: version.1 });
        }
        let texts = Texts {
            text: table.string("text", Slot::VT_TEXT)?,
            ends: table.column("text_ends", Slot::VT_TEXT_ENDS)?,
        };
        Ok(Self {
            bytes,
            version,
            instance_id: table.number("instance_id", Slot::VT_INSTANCE_ID)?,
            sequence: table.number("sequence", Slot::VT_SEQUENCE)?,
            created_unix_nanos: table.number("created_unix_nanos", Slot::VT_CREATED_UNIX_NANOS)?,
            resource_schema_url: table.number("resource_schema_url", Slot::VT_RESOURCE_SCHEMA_URL)?,
            resource_dropped_attributes: table
                .number("resource_dropped_attributes", Slot::VT_RESOURCE_DROPPED_ATTRIBUTES)?,
            store: Store { texts, elements: table.column("elements", Slot::VT_ELEMENTS)? },
            resource: table.column("resource", Slot::VT_RESOURCE)?,
            scopes: table.column("scopes", Slot::VT_SCOPES)?,
            scope_attributes: table.column("scope_attributes", Slot::VT_SCOPE_ATTRIBUTES)?,
            metrics: table.column("metrics", Slot::VT_METRICS)?,
            metadata: table.column("metadata", Slot::VT_METADATA)?,
            points: table.column("points", Slot::VT_POINTS)?,
            attributes: table.column("attributes", Slot::VT_ATTRIBUTES)?,
            exemplars: table.column("exemplars", Slot::VT_EXEMPLARS)?,
            exemplar_attributes: table.column("exemplar_attributes", Slot::VT_EXEMPLAR_ATTRIBUTES)?,
            histograms: table.column("histograms", Slot::VT_HISTOGRAMS)?,
            bucket_counts: table.column("bucket_counts", Slot::VT_BUCKET_COUNTS)?,
            bounds: table.column("bounds", Slot::VT_BOUNDS)?,
            exponential_histograms: table
                .column("exponential_histograms", Slot::VT_EXPONENTIAL_HISTOGRAMS)?,
            positive_counts: table.column("positive_counts", Slot::VT_POSITIVE_COUNTS)?,
            negative_counts: table.column("negative_counts", Slot::VT_NEGATIVE_COUNTS)?,
            summaries: table.column("summaries", Slot::VT_SUMMARIES)?,
            quantiles: table.column("quantiles", Slot::VT_QUANTILES)?,
        })
    }

    /// The bytes that the view reads.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The version of the format that the batch states: major, minor.
    #[must_use]
    pub fn version(&self) -> (u16, u16) {
        self.version
    }

    /// Which exporter made the batch: a random number, drawn once per exporter.
    #[must_use]
    pub fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// The number of the batch among those of its exporter. A gap is a batch that was lost.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the batch was made, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn created_unix_nanos(&self) -> u64 {
        self.created_unix_nanos
    }

    /// The attributes of the resource that was measured.
    #[must_use]
    pub fn resource(&self) -> Attributes<'a> {
        Attributes::new(self.store, self.resource)
    }

    /// Number of metrics.
    #[must_use]
    pub fn metric_count(&self) -> usize {
        self.metrics.len()
    }

    /// The names of the metrics, in order, each with the number of its points.
    pub fn names(&self) -> impl Iterator<Item = (&'a str, usize)> + use<'a> {
        let (metrics, texts) = (self.metrics, self.store.texts);
        metrics.iter().enumerate().map(move |(index, metric)| {
            (texts.get(metric.name()), range_of(metrics, index, schema::Metric::points_end).len())
        })
    }

    /// Number of points, those of kinds that this version of the library does not know included.
    #[must_use]
    pub fn data_point_count(&self) -> usize {
        self.points.len()
    }
}

impl fmt::Debug for MetricsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsView")
            .field("instance_id", &self.instance_id)
            .field("sequence", &self.sequence)
            .field("created_unix_nanos", &self.created_unix_nanos)
            .field("resource", &self.resource())
            .field("metric_count", &self.metric_count())
            .field("data_point_count", &self.data_point_count())
            .finish_non_exhaustive()
    }
}
