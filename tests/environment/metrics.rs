//! `OTEL_METRICS_EXPORTER`, and where and when metrics go by it.

use crate::common::PATIENCE;
use crate::{Variables, assert_ignored, lookup};
use nanospan::export::MemoryExporter;
use nanospan::metrics::{MemoryMetricExporter, PeriodicReader};
use nanospan::{Tracer, TracerBuilder};

/// A tracer whose spans go nowhere.
fn builder(variables: Variables<'_>) -> TracerBuilder {
    TracerBuilder::from_variables(lookup(variables)).memory_budget(8 << 20)
}

fn record_and_shut_down(tracer: &Tracer) {
    drop(tracer.span("s").start());
    tracer.shutdown(PATIENCE).unwrap();
}

#[test]
fn what_the_program_says_of_metrics_comes_before_the_variables() {
    // Nothing of these is made, so nothing is in the way.
    let endpoint = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "nonsense");
    let directory = ("NANOSPAN_SEGMENT_DIRECTORY", "/dev/null/nowhere");
    for named in ["otlp", "console,otlp", "otlp/stdout,otlp", "nanospan/segments"] {
        let variables = [("OTEL_METRICS_EXPORTER", named), endpoint, directory];
        let memory = MemoryMetricExporter::new();
        let tracer = builder(&variables).metrics(PeriodicReader::builder(memory.clone())).build().unwrap();
        record_and_shut_down(&tracer);
        assert_eq!(memory.exported().len(), 1, "{named}");

        record_and_shut_down(&builder(&variables).metrics(None).build().unwrap());
    }
}

#[test]
fn none_exports_no_metrics_whatever_their_other_variables_say() {
    let endpoint = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "nonsense");
    record_and_shut_down(&builder(&[("OTEL_METRICS_EXPORTER", "none"), endpoint]).build().unwrap());
}

#[test]
fn bad_settings_of_the_reader_are_told_and_as_if_unset() {
    for bad in ["0", "-1", "1s"] {
        assert_ignored("OTEL_METRIC_EXPORT_INTERVAL", bad, &[]);
    }
    for bad in ["-1", "1s"] {
        assert_ignored("OTEL_METRIC_EXPORT_TIMEOUT", bad, &[]);
    }
    for bad in ["prometheus", "logging"] {
        let builder = builder(&[("OTEL_METRICS_EXPORTER", bad)]).exporter(MemoryExporter::new());
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let in_handler = std::sync::Arc::clone(&told);
        let handler = move |error: &nanospan::export::ExportError| {
            in_handler.lock().unwrap().push(error.to_string());
        };
        builder.error_handler(handler).metrics(None).build().unwrap();
        let told = told.lock().unwrap();
        let [warning] = told.as_slice() else { panic!("{bad}: {told:?}") };
        let expected = "is not one of otlp, otlp/stdout, console, nanospan/segments, none: ignored";
        assert_eq!(*warning, format!("OTEL_METRICS_EXPORTER={bad:?} {expected}"));
    }
}

#[cfg(unix)]
mod segments {
    use super::*;
    use crate::scratch::Scratch;
    use nanospan::export::segment::{SegmentFile, segments_in};
    use std::path::Path;

    /// How many batches of spans there are in `directory`, and the names of the metrics of the last batch of those.
    fn kept_in(directory: &Path) -> (usize, Vec<String>) {
        let (mut spans, mut names) = (0, Vec::new());
        if directory.exists() {
            for path in segments_in(directory).unwrap() {
                let segment = SegmentFile::open(path).unwrap();
                spans += segment.reader().unwrap().filter(Result::is_ok).count();
                for frame in segment.reader().unwrap().metrics() {
                    names = frame.unwrap().view().names().map(|(name, _)| name.to_owned()).collect();
                }
            }
        }
        (spans, names)
    }

    #[test]
    fn nanospan_segments_keeps_metrics_in_a_directory_of_their_own_below_that_of_spans() {
        // Where spans go, how many batches of them there are then, and where the program says that segments are.
        for (spans, expected, by_program) in [
            ("none", 0, false),
            ("nanospan/segments", 1, false),
            ("console,nanospan/segments", 1, false),
            ("nanospan/segments", 1, true),
        ] {
            let scratch = Scratch::new("environment-metrics");
            let (named, set) = (scratch.path("named"), scratch.path("set"));
            let mut builder = builder(&[
                ("OTEL_TRACES_EXPORTER", spans),
                ("OTEL_METRICS_EXPORTER", "Nanospan/Segments"),
                ("NANOSPAN_SEGMENT_DIRECTORY", named.to_str().unwrap()),
            ]);
            if by_program {
                builder = builder.segments(&set);
            }
            let directory = if by_program { &set } else { &named };
            record_and_shut_down(&builder.build().unwrap());
            assert_eq!(kept_in(directory), (expected, vec![]), "{spans}");
            let (spans_among_metrics, names) = kept_in(&directory.join("metrics"));
            assert_eq!(spans_among_metrics, 0, "{spans}");
            assert!(names.iter().any(|name| name == "otel.sdk.span.started"), "{spans}: {names:?}");
            assert_eq!(named.exists(), !by_program);
        }
    }

