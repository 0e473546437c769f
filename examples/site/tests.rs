//! Real requests, and whether the segment files hold exactly what the client's log says.

use crate::args::Args;
use crate::check::{Verdict, compare};
use crate::client::{self, Load};
use crate::destination::Destination;
use crate::files::{self, Files};
use crate::log::{self, Entry};
use crate::server::Server;
use crate::{SHUTDOWN, runtime};
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::propagation::Propagators;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// How many requests a test sends.
const REQUESTS: usize = 2_000;

/// A directory of a test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nanospan-site-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Serves a site and asks it; returns the log and the segments as they are in the files.
fn serve_and_ask(scratch: &Scratch, clients: usize) -> (Vec<Entry>, Vec<SegmentFile>) {
    let tracer = Destination::Segments(scratch.spool()).open().unwrap();
    let runtime = runtime().unwrap();
    let server = runtime.block_on(Server::start(0, tracer, Propagators::default())).unwrap();
    let load = Load { requests: REQUESTS, clients, seed: 7 };
    let round = client::drive(server.address(), load).unwrap();
    runtime.block_on(server.stop());
    tracer.shutdown(SHUTDOWN).unwrap();

    let path = scratch.0.join("client.jsonl");
    log::write(&path, &round.entries).unwrap();
    (log::read(&path).unwrap(), files::open_new(&scratch.spool(), &[]).unwrap())
}

