use std::time::Duration;

use super::{Variables, applied, apply, authority, builder, of, protocols, refused, text_of};
use crate::env::{Environment, Warning};
use crate::otlp::settings::{Compression, Protocol, Scheme};

const SECOND: Duration = Duration::from_secs(1);

/// The variables, with a protocol that is compiled in.
fn with_protocol<'a>(variables: Variables<'a>) -> Vec<(&'a str, &'a str)> {
    let protocol = protocols().last().expect("a feature of the exporter is on");
    let first = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.as_str());
    [&[first], variables].concat()
}

#[test]
fn without_variables_the_settings_are_the_defaults_of_the_specification() {
    for protocol in protocols() {
        let mut builder = builder();
        builder.set_protocol(protocol);
        let settings = builder.build().expect("the defaults are good");
        let expected = if protocol == Protocol::Grpc { "localhost:4317" } else { "localhost:4318" };
        assert_eq!((authority(&settings), settings.endpoint.scheme), (expected, Scheme::Http));
        assert_eq!(settings.compression, Compression::None);
        assert_eq!(settings.timeout, 10 * SECOND);
        assert!(settings.headers.map().is_empty());
        assert_eq!(settings.max_request_bytes, 67_108_864);
        assert_eq!(settings.max_response_bytes, 4_194_304);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(settings.user_agent, format!("nanospan-OTLP-Exporter-Rust/{version}"));
    }
}

#[cfg(feature = "otlp-http")]
#[test]
fn the_protocol_is_http_protobuf_unless_a_variable_says_otherwise() {
    assert_eq!(of(&[]).protocol, Protocol::HttpProtobuf);
    assert_eq!(of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "")]).protocol, Protocol::HttpProtobuf);
}

#[test]
fn each_protocol_is_chosen_by_its_name_in_any_case() {
    for protocol in protocols() {
        for name in [protocol.to_string(), protocol.to_string().to_uppercase(), format!(" {protocol} ")] {
            assert_eq!(of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", &name)]).protocol, protocol);
            assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &name)]).protocol, protocol);
            let both = [
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/nothing"),
                ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &name),
            ];
            assert_eq!(of(&both).protocol, protocol, "the signal's own is read, the other is not");
        }
    }
}

#[test]
fn a_protocol_that_is_not_compiled_in_is_refused_and_the_feature_named() {
    for (protocol, feature) in
        [("grpc", "otlp-grpc"), ("http/protobuf", "otlp-http"), ("http/json", "otlp-http")]
    {
        let (builder, warnings) = applied(&[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol)]);
        assert_eq!(warnings, Vec::<String>::new());
        if protocols().all(|known| known.as_str() != protocol) {
            let expected = format!(
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: {protocol} needs the feature {feature}, which is not compiled in"
            );
            assert_eq!(text_of(builder.build()), expected);
        } else {
            assert!(builder.build().is_ok(), "{protocol}");
        }
    }
}

