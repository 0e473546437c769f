//! The exporters that `OTEL_TRACES_EXPORTER` names.

use crate::batch::Batch;
use crate::env::Environment;
use crate::export::{Context, ExportError, SpanExporter};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Otlp,
    None,
}

const NAMES: [(&str, Named); 2] = [("otlp", Named::Otlp), ("none", Named::None)];

/// The exporter that is asked for; OTLP when none is.
pub(super) fn from_environment(
    environment: &mut Environment<'_>,
) -> Result<Arc<dyn SpanExporter>, ExportError> {
    match environment.choice("OTEL_TRACES_EXPORTER", &NAMES).unwrap_or(Named::Otlp) {
        Named::Otlp => otlp(environment),
        Named::None => Ok(Arc::new(Nowhere)),
    }
}

#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
fn otlp(environment: &mut Environment<'_>) -> Result<Arc<dyn SpanExporter>, ExportError> {
    Ok(Arc::new(crate::otlp::OtlpExporter::builder().read(environment).build()?))
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
fn otlp(_: &mut Environment<'_>) -> Result<Arc<dyn SpanExporter>, ExportError> {
    let message = "OTEL_TRACES_EXPORTER: spans go by OTLP unless it says otherwise, which needs the feature \
                   otlp-http or otlp-grpc";
    Err(ExportError::new(crate::export::ExportErrorKind::InvalidConfig, message))
}

/// Where spans go that nobody wants: they are recorded, since services below have their ids and decisions
/// from them, and let go of.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}