fn assert_equal(verdict: &Verdict) {
    let problems = &verdict.problems;
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn the_files_hold_exactly_what_many_connections_asked_for() {
    let scratch = Scratch::new("many");
    let (entries, segments) = serve_and_ask(&scratch, 16);
    let verdict = compare(&entries, &Files::read(&segments));
    assert_equal(&verdict);
    assert_eq!(verdict.requests, REQUESTS);
    assert!(verdict.recorded < REQUESTS, "some callers ask not to be recorded");
    assert!(verdict.handed_over > 0, "some spans end on another thread");
}

#[test]
fn the_files_hold_exactly_what_one_connection_asked_for() {
    let scratch = Scratch::new("one");
    let (entries, segments) = serve_and_ask(&scratch, 1);
    assert_equal(&compare(&entries, &Files::read(&segments)));
}

#[test]
fn a_run_reads_only_the_segments_that_were_not_there_before() {
    let scratch = Scratch::new("before");
    let (first, _) = serve_and_ask(&scratch, 4);
    let before = segments_in(scratch.spool()).unwrap();
    let (second, both) = serve_and_ask(&scratch, 4);
    assert!(!compare(&first, &Files::read(&both)).problems.is_empty());
    let new = files::open_new(&scratch.spool(), &before).unwrap();
    assert_equal(&compare(&second, &Files::read(&new)));
}

#[test]
fn the_comparison_finds_every_sort_of_difference() {
    let scratch = Scratch::new("differences");
    let (entries, segments) = serve_and_ask(&scratch, 4);
    assert_equal(&compare(&entries, &Files::read(&segments)));
    let altered = |alter: &dyn Fn(&mut Entry), which: &dyn Fn(&Entry) -> bool| {
        let mut entries = entries.clone();
        alter(entries.iter_mut().find(|entry| which(entry)).unwrap());
        compare(&entries, &Files::read(&segments)).problems
    };
    // The flags of a sampled trace are 01, or 03 where its id is known to be random.
    let is_recorded = |entry: &Entry| !entry.traceresponse.as_ref().unwrap().ends_with(['0', '2']);
    let is_home = |entry: &Entry| entry.path == "/" && entry.traceparent.is_none();
    let has_state = |entry: &Entry| {
        let sent = entry.traceparent.as_deref().unwrap_or_default();
        sent.ends_with("-01") && !sent.contains("nonsense") && entry.tracestate.is_some()
    };
    let is_unknown_product =
        |entry: &Entry| is_recorded(entry) && entry.path.starts_with("/product/") && entry.status == 404;
    let is_order = |entry: &Entry| entry.path == "/checkout" && entry.status == 200 && is_recorded(entry);

    let route = altered(&|entry| entry.path = "/slow".to_owned(), &is_home);
    assert!(!route.is_empty(), "another route");
    let path = altered(&|entry| entry.path = "/product/1100".to_owned(), &is_unknown_product);
    assert!(!path.is_empty(), "another path");
    let status = altered(&|entry| entry.status = 402, &is_order);
    assert!(!status.is_empty(), "another status");
    let count = altered(&|entry| entry.spans = Some(9), &is_home);
    assert!(count[0].contains("must begin 1 spans"), "another number of spans: {count:?}");
    let state = altered(&|entry| entry.tracestate = None, &has_state);
    assert!(!state.is_empty(), "another trace state");
    let told = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let ids = altered(&|entry| entry.traceresponse = Some(told.to_owned()), &is_home);
    assert!(ids[0].starts_with("extra") && ids[1].starts_with("missing"), "other ids: {ids:?}");

    let home = entries.iter().position(is_home).unwrap();
    let mut fewer = entries.clone();
    fewer.remove(home);
    let extra = compare(&fewer, &Files::read(&segments)).problems;
    assert!(extra.len() == 1 && extra[0].starts_with("extra in the files"), "{extra:?}");
    let mut more = entries.clone();
    more.push(entries[home].clone());
    let missing = compare(&more, &Files::read(&segments)).problems;
    assert!(missing.len() == 1 && missing[0].starts_with("missing in the files"), "{missing:?}");
}

#[test]
fn the_comparison_finds_batches_that_are_missing_doubled_or_damaged() {
    let scratch = Scratch::new("batches");
    let (entries, segments) = serve_and_ask(&scratch, 4);
    let (segment, others) = segments.split_last().unwrap();
    let altered = |bytes: &[u8]| {
        let path = scratch.0.join("altered.nsp");
        fs::write(&path, bytes).unwrap();
        let paths = others.iter().map(SegmentFile::path).chain([path.as_path()]);
        let segments: Vec<_> = paths.map(|path| SegmentFile::open(path).unwrap()).collect();
        compare(&entries, &Files::read(&segments)).problems
    };
    let bytes = segment.bytes();
    assert!(altered(bytes).is_empty());

    let last = segment.reader().unwrap().last().unwrap().unwrap();
    assert!(!altered(&bytes[..last.offset() as usize]).is_empty(), "without its last batch");
    let doubled = [bytes, &bytes[last.offset() as usize..last.end() as usize]].concat();
    assert!(altered(&doubled).iter().any(|problem| problem.contains("there twice")), "a batch twice");
    let mut damaged = bytes.to_vec();
    damaged[(last.offset() + last.end()) as usize / 2] ^= 1;
    assert!(!altered(&damaged).is_empty(), "a bit of a batch flipped");
}

#[test]
fn a_log_with_a_broken_line_is_refused_with_its_number() {
    let scratch = Scratch::new("log");
    let path = scratch.0.join("client.jsonl");
    let line = r#"{"method":"GET","path":"/","traceparent":null,"tracestate":null,"status":200,"traceresponse":null,"cache":"hit","spans":1,"micros":5}"#;
    fs::write(&path, format!("{line}\n")).unwrap();
    assert_eq!(log::read(&path).unwrap()[0].cache.as_deref(), Some("hit"));
    fs::write(&path, format!("{line}\n{}\n", &line[..line.len() - 9])).unwrap();
    let error = log::read(&path).unwrap_err().to_string();
    assert!(error.ends_with("client.jsonl:2: not a line of this log"), "{error}");
}

#[test]
fn a_wrong_argument_is_named_with_what_is_wrong() {
    let refusal = |line: &str| Args::parse(line.split(' ').map(OsString::from)).unwrap_err();
    assert_eq!(refusal("--sport 80"), "\"--sport\": no such flag");
    assert_eq!(refusal("--off --port"), "--port: a value is missing");
    assert_eq!(refusal("--port 65536"), "--port 65536: number too large to fit in target type");
    assert_eq!(refusal("--self-load many"), "--self-load many: invalid digit found in string");
    assert_eq!(refusal("--clients 0"), "--clients 0: must be at least 1");
    assert_eq!(refusal("--off --self-load 5"), "--off: --self-load runs both with tracing and without");
}

#[test]
fn spans_go_into_files_unless_the_environment_says_where() {
    let spool = PathBuf::from("spool");
    let of = |name: &str, value: &str| {
        Destination::of(&spool, |asked| (asked == name).then(|| OsString::from(value)))
    };
    let files = Destination::Segments(spool.clone());
    for decisive in [
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    ] {
        assert_eq!(of(decisive, "none"), Destination::Environment, "{decisive}");
        assert_eq!(of(decisive, " "), files, "{decisive}");
    }
    assert_eq!(of("OTEL_SDK_DISABLED", "True"), Destination::Environment);
    assert_eq!(of("OTEL_SDK_DISABLED", "false"), files);
    assert_eq!(of("OTEL_SERVICE_NAME", "shop"), files);
}
