//! What the suite is told about the exporter that it looks at.

use crate::metrics::MetricExporter;
use crate::metrics::data::ResourceMetrics;
use std::sync::Arc;

/// An exporter under test, and sight of its back-end.
///
/// Dropping the subject is the place to stop servers and remove files.
pub trait Subject: Send + Sync {
    /// The exporter. Each call returns the same one.
    fn exporter(&self) -> Arc<dyn MetricExporter>;

    /// What reached each back-end so far; one list a back-end. How the points are grouped, and their order,
    /// do not matter; each has its own resource, scope and metric above it. An exporter to several
    /// destinations has several, every other one. The number of back-ends does not change.
    ///
    /// It must not make anything reach them: the suite calls it to see what the exporter did. It is called
    /// after the shutdown as well.
    fn delivered(&self) -> Vec<Vec<ResourceMetrics>>;

    /// Makes every back-end refuse whatever comes, so that nothing can be delivered and an export fails
    /// for good, or take it again. Returns `false` if the subject cannot do that; the cases about it do not
    /// apply then.
    ///
    /// An exporter that tries again should be set up to give up within seconds.
    fn set_unreachable(&self, unreachable: bool) -> bool;

    /// Makes every back-end hang, so that it neither takes what comes nor refuses it, or go on. Returns
    /// `false` if the subject cannot do that, or if its exporter has [said](crate::metrics::MetricExporter)
    /// that it cannot be interrupted there; the cases about it do not apply then.
    fn set_hanging(&self, hanging: bool) -> bool;

    /// Whether everything that the exporter held is free again: connections, files, locks. `None` if the
    /// subject cannot tell; the case about it does not apply then.
    fn is_released(&self) -> Option<bool> {
        None
    }
}