    #[test]
    fn a_directory_for_metrics_that_cannot_be_had_is_an_error_that_names_it_also_beside_others() {
        let scratch = Scratch::new("environment-metrics-locked");
        let directory = scratch.path("taken");
        let taken =
            nanospan::metrics::SegmentMetricExporter::builder(directory.join("metrics")).build().unwrap();
        for (directory, why) in
            [("/dev/null/nowhere", "cannot open"), (directory.to_str().unwrap(), "writer")]
        {
            for named in ["nanospan/segments", "console,nanospan/segments"] {
                let variables = [("OTEL_METRICS_EXPORTER", named), ("NANOSPAN_SEGMENT_DIRECTORY", directory)];
                let error = builder(&variables).build().unwrap_err().to_string();
                let expected = format!("{directory}/metrics");
                assert!(error.starts_with("metrics: ") && error.contains(&expected), "{named}: {error}");
                assert!(error.contains(why), "{named}: {error}");
            }
        }
        drop(taken);
    }
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
#[test]
fn metrics_that_are_not_compiled_in_are_an_error_only_if_they_are_named() {
    for named in ["", "prometheus"] {
        record_and_shut_down(
            &builder(&[("OTEL_METRICS_EXPORTER", named)]).error_handler(|_| ()).build().unwrap(),
        );
    }
    for named in ["otlp", "console,otlp"] {
        let error = builder(&[("OTEL_METRICS_EXPORTER", named)]).build().unwrap_err().to_string();
        let expected = "metrics: OTEL_METRICS_EXPORTER: otlp needs the feature otlp-http or otlp-grpc; \
                        without it there are console, nanospan/segments and none";
        assert_eq!(error, expected, "{named}");
    }
    #[cfg(not(feature = "otlp"))]
    {
        let error = builder(&[("OTEL_METRICS_EXPORTER", "otlp/stdout")]).build().unwrap_err().to_string();
        assert!(error.contains("OTEL_METRICS_EXPORTER: otlp/stdout needs the feature otlp;"), "{error}");
    }
}

#[cfg(all(feature = "otlp-grpc", not(feature = "otlp-http")))]
#[test]
fn metrics_by_a_protocol_that_is_not_compiled_in_are_an_error_only_if_they_are_named() {
    record_and_shut_down(&builder(&[("OTEL_METRICS_EXPORTER", "")]).build().unwrap());
    let error = builder(&[("OTEL_METRICS_EXPORTER", "otlp")]).build().unwrap_err().to_string();
    assert!(error.starts_with("metrics: ") && error.contains("otlp-http"), "{error}");
}

#[cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
mod otlp {
    use super::*;
    use crate::collector::{Asked, Collector, Reply};
    use crate::common::until;
    use nanospan::Stats;
    use nanospan::export::{ExportError, ExportErrorKind};
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::{
        AggregationTemporality, Metric, metric, number_data_point,
    };
    use prost::Message;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    fn is_of_metrics(asked: &Asked) -> bool {
        asked.target.to_ascii_lowercase().contains("metrics")
    }

    fn decoded(asked: &Asked) -> ExportMetricsServiceRequest {
        let content = asked.content();
        if asked.header("content-type") == "application/json" {
            serde_json::from_slice(&content).unwrap()
        } else {
            ExportMetricsServiceRequest::decode(&content[..]).unwrap()
        }
    }

    /// The metrics of the last request that has any.
    fn last_metrics(collector: &Collector) -> Vec<Metric> {
        let asked = collector.asked();
        let last = asked.iter().rfind(|asked| is_of_metrics(asked)).expect("metrics were sent");
        let resources = decoded(last).resource_metrics;
        resources.into_iter().flat_map(|of| of.scope_metrics).flat_map(|scope| scope.metrics).collect()
    }

