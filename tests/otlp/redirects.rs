//! Servers that send a request elsewhere.

use nanospan::export::ExportErrorKind;
use nanospan::otlp::{Compression, Protocol};

use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{builder, export, exporter};

fn to(status: u16, location: &str) -> Reply {
    Reply::status(status).header("location", location)
}

#[test]
fn a_redirect_is_followed_with_the_method_the_body_and_the_encoding() {
    for status in [301, 302, 303, 307, 308] {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::new([to(status, "/other?x=1")]);
            let builder = builder(Protocol::HttpProtobuf, &collector.url()).compression(compression);
            let exporter = builder.header("x-key", "secret").build().unwrap();
            export(&exporter, 10).unwrap();
            let asked = collector.asked();
            assert_eq!(asked.len(), 2, "{status}");
            assert_eq!((asked[1].method.as_str(), asked[1].target.as_str()), ("POST", "/other?x=1"));
            assert_eq!(asked[1].body, asked[0].body);
            assert_eq!(asked[1].header("content-encoding"), asked[0].header("content-encoding"));
            // It is the same server.
            assert_eq!(asked[1].header("x-key"), "secret");
            assert_eq!(exporter.stats().requests, 1);
        }
    }
}

#[test]
fn configured_headers_do_not_go_to_another_server_and_not_back_from_it() {
    let first = Collector::new([]);
    let second = Collector::new([to(307, &format!("{}/back", first.url()))]);
    let origin = Collector::new([to(308, &format!("{}/there", second.url()))]);
    let builder = builder(Protocol::HttpJson, &origin.url()).header("x-key", "secret");
    export(&builder.build().unwrap(), 10).unwrap();
    assert_eq!(origin.only().header("x-key"), "secret");
    assert_eq!(second.only().header("x-key"), "");
    assert_eq!(first.only().header("x-key"), "");
    assert_eq!(first.only().body, origin.only().body);
    assert_eq!(first.only().header("host"), format!("localhost:{}", first.address.port()));
}

#[test]
fn a_circle_ends_after_ten_redirects() {
    let collector = Collector::new(std::iter::repeat_n(to(307, "/again"), 20));
    let error = export(&exporter(Protocol::HttpProtobuf, &collector.url()), 10).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Rejected);
    assert!(error.to_string().contains("more than 10 redirects"), "{error}");
    assert_eq!(collector.asked().len(), 11);
}

#[test]
fn a_redirect_to_nowhere_is_final() {
    let bad = [Reply::status(302), to(302, "ftp://host/"), Reply::status(304), Reply::status(300)];
    for reply in bad {
        let collector = Collector::new([reply]);
        let error = export(&exporter(Protocol::HttpProtobuf, &collector.url()), 10).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Rejected, "{error}");
        collector.only();
    }
}
