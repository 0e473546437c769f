//! `OTEL_TRACES_EXPORTER`, and where spans go by it.

use crate::common::PATIENCE;
use crate::lookup;
use nanospan::TracerBuilder;
use nanospan::export::MemoryExporter;
use std::time::Duration;

#[test]
fn none_keeps_tracing_and_exports_nothing() {
    let builder = TracerBuilder::from_variables(lookup(&[("OTEL_TRACES_EXPORTER", "none")]));
    let tracer = builder.memory_budget(8 << 20).build().unwrap();
    let span = tracer.span("s").start();
    assert!(span.context().is_sampled());
    drop(span);
    tracer.flush(PATIENCE).unwrap();
    tracer.shutdown(Duration::from_secs(30)).unwrap();
    assert!(tracer.stats().is_balanced());
}

#[test]
fn what_the_program_sets_comes_before_the_exporters_of_variables() {
    // Nothing of these is made, so nothing is in the way.
    for named in ["otlp", "otlp/stdout", "nanospan/segments", "console,otlp"] {
        let memory = MemoryExporter::new();
        let variables =
            [("OTEL_TRACES_EXPORTER", named), ("NANOSPAN_SEGMENT_DIRECTORY", "/dev/null/nowhere")];
        let builder = TracerBuilder::from_variables(lookup(&variables));
        let tracer = builder.memory_budget(8 << 20).exporter(memory.clone()).build().unwrap();
        drop(tracer.span("s").start());
        tracer.flush(PATIENCE).unwrap();
        assert_eq!(memory.spans().len(), 1, "{named}");
    }
}

/// The error of a tracer that cannot be made.
fn refused(variables: crate::Variables<'_>) -> String {
    let builder = TracerBuilder::from_variables(lookup(variables)).memory_budget(8 << 20);
    builder.build().expect_err("one of the exporters cannot be had").to_string()
}

