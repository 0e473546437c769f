//! A tracer as OpenTelemetry's standard variables say. The rules for single values are tested where they
//! are read; here stands what each variable does to a tracer.

mod common;

use common::{PATIENCE, until};
use nanospan::export::{ExportErrorKind, FinishedSpan, MemoryExporter};
use nanospan::{OwnedValue, Tracer, TracerBuilder, attributes};
use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn lookup(variables: Variables<'_>) -> impl Fn(&str) -> Option<OsString> {
    let mut variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    // Nothing is to be sent anywhere.
    if variables.iter().all(|(name, _)| name != "OTEL_TRACES_EXPORTER") {
        variables.push(("OTEL_TRACES_EXPORTER".into(), "none".into()));
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
    let builder = TracerBuilder::from_variables(lookup(variables)).unwrap();
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
fn otel_traces_sampler_names_every_sampler() {
    let roots_of = |variables: Variables<'_>| {
        made(variables).record(|tracer| (0..1000).for_each(|_| drop(tracer.span("root").start()))).len()
    };
    assert_eq!(roots_of(&[]), 1000);
    for (name, expected) in [("always_on", 1000), ("always_off", 0), ("ALWAYS_OFF", 0)] {
        assert_eq!(roots_of(&[("OTEL_TRACES_SAMPLER", name)]), expected, "{name}");
        let parent_based = format!("parentbased_{name}");
        assert_eq!(roots_of(&[("OTEL_TRACES_SAMPLER", &parent_based)]), expected, "{parent_based}");
    }
    for name in ["traceidratio", "parentbased_traceidratio", "probability", "parentbased_probability"] {
        let of = |arg| roots_of(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", arg)]);
        // Five standard deviations are 79.
        assert!((420..580).contains(&of("0.5")), "{name}");
        assert_eq!((of("0"), of("1"), of(""), of(" 1.0 ")), (0, 1000, 1000, 1000), "{name}");
    }
}

#[test]
fn a_parent_based_sampler_does_as_the_remote_parent_and_others_do_not() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent = nanospan::propagation::parse_traceparent(parent.as_bytes()).unwrap();
    for (name, kept) in [("always_off", 0), ("parentbased_always_off", 1)] {
        let made = made(&[("OTEL_TRACES_SAMPLER", name)]);
        let spans = made.record(|tracer| drop(tracer.span("s").child_of_context(&parent).start()));
        assert_eq!(spans.len(), kept, "{name}");
    }
}

#[test]
fn the_probability_samplers_state_their_threshold() {
    let variables = [("OTEL_TRACES_SAMPLER", "parentbased_probability"), ("OTEL_TRACES_SAMPLER_ARG", "1")];
    let spans = made(&variables).record(|tracer| drop(tracer.span("s").start()));
    assert_eq!(spans[0].trace_state, "ot=th:0");
}

#[test]
fn a_bad_sampler_or_argument_is_told_and_as_if_unset() {
    for bad in ["jaeger_remote", "xray", "sometimes"] {
        let made = assert_ignored("OTEL_TRACES_SAMPLER", bad, &[]);
        assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
    }
    for bad in ["half", "1.5", "-0.1", "NaN", "inf"] {
        let others = [("OTEL_TRACES_SAMPLER", "traceidratio")];
        let made = assert_ignored("OTEL_TRACES_SAMPLER_ARG", bad, &others);
        assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1, "{bad}");
    }
    let unread = made(&[("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_TRACES_SAMPLER_ARG", "half")]);
    assert_eq!(unread.warnings, [""; 0], "an argument that no sampler takes is not looked at");
}

/// A span with five of everything.
fn five_of_everything(tracer: &Tracer) {
    let other = tracer.span("other").start().context();
    let five = attributes!["a" => "12345", "b" => 2, "c" => 3, "d" => 4, "e" => 5];
    let span = tracer.span("s").start();
    span.set_attributes(&five);
    for _ in 0..5 {
        span.add_event("e", &five);
        span.add_link(&other, &five);
    }
}

/// Attributes, characters of the first, events, links, attributes of an event, of a link.
fn kept(made: &Made) -> [usize; 6] {
    let spans = made.record(five_of_everything);
    let span = spans.iter().find(|span| span.name == "s").unwrap();
    let text = match span.attributes.first() {
        Some((_, OwnedValue::Str(text))) => text.len(),
        _ => 0,
    };
    [
        span.attributes.len(),
        text,
        span.events.len(),
        span.links.len(),
        span.events.first().map_or(0, |event| event.attributes.len()),
        span.links.first().map_or(0, |link| link.attributes.len()),
    ]
}

