//! The exporters that `OTEL_TRACES_EXPORTER` and `OTEL_METRICS_EXPORTER` name.

mod metrics;
mod spans;

pub(super) use metrics::MetricDestinations;
pub(super) use spans::Destinations;

/// The error for a `variable` with the `name` of something that is not compiled in. `others` are there all the
/// same.
#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
fn missing(variable: &str, name: &str, feature: &str, others: &str) -> crate::export::ExportError {
    let message = format!("{variable}: {name} needs the feature {feature}; without it there are {others}");
    crate::export::ExportError::new(crate::export::ExportErrorKind::InvalidConfig, message)
}