#[test]
fn an_exporter_that_cannot_be_made_is_an_error_also_beside_others() {
    for named in ["nanospan/segments", "console,nanospan/segments"] {
        let directory = ("NANOSPAN_SEGMENT_DIRECTORY", "/dev/null/nowhere");
        let error = refused(&[("OTEL_TRACES_EXPORTER", named), directory]);
        assert!(error.contains("/dev/null/nowhere"), "{named}: {error}");
    }
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-http")))]
#[test]
fn an_exporter_that_is_not_compiled_in_is_an_error_that_names_its_feature() {
    for named in ["", "otlp", "console,otlp", "zipkin"] {
        let error = refused(&[("OTEL_TRACES_EXPORTER", named)]);
        assert!(error.contains("OTEL_TRACES_EXPORTER: otlp"), "{named}: {error}");
        assert!(error.contains("the feature otlp-http or otlp-grpc"), "{named}: {error}");
    }
    #[cfg(not(feature = "otlp"))]
    {
        let error = refused(&[("OTEL_TRACES_EXPORTER", "otlp/stdout")]);
        assert!(error.contains("OTEL_TRACES_EXPORTER: otlp/stdout needs the feature otlp;"), "{error}");
    }
}

#[cfg(all(feature = "otlp-http", feature = "otlp-grpc"))]
mod otlp {
    use super::*;
    use nanospan::export::ExportError;
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    /// The beginning of what a tracer with these variables sends: the head of a request.
    fn sent(variables: crate::Variables<'_>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let collector = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            String::from_utf8(head).unwrap().to_ascii_lowercase()
        });
        let mut variables = variables.to_vec();
        variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint));
        let builder = TracerBuilder::from_variables(lookup(&variables)).memory_budget(8 << 20);
        let tracer = builder.error_handler(|_| ()).export_interval(Duration::ZERO).build().unwrap();
        drop(tracer.span("s").start());
        let head = collector.join().unwrap();
        // The collector is gone without an answer.
        let _ = tracer.shutdown(Duration::ZERO);
        head
    }

    #[test]
    fn otlp_is_what_unset_and_unknown_names_mean_and_the_protocol_decides_its_form() {
        for named in ["", "otlp", "OTLP", "zipkin", "logging"] {
            for (protocol, begins, holds) in [
                ("", "post /v1/traces http/1.1\r\n", "content-type: application/x-protobuf\r\n"),
                ("http/protobuf", "post /v1/traces http/1.1\r\n", "content-type: application/x-protobuf\r\n"),
                ("http/json", "post /v1/traces http/1.1\r\n", "content-type: application/json\r\n"),
                ("grpc", "pri * http/2.0\r\n", ""),
            ] {
                let variables = [("OTEL_TRACES_EXPORTER", named), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
                let head = sent(&variables);
                assert!(head.starts_with(begins) && head.contains(holds), "{named}, {protocol}: {head}");
            }
        }
    }
    #[test]
    fn what_one_of_several_exporters_loses_is_told_with_its_name() {
        // Nobody listens there any more.
        let endpoint = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
        let variables = [
            ("OTEL_TRACES_EXPORTER", "console,otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "50"),
        ];
        let told = Arc::new(Mutex::new(String::new()));
        let in_handler = Arc::clone(&told);
        let builder = TracerBuilder::from_variables(lookup(&variables)).memory_budget(8 << 20);
        let handler = move |error: &ExportError| *in_handler.lock().unwrap() += &format!("{error}\n");
        let tracer = builder.error_handler(handler).build().unwrap();
        drop(tracer.span("s").start());
        // Whichever of the two calls meets it: the export does not wait for the collector.
        let _ = tracer.flush(PATIENCE);
        let _ = tracer.shutdown(PATIENCE);
        let told = told.lock().unwrap();
        assert!(told.contains("destination `otlp`") && !told.contains("console"), "{told}");
        assert_eq!(tracer.stats().exported, 1, "the console has the span");
    }
}

/// What a process of its own writes and keeps, whose real environment has the variables.
#[cfg(unix)]
mod processes {
    use crate::common::PATIENCE;
    use crate::scratch::Scratch;
    use nanospan::Tracer;
    use std::path::Path;
    use std::process::Command;

    const ROLE: &str = "NANOSPAN_TEST_TRACED_PROCESS";

    /// Standard output and standard error of a process that records one span.
    fn traced(directory: &Path, variables: crate::Variables<'_>) -> (String, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "exporters::processes::the_environment_of_a_process_says_where_its_spans_go";
        command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, "1")
            .current_dir(directory);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        // Only what a test asks for is to be sent anywhere.
        command.env("OTEL_METRICS_EXPORTER", "none");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success() && stdout.contains("1 passed"), "{variables:?}: {stdout}{stderr}");
        (stdout, stderr)
    }

    fn segments_in(directory: &Path) -> usize {
        let Ok(files) = directory.read_dir() else { return 0 };
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".nsp")).count()
    }

    #[test]
    fn the_environment_of_a_process_says_where_its_spans_go() {
        if std::env::var_os(ROLE).is_some() {
            let tracer = Tracer::from_env().unwrap();
            drop(tracer.span("hello").start());
            tracer.shutdown(PATIENCE).unwrap();
            return;
        }
        const WARNED: &str = "nanospan: OTEL_TRACES_EXPORTER=";
        // What is named; whether the text for the eye comes, and segment files; how many warnings.
        for (named, shown, kept, warnings) in [
            ("none", false, false, 0),
            ("console", true, false, 0),
            ("CONSOLE,", true, false, 0),
            ("nanospan/segments", false, true, 0),
            ("console,nanospan/segments", true, true, 0),
            ("console,console", true, false, 1),
            ("none,console", true, false, 1),
            ("zipkin,console,logging", true, false, 2),
            ("none,none", false, false, 1),
        ] {
            let scratch = Scratch::new("environment-named");
            let (stdout, stderr) = traced(&scratch.path("."), &[("OTEL_TRACES_EXPORTER", named)]);
            assert_eq!(stdout.matches("· internal hello\n").count(), usize::from(shown), "{named}: {stdout}");
            assert_eq!(segments_in(&scratch.path("nanospan-segments")), usize::from(kept), "{named}");
            assert_eq!(stderr.matches(WARNED).count(), warnings, "{named}: {stderr}");
        }
    }

    #[test]
    fn nanospan_segment_directory_says_where_segment_files_are() {
        let scratch = Scratch::new("environment-directory");
        let directory = scratch.path("elsewhere");
        let variables = [
            ("OTEL_TRACES_EXPORTER", "nanospan/segments"),
            ("NANOSPAN_SEGMENT_DIRECTORY", directory.to_str().unwrap()),
        ];
        traced(&scratch.path("."), &variables);
        assert_eq!(segments_in(&directory), 1);
        assert!(!scratch.path("nanospan-segments").exists());
    }

    #[test]
    fn otel_log_level_says_what_goes_to_standard_error() {
        for (level, expected) in [("", 1), ("info", 1), ("WARN", 1), ("error", 0), ("none", 0), ("off", 0)] {
            let scratch = Scratch::new("environment-level");
            let variables =
                [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOG_LEVEL", level), ("OTEL_TRACES_SAMPLER", "x")];
            let (_, stderr) = traced(&scratch.path("."), &variables);
            let told = stderr.matches("nanospan: OTEL_TRACES_SAMPLER=\"x\" is not one of ").count();
            assert_eq!(told, expected, "{level}: {stderr}");
        }
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn otlp_stdout_writes_lines_of_otlp_with_the_resource() {
        let scratch = Scratch::new("environment-otlp");
        for named in ["otlp/stdout", "OTLP/Stdout,none", "nanospan/segments,otlp/stdout"] {
            let variables = [("OTEL_TRACES_EXPORTER", named), ("OTEL_SERVICE_NAME", "shop")];
            let (stdout, _) = traced(&scratch.path("."), &variables);
            // The test's own output has no line feed at its end before.
            let at = stdout.find("{\"resourceSpans\":").unwrap_or_else(|| panic!("{named}: {stdout}"));
            let line = stdout[at..].lines().next().unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let of_resource = &line["resourceSpans"][0];
            assert_eq!(of_resource["resource"]["attributes"][0]["value"]["stringValue"], "shop", "{named}");
            assert_eq!(of_resource["scopeSpans"][0]["spans"][0]["name"], "hello", "{named}");
        }
    }
}
