//! What is secret shows in no error and in no `Debug`.

use nanospan::export::Context;
use nanospan::metrics::MetricExporter;
use nanospan::otlp::{OtlpExporterBuilder, Protocol, Proxy, RetryPolicy};

use crate::common::black_hole::refusing;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export};
use crate::common::metrics::{metric_builder, metrics};
use crate::common::proxy::TestProxy;

const SECRET: &str = "s3cr3t";

fn assert_hidden(text: &str) {
    assert!(!text.contains(SECRET) && !text.contains("czNjcjN0"), "{text}");
}

fn with_secrets(protocol: Protocol, url: &str) -> OtlpExporterBuilder {
    let url = url.replace("//", &format!("//user:{SECRET}@"));
    builder(protocol, &url).header("x-api-key", SECRET).header("x-token", format!("Token {SECRET}"))
}

#[test]
fn a_server_that_repeats_a_secret_does_not_get_it_shown() {
    for protocol in PROTOCOLS {
        let words = format!("Token {SECRET} or the key {SECRET} is not known");
        let reply = if protocol == Protocol::Grpc {
            Reply::grpc(16, &words)
        } else {
            Reply::status(401).header("content-type", "text/plain").body(words)
        };
        let collector = Collector::new([reply]);
        let exporter = with_secrets(protocol, &collector.url()).build().unwrap();
        let error = export(&exporter, 1).unwrap_err();
        assert!(error.to_string().contains("is not known"), "{error}");
        assert_hidden(&format!("{error} {error:?} {exporter:?}"));
    }
}

#[test]
fn no_failure_to_connect_shows_a_secret() {
    for protocol in PROTOCOLS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{}", refusing());
            let exporter = with_secrets(protocol, &url).retry(RetryPolicy::disabled());
            assert_hidden(&format!("{exporter:?}"));
            let error = export(&exporter.build().unwrap(), 1).unwrap_err();
            assert_hidden(&format!("{error} {error:?}"));
        }
    }
}

#[test]
fn a_proxy_that_refuses_does_not_get_its_password_shown() {
    for protocol in PROTOCOLS {
        let proxy = TestProxy::for_whom("Basic none");
        let url = format!("http://user:{SECRET}@{}", proxy.address);
        let builder = builder(protocol, "https://collector.invalid").proxy(Proxy::Url(url));
        assert_hidden(&format!("{builder:?}"));
        let error = export(&builder.build().unwrap(), 1).unwrap_err();
        assert!(error.to_string().contains("407"), "{error}");
        assert_hidden(&format!("{error} {error:?}"));
    }
}

#[test]
fn a_query_is_taken_for_a_secret() {
    let collector = Collector::new([Reply::status(500)]);
    let url = format!("{}/in?token={SECRET}", collector.url());
    let exporter = builder(Protocol::HttpProtobuf, "").url(url).build().unwrap();
    let error = export(&exporter, 1).unwrap_err();
    assert_hidden(&format!("{error} {error:?} {exporter:?}"));
    assert!(collector.only().target.ends_with(SECRET));
}

#[test]
fn what_sends_metrics_shows_no_secret_either() {
    for protocol in PROTOCOLS {
        let words = format!("the key {SECRET} is not known");
        let reply =
            if protocol == Protocol::Grpc { Reply::grpc(16, &words) } else { Reply::status(401).body(words) };
        let collector = Collector::new([reply]);
        let to = |url: String| {
            let url = url.replace("//", &format!("//user:{SECRET}@"));
            metric_builder(protocol, &url).header("x-api-key", SECRET).retry(RetryPolicy::disabled())
        };
        for builder in [to(collector.url()), to(format!("http://{}", refusing()))] {
            assert_hidden(&format!("{builder:?}"));
            let client = builder.clone().build_client().unwrap();
            let exporter = builder.build().unwrap();
            let error = exporter.export(&Context::with_timeout(PATIENCE), &metrics(1)).unwrap_err();
            let component = exporter.component();
            assert_hidden(&format!("{error} {error:?} {exporter:?} {client:?} {component:?}"));
        }
        assert!(collector.only().header("x-api-key").contains(SECRET));
        let error = to("http://host:port".to_owned()).build().unwrap_err();
        assert_hidden(&format!("{error} {error:?}"));
    }
}