    /// The value of each sum, its points added up; that of a histogram is its count.
    fn figures(metrics: &[Metric]) -> BTreeMap<&str, u64> {
        let value = |metric: &Metric| match metric.data.as_ref().unwrap() {
            metric::Data::Sum(sum) => sum
                .data_points
                .iter()
                .map(|point| match point.value {
                    Some(number_data_point::Value::AsInt(value)) => value as u64,
                    ref other => panic!("{other:?}"),
                })
                .sum(),
            metric::Data::Histogram(histogram) => histogram.data_points.iter().map(|point| point.count).sum(),
            other => panic!("{other:?}"),
        };
        metrics.iter().map(|metric| (metric.name.as_str(), value(metric))).collect()
    }

    #[track_caller]
    fn assert_equal(figures: &BTreeMap<&str, u64>, stats: &Stats) {
        let handed = stats.exported + stats.dropped.export_failed;
        for (name, expected) in [
            ("otel.sdk.span.live", stats.live),
            ("otel.sdk.span.started", stats.started + stats.not_sampled + stats.suppressed),
            ("otel.sdk.processor.span.queue.size", stats.buffered),
            (
                "otel.sdk.processor.span.processed",
                handed + stats.dropped.total() - stats.dropped.export_failed,
            ),
            ("otel.sdk.exporter.span.inflight", stats.exporting),
            ("otel.sdk.exporter.span.exported", handed),
            ("nanospan.span.calls.ignored", stats.stale_calls + stats.invalid_calls + stats.forged_calls),
            ("nanospan.span.starts.invalid", stats.invalid_parent),
            ("nanospan.memory.usage", stats.memory_bytes),
            ("nanospan.pool.usage", stats.blocks.in_use + stats.chunks.in_use),
            ("nanospan.pool.limit", stats.blocks.size + stats.chunks.size),
        ] {
            assert_eq!(figures.get(name), Some(&expected), "{name} of {stats:?} in {figures:?}");
        }
    }

    #[test]
    fn otlp_is_what_unset_and_unknown_names_mean_and_the_figures_are_the_account_at_the_shutdown() {
        for named in ["", "OTLP", "prometheus"] {
            for protocol in ["grpc", "http/protobuf", "http/json"] {
                let collector = Collector::new([]);
                let endpoint = collector.url();
                let variables = [
                    ("OTEL_METRICS_EXPORTER", named),
                    ("OTEL_TRACES_EXPORTER", "otlp"),
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                    ("OTEL_SERVICE_NAME", "shop"),
                ];
                let tracer = builder(&variables).error_handler(|_| ()).build().unwrap();
                (0..100).for_each(|_| drop(tracer.span("s").start()));
                let live = tracer.span("live").start();
                tracer.shutdown(PATIENCE).unwrap();
                drop(live);
                let stats = tracer.stats();
                assert_eq!((stats.exported, stats.dropped.shutdown), (100, 1), "{named}, {protocol}");
                assert_equal(&figures(&last_metrics(&collector)), &stats);
                let asked = collector.asked();
                assert!(asked.iter().any(|asked| !is_of_metrics(asked)), "spans go there as well");
                let resource = &decoded(asked.iter().rfind(|asked| is_of_metrics(asked)).unwrap())
                    .resource_metrics[0]
                    .resource;
                let resource = format!("{resource:?}");
                assert!(resource.contains("service.name") && resource.contains("shop"), "{resource}");
            }
        }
    }

    #[test]
    fn what_both_signals_cannot_use_is_told_once() {
        let variables = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "x"),
        ];
        let told = Arc::new(Mutex::new(Vec::new()));
        let in_handler = Arc::clone(&told);
        let handler = move |error: &ExportError| in_handler.lock().unwrap().push(error.to_string());
        let builder = builder(&variables).exporter(MemoryExporter::new()).metrics(None);
        builder.error_handler(handler).build().unwrap();
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn otel_metric_export_interval_is_the_time_between_two_exports() {
        let collector = Collector::new([]);
        let endpoint = collector.url();
        let variables = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
            // No limit; as a limit nothing could be exported within it.
            ("OTEL_METRIC_EXPORT_TIMEOUT", "0"),
        ];
        let tracer = builder(&variables).build().unwrap();
        collector.wait_for(3);
        record_and_shut_down(&tracer);

