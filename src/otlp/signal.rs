//! What kind of data is sent; the paths and names that follow from it.

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// What is appended to the path of an endpoint that is given for all signals (OTLP Exporter
    /// Configuration, section "Endpoint URLs for OTLP/HTTP").
    pub(crate) fn http_path(self) -> &'static str {
        match self {
            Signal::Traces => "v1/traces",
            Signal::Metrics => "v1/metrics",
        }
    }

    /// The path of the gRPC method (OTLP specification, section "OTLP/gRPC").
    pub(crate) fn grpc_path(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// What stands between `OTEL_EXPORTER_OTLP_` and the rest in the name of a variable for this
    /// signal alone.
    pub(crate) fn infix(self) -> &'static str {
        match self {
            Signal::Traces => "TRACES_",
            Signal::Metrics => "METRICS_",
        }
    }

    /// The message that a receiver answers with.
    pub(crate) fn response(self) -> &'static str {
        match self {
            Signal::Traces => "ExportTraceServiceResponse",
            Signal::Metrics => "ExportMetricsServiceResponse",
        }
    }

    /// What is counted, for words to people: more than one of it.
    pub(crate) fn items(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "data points",
        }
    }

    /// What is never sent in parts.
    pub(crate) fn part(self) -> &'static str {
        match self {
            Signal::Traces => "span",
            Signal::Metrics => "metric",
        }
    }
}
