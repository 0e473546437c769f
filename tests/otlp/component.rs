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

/// The environment is read by a process of its own, this same test.
#[test]
fn the_environment_of_a_process_says_where_its_exporters_send() {
    const ROLE: &str = "NANOSPAN_TEST_EXPORTERS";
    if std::env::var_os(ROLE).is_some() {
        let expected = |kind: &'static str| {
            Component::new(kind).with_server("collector.example", 1234).with_success(ResponseStatus::Grpc(0))
        };
        let exporter = OtlpExporter::from_env().unwrap();
        assert_eq!(exporter.component(), expected("otlp_grpc_span_exporter"));
        let exporter = OtlpMetricExporter::from_env().unwrap();
        assert_eq!(exporter.component(), expected("otlp_grpc_metric_exporter"));
        return;
    }
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
        process.env_remove(name);
    }
    let name = "component::the_environment_of_a_process_says_where_its_exporters_send";
    let output = process
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, "1")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:1234")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
    // One of spans and one of metrics.
    assert_eq!(stderr.matches("nanospan: OTEL_EXPORTER_OTLP_COMPRESSION=").count(), 2, "{stderr}");
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
