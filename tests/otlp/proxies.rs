//! Proxies: tunnels, requests that are passed on, and credentials.

use nanospan::export::ExportErrorKind;
use nanospan::otlp::{Protocol, Proxy, RetryPolicy};

use crate::common::certificates::Authority;
use crate::common::collector::Collector;
use crate::common::exporters::{PROTOCOLS, builder, export};
use crate::common::proxy::TestProxy;

const EITHER: &[&[u8]] = &[b"h2", b"http/1.1"];

fn url(proxy: &TestProxy) -> Proxy {
    Proxy::Url(format!("http://{}", proxy.address))
}

#[test]
fn plain_http_is_passed_on_by_the_proxy() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let (proxy, collector) = (TestProxy::new(), Collector::new([]));
        let builder = builder(protocol, &collector.url()).proxy(url(&proxy));
        export(&builder.build().unwrap(), 10).unwrap();
        let first = format!("POST {}/v1/traces HTTP/1.1\r\n", collector.url());
        assert!(proxy.heads()[0].starts_with(&first), "{:?}", proxy.heads());
        collector.only();
    }
}

#[test]
fn tls_and_grpc_go_through_a_tunnel() {
    let authority = Authority::new();
    for protocol in PROTOCOLS {
        for is_tls in [false, true] {
            if !is_tls && protocol != Protocol::Grpc {
                continue;
            }
            let collector = if is_tls {
                Collector::with_tls([], authority.server("localhost", EITHER, None))
            } else {
                Collector::new([])
            };
            let proxy = TestProxy::new();
            let builder = builder(protocol, &collector.url()).proxy(url(&proxy));
            let builder = builder.header("x-key", "secret").ca_certificate_pem(authority.pem());
            let exporter = builder.build().unwrap();
            export(&exporter, 10).unwrap();
            export(&exporter, 10).unwrap();
            let heads = proxy.heads();
            let first = format!("CONNECT localhost:{} HTTP/1.1\r\n", collector.address.port());
            assert_eq!(heads.len(), 1, "one tunnel serves both");
            assert!(heads[0].starts_with(&first), "{heads:?}");
            assert!(!heads[0].contains("secret"), "{heads:?}");
            assert_eq!(collector.asked().len(), 2);
        }
    }
}

#[test]
fn credentials_in_the_proxys_url_are_shown_to_the_proxy_alone() {
    for protocol in PROTOCOLS {
        let proxy = TestProxy::for_whom("Basic dXNlcjpwYXNz");
        let collector = Collector::new([]);
        let with = Proxy::Url(format!("http://user:pass@{}", proxy.address));
        export(&builder(protocol, &collector.url()).proxy(with).build().unwrap(), 10).unwrap();
        if protocol == Protocol::Grpc {
            // What goes through a tunnel is for the server; the rest a proxy takes out as it likes.
            assert_eq!(collector.only().header("proxy-authorization"), "");
        }
        let without = builder(protocol, &collector.url()).proxy(url(&proxy)).build().unwrap();
        let error = export(&without, 10).unwrap_err();
        assert!(matches!(error.kind(), ExportErrorKind::Io | ExportErrorKind::Rejected), "{error}");
        assert!(error.to_string().contains("407"), "{error}");
        assert_eq!((collector.asked().len(), without.stats().retries), (1, 0));
    }
}

#[test]
fn a_proxy_that_does_not_reach_the_server_is_asked_again() {
    let proxy = TestProxy::new();
    let nobody = crate::common::black_hole::refusing();
    let builder = builder(Protocol::Grpc, &format!("http://{nobody}")).proxy(url(&proxy));
    let exporter = builder.timeout(std::time::Duration::from_secs(2)).build().unwrap();
    let error = export(&exporter, 10).unwrap_err();
    assert!(error.to_string().contains(&format!("makes no tunnel to http://{nobody}: 502")), "{error}");
    assert!(exporter.stats().retries >= 1);
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let nobody = crate::common::black_hole::refusing();
    let builder = builder(Protocol::HttpProtobuf, "http://collector.invalid");
    let builder = builder.proxy(Proxy::Url(format!("http://{nobody}")));
    let exporter = builder.retry(RetryPolicy::disabled()).build().unwrap();
    let error = export(&exporter, 10).unwrap_err();
    assert!(error.to_string().contains(&format!("cannot connect to the proxy {nobody}: ")), "{error}");
}

/// Tells the process that is started by the test below where the collector is.
const COLLECTOR: &str = "NANOSPAN_TEST_COLLECTOR";

/// The environment is read by a process of its own, this same test.
#[test]
fn the_environment_names_the_proxy_but_for_the_hosts_that_it_excepts() {
    if let Ok(url) = std::env::var(COLLECTOR) {
        let builder = builder(Protocol::HttpProtobuf, &url).proxy(Proxy::Environment);
        return export(&builder.build().unwrap(), 10).unwrap();
    }
    for (variable, excepted, is_due) in [
        ("http_proxy", "", true),
        ("ALL_PROXY", "elsewhere", true),
        ("HTTP_PROXY", "elsewhere, localhost", false),
        ("https_proxy", "", false),
    ] {
        let (proxy, collector) = (TestProxy::new(), Collector::new([]));
        let mut process = std::process::Command::new(std::env::current_exe().unwrap());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            process.env_remove(name).env_remove(name.to_uppercase());
        }
        let name = "proxies::the_environment_names_the_proxy_but_for_the_hosts_that_it_excepts";
        let output = process
            .args(["--exact", name])
            .env(COLLECTOR, collector.url())
            .env(variable, format!("http://{}", proxy.address))
            .env("NO_PROXY", excepted)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        collector.only();
        assert_eq!(proxy.heads().len(), usize::from(is_due), "{variable}, {excepted}");
    }
}
