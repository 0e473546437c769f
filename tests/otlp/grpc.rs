//! Answers that are no gRPC, or not what gRPC allows.

use nanospan::export::ExportErrorKind;
use nanospan::otlp::Protocol;

use crate::common::certificates::Authority;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{builder, export, exporter};

#[test]
fn an_answer_of_http_alone_is_judged_by_its_status() {
    for (status, name) in [
        (400, "INTERNAL"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "UNIMPLEMENTED"),
        (500, "UNKNOWN"),
    ] {
        let page = Reply::status(status).header("content-type", "text/html").body("<html>");
        let collector = Collector::new([page]);
        let error = export(&exporter(Protocol::Grpc, &collector.url()), 10).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Rejected);
        assert!(error.to_string().contains(&format!("answered {name}: ")), "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        collector.only();
    }
    for status in [429, 502, 503, 504] {
        let collector = Collector::new([Reply::status(status)]);
        export(&exporter(Protocol::Grpc, &collector.url()), 10).unwrap();
        assert_eq!(collector.asked().len(), 2, "{status}");
    }
}

#[test]
fn a_call_without_a_status_is_not_taken_for_a_success() {
    for media in ["application/grpc", "text/plain"] {
        let reply = Reply::status(200).header("content-type", media).body([0, 0, 0, 0, 0]);
        let collector = Collector::new([reply]);
        let error = export(&exporter(Protocol::Grpc, &collector.url()), 10).unwrap_err();
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::Rejected, None));
        assert!(error.to_string().contains("answered UNKNOWN: no status of gRPC"), "{error}");
    }
}

#[test]
fn a_success_without_exactly_one_whole_message_breaks_the_protocol() {
    for (body, what) in [
        (&[][..], "there is none"),
        (&[0, 0, 0], "its prefix is cut"),
        (&[0, 0, 0, 0, 9, 1], "it is cut"),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "there is more behind it"),
        (&[1, 0, 0, 0, 0], "nothing says how"),
    ] {
        let collector = Collector::new([Reply::grpc(0, "").body(body)]);
        let error = export(&exporter(Protocol::Grpc, &collector.url()), 10).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Other);
        assert!(error.to_string().contains(what), "{error}");
        collector.only();
    }
}

#[test]
fn the_servers_words_are_decoded() {
    let collector = Collector::new([Reply::grpc(3, "no%20%C3%A4")]);
    let error = export(&exporter(Protocol::Grpc, &collector.url()), 10).unwrap_err();
    assert!(error.to_string().ends_with("answered INVALID_ARGUMENT: no ä"), "{error}");
}

#[test]
fn an_endpoint_without_a_scheme_is_plain_text_where_that_is_said_and_tls_where_it_is_not() {
    let collector = Collector::new([]);
    let bare = collector.address.to_string();
    export(&builder(Protocol::Grpc, &bare).insecure(true).build().unwrap(), 10).unwrap();
    collector.only();
    let authority = Authority::new();
    let collector = Collector::with_tls([], authority.server("localhost", &[b"h2"], None));
    let bare = format!("localhost:{}", collector.address.port());
    export(&builder(Protocol::Grpc, &bare).ca_certificate_pem(authority.pem()).build().unwrap(), 10).unwrap();
    collector.only();
}
