//! Where spans go by `OTEL_TRACES_EXPORTER`.

use crate::env::Environment;
use crate::export::segment::SegmentExporterBuilder;
use crate::export::{ExportError, FanOutExporter, Nowhere, SpanExporter, StdoutExporter, StdoutFormat};
use std::sync::Arc;
use std::time::Duration;

const VARIABLE: &str = "OTEL_TRACES_EXPORTER";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Otlp,
    OtlpStdout,
    Console,
    Segments,
    None,
}

const NAMES: [(&str, Named); 5] = [
    ("otlp", Named::Otlp),
    ("otlp/stdout", Named::OtlpStdout),
    ("console", Named::Console),
    ("nanospan/segments", Named::Segments),
    ("none", Named::None),
];

/// Where spans go. Nothing of it is opened or started before the tracer is built: until then the program may
/// say otherwise.
pub(in crate::tracer) struct Destinations {
    /// Each once, at least one.
    named: Vec<Named>,
    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    otlp: Option<crate::otlp::OtlpExporterBuilder>,
}

impl Destinations {
    /// Those that are asked for; OTLP when none is.
    pub(in crate::tracer) fn read(environment: &mut Environment<'_>) -> Self {
        let named = environment.choices(VARIABLE, &NAMES).unwrap_or_else(|| vec![Named::Otlp]);
        #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
        let otlp =
            named.contains(&Named::Otlp).then(|| crate::otlp::OtlpExporter::builder().read(environment));
        Self {
            named,
            #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
            otlp,
        }
    }

    /// The exporter to all of them. Segment files are written as `segments` says; where there are several
    /// destinations, each export to one of them takes no longer than `timeout`.
    ///
    /// An error when one cannot be had: its spans would be lost.
    pub(in crate::tracer) fn build(
        mut self,
        segments: &SegmentExporterBuilder,
        timeout: Duration,
    ) -> Result<Arc<dyn SpanExporter>, ExportError> {
        if let [single] = self.named[..] {
            return self.exporter(single, segments);
        }
        let mut fan_out = FanOutExporter::builder().export_timeout(timeout);
        for named in std::mem::take(&mut self.named) {
            let name = NAMES.iter().find(|(_, other)| *other == named).map_or("", |(name, _)| name);
            fan_out = fan_out.destination(name, self.exporter(named, segments)?);
        }
        Ok(Arc::new(fan_out.build()?))
    }

    fn exporter(
        &mut self,
        named: Named,
        segments: &SegmentExporterBuilder,
    ) -> Result<Arc<dyn SpanExporter>, ExportError> {
        match named {
            Named::Otlp => self.otlp(),
            Named::OtlpStdout => otlp_stdout(),
            Named::Console => Ok(stdout(StdoutFormat::Human)),
            Named::Segments => Ok(Arc::new(segments.clone().build()?)),
            Named::None => Ok(Arc::new(Nowhere)),
        }
    }

    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    fn otlp(&mut self) -> Result<Arc<dyn SpanExporter>, ExportError> {
        let builder = self.otlp.take().unwrap_or_else(crate::otlp::OtlpExporter::builder);
        Ok(Arc::new(builder.build()?))
    }

    #[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
    fn otlp(&mut self) -> Result<Arc<dyn SpanExporter>, ExportError> {
        Err(missing("otlp, which is also meant when it names nothing,", "otlp-http or otlp-grpc"))
    }
}

fn stdout(format: StdoutFormat) -> Arc<dyn SpanExporter> {
    Arc::new(StdoutExporter::builder().format(format).build())
}

#[cfg(feature = "otlp")]
fn otlp_stdout() -> Result<Arc<dyn SpanExporter>, ExportError> {
    Ok(stdout(StdoutFormat::OtlpJson))
}

#[cfg(not(feature = "otlp"))]
fn otlp_stdout() -> Result<Arc<dyn SpanExporter>, ExportError> {
    Err(missing("otlp/stdout", "otlp"))
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
fn missing(name: &str, feature: &str) -> ExportError {
    super::missing(VARIABLE, name, feature, "console, nanospan/segments and none")
}
