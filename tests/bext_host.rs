//! The example `bext_host` as a process: told to end amid requests it delivers every span, each as it
//! was told; what it is told wrongly it refuses.
//!
//! `scripts/prove-bext-host` does the same at many moments, with full disks and through the command
//! `nanospan`.
#![cfg(all(unix, feature = "bext"))]

use nanospan::export::FinishedSpan;
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::{OwnedValue, SpanKind, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The example, which `cargo test` builds beside the tests.
fn bext_host() -> Command {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("examples/bext_host");
    assert!(path.exists(), "{} is not built: cargo build --example bext_host", path.display());
    Command::new(path)
}

/// A directory of a test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nanospan-bext-host-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    fn log(&self) -> PathBuf {
        self.0.join("recorded.jsonl")
    }

    /// Writes a configuration of the tracer; returns its path.
    fn config(&self) -> PathBuf {
        let path = self.0.join("config.json");
        let config = json!({"service_name": "shop", "segments": {"directory": self.spool()}});
        fs::write(&path, config.to_string()).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A host that is serving; killed if a test fails before it has ended.
struct Host {
    process: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl Host {
    fn start(scratch: &Scratch) -> Self {
        let mut command = bext_host();
        command.args(["--port", "0", "--flush-interval-ms", "20", "--config"]).arg(scratch.config());
        command.arg("--log").arg(scratch.log()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.strip_prefix("serving http://").and_then(|rest| rest.split_once(';'));
        let (address, _) = address.unwrap_or_else(|| panic!("the host does not serve: {line:?}"));
        Self { process, out, address: address.to_owned() }
    }

    fn tell(&self, signal: &str) {
        let told = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {}", self.process.id())])
            .status()
            .unwrap();
        assert!(told.success());
    }

    /// Waits for the end; returns what the host wrote to its two outputs, and its exit code.
    fn end(mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (out, err, self.process.wait().unwrap().code())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Both fail if it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a request of this number says of the span that makes it: trace id, span id, and what is to
/// become of it.
fn caller(number: u32) -> (String, String, Caller) {
    let (trace_id, span_id) = (format!("{:032x}", number + 1), format!("{:016x}", number + 2));
    let caller = match number % 6 {
        0 => Caller::Parent(format!("traceparent: 00-{trace_id}-{span_id}-01\r\n")),
        1 => Caller::Parent(format!(
            "tracestate: a=1\r\ntraceparent: 00-{trace_id}-{span_id}-03\r\ntracestate: b=2\r\n"
        )),
        2 => Caller::Unsampled(format!("00-{trace_id}-{span_id}-00")),
        3 => Caller::Nobody(format!("traceparent: 00-{trace_id}-{span_id}\r\ntracestate: a=1\r\n")),
        4 => Caller::Nobody(format!("traceparent: 00-{trace_id}-{span_id}-01\r\n").repeat(2)),
        _ => Caller::Nobody(String::new()),
    };
    (trace_id, span_id, caller)
}

/// What is to become of a request, and the lines by which it says so.
enum Caller {
    /// The span is the caller's child.
    Parent(String),
    /// There is none; the value of the header.
    Unsampled(String),
    /// The span is a root.
    Nobody(String),
}

/// Asks over one connection until the host hangs up; returns the number of each request that was
/// answered, and the `traceparent` of the answer.
fn ask(address: &str, seed: u32, answers: &AtomicU64) -> Vec<(u32, String)> {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let mut spans = Vec::new();
    for number in seed.. {
        let caller = match caller(number).2 {
            Caller::Unsampled(value) => format!("traceparent: {value}\r\n"),
            Caller::Parent(lines) | Caller::Nobody(lines) => lines,
        };
        let request = format!(
            "GET /page/{} HTTP/1.1\r\nhost: test\r\nauthorization: token {number}\r\n{caller}\r\n",
            number * 7 % 1021
        );
        if stream.get_mut().write_all(request.as_bytes()).is_err() {
            break;
        }
        let Some(span) = answer(&mut stream) else { break };
        spans.push((number, span));
        answers.fetch_add(1, Ordering::SeqCst);
    }
    spans
}

/// Reads an answer; `None` when the host has hung up.
fn answer(stream: &mut impl BufRead) -> Option<String> {
    let (mut span, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) => return None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            read => read.unwrap(),
        };
        match line.trim_end().split_once(": ") {
            Some(("traceparent", value)) => span = Some(value.to_owned()),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    Some(span.unwrap())
}

/// Every span in the files, by its trace and span id.
fn delivered(spool: &Path) -> HashMap<String, FinishedSpan> {
    let mut spans = HashMap::new();
    for path in segments_in(spool).unwrap() {
        let file = SegmentFile::open(path).unwrap();
        for frame in file.reader().unwrap() {
            for span in frame.unwrap().view().spans().map(FinishedSpan::from) {
                let key = format!("{}-{}", hex(&span.trace_id), hex(&span.span_id));
                assert!(spans.insert(key.clone(), span).is_none(), "{key} is there twice");
            }
        }
    }
    spans
}

/// What the host's log says that the tracer was told.
fn told(log: &Path) -> Vec<Value> {
    fs::read_to_string(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The ids of a line of the log, as [`delivered`] has them.
fn key(told: &Value) -> String {
    format!("{}-{}", told["traceId"].as_str().unwrap(), told["spanId"].as_str().unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A delivered span as the host's log has it; of the times those that `told` has.
fn as_told(span: &FinishedSpan, told: &Value) -> Value {
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    insert("traceId", json!(hex(&span.trace_id)));
    insert("spanId", json!(hex(&span.span_id)));
    insert("name", json!(span.name));
    let kinds =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    insert("kind", json!(1 + kinds.iter().position(|kind| *kind == span.kind).unwrap()));
    if let Some(parent) = span.parent_span_id {
        insert("parentSpanId", json!(hex(&parent)));
    }
    for (key, time) in
        [("startTimeUnixNano", span.start_unix_nanos), ("endTimeUnixNano", span.end_unix_nanos)]
    {
        if told.get(key).is_some() {
            insert(key, json!(time.to_string()));
        }
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Error => insert("status", json!({"code": 2, "message": span.status_message})),
        _ => insert("status", json!({"code": 1})),
    }
    let events = span.events.iter().enumerate().map(|(number, event)| {
        let mut object = Map::from_iter([("name".to_owned(), json!(event.name))]);
        if told["events"][number].get("timeUnixNano").is_some() {
            object.insert("timeUnixNano".to_owned(), json!(event.time_unix_nanos.to_string()));
        }
        insert_attributes(&mut object, &event.attributes);
        Value::Object(object)
    });
    if !span.events.is_empty() {
        insert("events", events.collect());
    }
    insert_attributes(&mut object, &span.attributes);
    Value::Object(object)
}

fn insert_attributes(object: &mut Map<String, Value>, attributes: &[(String, OwnedValue)]) {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(key, _)| key);
    let pairs = sorted.iter().map(|(key, value)| json!({"key": key, "value": any_value(value)}));
    if !sorted.is_empty() {
        object.insert("attributes".to_owned(), pairs.collect());
    }
}

fn any_value(value: &OwnedValue) -> Value {
    let text = |value: &String| json!({"stringValue": value});
    let flag = |value: &bool| json!({"boolValue": value});
    let whole = |value: &i64| json!({"intValue": value.to_string()});
    let float = |value: &f64| json!({"doubleValue": value});
    fn array<T>(values: &[T], one: impl Fn(&T) -> Value) -> Value {
        json!({"arrayValue": {"values": values.iter().map(one).collect::<Vec<_>>()}})
    }
    match value {
        OwnedValue::Str(value) => text(value),
        OwnedValue::Bool(value) => flag(value),
        OwnedValue::I64(value) => whole(value),
        OwnedValue::F64(value) => float(value),
        OwnedValue::StrArray(values) => array(values, text),
        OwnedValue::BoolArray(values) => array(values, flag),
        OwnedValue::I64Array(values) => array(values, whole),
        OwnedValue::F64Array(values) => array(values, float),
        other => panic!("the host records no {other:?}"),
    }
}

#[test]
fn a_host_that_is_told_to_end_amid_requests_delivers_every_span_as_it_was_told() {
    let scratch = Scratch::new("sigterm");
    let host = Host::start(&scratch);
    let answers = AtomicU64::new(0);
    let (named, (out, err, code)) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|client| {
                let (address, answers) = (host.address.clone(), &answers);
                scope.spawn(move || ask(&address, client * 10_000, answers))
            })
            .collect();
        let so_many = |wanted| {
            while answers.load(Ordering::SeqCst) < wanted {
                assert!(clients.iter().any(|client| !client.is_finished()), "the host hung up");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        so_many(200);
        host.tell("HUP");
        so_many(1_000);
        // Every client has asked the next thing by now, or is about to.
        host.tell("TERM");
        let named: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (named, host.end())
    });
    assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");

    let told = told(&scratch.log());
    let account = format!("; {} spans recorded, ", told.len());
    let quiet = " below a parent that is not sampled, 0 not recorded, 0 not ended, ";
    assert!(out.contains(&account) && out.contains(quiet) && out.ends_with("; 0 failures\n"), "{out}");
    let mut found = delivered(&scratch.spool());
    for (number, header) in &named {
        let (trace_id, span_id, caller) = caller(*number);
        let span = header.split('-').skip(1).take(2).collect::<Vec<_>>().join("-");
        let span = found.get(&span);
        if let Caller::Unsampled(sent) = caller {
            assert_eq!(*header, sent);
            let of_trace = found.keys().find(|key| key.starts_with(&trace_id));
            assert_eq!(of_trace, None, "{sent} is not sampled");
            continue;
        }
        let span = span.unwrap_or_else(|| panic!("an answer names {header}, which was not delivered"));
        if let Caller::Parent(_) = caller {
            assert_eq!(hex(&span.trace_id), trace_id);
            assert_eq!(span.parent_span_id.map(|id| hex(&id)), Some(span_id));
            assert_eq!(span.trace_state, if number % 6 == 1 { "a=1,b=2" } else { "" });
        } else {
            assert_ne!(hex(&span.trace_id), trace_id);
            assert_eq!((span.parent_span_id, span.trace_state.as_str()), (None, ""));
        }
    }
    for told in &told {
        let span = found.remove(&key(told)).unwrap_or_else(|| panic!("missing: {told}"));
        assert_eq!(as_told(&span, told), *told);
    }
    assert_eq!(found.len(), 0, "more than was told: {:?}", found.values().next());
}

#[test]
fn a_host_that_asks_itself_ends_by_itself_with_every_span_delivered() {
    let scratch = Scratch::new("load");
    let mut command = bext_host();
    command.args(["--load", "500", "--clients", "3", "--workers", "2", "--config"]).arg(scratch.config());
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!((String::from_utf8(output.stderr).unwrap().as_str(), output.status.code()), ("", Some(0)));
    assert!(out.contains("handled 500 requests; "), "{out}");
    let recorded = out.split("; ").find_map(|part| part.split_once(" spans recorded")).unwrap().0;
    assert_eq!(recorded, delivered(&scratch.spool()).len().to_string(), "{out}");
}

#[test]
fn an_echo_shows_the_spans_that_are_delivered_under_ids_of_its_own() {
    let scratch = Scratch::new("echo");
    let mut command = bext_host();
    // Requests that continue a trace are among them, and such as are not sampled.
    command.args(["--load", "120", "--clients", "3", "--echo", "json", "--config"]).arg(scratch.config());
    let output = command.arg("--log").arg(scratch.log()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!((String::from_utf8(output.stderr).unwrap().as_str(), output.status.code()), ("", Some(0)));
    let echoed: Vec<Value> = out
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found = delivered(&scratch.spool());
    let told = told(&scratch.log());
    assert_eq!(told.len(), found.len());
    for told in &told {
        assert_eq!(as_told(&found[&key(told)], told), *told);
    }
    // Name, whether it has a parent in the host, and how often there is such a span.
    let mut balance = HashMap::<_, i64>::new();
    for span in &echoed {
        let has_parent = span.get("parent_span_id").is_some();
        *balance.entry((span["name"].as_str().unwrap(), has_parent)).or_default() += 1;
    }
    assert!(balance.contains_key(&("GET /page/{id}", false)), "{balance:?}");
    let is_remote = |span: &&FinishedSpan| span.flags & 0x300 == 0x300;
    assert!(found.values().any(|span| is_remote(&span)));
    for span in found.values() {
        let has_parent = span.parent_span_id.is_some() && !is_remote(&span);
        *balance.entry((&span.name, has_parent)).or_default() -= 1;
    }
    assert!(balance.values().all(|count| *count == 0), "{balance:?}");
}

#[test]
fn a_host_whose_spans_find_no_room_says_why_and_how_many_and_ends_with_code_1() {
    let scratch = Scratch::new("room");
    let config = json!({"segments": {"directory": scratch.spool(), "max_total_bytes": 100}});
    let path = scratch.config();
    fs::write(&path, config.to_string()).unwrap();
    // One flush, at the end, so that one error has it all.
    let mut command = bext_host();
    command.args(["--load", "20", "--flush-interval-ms", "3600000", "--config"]).arg(&path);
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    let recorded = out.split("; ").find_map(|part| part.split_once(" spans recorded")).unwrap().0;
    let lost = format!("{recorded} spans were lost, dropped after the failed export");
    let is_said = |line: &str| line.contains("tracer-nanospan: flush: export failed") && line.contains(&lost);
    assert!(err.lines().any(|line| line.contains("is full") && is_said(line)), "{err}");
    assert!(delivered(&scratch.spool()).is_empty());
}

/// The exit code and what is said of a command line that is refused.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = bext_host().args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_wrong_flag_is_refused_with_code_2_and_named_with_what_is_wrong() {
    for (arguments, said) in [
        (["--sport", "80"].as_slice(), "\"--sport\": no such flag"),
        (&["--load", "1", "--port"], "--port: a value is missing"),
        (&["--port", "65536"], "--port 65536: number too large to fit in target type"),
        (&["--load", "many"], "--load many: invalid digit found in string"),
        (&["--workers", "0"], "--workers 0: must be at least 1"),
        (&["--clients", "0"], "--clients 0: must be at least 1"),
        (&["--echo", "loud"], "--echo loud: neither human nor json"),
        (&["--echo"], "--echo: a value is missing"),
        (&["--flush-interval-ms", "0"], "--flush-interval-ms 0: must be at least 1"),
    ] {
        assert_eq!(refused(arguments), (Some(2), format!("bext_host: {said}")));
    }
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_code_1_and_named() {
    let scratch = Scratch::new("files");
    let missing = scratch.0.join("missing").join("file");
    let missing = missing.to_str().unwrap();
    let config = scratch.config();
    for (flag, path) in [("--config", missing), ("--log", missing)] {
        let (code, said) = refused(&["--config", config.to_str().unwrap(), flag, path]);
        assert_eq!(code, Some(1));
        assert!(said.starts_with(&format!("bext_host: {flag} {path}: ")), "{said}");
    }
    fs::write(&config, r#"{"service_nam": "shop"}"#).unwrap();
    let (code, said) = refused(&["--config", config.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("bext_host: tracer-nanospan: configuration: service_nam: unknown key"),
        "{said}"
    );
}

#[test]
fn the_help_has_every_flag() {
    let output = bext_host().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for flag in ["config", "flush-interval-ms", "port", "workers", "load", "clients", "log", "echo", "help"] {
        assert!(help.contains(&format!("\n  --{flag} ")), "{flag}");
    }
}
