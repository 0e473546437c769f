use std::time::Duration;

use super::{builder, protocols, refused, text_of};
use crate::otlp::settings::{Pem, Proxy, SettingsBuilder};
use crate::otlp::{Compression, RetryPolicy};

/// A builder with a protocol that is compiled in, and whatever `set` sets.
fn with(set: impl FnOnce(&mut SettingsBuilder)) -> SettingsBuilder {
    let mut builder = builder();
    builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
    set(&mut builder);
    builder
}

#[test]
fn options_arrive_as_they_were_set() {
    let retry = RetryPolicy::new().max(Duration::from_secs(60));
    let settings = with(|builder| {
        builder.set_compression(Compression::Gzip);
        builder.set_timeout(Duration::ZERO);
        builder.set_proxy(Proxy::None);
        builder.set_retry(retry);
        builder.set_max_request_bytes(1);
        builder.set_max_response_bytes(u32::MAX as usize);
        builder.set_user_agent_prefix("shop/1.2 (test)");
    })
    .build()
    .expect("good");
    assert_eq!(settings.compression, Compression::Gzip);
    assert_eq!(settings.timeout, Duration::ZERO);
    assert_eq!(settings.proxy, Proxy::None);
    assert_eq!(settings.retry, retry);
    assert_eq!((settings.max_request_bytes, settings.max_response_bytes), (1, u32::MAX as usize));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(settings.user_agent, format!("shop/1.2 (test) nanospan-OTLP-Exporter-Rust/{version}"));
}

#[test]
fn headers_of_the_program_replace_those_of_the_variable_one_by_one() {
    let mut builder = with(|builder| builder.add_header("A", "option"));
    let variable = [("OTEL_EXPORTER_OTLP_HEADERS", "a=variable,b=variable")];
    super::apply(&mut builder, &variable, &mut Vec::new());
    builder.add_header("c", "option");
    let headers = builder.build().expect("good").headers;
    let value = |name: &str| headers.map().get(name).map(|value| value.to_str().expect("ASCII"));
    assert_eq!([value("a"), value("b"), value("c")], [Some("option"), Some("variable"), Some("option")]);
    assert_eq!(headers.map().len(), 3);
}

#[test]
fn the_signals_own_headers_replace_the_others_as_a_whole() {
    let count = |all: &str, own: &str| {
        let mut builder = with(|_| ());
        let variables = [("OTEL_EXPORTER_OTLP_HEADERS", all), ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", own)];
        super::apply(&mut builder, &variables, &mut Vec::new());
        builder.build().expect("good").headers.map().len()
    };
    assert_eq!(count("overrode_by_signal_specific", "h1=v1,h2=v2"), 2);
    assert_eq!(count("h1=v1", ""), 1);
    assert_eq!(count("h1=v1", " "), 1);
    assert_eq!(count("h1=v1", ","), 0);
    assert_eq!(count("", ""), 0);
}

#[test]
fn an_option_that_is_of_no_use_is_refused_by_its_name() {
    type Set = fn(&mut SettingsBuilder);
    let cases: [(Set, &str); 13] = [
        (|x| x.set_endpoint("ftp://a"), "option endpoint: its scheme is neither http nor https"),
        (|x| x.set_url("http://"), "option url: it has no host"),
        (|x| x.add_header("a b", "c"), "option header: the name is not that of an HTTP header"),
        (
            |x| x.add_header("a", "\n"),
            "option header: the value of a has a character other than printable ASCII",
        ),
        (
            |x| x.set_proxy(Proxy::Url("socks5://a".into())),
            "option proxy: its scheme is neither http nor https",
        ),
        (|x| x.set_proxy(Proxy::Url("".into())), "option proxy: it has no host"),
        (|x| x.set_retry(RetryPolicy::new().initial(Duration::ZERO)), "option retry: the first wait is zero"),
        (|x| x.set_max_request_bytes(0), "option max_request_bytes: is not from 1 to 4294967295"),
        (|x| x.set_max_request_bytes(1 << 32), "option max_request_bytes: is not from 1 to 4294967295"),
        (|x| x.set_max_response_bytes(0), "option max_response_bytes: is not from 1 to 4294967295"),
        (
            |x| x.set_user_agent_prefix("a\r\nb"),
            "option user_agent_prefix: it has a character other than printable ASCII",
        ),
        (
            |x| x.set_ca_certificate(Pem::Text(Vec::new())),
            "option ca_certificate: the text holds no certificate",
        ),
        (
            |x| x.set_client_certificate(Pem::Text(Vec::new()), Pem::Text(Vec::new())),
            "option client_certificate: the text holds no certificate",
        ),
    ];
    for (set, expected) in cases {
        assert_eq!(text_of(with(set).build()), expected);
    }
}

/// The library that reads the environment's proxies, and ours as well, passes over one that it cannot
/// read.
#[test]
fn every_proxy_that_is_let_through_is_one_that_the_client_uses() {
    use hyper_util::client::proxy::matcher::Matcher;
    let target: hyper::Uri = "https://collector:4318/".parse().expect("a URL");
    for proxy in [
        "http://proxy.com",
        "https://proxy.com:8443/",
        "proxy:3128",
        "http://u:p%40%2F@proxy:3128",
        "http://u!$&'()*+,;=-._~:p@proxy_1:3128",
        "http://[::1]:3128",
        "127.0.0.1:1",
        "HTTP://proxy:1/x?y",
    ] {
        assert!(with(|x| x.set_proxy(Proxy::Url(proxy.into()))).build().is_ok(), "{proxy}");
        let matcher = Matcher::builder().all(proxy).build();
        assert!(matcher.intercept(&target).is_some(), "{proxy}");
    }
}

#[cfg(not(feature = "otlp-http"))]
#[test]
fn the_default_protocol_is_the_same_whatever_is_compiled_in() {
    let expected = "default: http/protobuf needs the feature otlp-http, which is not compiled in";
    assert_eq!(refused(&[]), expected);
}

#[cfg(feature = "otlp-http")]
#[test]
fn an_unknown_scheme_in_a_variable_is_no_option() {
    let text = refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://a")]);
    assert_eq!(text, "OTEL_EXPORTER_OTLP_ENDPOINT: its scheme is neither http nor https");
}