        let late = Collector::new([]);
        let endpoint = late.url();
        let variables = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "18446744073709551615"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "18446744073709551615"),
        ];
        record_and_shut_down(&builder(&variables).build().unwrap());
        assert_eq!(late.asked().len(), 1, "that of the shutdown");
    }

    #[test]
    fn otel_metric_export_timeout_ends_an_export_that_hangs_and_the_error_handler_is_told() {
        let collector = Collector::new([]);
        collector.answer(Some(Reply::Never));
        let endpoint = collector.url();
        let variables = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "20"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ];
        let told = Arc::new(Mutex::new(Vec::new()));
        let in_handler = Arc::clone(&told);
        let handler = move |error: &ExportError| in_handler.lock().unwrap().push(error.kind());
        let tracer = builder(&variables).error_handler(handler).build().unwrap();
        until("an export ends with the timeout", || {
            told.lock().unwrap().contains(&ExportErrorKind::DeadlineExceeded)
        });
        tracer.shutdown(std::time::Duration::ZERO).ok();
    }

    #[test]
    fn each_of_several_destinations_gets_what_it_asks_for() {
        let (first, second) = (Collector::new([]), Collector::new([]));
        for (collector, preference) in [(&first, "delta"), (&second, "cumulative")] {
            let endpoint = collector.url();
            let variables = [
                ("OTEL_METRICS_EXPORTER", "console,otlp"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference),
            ];
            // Standard output has cumulative ones, so a destination for both would be refused.
            record_and_shut_down(&builder(&variables).build().unwrap());
        }
        let started = |collector: &Collector| {
            let metrics = last_metrics(collector);
            let metric = metrics.into_iter().find(|metric| metric.name == "otel.sdk.span.started").unwrap();
            let Some(metric::Data::Sum(sum)) = metric.data else { panic!() };
            sum.aggregation_temporality()
        };
        assert_eq!(started(&first), AggregationTemporality::Delta);
        assert_eq!(started(&second), AggregationTemporality::Cumulative);
    }

    #[test]
    fn one_destination_that_hangs_takes_nothing_from_another_at_the_shutdown() {
        let collector = Collector::new([]);
        collector.answer(Some(Reply::Never));
        let endpoint = collector.url();
        let variables =
            [("OTEL_METRICS_EXPORTER", "otlp,console"), ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let told = Arc::new(Mutex::new(Vec::new()));
        let in_handler = Arc::clone(&told);
        let handler = move |error: &ExportError| in_handler.lock().unwrap().push(error.to_string());
        let tracer = builder(&variables).error_handler(handler).build().unwrap();
        tracer.shutdown(std::time::Duration::from_secs(1)).unwrap();
        until("the collector's failure is told", || !told.lock().unwrap().is_empty());
        let told = told.lock().unwrap();
        assert!(told.iter().all(|text| !text.contains("standard output")), "{told:?}");
    }
}

/// What a process of its own writes, whose real environment has the variables.
#[cfg(unix)]
mod processes {
    use super::*;
    use std::process::Command;

    const ROLE: &str = "NANOSPAN_TEST_MEASURED_PROCESS";

    /// Standard output and standard error of a process that runs this test with the variables.
    fn measured(test: &str, variables: Variables<'_>) -> (String, String) {
        measured_in(std::path::Path::new("."), test, variables)
    }

