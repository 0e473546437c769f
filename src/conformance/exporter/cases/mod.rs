//! The cases, by theme.

mod context;
mod delivery;
mod failure;
mod flush;
mod shutdown;
mod threads;

use super::Case;

/// Go's `sdk/trace.SpanExporter.ExportSpans`.
const EXPORT_SPANS: &str = "Go, sdk/trace, SpanExporter.ExportSpans";
/// Sections of OpenTelemetry's Trace SDK.
const EXPORT: &str = "OpenTelemetry, Trace SDK, Export(batch)";
const SHUTDOWN: &str = "OpenTelemetry, Trace SDK, Shutdown()";
const FORCE_FLUSH: &str = "OpenTelemetry, Trace SDK, ForceFlush()";
const CONCURRENCY: &str = "OpenTelemetry, Trace SDK, Concurrency requirements";
/// The documentation of this crate's trait.
const TRAIT: &str = "nanospan::export::SpanExporter";

/// Every case, in a fixed order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    const THEMES: [&[Case]; 6] =
        [delivery::CASES, context::CASES, failure::CASES, flush::CASES, shutdown::CASES, threads::CASES];
    THEMES.into_iter().flatten()
}
