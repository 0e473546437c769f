//! What kind of data is sent; the paths and names that follow from it.

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
}

impl Signal {
    /// What is appended to the path of an endpoint that is given for all signals (OTLP Exporter
    /// Configuration, section "Endpoint URLs for OTLP/HTTP").
    pub(crate) fn http_path(self) -> &'static str {
        match self {
            Signal::Traces => "v1/traces",
        }
    }

    /// The path of the gRPC method (OTLP specification, section "OTLP/gRPC").
    pub(crate) fn grpc_path(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        }
    }

    /// What stands between `OTEL_EXPORTER_OTLP_` and the rest in the name of a variable for this
    /// signal alone.
    pub(crate) fn infix(self) -> &'static str {
        match self {
            Signal::Traces => "TRACES_",
        }
    }
}