    /// As [`measured`], with `directory` as its working directory.
    fn measured_in(directory: &std::path::Path, test: &str, variables: Variables<'_>) -> (String, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = format!("metrics::processes::{test}");
        command.args(["--exact", &test, "--nocapture", "--test-threads=1"]).env(ROLE, "1");
        command.current_dir(directory);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        command.env("OTEL_TRACES_EXPORTER", "none");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success() && stdout.contains("1 passed"), "{variables:?}: {stdout}{stderr}");
        (stdout, stderr)
    }

    #[test]
    fn the_environment_of_a_process_says_where_its_metrics_go() {
        if std::env::var_os(ROLE).is_some() {
            return record_and_shut_down(&Tracer::from_env().unwrap());
        }
        // What is named; whether the text for the eye comes; how many warnings.
        for (named, shown, warnings) in [
            ("none", false, 0),
            ("console", true, 0),
            ("CONSOLE,", true, 0),
            ("console,console", true, 1),
            ("none,console", true, 1),
            ("prometheus,console,logging", true, 2),
            ("none,none", false, 1),
        ] {
            let test = "the_environment_of_a_process_says_where_its_metrics_go";
            let (stdout, stderr) = measured(test, &[("OTEL_METRICS_EXPORTER", named)]);
            let text = "  otel.sdk.span.started  in {span}  cumulative monotonic sum";
            assert_eq!(stdout.matches(text).count(), usize::from(shown), "{named}: {stdout}");
            assert_eq!(
                stderr.matches("nanospan: OTEL_METRICS_EXPORTER=").count(),
                warnings,
                "{named}: {stderr}"
            );
        }
    }

    #[test]
    fn metrics_of_nanospan_segments_are_in_the_working_directory_unless_a_variable_says_where() {
        use crate::scratch::Scratch;
        use nanospan::export::segment::segments_in;

        let test = "metrics_of_nanospan_segments_are_in_the_working_directory_unless_a_variable_says_where";
        if std::env::var_os(ROLE).is_some() {
            return record_and_shut_down(&Tracer::from_env().unwrap());
        }
        let scratch = Scratch::new("environment-metrics-directory");
        let (default, elsewhere) = (scratch.path("nanospan-segments"), scratch.path("elsewhere"));
        let exporter = ("OTEL_METRICS_EXPORTER", "nanospan/segments");
        let directory = ("NANOSPAN_SEGMENT_DIRECTORY", elsewhere.to_str().unwrap());
        measured_in(&scratch.path("."), test, &[exporter, directory]);
        assert_eq!(segments_in(elsewhere.join("metrics")).unwrap().len(), 1);
        assert!(!default.exists());
        measured_in(&scratch.path("."), test, &[exporter]);
        assert_eq!(segments_in(default.join("metrics")).unwrap().len(), 1);
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn otlp_stdout_writes_lines_of_otlp_with_metrics_under_the_resource() {
        if std::env::var_os(ROLE).is_some() {
            return record_and_shut_down(&Tracer::from_env().unwrap());
        }
        let test = "otlp_stdout_writes_lines_of_otlp_with_metrics_under_the_resource";
        for named in ["otlp/stdout", "OTLP/Stdout,none", "console,otlp/stdout"] {
            let variables = [("OTEL_METRICS_EXPORTER", named), ("OTEL_SERVICE_NAME", "shop")];
            let (stdout, _) = measured(test, &variables);
            let at = stdout.find("{\"resourceMetrics\":").unwrap_or_else(|| panic!("{named}: {stdout}"));
            let line = stdout[at..].lines().next().unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let of_resource = &line["resourceMetrics"][0];
            assert_eq!(of_resource["resource"]["attributes"][0]["value"]["stringValue"], "shop", "{named}");
            let live = &of_resource["scopeMetrics"][0]["metrics"][0];
            assert_eq!(live["name"], "otel.sdk.span.live", "{named}");
        }
    }

    /// Threads of this process that a tracer has.
    #[cfg(target_os = "linux")]
    fn threads() -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.starts_with("nanospan")).collect()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tracer_that_cannot_be_built_leaves_no_thread() {
        use crate::common::until;
        use std::time::Duration;

        if std::env::var_os(ROLE).is_none() {
            measured("a_tracer_that_cannot_be_built_leaves_no_thread", &[]);
            return;
        }
        let (no_directory, no_endpoint) = (
            ("NANOSPAN_SEGMENT_DIRECTORY", "/dev/null/nowhere"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "nonsense"),
        );
        let mut cases: Vec<Vec<(&str, &str)>> = vec![vec![
            ("OTEL_TRACES_EXPORTER", "console,nanospan/segments"),
            no_directory,
            ("OTEL_METRICS_EXPORTER", "console"),
        ]];
        for metrics in ["nanospan/segments", "console,nanospan/segments"] {
            cases.push(vec![("OTEL_METRICS_EXPORTER", metrics), no_directory]);
        }
        if cfg!(any(feature = "otlp-http", feature = "otlp-grpc")) {
            for spans in ["otlp", "otlp,console"] {
                for metrics in ["otlp", "console,otlp"] {
                    let exporters = [("OTEL_TRACES_EXPORTER", spans), ("OTEL_METRICS_EXPORTER", metrics)];
                    cases.push([&exporters[..], &[no_endpoint]].concat());
                }
            }
        }
        for case in cases {
            builder(&case).build().expect_err("one of the exporters cannot be had");
            until("its threads are gone", || threads().is_empty());
        }
        // This one meets its end when all else is there.
        let reader = PeriodicReader::builder(MemoryMetricExporter::new()).interval(Duration::ZERO);
        builder(&[]).metrics(reader).build().expect_err("no interval");
        until("its threads are gone", || threads().is_empty());

        let tracer = builder(&[("OTEL_METRICS_EXPORTER", "console")]).build().unwrap();
        assert!(!threads().is_empty(), "there are threads that can be seen");
        record_and_shut_down(&tracer);
    }
}
