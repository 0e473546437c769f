//! When a request is sent again, and when not (OTLP specification, sections "Failures", "OTLP/gRPC
//! Throttling", "Retryable Response Codes", "OTLP/HTTP Throttling").

use std::time::Duration;

use nanospan::export::{Context, ExportErrorKind, ResponseStatus, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol, RetryPolicy};

use crate::common::batches::batch;
use crate::common::black_hole::refusing;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export, exporter};

fn to(protocol: Protocol, script: impl IntoIterator<Item = Reply>) -> (Collector, OtlpExporter) {
    let collector = Collector::new(script);
    let exporter = exporter(protocol, &collector.url());
    (collector, exporter)
}

/// An answer of this code, whatever the protocol calls it.
fn unavailable(protocol: Protocol) -> Reply {
    if protocol == Protocol::Grpc { Reply::grpc(14, "busy") } else { Reply::status(503).body("busy") }
}

#[test]
fn http_statuses_that_pass_are_tried_again_with_the_same_body() {
    for status in [429, 502, 503, 504] {
        let (collector, exporter) =
            to(Protocol::HttpProtobuf, [Reply::status(status), Reply::status(status)]);
        export(&exporter, 10).unwrap();
        let asked = collector.asked();
        assert_eq!(asked.len(), 3, "{status}");
        assert!(asked.iter().all(|one| one.body == asked[0].body));
        assert_eq!((exporter.stats().requests, exporter.stats().retries), (3, 2));
    }
}

#[test]
fn every_other_http_status_is_final() {
    for status in (400..600).filter(|status| ![429, 502, 503, 504].contains(status)).step_by(7) {
        let (collector, exporter) = to(Protocol::HttpJson, [Reply::status(status)]);
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, None));
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert_eq!(error.response_status(), Some(ResponseStatus::Http(status)));
        collector.only();
    }
}

#[test]
fn grpc_codes_that_pass_are_tried_again_and_others_are_final() {
    for code in 1..=16 {
        let (collector, exporter) = to(Protocol::Grpc, [Reply::grpc(code, "words")]);
        if [1, 4, 10, 11, 14, 15].contains(&code) {
            export(&exporter, 10).unwrap();
            assert_eq!(collector.asked().len(), 2, "{code}");
        } else {
            let error = export(&exporter, 10).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::Rejected);
            assert_eq!(error.response_status(), Some(ResponseStatus::Grpc(code)));
            assert!(error.to_string().ends_with(": words"), "{error}");
            collector.only();
        }
    }
}

/// A `google.rpc.Status` with a RetryInfo of 20 ms, in base64.
fn retry_info(is_padded: bool) -> String {
    let mut retry = vec![10, 5, 0x10];
    // 20,000,000 ns as a varint.
    retry.extend([0x80, 0xda, 0xc4, 0x09]);
    retry[1] = 5;
    let name = b"type.googleapis.com/google.rpc.RetryInfo";
    let mut any = vec![10, name.len() as u8];
    any.extend(name);
    any.extend([18, retry.len() as u8]);
    any.extend(retry);
    let mut status = vec![8, 8, 26, any.len() as u8];
    status.extend(any);
    let text = base64(&status);
    if is_padded { text } else { text.trim_end_matches('=').to_owned() }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = u32::from_be_bytes([
            0,
            group[0],
            group.get(1).copied().unwrap_or(0),
            group.get(2).copied().unwrap_or(0),
        ]);
        for place in 0..4 {
            let digit = char::from(DIGITS[(word >> (18 - 6 * place)) as usize & 63]);
            text.push(if place <= group.len() { digit } else { '=' });
        }
    }
    text
}

