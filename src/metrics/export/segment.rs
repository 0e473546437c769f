//! Metrics in segment files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::Timestamp;
use crate::batch::MetricsBatchBuilder;
use crate::export::segment::files::{Encode, SegmentFiles, Setup};
use crate::export::segment::{Recovery, Signal};
use crate::export::{Component, Context, ExportError, ExportErrorKind};
use crate::metrics::data::{ResourceMetrics, Temporality};
use crate::metrics::preferences::Preferences;
use crate::metrics::{Aggregation, InstrumentKind, MetricExporter};
use crate::raw::random;

/// The default of `max_segment_age`. That of spans, a minute, would give each of a reader's collections a file.
const DEFAULT_MAX_SEGMENT_AGE: Duration = Duration::from_secs(60 * 60);

/// Writes metrics to segment files in a directory of its own, as
/// [`SegmentExporter`](crate::export::segment::SegmentExporter) does with spans.
///
/// The files are named `metrics-….nsp`; each collection is a batch.
/// [`export::segment`](crate::export::segment) says what else is in the directory, what survives which kind
/// of failure and what a context can interrupt, and `SegmentReader::metrics` reads the batches back.
/// Metrics without points are not written.
///
/// Dropping the exporter without a shutdown syncs and seals the active segment, and ignores errors.
///
/// ```no_run
/// use nanospan::export::Context;
/// use nanospan::export::segment::{SegmentFile, segments_in};
/// use nanospan::metrics::data::ResourceMetrics;
/// use nanospan::metrics::{MetricExporter, SegmentMetricExporter};
///
/// let exporter = SegmentMetricExporter::builder("/var/spool/shop/metrics").build()?;
/// exporter.export(&Context::new(), &ResourceMetrics::default())?;
/// exporter.shutdown(&Context::new())?;
///
/// for path in segments_in("/var/spool/shop/metrics")? {
///     for frame in SegmentFile::open(path)?.reader()?.metrics() {
///         let metrics = frame?.view().to_metrics(64 << 20)?;
///         println!("{} points", metrics.data_point_count());
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SegmentMetricExporter {
    preferences: Preferences,
    files: SegmentFiles<MetricBatches>,
}

/// Makes batches of collections, and numbers them.
struct MetricBatches {
    builder: MetricsBatchBuilder,
    sequence: u64,
}

impl Encode for MetricBatches {
    type Batch = ResourceMetrics;

    const SIGNAL: Signal = Signal::Metrics;
    const EXPORTER: &'static str = "segment exporter of metrics";

    fn encode<'a>(&'a mut self, metrics: &'a ResourceMetrics) -> Result<Option<&'a [u8]>, ExportError> {
        if metrics.data_point_count() == 0 {
            return Ok(None);
        }
        // One that does not arrive leaves a gap, by which a reader knows of it.
        let sequence = self.sequence;
        self.sequence += 1;
        let now = Timestamp::from(SystemTime::now()).unix_nanos();
        self.builder.build(metrics, sequence, now).map(Some).map_err(|error| {
            let message = "cannot make a batch of the metrics";
            ExportError::new(ExportErrorKind::Other, message).with_source(error)
        })
    }
}

impl SegmentMetricExporter {
    /// An exporter that writes to `directory`, which need not exist yet.
    pub fn builder(directory: impl Into<PathBuf>) -> SegmentMetricExporterBuilder {
        let mut setup = Setup::new(directory.into());
        setup.limits.max_age = DEFAULT_MAX_SEGMENT_AGE;
        SegmentMetricExporterBuilder { preferences: Preferences::default(), setup }
    }

    /// The directory that the segments are in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.files.directory()
    }

    /// What was found and done about segments that an earlier writer left open.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        self.files.recovery()
    }
}

impl MetricExporter for SegmentMetricExporter {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.preferences.aggregation(kind)
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.files.export(context, metrics)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.files.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.files.shut_down(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::metrics::SegmentMetricExporter")
    }
}

/// Sets up a [`SegmentMetricExporter`]; made by [`SegmentMetricExporter::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SegmentMetricExporterBuilder {
    preferences: Preferences,
    setup: Setup,
}

impl SegmentMetricExporterBuilder {
    /// The size in bytes that a segment does not exceed; 64 MiB by default.
    ///
    /// A batch larger than this is written all the same, into a segment of its own.
    pub fn max_segment_bytes(mut self, bytes: u64) -> Self {
        self.setup.limits.max_bytes = bytes;
        self
    }

    /// The age at which a segment is sealed and a new one begun; one hour by default, so that a segment has many
    /// of the collections that come every minute.
    ///
    /// It is looked at by every `export` and `force_flush`, so a segment can grow older while neither is
    /// called.
    pub fn max_segment_age(mut self, age: Duration) -> Self {
        self.setup.limits.max_age = age;
        self
    }

    /// The size in bytes that the segments of the directory together do not exceed; 4 GiB by default.
    ///
    /// Once it is reached, exports fail with an error of kind [`Full`](ExportErrorKind::Full) until segments
    /// are deleted or moved away. The exporter itself deletes none: what was written first is kept.
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.setup.limits.max_total_bytes = bytes;
        self
    }

    /// Sets over which time points are wanted; cumulative by default. `wanted` is asked once for each kind
    /// of instrument, here.
    pub fn temporality(mut self, wanted: impl Fn(InstrumentKind) -> Temporality) -> Self {
        self.preferences.set_temporality(wanted);
        self
    }

    /// Sets what is to become of measurements; [`Aggregation::Default`] by default. `wanted` is asked once
    /// for each kind of instrument, here.
    pub fn aggregation(mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) -> Self {
        self.preferences.set_aggregation(wanted);
        self
    }

    /// Opens the directory, creating it if it is missing, and seals what a crash left open.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](ExportErrorKind::InvalidConfig) if one of the sizes is zero.
    /// - [`Insecure`](ExportErrorKind::Insecure) if the directory is a symbolic link, belongs to
    ///   another user, or lets its group or everybody write.
    /// - [`Locked`](ExportErrorKind::Locked) if the directory has a writer already, of spans or of metrics.
    /// - [`Io`](ExportErrorKind::Io) if the system refuses something.
    pub fn build(self) -> Result<SegmentMetricExporter, ExportError> {
        let encoder = MetricBatches { builder: MetricsBatchBuilder::new(random::word()), sequence: 0 };
        Ok(SegmentMetricExporter { preferences: self.preferences, files: self.setup.build(encoder)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between two collections of a reader, by default.
    const INTERVAL: Duration = Duration::from_secs(60);

    #[test]
    fn a_segment_has_many_collections_of_a_reader_where_nothing_else_is_said() {
        let age = SegmentMetricExporter::builder("never-opened").setup.limits.max_age;
        assert!(age >= 10 * INTERVAL, "{age:?}");
    }
}
