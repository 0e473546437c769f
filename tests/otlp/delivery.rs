//! What is sent, by each form of OTLP.

use hyper::Version;
use nanospan::Tracer;
use nanospan::batch::Batch;
use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{Compression, OtlpExporter, Protocol, encode_json, encode_protobuf};

use crate::common::batches::batch;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export, exporter};

fn encoded(protocol: Protocol, batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let view = batch.view();
    match protocol {
        Protocol::HttpJson => encode_json(&view, 0..batch.span_count(), &mut bytes),
        _ => {
            encode_protobuf(&view, 0..batch.span_count(), &mut bytes);
        }
    }
    bytes
}

#[test]
fn each_form_and_compression_delivers_the_encoded_batch() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::new([]);
            let exporter = builder(protocol, &collector.url()).compression(compression).build().unwrap();
            export(&exporter, 100).unwrap();
            let asked = collector.only();
            assert_eq!(asked.content(), encoded(protocol, &batch(0, 100)), "{protocol:?}, {compression:?}");
            let frame = if protocol == Protocol::Grpc { 5 } else { 0 };
            assert_eq!(exporter.stats().request_bytes, (asked.body.len() - frame) as u64);
        }
    }
}

#[test]
fn a_request_over_http_says_what_it_is() {
    for (protocol, media) in
        [(Protocol::HttpProtobuf, "application/x-protobuf"), (Protocol::HttpJson, "application/json")]
    {
        let collector = Collector::new([]);
        let builder = builder(protocol, &format!("{}/base", collector.url()));
        export(&builder.user_agent_prefix("shop/1.2").build().unwrap(), 1).unwrap();
        let asked = collector.only();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/base/v1/traces"));
        assert_eq!(asked.version, Version::HTTP_11);
        assert_eq!(asked.header("content-type"), media);
        assert_eq!(asked.header("content-encoding"), "");
        assert_eq!(asked.header("accept-encoding"), "gzip");
        assert_eq!(asked.header("host"), format!("localhost:{}", collector.address.port()));
        assert_eq!(asked.header("content-length"), asked.body.len().to_string());
        let agent = concat!("OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));
        assert!(asked.header("user-agent").starts_with("shop/1.2 "), "{}", asked.header("user-agent"));
        assert!(asked.header("user-agent").ends_with(agent), "{}", asked.header("user-agent"));
    }
}

#[test]
fn a_call_of_grpc_says_what_it_is() {
    let collector = Collector::new([]);
    export(&exporter(Protocol::Grpc, &collector.url()), 1).unwrap();
    let asked = collector.only();
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(asked.method, "POST");
    assert!(asked.target.ends_with(path), "{}", asked.target);
    assert_eq!(asked.version, Version::HTTP_2);
    assert_eq!(asked.header("te"), "trailers");
    assert_eq!(asked.header("content-type"), "application/grpc");
    assert_eq!(asked.header("grpc-accept-encoding"), "identity,gzip");
    assert_eq!(asked.header("grpc-encoding"), "");
    let timeout = asked.header("grpc-timeout").strip_suffix('m').unwrap().parse::<u128>().unwrap();
    assert!((1..=PATIENCE.as_millis()).contains(&timeout), "{timeout}");
    assert!(asked.header("user-agent").contains("OTLP-Exporter-Rust/"));
}

#[test]
fn configured_headers_go_with_each_request() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let builder = builder(protocol, &collector.url()).header("x-one", "1").headers([("X-Two", "2")]);
        let exporter = builder.build().unwrap();
        export(&exporter, 1).unwrap();
        export(&exporter, 1).unwrap();
        for asked in collector.asked() {
            assert_eq!((asked.header("x-one"), asked.header("x-two")), ("1", "2"), "{protocol:?}");
        }
    }
}

#[test]
fn a_user_name_and_password_in_the_address_become_a_header() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let url = collector.url().replace("//", "//user:pa%40ss@");
        export(&exporter(protocol, &url), 1).unwrap();
        assert_eq!(collector.only().header("authorization"), "Basic dXNlcjpwYUBzcw==");
    }
}

#[test]
fn a_url_without_a_path_asks_for_the_root() {
    let collector = Collector::new([]);
    let builder = builder(Protocol::HttpProtobuf, "").url(collector.url());
    export(&builder.build().unwrap(), 1).unwrap();
    assert_eq!(collector.only().target, "/");
}

#[test]
fn a_batch_without_spans_is_not_sent() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        export(&exporter, 0).unwrap();
        assert_eq!(collector.asked().len(), 0);
        assert_eq!(exporter.stats().requests, 0);
    }
}

#[test]
fn batches_go_out_one_by_one_on_one_connection() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([Reply::status(200), Reply::grpc(0, "")]);
        let exporter = exporter(protocol, &collector.url());
        for sequence in 0..5 {
            let batch = batch(sequence, 10);
            // The script begins with an answer for either kind; one of them is not understood.
            let _ = exporter.export(&Context::with_timeout(PATIENCE), &batch);
            assert_eq!(collector.asked().last().unwrap().content(), encoded(protocol, &batch));
        }
        assert!(collector.asked().iter().all(|asked| asked.connection == 0), "{protocol:?}");
    }
}

#[test]
fn the_defaults_are_those_of_the_specification() {
    let exporter = OtlpExporter::builder().build().unwrap();
    assert!(format!("{exporter:?}").contains("http://localhost:4318/v1/traces"), "{exporter:?}");
    let exporter = OtlpExporter::builder().protocol(Protocol::Grpc).build().unwrap();
    assert!(format!("{exporter:?}").contains("http://localhost:4317/"), "{exporter:?}");
}

#[test]
fn a_tracers_spans_arrive_and_the_stats_can_be_asked_for() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        let tracer = Tracer::builder("shop").exporter(exporter.clone()).build().unwrap();
        let request = tracer.span("GET /cart").start();
        drop(request.child("SELECT items").start());
        drop(request);
        tracer.shutdown(PATIENCE).unwrap();
        assert_eq!(tracer.stats().exported, 2);
        let requests = collector.asked();
        assert_eq!(exporter.stats().requests, requests.len() as u64);
        for name in ["GET /cart", "SELECT items"] {
            let has_it = |content: Vec<u8>| content.windows(name.len()).any(|bytes| bytes == name.as_bytes());
            assert!(requests.iter().any(|asked| has_it(asked.content())), "{protocol:?}: {name}");
        }
        let late = exporter.export(&Context::with_timeout(PATIENCE), &batch(0, 1)).unwrap_err();
        assert_eq!(late.kind(), ExportErrorKind::ExporterShutdown);
    }
}
