//! Where metrics go by `OTEL_METRICS_EXPORTER`.

use crate::drain::ErrorHandler;
use crate::env::Environment;
use crate::export::ExportError;
use crate::export::segment::SegmentExporterBuilder;
use crate::metrics::{
    MetricExporter, PeriodicReader, PeriodicReaderBuilder, SegmentMetricExporter, StdoutMetricExporter,
    StdoutMetricFormat,
};
use std::sync::Arc;
use std::time::Duration;

const VARIABLE: &str = "OTEL_METRICS_EXPORTER";

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

/// What is meant where nothing is named: OTLP, unless its default protocol is not compiled in and no other named.
/// Metrics are an extra, so to do without them is no error.
fn default(environment: &Environment<'_>) -> Named {
    let names_protocol = || {
        let variables = ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        variables.iter().any(|name| environment.text(name).is_some())
    };
    let is_there = cfg!(feature = "otlp-http") || (cfg!(feature = "otlp-grpc") && names_protocol());
    if is_there { Named::Otlp } else { Named::None }
}

/// What OpenTelemetry has for text on standard output that is paired with a reader by a variable (Metrics
/// Exporter - Standard output).
const CONSOLE_INTERVAL: Duration = Duration::from_secs(10);

/// Where metrics go. Nothing of it is opened or started before the tracer is built: until then the program may
/// say otherwise.
pub(in crate::tracer) struct MetricDestinations {
    /// Each once, at least one.
    named: Vec<Named>,
    interval: Option<Duration>,
    /// Zero is no limit.
    timeout: Option<Duration>,
    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    otlp: Option<crate::otlp::OtlpMetricExporterBuilder>,
}

impl MetricDestinations {
    /// Those that are asked for, or the default.
    pub(in crate::tracer) fn read(environment: &mut Environment<'_>) -> Self {
        let named = environment.choices(VARIABLE, &NAMES).unwrap_or_else(|| vec![default(environment)]);
        let interval =
            environment.number("OTEL_METRIC_EXPORT_INTERVAL", 1..=u64::MAX, "a number of milliseconds");
        let timeout = environment.duration("OTEL_METRIC_EXPORT_TIMEOUT");
        #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
        let otlp = named
            .contains(&Named::Otlp)
            .then(|| crate::otlp::OtlpMetricExporter::builder().read(environment));
        Self {
            named,
            interval: interval.map(Duration::from_millis),
            timeout,
            #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
            otlp,
        }
    }

    /// A reader for each of them, not started: so each gets points over the time that it asks for, and none waits
    /// for another. Segment files are written below those that `segments` is for. What no caller hears of is told to
    /// `error_handler`.
    ///
    /// An error when one cannot be had.
    pub(in crate::tracer) fn readers(
        mut self,
        segments: &SegmentExporterBuilder,
        error_handler: &ErrorHandler,
    ) -> Result<Vec<PeriodicReaderBuilder>, ExportError> {
        let mut readers = Vec::new();
        for named in std::mem::take(&mut self.named) {
            let Some(exporter) = self.exporter(named, segments)? else { continue };
            let error_handler = Arc::clone(error_handler);
            let mut reader =
                PeriodicReader::builder(exporter).error_handler(move |error| error_handler(error));
            if let Some(interval) = self.interval.or((named == Named::Console).then_some(CONSOLE_INTERVAL)) {
                reader = reader.interval(interval);
            }
            if let Some(timeout) = self.timeout {
                reader = reader.timeout(timeout);
            }
            readers.push(reader);
        }
        Ok(readers)
    }

    fn exporter(
        &mut self,
        named: Named,
        segments: &SegmentExporterBuilder,
    ) -> Result<Option<Arc<dyn MetricExporter>>, ExportError> {
        match named {
            Named::Otlp => self.otlp().map(Some),
            Named::OtlpStdout => otlp_stdout().map(Some),
            Named::Console => Ok(Some(stdout(StdoutMetricFormat::Human))),
            Named::Segments => {
                // A directory has one writer, and spans may have one in theirs.
                let directory = segments.path().join("metrics");
                Ok(Some(Arc::new(SegmentMetricExporter::builder(directory).build()?)))
            }
            Named::None => Ok(None),
        }
    }

    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    fn otlp(&mut self) -> Result<Arc<dyn MetricExporter>, ExportError> {
        let builder = self.otlp.take().unwrap_or_else(crate::otlp::OtlpMetricExporter::builder);
        Ok(Arc::new(builder.build()?))
    }

    #[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
    fn otlp(&mut self) -> Result<Arc<dyn MetricExporter>, ExportError> {
        Err(missing("otlp", "otlp-http or otlp-grpc"))
    }
}

fn stdout(format: StdoutMetricFormat) -> Arc<dyn MetricExporter> {
    Arc::new(StdoutMetricExporter::builder().format(format).build())
}

#[cfg(feature = "otlp")]
fn otlp_stdout() -> Result<Arc<dyn MetricExporter>, ExportError> {
    Ok(stdout(StdoutMetricFormat::OtlpJson))
}

#[cfg(not(feature = "otlp"))]
fn otlp_stdout() -> Result<Arc<dyn MetricExporter>, ExportError> {
    Err(missing("otlp/stdout", "otlp"))
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
fn missing(name: &str, feature: &str) -> ExportError {
    super::missing(VARIABLE, name, feature, "console, nanospan/segments and none")
}
