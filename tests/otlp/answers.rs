//! What an answer of a server that took the request means.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use nanospan::export::{ExportErrorKind, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol};

use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, export, exporter};

/// An answer that refuses so many spans, with these words.
fn partial(protocol: Protocol, rejected: u8, words: &str) -> Reply {
    if protocol == Protocol::HttpJson {
        let body =
            format!(r#"{{"partialSuccess":{{"rejectedSpans":"{rejected}","errorMessage":"{words}"}}}}"#);
        return Reply::status(200).header("content-type", "application/json; charset=utf-8").body(body);
    }
    let mut inner = vec![8, rejected, 18, words.len() as u8];
    inner.extend_from_slice(words.as_bytes());
    let mut message = vec![10, inner.len() as u8];
    message.extend(inner);
    if protocol == Protocol::Grpc {
        return grpc(&message);
    }
    Reply::status(200).header("content-type", "application/x-protobuf").body(message)
}

fn grpc(message: &[u8]) -> Reply {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    Reply::grpc(0, "").body(frame)
}

fn to(protocol: Protocol, reply: Reply) -> (Collector, OtlpExporter) {
    let collector = Collector::new([reply]);
    let exporter = exporter(protocol, &collector.url());
    (collector, exporter)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn spans_that_are_refused_are_lost_and_counted_and_not_sent_again() {
    for protocol in PROTOCOLS {
        let (collector, exporter) = to(protocol, partial(protocol, 3, "too old"));
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, Some(3)));
        assert_eq!(error.to_string(), "the receiver refused 3 of 10 spans: too old");
        assert_eq!((exporter.stats().rejected_spans, exporter.stats().retries), (3, 0));
        collector.only();
    }
}

#[test]
fn words_without_a_refusal_are_a_warning_without_a_loss() {
    for protocol in PROTOCOLS {
        let (_collector, exporter) = to(protocol, partial(protocol, 0, "use v2"));
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Other, Some(0)));
        assert!(error.to_string().ends_with(": use v2"), "{error}");
        assert_eq!(exporter.stats().rejected_spans, 0);
    }
}

#[test]
fn a_partial_success_without_anything_in_it_is_a_success() {
    for protocol in PROTOCOLS {
        let (_collector, exporter) = to(protocol, partial(protocol, 0, ""));
        export(&exporter, 10).unwrap();
    }
}

#[test]
fn every_status_from_200_to_299_is_a_success() {
    for status in [200, 201, 202, 204, 206, 299] {
        let (_collector, exporter) = to(Protocol::HttpProtobuf, Reply::status(status));
        export(&exporter, 1).unwrap();
    }
}

#[test]
fn a_success_in_another_language_is_a_success() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let reply = Reply::status(200).header("content-type", "text/plain").body("hello");
        export(&to(protocol, reply).1, 1).unwrap();
        export(&to(protocol, Reply::status(200).body("hello")).1, 1).unwrap();
    }
}

#[test]
fn a_success_that_cannot_be_read_is_a_warning_without_a_loss() {
    let protobuf = Reply::status(200).header("content-type", "application/x-protobuf");
    let garbled = [
        (Protocol::HttpProtobuf, protobuf.clone().body([0xff])),
        (Protocol::HttpProtobuf, protobuf.clone().header("content-encoding", "gzip").body("no gzip")),
        (Protocol::HttpProtobuf, protobuf.header("content-encoding", "br").body("what")),
        (Protocol::HttpJson, Reply::status(200).header("content-type", "application/json").body("{")),
        (Protocol::Grpc, grpc(&[0xff])),
    ];
    for (protocol, reply) in garbled {
        let (collector, exporter) = to(protocol, reply);
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Other, Some(0)), "{error}");
        collector.only();
    }
}

#[test]
fn an_answer_may_be_compressed() {
    let Reply::Answer { body, .. } = partial(Protocol::HttpProtobuf, 3, "too old") else { unreachable!() };
    let packed = gzip(&body);
    let reply = Reply::status(200)
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "gzip")
        .body(packed.clone());
    assert_eq!(export(&to(Protocol::HttpProtobuf, reply).1, 10).unwrap_err().lost_spans(), Some(3));
    let mut frame = vec![1];
    frame.extend((packed.len() as u32).to_be_bytes());
    frame.extend(&packed);
    let reply = Reply::grpc(0, "").header("grpc-encoding", "gzip").body(frame);
    assert_eq!(export(&to(Protocol::Grpc, reply).1, 10).unwrap_err().lost_spans(), Some(3));
}

#[test]
fn the_connection_is_used_again_after_a_warning_and_after_a_refusal() {
    for protocol in PROTOCOLS {
        let script = [partial(protocol, 3, "a"), partial(protocol, 0, "b")];
        let collector = Collector::new(script);
        let exporter = exporter(protocol, &collector.url());
        assert!(export(&exporter, 10).is_err() && export(&exporter, 10).is_err());
        export(&exporter, 10).unwrap();
        assert!(collector.asked().iter().all(|asked| asked.connection == 0));
        exporter.shutdown(&nanospan::export::Context::with_timeout(PATIENCE)).unwrap();
    }
}

#[test]
fn the_words_of_a_refusal_are_those_of_its_status_in_either_language() {
    // A `google.rpc.Status`: its code, and its message behind the tag of field 2.
    let protobuf = [&[8, 3, 0x12, 9][..], b"no tenant"].concat();
    let json = r#"{"code":3,"message":"no tenant"}"#;
    for (media, body) in [
        ("application/x-protobuf", protobuf),
        ("application/json; charset=utf-8", json.into()),
        ("text/plain", "no tenant".into()),
    ] {
        let reply = Reply::status(400).header("content-type", media).body(body);
        let (_collector, exporter) = to(Protocol::HttpProtobuf, reply);
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, None));
        assert!(error.to_string().ends_with("answered 400 Bad Request: no tenant"), "{media}: {error}");
    }
    // Words that cannot be read are words less.
    for media in ["application/x-protobuf", "application/json"] {
        let reply = Reply::status(400).header("content-type", media).body([0xff]);
        let error = export(&to(Protocol::HttpJson, reply).1, 10).unwrap_err();
        assert!(error.to_string().ends_with("answered 400 Bad Request"), "{media}: {error}");
    }
}

#[test]
fn a_success_over_http_that_breaks_off_is_a_warning_without_a_loss() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = exporter(protocol, &format!("http://{}", listener.local_addr().unwrap()));
        let error = thread::scope(|scope| {
            let export = scope.spawn(|| export(&exporter, 10).unwrap_err());
            let (mut stream, _) = listener.accept().unwrap();
            // An answer that comes before its request is none.
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let error = export.join().unwrap();
            drop(stream);
            error
        });
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Other, Some(0)));
        assert!(error.to_string().contains("the answer broke off: "), "{error}");
    }
}
