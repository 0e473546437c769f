use std::ffi::OsString;
use std::time::Duration;

use super::{Variables, protocols};
use crate::env::{Environment, Warning};
use crate::metrics::data::Temporality::{self, Cumulative, Delta};
use crate::metrics::{Aggregation, InstrumentKind};
use crate::otlp::settings::{Compression, Protocol, Settings, SettingsBuilder};
use crate::otlp::signal::Signal;

/// The settings for metrics that these variables come to, and the warnings about them.
fn of(variables: Variables<'_>) -> (Settings, Vec<String>) {
    with(Settings::builder(Signal::Metrics), variables)
}

fn with(mut builder: SettingsBuilder, variables: Variables<'_>) -> (Settings, Vec<String>) {
    let mut warnings = Vec::new();
    let protocol = protocols().last().expect("a feature of the exporter is on").as_str();
    let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let lookup = |name: &str| {
        let default = (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then_some(protocol);
        value(name).or(default).map(OsString::from)
    };
    let mut warn = |warning: Warning| warnings.push(warning.to_string());
    builder.apply_environment(&mut Environment::new(&lookup, &mut warn));
    (builder.build().unwrap_or_else(|error| panic!("{variables:?}: {error}")), warnings)
}

/// For each kind of instrument, in the order of [`InstrumentKind::ALL`].
fn temporalities(settings: &Settings) -> [Temporality; 7] {
    InstrumentKind::ALL.map(|kind| settings.preferences.temporality(kind))
}

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const AGGREGATION: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

/// Counter, up-down counter, histogram, the three that are observed, and gauge.
const DELTA: [Temporality; 7] = [Delta, Cumulative, Delta, Delta, Cumulative, Cumulative, Cumulative];
const LOW_MEMORY: [Temporality; 7] =
    [Delta, Cumulative, Delta, Cumulative, Cumulative, Cumulative, Cumulative];

#[test]
fn the_temporality_is_by_kind_as_the_preference_says() {
    for (value, expected) in [
        (None, [Cumulative; 7]),
        (Some(""), [Cumulative; 7]),
        (Some("cumulative"), [Cumulative; 7]),
        (Some("Cumulative"), [Cumulative; 7]),
        (Some("delta"), DELTA),
        (Some(" DELTA "), DELTA),
        (Some("lowmemory"), LOW_MEMORY),
        (Some("LowMemory"), LOW_MEMORY),
    ] {
        let variables: Vec<_> = value.map(|value| (TEMPORALITY, value)).into_iter().collect();
        let (settings, warnings) = of(&variables);
        assert_eq!((temporalities(&settings), warnings), (expected, Vec::new()), "{value:?}");
    }
}

#[test]
fn a_preference_that_is_unknown_warns_and_is_as_if_unset() {
    let (settings, warnings) = of(&[(TEMPORALITY, "low_memory"), (AGGREGATION, "linear")]);
    assert_eq!(temporalities(&settings), [Cumulative; 7]);
    assert_eq!(settings.preferences.aggregation(InstrumentKind::Histogram), Aggregation::Default);
    assert_eq!(
        warnings,
        [
            format!("{TEMPORALITY}=\"low_memory\" is not one of cumulative, delta, lowmemory: ignored"),
            format!(
                "{AGGREGATION}=\"linear\" is not one of explicit_bucket_histogram, \
                 base2_exponential_bucket_histogram: ignored"
            ),
        ]
    );
}

#[test]
fn the_aggregation_of_histograms_is_as_the_variable_says_and_that_of_others_the_default() {
    for (value, expected) in [
        ("", Aggregation::Default),
        ("explicit_bucket_histogram", Aggregation::explicit_bucket_histogram()),
        ("Base2_Exponential_Bucket_Histogram", Aggregation::base2_exponential_histogram()),
    ] {
        let (settings, warnings) = of(&[(AGGREGATION, value)]);
        for kind in InstrumentKind::ALL {
            let expected =
                if kind == InstrumentKind::Histogram { expected.clone() } else { Aggregation::Default };
            assert_eq!(settings.preferences.aggregation(kind), expected, "{value:?}, {kind:?}");
        }
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[test]
fn what_the_program_wants_comes_before_the_variables() {
    let mut builder = Settings::builder(Signal::Metrics);
    builder.set_temporality(|_| Delta);
    builder.set_aggregation(|_| Aggregation::Drop);
    let (settings, warnings) = with(builder, &[(TEMPORALITY, "cumulative"), (AGGREGATION, "linear")]);
    assert_eq!(temporalities(&settings), [Delta; 7]);
    assert_eq!(settings.preferences.aggregation(InstrumentKind::Gauge), Aggregation::Drop);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn for_traces_the_preferences_are_not_even_looked_at() {
    let (_, warnings) =
        with(Settings::builder(Signal::Traces), &[(TEMPORALITY, "bad"), (AGGREGATION, "bad")]);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn the_variables_for_metrics_come_before_those_for_all_and_those_for_traces_do_not_count() {
    let (settings, warnings) = of(&[
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "3"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=traces"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=metrics"),
    ]);
    assert_eq!(settings.timeout, Duration::from_millis(2));
    assert_eq!(settings.compression, Compression::Gzip);
    assert_eq!(settings.headers.map()["a"], "metrics");
    assert_eq!(warnings, Vec::<String>::new());
}

/// What there is of its own for every signal, but for the headers, the endpoint and the files.
#[test]
fn each_variable_for_metrics_alone_comes_before_the_one_for_all() {
    let (settings, warnings) = of(&[
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
    ]);
    assert_eq!((settings.compression, warnings), (Compression::None, Vec::new()));
    for protocol in protocols() {
        let (settings, warnings) = of(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", protocol.as_str()),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/xml"),
        ]);
        assert_eq!((settings.protocol, warnings), (protocol, Vec::new()));
        if protocol == Protocol::Grpc {
            let (settings, _) = of(&[
                ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "host:4317"),
                ("OTEL_EXPORTER_OTLP_INSECURE", "false"),
                ("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "true"),
                ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "false"),
            ]);
            assert_eq!(settings.url().scheme_str(), Some("http"));
        }
    }
}

#[test]
fn each_file_for_metrics_alone_comes_before_the_one_for_all() {
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/src/otlp/settings/tests/pem");
    let mut variables = Vec::new();
    for (name, file) in [
        ("CERTIFICATE", "ca.pem"),
        ("CLIENT_CERTIFICATE", "client.pem"),
        ("CLIENT_KEY", "client-key-sec1.pem"),
    ] {
        variables.push((format!("OTEL_EXPORTER_OTLP_METRICS_{name}"), format!("{pem}/{file}")));
        // Whichever else were read would be an error.
        for infix in ["", "TRACES_"] {
            variables.push((format!("OTEL_EXPORTER_OTLP_{infix}{name}"), "/nowhere/to/be.found".to_owned()));
        }
    }
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (settings, warnings) = of(&variables);
    let read = format!("{:?}", settings.tls);
    for name in ["METRICS_CERTIFICATE", "METRICS_CLIENT_CERTIFICATE", "METRICS_CLIENT_KEY"] {
        assert!(read.contains(name), "{name} is not in {read}");
    }
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn metrics_go_to_the_path_of_metrics() {
    for protocol in protocols() {
        let name = protocol.as_str();
        let path = |variables: Variables<'_>| {
            let all = [variables, &[("OTEL_EXPORTER_OTLP_PROTOCOL", name)]].concat();
            of(&all).0.url().path().to_owned()
        };
        let own = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        if protocol == Protocol::Grpc {
            let expected = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
            assert_eq!(path(&[]), expected);
            assert_eq!(path(&[(own, "http://c:4317")]), expected);
        } else {
            assert_eq!(path(&[]), "/v1/metrics");
            assert_eq!(path(&[(base, "http://c/base")]), "/base/v1/metrics");
            assert_eq!(path(&[(own, "http://c/mine")]), "/mine");
            assert_eq!(path(&[(own, "http://c")]), "/");
            assert_eq!(path(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/traces")]), "/v1/metrics");
        }
    }
}
