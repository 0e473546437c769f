//! An exporter that keeps metrics in memory, for tests.

use std::fmt;

use crate::export::memory::Store;
use crate::export::{Component, Context, ContextError, ExportError, Hold};
use crate::metrics::data::{Metric, ResourceMetrics, Temporality};
use crate::metrics::preferences::Preferences;
use crate::metrics::{Aggregation, InstrumentKind, MetricExporter};

/// Keeps what is exported to it, and fails or stalls when told to: the
/// [`MemoryExporter`](crate::export::MemoryExporter) of metrics.
///
/// A clone is the same exporter, so a test hands one to the reader and asks the other. Memory is
/// the limit of what it keeps: it is made for tests, not for services.
///
/// ```
/// use nanospan::export::Context;
/// use nanospan::metrics::data::{ResourceMetrics, Temporality};
/// use nanospan::metrics::{InstrumentKind, MemoryMetricExporter, MetricExporter};
///
/// let exporter = MemoryMetricExporter::new().with_temporality(|_| Temporality::Delta);
/// assert_eq!(exporter.temporality(InstrumentKind::Counter), Temporality::Delta);
///
/// let mut metrics = ResourceMetrics::default();
/// let metric = metrics.scopes.push().metrics.push();
/// metric.name = "shop.orders".into();
/// metric.data.sum().points.push().value = Some(7.into());
/// exporter.export(&Context::new(), &metrics)?;
/// assert_eq!(exporter.exported(), [metrics]);
/// assert_eq!(exporter.metrics_named("shop.orders").len(), 1);
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
#[derive(Clone)]
pub struct MemoryMetricExporter {
    store: Store<ResourceMetrics>,
    preferences: Preferences,
}

impl Default for MemoryMetricExporter {
    fn default() -> Self {
        Self { store: Store::new("memory metric exporter"), preferences: Preferences::default() }
    }
}

impl MemoryMetricExporter {
    /// An exporter that has kept nothing yet. It wants cumulative points and the default aggregation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what [`temporality`](MetricExporter::temporality) answers, of this handle and of its clones.
    /// `wanted` is asked once for each kind, here.
    #[must_use]
    pub fn with_temporality(mut self, wanted: impl Fn(InstrumentKind) -> Temporality) -> Self {
        self.preferences.set_temporality(wanted);
        self
    }

    /// Sets what [`aggregation`](MetricExporter::aggregation) answers, of this handle and of its clones.
    /// `wanted` is asked once for each kind, here.
    #[must_use]
    pub fn with_aggregation(mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) -> Self {
        self.preferences.set_aggregation(wanted);
        self
    }

    /// A copy of everything exported, in order; also after the shutdown.
    #[must_use]
    pub fn exported(&self) -> Vec<ResourceMetrics> {
        self.store.kept().clone()
    }

    /// A copy of the exported metrics called `name`, in order.
    #[must_use]
    pub fn metrics_named(&self, name: &str) -> Vec<Metric> {
        let kept = self.store.kept();
        let metrics = kept.iter().flat_map(|one| &one.scopes).flat_map(|scope| &scope.metrics);
        metrics.filter(|metric| metric.name == name).cloned().collect()
    }

    /// Forgets what was exported so far.
    pub fn clear(&self) {
        self.store.kept().clear();
    }

    /// How many times `force_flush` succeeded.
    #[must_use]
    pub fn flush_count(&self) -> u64 {
        self.store.flush_count()
    }

    /// Whether the exporter was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.store.is_shut_down()
    }

    /// Whether two exports ever ran at the same time, which the caller promises not to do.
    #[must_use]
    pub fn exports_overlapped(&self) -> bool {
        self.store.exports_overlapped()
    }

    /// Makes the next `count` exports fail with an error of kind
    /// [`Other`](crate::export::ExportErrorKind::Other) and keep nothing.
    pub fn fail_next(&self, count: u32) {
        self.store.fail_next(count);
    }

    /// Makes exports wait until the [`Hold`] that this returns is dropped, or their context or
    /// the exporter is over.
    #[must_use = "exports go on when the hold is dropped"]
    pub fn hold(&self) -> Hold {
        self.store.hold()
    }

    /// Waits until an export is under way. With a [`Hold`], it is being held then or about to be.
    ///
    /// # Errors
    ///
    /// If `context` is over before.
    pub fn wait_for_export(&self, context: &Context) -> Result<(), ContextError> {
        self.store.wait_for_export(context)
    }
}

impl MetricExporter for MemoryMetricExporter {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.preferences.aggregation(kind)
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.store.export(context, || metrics.clone())
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.store.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.store.shutdown(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::metrics::MemoryMetricExporter")
    }
}

impl fmt::Debug for MemoryMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryMetricExporter")
            .field("exported", &self.store.kept().len())
            .field("shut_down", &self.store.is_shut_down())
            .finish_non_exhaustive()
    }
}
