//! TLS, with one side shown to the other and with both.

use std::net::TcpListener;
use std::thread;

use hyper::Version;
use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{Protocol, RetryPolicy};

use crate::common::batches::batch;
use crate::common::certificates::Authority;
use crate::common::collector::Collector;
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export};
use crate::common::scratch::Scratch;

const EITHER: &[&[u8]] = &[b"h2", b"http/1.1"];

#[test]
fn a_server_that_the_authority_vouches_for_is_trusted() {
    for protocol in PROTOCOLS {
        let authority = Authority::new();
        let collector = Collector::with_tls([], authority.server("localhost", EITHER, None));
        let builder = builder(protocol, &collector.url()).ca_certificate_pem(authority.pem());
        export(&builder.build().unwrap(), 10).unwrap();
        assert_eq!(collector.only().version, Version::HTTP_2, "{protocol:?}");
    }
}

#[test]
fn http_falls_back_to_what_the_server_speaks() {
    for protocols in [&[b"http/1.1".as_slice()][..], &[]] {
        let authority = Authority::new();
        let collector = Collector::with_tls([], authority.server("localhost", protocols, None));
        let builder = builder(Protocol::HttpProtobuf, &collector.url());
        export(&builder.ca_certificate_pem(authority.pem()).build().unwrap(), 10).unwrap();
        let asked = collector.only();
        assert_eq!((asked.version, asked.target.as_str()), (Version::HTTP_11, "/v1/traces"));
    }
}

#[test]
fn a_server_of_another_authority_or_name_is_refused_at_once() {
    for protocol in PROTOCOLS {
        let (authority, other) = (Authority::new(), Authority::new());
        for (trusted, name) in [(&other, "localhost"), (&authority, "elsewhere")] {
            let collector = Collector::with_tls([], authority.server(name, EITHER, None));
            let builder = builder(protocol, &collector.url()).ca_certificate_pem(trusted.pem());
            let exporter = builder.build().unwrap();
            let error = export(&exporter, 10).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::Io);
            let step = format!("no TLS with localhost:{}: ", collector.address.port());
            assert!(error.to_string().contains(&step), "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
            assert_eq!((collector.asked().len(), exporter.stats().retries), (0, 0));
        }
    }
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks() {
    for protocol in PROTOCOLS {
        let (servers, clients) = (Authority::new(), Authority::new());
        let collector = Collector::with_tls([], servers.server("localhost", EITHER, Some(&clients)));
        let identity = clients.certify("shop");
        let builder = builder(protocol, &collector.url()).ca_certificate_pem(servers.pem());
        let builder = builder.client_certificate_pem(identity.certificate, identity.key);
        export(&builder.build().unwrap(), 10).unwrap();
        collector.only();
    }
}

#[test]
fn a_client_without_the_right_certificate_is_turned_away() {
    for protocol in PROTOCOLS {
        let (servers, clients) = (Authority::new(), Authority::new());
        let collector = Collector::with_tls([], servers.server("localhost", EITHER, Some(&clients)));
        let wrong = Authority::new().certify("shop");
        let without = builder(protocol, &collector.url())
            .retry(RetryPolicy::disabled())
            .ca_certificate_pem(servers.pem());
        for builder in [without.clone(), without.client_certificate_pem(wrong.certificate, wrong.key)] {
            let error = export(&builder.build().unwrap(), 10).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::Io, "{error}");
            // With TLS 1.3 the server refuses when the client thinks it is done, so whether its reason
            // or the end of the connection arrives first is chance.
            assert!(error.to_string().contains(&format!("localhost:{}", collector.address.port())));
        }
        assert_eq!(collector.asked().len(), 0);
    }
}

#[test]
fn certificates_and_keys_are_read_from_the_files_that_are_named() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let identity = clients.certify("shop");
    let directory = Scratch::new("otlp-tls");
    let file = |name: &str, text: &str| {
        let path = directory.path(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (ca, certificate) = (file("ca.pem", &servers.pem()), file("client.pem", &identity.certificate));
    let key = file("key.pem", &identity.key);
    for protocol in PROTOCOLS {
        let collector = Collector::with_tls([], servers.server("localhost", EITHER, Some(&clients)));
        let exporter = builder(protocol, &collector.url())
            .ca_certificate_file(&ca)
            .client_certificate_files(&certificate, &key)
            .build()
            .unwrap();
        export(&exporter, 10).unwrap();
        collector.only();
    }
}

#[test]
fn a_connection_that_breaks_off_before_tls_is_agreed_on_is_tried_again() {
    for protocol in PROTOCOLS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let builder = builder(protocol, &url).ca_certificate_pem(Authority::new().pem());
        let exporter = builder.build().unwrap();
        let context = Context::with_timeout(PATIENCE);
        let error = thread::scope(|scope| {
            let export = scope.spawn(|| exporter.export(&context, &batch(0, 1)).unwrap_err());
            drop(listener.accept().unwrap());
            let again = listener.accept().unwrap();
            context.cancellation().cancel();
            let error = export.join().unwrap();
            drop(again);
            error
        });
        assert_eq!((error.kind(), exporter.stats().retries), (ExportErrorKind::Cancelled, 1));
        assert!(error.to_string().contains("; the last attempt: no TLS with localhost:"), "{error}");
    }
}

#[test]
fn plain_text_at_a_port_for_tls_and_tls_at_one_for_plain_text_are_errors() {
    for protocol in PROTOCOLS {
        let authority = Authority::new();
        let once = RetryPolicy::disabled();
        let collector = Collector::with_tls([], authority.server("localhost", EITHER, None));
        let url = collector.url().replace("https", "http");
        assert!(export(&builder(protocol, &url).retry(once).build().unwrap(), 1).is_err());
        let collector = Collector::new([]);
        let url = collector.url().replace("http", "https");
        let builder = builder(protocol, &url).ca_certificate_pem(authority.pem()).retry(once);
        let error = export(&builder.build().unwrap(), 1).unwrap_err();
        assert!(error.to_string().contains("no TLS with localhost:"), "{error}");
    }
}
