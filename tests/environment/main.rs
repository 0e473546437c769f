//! A tracer as OpenTelemetry's standard variables say. The rules for single values are tested where they
//! are read; here stands what each variable does to a tracer.

#[cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
#[path = "../common/collector.rs"]
mod collector;
#[path = "../common/mod.rs"]
mod common;
mod exporters;
mod limits;
mod metrics;
mod processor;
mod samplers;
#[cfg(unix)]
#[path = "../exporters/common/scratch.rs"]
mod scratch;

use common::PATIENCE;
use nanospan::export::{ExportErrorKind, FinishedSpan, MemoryExporter};
use nanospan::{OwnedValue, Tracer, TracerBuilder};
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn lookup(variables: Variables<'_>) -> impl Fn(&str) -> Option<OsString> {
    let mut variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    // Nothing is to be sent anywhere.
    for exporter in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"] {
        if variables.iter().all(|(name, _)| name != exporter) {
            variables.push((exporter.into(), "none".into()));
        }
    }
    move |name| variables.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
}

/// What a tracer made from the variables recorded, and what it said when it was made.
struct Made {
    tracer: Tracer,
    memory: MemoryExporter,
    warnings: Vec<String>,
}

fn made_with(variables: Variables<'_>, change: impl FnOnce(TracerBuilder) -> TracerBuilder) -> Made {
    let (memory, told) = (MemoryExporter::new(), Arc::new(Mutex::new(Vec::new())));
    let in_handler = Arc::clone(&told);
    let builder = TracerBuilder::from_variables(lookup(variables));
    let builder = change(builder.memory_budget(8 << 20).exporter(memory.clone()));
    let builder = builder.error_handler(move |error| {
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::InvalidConfig, Some(0)));
        in_handler.lock().unwrap().push(error.to_string());
    });
    let tracer = builder.build().unwrap();
    let warnings = told.lock().unwrap().clone();
    Made { tracer, memory, warnings }
}

fn made(variables: Variables<'_>) -> Made {
    made_with(variables, |builder| builder)
}

impl Made {
    fn record(&self, work: impl FnOnce(&Tracer)) -> Vec<FinishedSpan> {
        work(&self.tracer);
        self.tracer.flush(PATIENCE).unwrap();
        self.memory.spans()
    }

    fn resource(&self) -> Vec<(String, OwnedValue)> {
        drop(self.tracer.span("s").start());
        self.tracer.flush(PATIENCE).unwrap();
        let batches = self.memory.batches();
        let view = nanospan::batch::BatchView::parse(&batches[0]).unwrap();
        view.resource().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn resource_text(&self, key: &str) -> Option<String> {
        self.resource().into_iter().find(|(found, _)| found == key).map(|(_, value)| match value {
            OwnedValue::Str(text) => text,
            other => panic!("attributes of variables are texts, not {other:?}"),
        })
    }
}

/// Asserts that a bad value is told and is as good as none.
fn assert_ignored(name: &str, value: &str, others: Variables<'_>) -> Made {
    let variables: Vec<_> = others.iter().copied().chain([(name, value)]).collect();
    let made = made(&variables);
    let [warning] = made.warnings.as_slice() else { panic!("{name}={value:?}: {:?}", made.warnings) };
    assert!(warning.starts_with(&format!("{name}={value:?} ")), "{warning}");
    made
}

#[test]
fn nothing_set_gives_a_tracer_that_says_nothing_and_names_the_program() {
    let made = made(&[]);
    assert_eq!(made.warnings, [""; 0]);
    let name = made.resource_text("service.name").unwrap();
    let program = std::env::current_exe().unwrap();
    assert_eq!(name, format!("unknown_service:{}", program.file_name().unwrap().to_str().unwrap()));
    assert_eq!(made.resource_text("telemetry.sdk.name").unwrap(), "nanospan");
}

#[test]
fn otel_service_name_comes_before_the_resource_attributes() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=of attributes,service.version=1.2");
    let made_of = |variables: Variables<'_>| made(variables).resource_text("service.name").unwrap();
    assert_eq!(made_of(&[attributes]), "of attributes");
    assert_eq!(made_of(&[attributes, ("OTEL_SERVICE_NAME", "of its own")]), "of its own");
    assert_eq!(made_of(&[attributes, ("OTEL_SERVICE_NAME", "")]), "of attributes");
    assert_eq!(made(&[attributes]).resource_text("service.version").unwrap(), "1.2");
}