#[cfg(feature = "otlp-http")]
#[test]
fn a_protocol_that_is_unknown_warns_and_is_as_if_unset() {
    let (builder, warnings) = applied(&[
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/xml"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ]);
    let known = "is not one of grpc, http/protobuf, http/json: ignored";
    assert_eq!(warnings, [format!("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=\"http/xml\" {known}")]);
    assert_eq!(builder.build().expect("good").protocol, Protocol::HttpJson);
}

#[test]
fn compression_is_gzip_or_none_and_the_signals_own_wins() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION";
    let cases: [(Variables<'_>, Compression); 8] = [
        (&[], Compression::None),
        (&[(ALL, "")], Compression::None),
        (&[(ALL, "gzip")], Compression::Gzip),
        (&[(ALL, "GZIP")], Compression::Gzip),
        (&[(ALL, "none")], Compression::None),
        (&[(OWN, "gzip")], Compression::Gzip),
        (&[(ALL, "gzip"), (OWN, "none")], Compression::None),
        (&[(ALL, "gzip"), (OWN, "")], Compression::Gzip),
    ];
    for (variables, compression) in cases {
        assert_eq!(of(&with_protocol(variables)).compression, compression, "{variables:?}");
    }
    let (builder, warnings) = applied(&with_protocol(&[(OWN, "zstd"), (ALL, "gzip")]));
    assert_eq!(warnings, [format!("{OWN}=\"zstd\" is not one of gzip, none: ignored")]);
    assert_eq!(builder.build().expect("good").compression, Compression::Gzip);
}

#[test]
fn the_timeout_is_milliseconds_zero_is_no_limit_and_a_bad_one_is_as_if_unset() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
    let good: [(Variables<'_>, Duration); 6] = [
        (&[(ALL, "")], 10 * SECOND),
        (&[(ALL, "15000")], 15 * SECOND),
        (&[(ALL, "0")], Duration::ZERO),
        (&[(OWN, "27000")], 27 * SECOND),
        (&[(ALL, "15000"), (OWN, "27000")], 27 * SECOND),
        (&[(ALL, "15000"), (OWN, " ")], 15 * SECOND),
    ];
    for (variables, timeout) in good {
        assert_eq!(of(&with_protocol(variables)).timeout, timeout, "{variables:?}");
    }
    let bad: [(Variables<'_>, Duration, &str); 3] = [
        (&[(ALL, "-1")], 10 * SECOND, "OTEL_EXPORTER_OTLP_TIMEOUT=\"-1\" "),
        (&[(ALL, "10s")], 10 * SECOND, "OTEL_EXPORTER_OTLP_TIMEOUT=\"10s\" "),
        (&[(OWN, "x"), (ALL, "7000")], 7 * SECOND, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=\"x\" "),
    ];
    for (variables, timeout, beginning) in bad {
        let (builder, warnings) = applied(&with_protocol(variables));
        let [warning] = warnings.as_slice() else { panic!("{variables:?}: {warnings:?}") };
        assert!(warning.starts_with(beginning), "{warning}");
        assert_eq!(builder.build().expect("good").timeout, timeout, "{variables:?}");
    }
}

#[test]
fn a_setting_of_the_program_beats_variables_whether_made_before_or_after() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://variable:1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "15000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "27000"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/unknown"),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/no/such/file"),
    ];
    let pem = || crate::otlp::settings::Pem::Text(include_bytes!("pem/ca.pem").to_vec());
    for protocol in protocols() {
        for first in [true, false] {
            let mut builder = builder();
            if first {
                apply(&mut builder, &variables, &mut Vec::new());
            }
            builder.set_protocol(protocol);
            builder.set_endpoint("https://option:2");
            builder.set_timeout(5 * SECOND);
            builder.set_compression(Compression::None);
            builder.set_ca_certificate(pem());
            if !first {
                apply(&mut builder, &variables, &mut Vec::new());
            }
            let settings = builder.build().expect("what is overridden is not looked at");
            assert_eq!(settings.protocol, protocol);
            assert_eq!(authority(&settings), "option:2");
            assert_eq!(settings.timeout, 5 * SECOND);
            assert_eq!(settings.compression, Compression::None);
        }
    }
}

#[cfg(unix)]
#[test]
fn text_that_is_not_unicode_is_refused_by_its_variable() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"] {
        let mut builder = builder();
        builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
        let lookup = |name: &str| (name == variable).then(|| OsString::from_vec(b"http://\xff=1".to_vec()));
        let mut warn = |warning: Warning| panic!("{warning}");
        builder.apply_environment(&mut Environment::new(&lookup, &mut warn));
        assert_eq!(text_of(builder.build()), format!("{variable}: it is not Unicode"));
    }
}

#[test]
fn the_error_names_the_variable_that_was_used() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let refused = |variables: Variables<'_>| refused(&with_protocol(variables));
    assert!(refused(&[(ALL, "ftp://a:1")]).starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "));
    assert!(refused(&[(OWN, "ftp://a:1")]).starts_with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "));
    assert!(refused(&[(OWN, "ftp://a:1"), (ALL, "http://a:1")]).starts_with(OWN));
}
