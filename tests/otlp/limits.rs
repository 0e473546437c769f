//! Requests and answers that are too large.

use std::io::Write;
use std::ops::Range;

use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{Compression, Protocol, encode_json, encode_protobuf};

use crate::common::batches::batch;
use crate::common::collector::{Asked, Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export};

fn encoded(protocol: Protocol, spans: Range<usize>) -> Vec<u8> {
    let batch = batch(0, 100);
    let mut bytes = Vec::new();
    match protocol {
        Protocol::HttpJson => encode_json(&batch.view(), spans, &mut bytes),
        _ => encode_protobuf(&batch.view(), spans, &mut bytes),
    }
    bytes
}

fn size(protocol: Protocol, spans: Range<usize>) -> usize {
    encoded(protocol, spans).len()
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_parts_and_in_order() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::new([]);
            let builder = builder(protocol, &collector.url()).compression(compression);
            // Spans are not all of one length.
            let limit = size(protocol, 0..100).div_ceil(3);
            let exporter = builder.max_request_bytes(limit).build().unwrap();
            export(&exporter, 100).unwrap();
            let sizes: Vec<_> = collector.asked().iter().map(|asked| asked.content().len()).collect();
            assert!((3..=4).contains(&sizes.len()), "{sizes:?}");
            assert!(sizes.iter().all(|size| *size <= limit), "{sizes:?} {limit}");
            let mut at = 0;
            for content in collector.asked().iter().map(Asked::content) {
                let end = (at + 1..=100).find(|end| size(protocol, at..*end) == content.len());
                let end = end.expect("a part is a run of spans");
                assert_eq!(content, encoded(protocol, at..end));
                at = end;
            }
            assert_eq!(at, 100, "{protocol:?}, {compression:?}");
            assert_eq!((exporter.stats().split_batches, exporter.stats().oversized_spans), (1, 0));
        }
    }
}

#[test]
fn a_span_that_is_too_large_alone_is_lost_and_the_others_arrive() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        // All but the last have names of fewer digits, and are a byte or more shorter.
        let limit = size(protocol, 99..100) - 1;
        let exporter = builder(protocol, &collector.url()).max_request_bytes(limit).build().unwrap();
        let error = export(&exporter, 100).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Full, Some(1)), "{error}");
        assert_eq!(collector.asked().len(), 99);
        assert_eq!(exporter.stats().oversized_spans, 1);
    }
}

#[test]
fn nothing_is_sent_when_every_span_is_too_large() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = builder(protocol, &collector.url()).max_request_bytes(10).build().unwrap();
        let error = export(&exporter, 7).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Full, None));
        assert_eq!((exporter.stats().oversized_spans, collector.asked().len()), (7, 0));
    }
}

#[test]
fn a_part_that_is_refused_does_not_keep_the_others() {
    let collector = Collector::new([Reply::status(400)]);
    let limit = size(Protocol::HttpProtobuf, 0..100).div_ceil(3);
    let builder = builder(Protocol::HttpProtobuf, &collector.url()).max_request_bytes(limit);
    let error = export(&builder.build().unwrap(), 100).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Rejected);
    let refused =
        (1..100).find(|end| size(Protocol::HttpProtobuf, 0..*end) == collector.asked()[0].body.len());
    assert_eq!(error.lost_spans().map(|lost| lost as usize), refused);
    assert!(collector.asked().len() >= 3);
}

#[test]
fn the_rest_is_not_tried_when_the_time_is_over() {
    let collector = Collector::new([Reply::status(200), Reply::Never]);
    let limit = size(Protocol::HttpProtobuf, 0..100).div_ceil(3);
    let builder = builder(Protocol::HttpProtobuf, &collector.url()).max_request_bytes(limit);
    let exporter = builder.build().unwrap();
    let context = Context::with_timeout(PATIENCE);
    let cancellation = context.cancellation();
    let error = std::thread::scope(|scope| {
        let export = scope.spawn(|| exporter.export(&context, &batch(0, 100)).unwrap_err());
        collector.wait_for(2);
        cancellation.cancel();
        export.join().unwrap()
    });
    assert_eq!(error.kind(), ExportErrorKind::Cancelled);
    let sent = (1..100).find(|end| size(Protocol::HttpProtobuf, 0..*end) == collector.asked()[0].body.len());
    assert_eq!(error.lost_spans().map(|lost| 100 - lost as usize), sent);
    assert_eq!(collector.asked().len(), 2);
}

#[test]
fn an_answer_that_is_too_large_is_final() {
    for status in [200, 400, 503] {
        let body = vec![b'x'; 1001];
        let collector = Collector::new([Reply::status(status).body(body)]);
        let builder = builder(Protocol::HttpProtobuf, &collector.url()).max_response_bytes(1000);
        let exporter = builder.build().unwrap();
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!(error.lost_spans(), None);
        let expected = format!(
            "answered {}: the answer is larger than the 1000 bytes",
            hyper::StatusCode::from_u16(status).unwrap()
        );
        assert!(error.to_string().contains(&expected), "{error}");
        collector.only();
    }
    let mut frame = vec![0, 0, 0, 4, 0];
    frame.resize(1024 + 5, 0);
    let collector = Collector::new([Reply::grpc(0, "").body(frame)]);
    let builder = builder(Protocol::Grpc, &collector.url()).max_response_bytes(1000);
    let error = export(&builder.build().unwrap(), 10).unwrap_err();
    assert!(error.to_string().contains("larger than the 1000 bytes"), "{error}");
    collector.only();
}

#[test]
fn an_answer_within_the_limit_is_read() {
    let collector = Collector::new([Reply::status(200).body(vec![b'x'; 1000])]);
    let builder = builder(Protocol::HttpProtobuf, &collector.url()).max_response_bytes(1000);
    export(&builder.build().unwrap(), 10).unwrap();
}

#[test]
fn a_bomb_is_final_and_not_unpacked() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    let mut bomb = encoder.finish().unwrap();
    // Whoever unpacked it all would come upon its broken end, and take that for the fault.
    bomb.truncate(bomb.len() - 100);
    let http = Reply::status(200).header("content-type", "application/x-protobuf");
    let http = http.header("content-encoding", "gzip").body(bomb.clone());
    let mut frame = vec![1];
    frame.extend((bomb.len() as u32).to_be_bytes());
    frame.extend(bomb);
    let grpc = Reply::grpc(0, "").header("grpc-encoding", "gzip").body(frame);
    for (protocol, reply) in [(Protocol::HttpProtobuf, http), (Protocol::Grpc, grpc)] {
        let collector = Collector::new([reply]);
        let error = export(&builder(protocol, &collector.url()).build().unwrap(), 10).unwrap_err();
        let expected = format!("larger than the {} bytes", 4 << 20);
        assert!(error.to_string().contains(&expected), "{error}");
        collector.only();
    }
}