#[test]
fn otel_resource_attributes_are_texts_and_are_percent_decoded() {
    let made = made(&[("OTEL_RESOURCE_ATTRIBUTES", " a = 1 ,b%2Cc=x%3Dy%20z,,d=%C3%A4,e=")]);
    for (key, value) in [("a", "1"), ("b,c", "x=y z"), ("d", "ä"), ("e", "")] {
        assert_eq!(made.resource_text(key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn otel_resource_attributes_with_one_error_are_discarded_as_a_whole() {
    for bad in ["a=1,b", "a=1,=2", "a=1,b=%zz", "a=1,b=%f", "a=1,b=%FF", "a=1,b=2=3"] {
        let made = assert_ignored("OTEL_RESOURCE_ATTRIBUTES", bad, &[]);
        assert_eq!(made.resource_text("a"), None, "{bad}");
    }
}

#[test]
fn what_the_program_sets_comes_before_the_resource_attributes() {
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "a=theirs,b=theirs")];
    let made = made_with(&variables, |builder| builder.resource("a", "ours"));
    assert_eq!(made.resource_text("a").unwrap(), "ours");
    assert_eq!(made.resource_text("b").unwrap(), "theirs");
}

#[test]
fn otel_sdk_disabled_gives_a_noop_tracer_and_only_true_does() {
    for (value, disabled) in [("true", true), ("TRUE", true), ("false", false), ("", false)] {
        let made = made(&[("OTEL_SDK_DISABLED", value)]);
        assert_eq!(!made.tracer.span("s").start().is_recording(), disabled, "{value}");
        assert_eq!(made.warnings, [""; 0]);
    }
    let made = assert_ignored("OTEL_SDK_DISABLED", "1", &[]);
    assert!(made.tracer.span("s").start().is_recording());
}

#[test]
fn every_bad_variable_is_told_on_its_own() {
    let made = made(&[
        ("OTEL_TRACES_SAMPLER", "x"),
        ("OTEL_BSP_SCHEDULE_DELAY", "x"),
        ("OTEL_LOG_LEVEL", "x"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "x"),
    ]);
    assert_eq!(made.warnings.len(), 4, "{:?}", made.warnings);
}

#[test]
fn an_empty_variable_is_as_if_unset_whichever_it_is() {
    for name in [
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_LOG_LEVEL",
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "OTEL_CONFIG_FILE",
        "OTEL_EXPERIMENTAL_CONFIG_FILE",
    ] {
        for value in ["", " \t"] {
            let made = made(&[(name, value)]);
            assert_eq!(made.warnings, [""; 0], "{name}={value:?}");
            assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1, "{name}={value:?}");
        }
    }
}

#[test]
fn of_a_resource_attribute_that_is_there_twice_the_last_holds() {
    let made = made(&[("OTEL_RESOURCE_ATTRIBUTES", "key=value, k = v , a= x, a=z, b=c%2Fd, plus=x+y?q:1")]);
    for (key, value) in [("key", "value"), ("k", "v"), ("a", "z"), ("b", "c/d"), ("plus", "x+y?q:1")] {
        assert_eq!(made.resource_text(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(made.resource().iter().filter(|(key, _)| key == "a").count(), 1);
}

#[test]
fn a_configuration_file_is_told_to_be_ignored() {
    for name in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
        let made = assert_ignored(name, "/etc/otel.yaml", &[("OTEL_SERVICE_NAME", "shop")]);
        assert_eq!(made.resource_text("service.name").unwrap(), "shop");
    }
}

#[test]
fn nothing_is_told_where_the_sdk_is_disabled() {
    let made = made(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_SAMPLER", "x"),
        ("OTEL_TRACES_EXPORTER", "x"),
        ("OTEL_METRICS_EXPORTER", "x"),
    ]);
    assert_eq!(made.warnings, [""; 0]);
}

/// The sources of these tests, and of those of the OTLP exporter's settings and of the propagators.
fn sources() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = std::fs::read_to_string(root.join("tests/propagators.rs")).unwrap();
    for folder in ["tests/environment", "src/otlp/settings/tests"] {
        for entry in root.join(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    sources
}

#[test]
fn the_page_names_a_test_for_every_variable_and_only_tests_that_there_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/environment.md")).unwrap();
    let sources = sources();
    let mut rows = 0;
    let mut with_tests = false;
    for line in page.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match cells[..] {
            ["", _, .., "test", ""] => with_tests = true,
            ["", dashes, ..] if dashes.starts_with("---") => {}
            ["", variable, .., tests, ""] if with_tests => {
                rows += 1;
                let code = tests.split('`').skip(1).step_by(2);
                let named: Vec<_> = code.filter(|code| !code.contains('/')).collect();
                assert!(!named.is_empty() || tests.starts_with("the same"), "{variable} has no test");
                for test in named {
                    assert!(sources.contains(&format!("fn {test}()")), "no such test: {test}");
                }
            }
            _ => with_tests = false,
        }
    }
    assert_eq!(rows, 34, "the page has another number of variables");
}
