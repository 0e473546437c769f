//! The cases, by theme.

mod context;
mod delivery;
mod failure;
mod flush;
mod preferences;
mod shutdown;
mod threads;

use super::Case;

/// Go's `sdk/metric.Exporter`.
const GO_EXPORT: &str = "Go, sdk/metric, Exporter.Export";
const GO_FORCE_FLUSH: &str = "Go, sdk/metric, Exporter.ForceFlush";
const GO_SHUTDOWN: &str = "Go, sdk/metric, Exporter.Shutdown";
/// Sections of OpenTelemetry's Metrics SDK, below "Push Metric Exporter".
const EXPORT: &str = "OpenTelemetry, Metrics SDK, Export(batch)";
const FORCE_FLUSH: &str = "OpenTelemetry, Metrics SDK, ForceFlush";
const SHUTDOWN: &str = "OpenTelemetry, Metrics SDK, Shutdown";
/// The documentation of this crate's trait.
const TRAIT: &str = "nanospan::metrics::MetricExporter";

/// Every case, in a fixed order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    const THEMES: [&[Case]; 7] = [
        delivery::CASES,
        context::CASES,
        failure::CASES,
        flush::CASES,
        shutdown::CASES,
        threads::CASES,
        preferences::CASES,
    ];
    THEMES.into_iter().flatten()
}