#[test]
fn each_span_limit_has_its_variable() {
    let all = [5, 5, 5, 5, 5, 5];
    assert_eq!(kept(&made(&[])), all);
    for (name, expected) in [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", [2, 5, 5, 5, 5, 5]),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", [5, 2, 5, 5, 5, 5]),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", [5, 5, 2, 5, 5, 5]),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", [5, 5, 5, 2, 5, 5]),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", [5, 5, 5, 5, 2, 5]),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", [5, 5, 5, 5, 5, 2]),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", [2, 5, 5, 5, 2, 2]),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", [5, 2, 5, 5, 5, 5]),
    ] {
        assert_eq!(kept(&made(&[(name, "2")])), expected, "{name}");
        for bad in ["-1", "two", "4294967296"] {
            assert_eq!(kept(&assert_ignored(name, bad, &[])), all, "{name}={bad}");
        }
    }
    assert_eq!(kept(&made(&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")]))[2], 0);
}

#[test]
fn a_limit_of_its_own_comes_before_the_one_for_all() {
    let general = [("OTEL_ATTRIBUTE_COUNT_LIMIT", "1"), ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")];
    let own = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ];
    let variables: Vec<_> = general.into_iter().chain(own).collect();
    assert_eq!(kept(&made(&variables)), [4, 3, 5, 5, 3, 2]);
}

#[test]
fn the_batch_processors_sizes_have_their_variables() {
    let variables = [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let made_so = made(&variables);
    made_so.record(|tracer| (0..95).for_each(|_| drop(tracer.span("s").start())));
    let sizes = made_so.memory.batches();
    let sizes: Vec<_> =
        sizes.iter().map(|batch| nanospan::batch::BatchView::parse(batch).unwrap().span_count()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 95);
    assert_eq!(sizes.iter().max(), Some(&10));

    let variables = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "20"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let made = made(&variables);
    let hold = made.memory.hold();
    (0..200).for_each(|_| drop(made.tracer.span("s").start()));
    until("all are told what becomes of them", || made.tracer.stats().live == 0);
    let stats = made.tracer.stats();
    assert!(stats.dropped.queue_full >= 160 && stats.is_balanced(), "{stats:?}");
    drop(hold);
}

#[test]
fn the_batch_processors_times_have_their_variables() {
    let made_so = made(&[("OTEL_BSP_SCHEDULE_DELAY", "1")]);
    drop(made_so.tracer.span("s").start());
    until("it is exported without a flush", || made_so.memory.spans().len() == 1);

    let late = made(&[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    drop(late.tracer.span("s").start());
    until("it is collected", || late.tracer.stats().live == 0);
    assert!(late.memory.spans().is_empty());

    let hanging = TracerBuilder::from_variables(lookup(&[
        ("OTEL_BSP_EXPORT_TIMEOUT", "20"),
        ("OTEL_LOG_LEVEL", "none"),
    ]));
    let memory = MemoryExporter::new();
    let tracer = hanging.unwrap().memory_budget(8 << 20).exporter(memory.clone()).build().unwrap();
    let _hold = memory.hold();
    drop(tracer.span("s").start());
    tracer.flush(PATIENCE).unwrap_err();
    assert_eq!(tracer.stats().dropped.export_failed, 1);
}

#[test]
fn bad_settings_of_the_batch_processor_are_told_and_as_if_unset() {
    for name in ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] {
        for bad in ["0", "-1", "many"] {
            let made = assert_ignored(name, bad, &[]);
            assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
        }
    }
    for name in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT"] {
        for bad in ["-1", "1s"] {
            assert_ignored(name, bad, &[]);
        }
    }
    // No limit, in OpenTelemetry's words.
    let made = made(&[("OTEL_BSP_EXPORT_TIMEOUT", "0")]);
    assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
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
fn an_exporter_that_is_not_known_is_told_and_otlp_takes_its_place() {
    for name in ["zipkin", "logging"] {
        let variables = [("OTEL_TRACES_EXPORTER", name)];
        match TracerBuilder::from_variables(lookup(&variables)) {
            Ok(builder) => {
                let told = Arc::new(Mutex::new(Vec::new()));
                let in_handler = Arc::clone(&told);
                let handler = move |error: &_| in_handler.lock().unwrap().push(format!("{error}"));
                let _ = builder.memory_budget(8 << 20).error_handler(handler).build().unwrap();
                assert!(told.lock().unwrap()[0].contains(name), "{told:?}");
            }
            // Without the feature there is no OTLP.
            Err(error) => assert!(error.to_string().contains("otlp-http"), "{error}"),
        }
    }
}

#[test]
fn none_keeps_tracing_and_exports_nothing() {
    let builder = TracerBuilder::from_variables(lookup(&[("OTEL_TRACES_EXPORTER", "none")])).unwrap();
    let tracer = builder.memory_budget(8 << 20).build().unwrap();
    let span = tracer.span("s").start();
    assert!(span.context().is_sampled());
    drop(span);
    tracer.flush(PATIENCE).unwrap();
    tracer.shutdown(Duration::from_secs(30)).unwrap();
    assert!(tracer.stats().is_balanced());
}