#[test]
fn exhausted_resources_are_tried_again_if_the_server_says_when_and_not_before() {
    for is_padded in [false, true] {
        let reply = Reply::grpc(8, "later").trailer("grpc-status-details-bin", retry_info(is_padded));
        let (collector, exporter) = to(Protocol::Grpc, [reply]);
        export(&exporter, 10).unwrap();
        let asked = collector.asked();
        assert_eq!(asked.len(), 2);
        assert!(asked[1].at - asked[0].at >= Duration::from_millis(20));
    }
}

#[test]
fn a_status_in_place_of_the_headers_counts() {
    let reply = Reply::status(200)
        .header("content-type", "application/grpc")
        .header("grpc-status", 14)
        .header("grpc-message", "go%20away");
    let (collector, exporter) = to(Protocol::Grpc, [reply]);
    export(&exporter, 10).unwrap();
    assert_eq!(collector.asked().len(), 2);
}

#[test]
fn the_server_may_ask_for_time() {
    let reply = Reply::status(503).header("retry-after", 1);
    let (collector, exporter) = to(Protocol::HttpProtobuf, [reply]);
    export(&exporter, 10).unwrap();
    let asked = collector.asked();
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(1));
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun() {
    for protocol in PROTOCOLS {
        let patient = RetryPolicy::new().initial(Duration::from_secs(3600)).max(Duration::from_secs(3600));
        let collector = Collector::new([unavailable(protocol)]);
        let exporter = builder(protocol, &collector.url()).retry(patient).build().unwrap();
        let error = export(&exporter, 10).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Rejected);
        assert!(error.to_string().ends_with(": busy"), "{error}");
        collector.only();
    }
}

#[test]
fn without_retry_the_first_failure_is_final() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([unavailable(protocol)]);
        let exporter = builder(protocol, &collector.url()).retry(RetryPolicy::disabled()).build().unwrap();
        assert_eq!(export(&exporter, 10).unwrap_err().kind(), ExportErrorKind::Rejected);
        collector.only();
        assert_eq!(exporter.stats().retries, 0);
    }
}

#[test]
fn a_server_that_closes_without_an_answer_is_asked_again() {
    for protocol in PROTOCOLS {
        let (collector, exporter) = to(protocol, [Reply::Close]);
        export(&exporter, 10).unwrap();
        assert_eq!(collector.asked().len(), 2, "{protocol:?}");
        assert_eq!(exporter.stats().retries, 1);
    }
}

#[test]
fn an_unreachable_server_is_tried_until_the_time_is_over() {
    for protocol in PROTOCOLS {
        let endpoint = format!("http://{}", refusing());
        let exporter = builder(protocol, &endpoint).timeout(Duration::from_secs(2)).build().unwrap();
        let error = export(&exporter, 10).unwrap_err();
        // Whether the time ended in a wait or before one.
        assert!(matches!(error.kind(), ExportErrorKind::Io | ExportErrorKind::DeadlineExceeded), "{error}");
        assert!(error.to_string().contains("cannot connect to 127.0.0.1:"), "{error}");
        assert!(exporter.stats().retries >= 2);
    }
}

#[test]
fn a_cancellation_ends_the_wait_between_attempts_and_tells_of_the_failure() {
    for protocol in PROTOCOLS {
        let slow = RetryPolicy::new().initial(PATIENCE / 2).max(PATIENCE);
        let collector = Collector::new([unavailable(protocol)]);
        let exporter = builder(protocol, &collector.url()).retry(slow).timeout(Duration::ZERO);
        let exporter = exporter.build().unwrap();
        let context = Context::new();
        let cancellation = context.cancellation();
        let error = std::thread::scope(|scope| {
            let export = scope.spawn(|| exporter.export(&context, &batch(0, 1)).unwrap_err());
            collector.wait_for(1);
            // Long enough for the answer to have arrived.
            std::thread::sleep(Duration::from_millis(200));
            cancellation.cancel();
            export.join().unwrap()
        });
        assert_eq!(error.kind(), ExportErrorKind::Cancelled);
        assert!(error.to_string().ends_with(": busy"), "{error}");
        collector.only();
    }
}
