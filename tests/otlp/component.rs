//! What the exporters are called in metrics about them.

use nanospan::export::{Component, Context, ExportError, ResponseStatus, SpanExporter};
use nanospan::metrics::MetricExporter;
use nanospan::otlp::{MetricClient, OtlpExporter, OtlpMetricExporter, Protocol, proto};

#[test]
fn an_exporter_is_called_as_the_conventions_have_it_and_says_where_it_sends() {
    let (grpc, http) = (ResponseStatus::Grpc(0), ResponseStatus::Http(200));
    for (protocol, success, spans, metrics) in [
        (Protocol::Grpc, grpc, "otlp_grpc_span_exporter", "otlp_grpc_metric_exporter"),
        (Protocol::HttpProtobuf, http, "otlp_http_span_exporter", "otlp_http_metric_exporter"),
        (Protocol::HttpJson, http, "otlp_http_json_span_exporter", "otlp_http_json_metric_exporter"),
    ] {
        for (endpoint, address, port) in [
            ("http://collector.example:1234", "collector.example", 1234),
            ("http://user:password@collector.example", "collector.example", 80),
            ("https://[::1]", "::1", 443),
            ("https://192.0.2.7:8443/", "192.0.2.7", 8443),
        ] {
            let expected =
                |kind: &'static str| Component::new(kind).with_server(address, port).with_success(success);
            let exporter = OtlpExporter::builder().protocol(protocol).endpoint(endpoint).build().unwrap();
            assert_eq!(exporter.component(), expected(spans), "{endpoint}");
            let exporter =
                OtlpMetricExporter::builder().protocol(protocol).endpoint(endpoint).build().unwrap();
            assert_eq!(exporter.component(), expected(metrics), "{endpoint}");
        }
    }
}

#[test]
fn an_exporter_over_somebody_elses_client_is_called_by_its_type() {
    struct Theirs;

    impl MetricClient for Theirs {
        fn upload_metrics(&self, _: &Context, _: &proto::ResourceMetrics) -> Result<(), ExportError> {
            Ok(())
        }

        fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
            Ok(())
        }

        fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
            Ok(())
        }
    }

    let component = OtlpMetricExporter::new(Theirs).component();
    assert!(component.kind.contains("OtlpMetricExporter<") && component.server.is_none(), "{component:?}");
}
