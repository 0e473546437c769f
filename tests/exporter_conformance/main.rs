//! The suite over span exporters, put to the test itself, and run over this crate's exporters.
//!
//! A suite is worth what it finds. Each fault of [`fault::Fault`] is given to an exporter that is right
//! otherwise, and exactly the case of the clause that it breaks must fail.

#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
#[path = "../common/collector.rs"]
mod collector;
mod fault;
#[path = "../common/finished_lines.rs"]
mod finished_lines;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod otlp;
#[cfg(feature = "otlp")]
#[path = "../common/otlp_lines.rs"]
mod otlp_lines;
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
mod received;
mod reference;
#[cfg(unix)]
#[path = "../exporters/common/scratch.rs"]
mod scratch;
#[cfg(unix)]
mod segments;
#[path = "../common/sink.rs"]
mod sink;
mod subjects;

use fault::Fault;
use nanospan::conformance::exporter::{self, Case, Subject};
use nanospan::conformance::{Outcome, Report};
use reference::ReferenceSubject;
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;
use subjects::{FanOut, Memory, Stdout};

/// How many faults are tried at a time. A run mostly sleeps.
const THREADS: usize = 6;

fn reference(fault: Option<Fault>) -> impl Fn() -> Box<dyn Subject> {
    move || Box::new(ReferenceSubject::new(fault))
}

/// What is wrong with the outcomes of a fault that `expected` must find.
fn complaints(fault: Fault, expected: &str) -> Vec<String> {
    let factory = reference(Some(fault));
    let run = |case: &'static Case| {
        let hangs = fault.hangs() && case.id() == expected;
        if hangs { case.run_within(Duration::from_secs(2), &factory) } else { case.run(&factory) }
    };
    let wrong = |case: &'static Case| match (run(case), case.id() == expected) {
        (Outcome::Failed(_), true) | (Outcome::Passed, false) => None,
        (outcome, _) => Some(format!("{fault:?}: {} {outcome}", case.id())),
    };
    exporter::cases().filter_map(wrong).collect()
}

#[test]
fn each_fault_is_found_by_its_case_and_by_no_other() {
    let faults = Mutex::new(Fault::ALL.iter());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(&(fault, case)) = faults.lock().unwrap().next() else { break };
                    let complaints = complaints(fault, case);
                    found.lock().unwrap().extend(complaints);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_case_has_a_fault_that_it_finds() {
    let found: HashSet<_> = Fault::ALL.iter().map(|&(_, case)| case).collect();
    let cases: HashSet<_> = exporter::cases().map(Case::id).collect();
    assert_eq!(found, cases);
}

#[test]
fn case_ids_are_in_kebab_case_and_differ() {
    let mut ids = HashSet::new();
    for case in exporter::cases() {
        let is_kebab = case.id().split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        assert!(is_kebab, "{}", case.id());
        assert!(ids.insert(case.id()), "{} is there twice", case.id());
    }
}

/// The code spans of `text`.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_documentation_lists_every_case_in_order() {
    let documentation = include_str!("../../src/conformance/exporter/mod.rs");
    let (_, list) = documentation.split_once("# The cases").expect("the list");
    let (list, _) = list.split_once("//! # ").expect("the section after it");
    let ids: Vec<_> = exporter::cases().map(Case::id).collect();
    assert_eq!(code_spans(list), ids);
}

#[test]
fn the_page_on_exporters_names_every_case_and_only_tests_that_there_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/exporters.md")).expect("the page");
    let (_, contract) = page.split_once("## The contract").expect("the section");
    let (contract, rest) = contract.split_once("## The suite").expect("the section after it");
    let named: HashSet<_> = code_spans(contract).into_iter().filter(|span| span.contains('-')).collect();
    assert_eq!(named, exporter::cases().map(Case::id).collect());

    let mut tests = String::new();
    let mut folders = vec![root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                tests += &std::fs::read_to_string(path).expect("a source");
            }
        }
    }
    let is_test =
        |span: &&str| span.contains('_') && span.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for test in code_spans(rest).into_iter().filter(is_test).filter(|name| name.matches('_').count() > 2) {
        assert!(tests.contains(&format!("fn {test}()")), "no such test: {test}");
    }
}

#[test]
fn every_clause_that_is_said_to_be_the_traits_stands_in_its_documentation() {
    let source = include_str!("../../src/export/mod.rs");
    let (_, documentation) = source.split_once("/// Takes batches").expect("the trait");
    let words = documentation.replace("///", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    // Links are cited by their texts.
    let mut plain = String::new();
    let mut rest = &*words;
    while let Some((before, after)) = rest.split_once("](") {
        let (before, text) = before.rsplit_once('[').expect("the beginning of a link");
        plain.extend([before, text]);
        rest = after.split_once(')').expect("the end of a link").1;
    }
    plain.push_str(rest);
    for case in exporter::cases().filter(|case| case.citation().item().starts_with("nanospan")) {
        let quote = case.citation().quote();
        assert!(plain.contains(quote), "{}: {quote:?} is not in the trait's documentation", case.id());
    }
}

/// Asserts that a report has no case that failed, and none that did not apply but these.
fn assert_all_passed_but(not_applicable: &[&str], report: &Report) {
    report.assert_conformant();
    let skipped = report.outcomes().filter(|(_, outcome)| matches!(outcome, Outcome::NotApplicable(_)));
    let skipped: Vec<_> = skipped.map(|(id, _)| id).collect();
    assert_eq!(skipped, not_applicable, "{report}");
}

#[test]
fn the_reference_conforms() {
    assert_all_passed_but(&[], &exporter::run(&reference(None)));
}

#[test]
fn the_memory_exporter_conforms() {
    assert_all_passed_but(&[], &exporter::run(&|| Box::new(Memory::default())));
}

#[test]
fn the_stdout_exporter_conforms() {
    assert_all_passed_but(&[], &exporter::run(&|| Box::new(Stdout::default())));
}

#[cfg(feature = "otlp")]
#[test]
fn the_stdout_exporter_in_the_form_of_otlp_conforms() {
    assert_all_passed_but(&[], &exporter::run(&|| Box::new(Stdout::otlp())));
}

#[cfg(unix)]
#[test]
fn the_segment_exporter_conforms() {
    let not_applicable = [
        "deadline-ends-a-hang",
        "cancellation-ends-a-hang",
        "failure-is-reported",
        "failure-counts-what-was-lost",
        "what-is-lost-stays-lost",
        "exports-go-on-after-a-failure",
        "shutdown-ends-beside-a-hang",
    ];
    let report = exporter::run(&|| Box::new(segments::Segments::default()));
    assert_all_passed_but(&not_applicable, &report);
}

#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
fn assert_otlp_conforms(protocol: nanospan::otlp::Protocol) {
    assert_all_passed_but(&[], &exporter::run(&|| Box::new(otlp::Otlp::new(protocol))));
}

#[cfg(feature = "otlp-http")]
#[test]
fn the_exporter_over_http_with_protobuf_conforms() {
    assert_otlp_conforms(nanospan::otlp::Protocol::HttpProtobuf);
}

#[cfg(feature = "otlp-http")]
#[test]
fn the_exporter_over_http_with_json_conforms() {
    assert_otlp_conforms(nanospan::otlp::Protocol::HttpJson);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn the_exporter_over_grpc_conforms() {
    assert_otlp_conforms(nanospan::otlp::Protocol::Grpc);
}

fn assert_fan_out_conforms(destinations: impl Fn() -> Vec<Box<dyn Subject>>) {
    assert_all_passed_but(&[], &exporter::run(&|| Box::new(FanOut::over(destinations()))));
}

#[test]
fn the_fan_out_exporter_over_one_conforms() {
    assert_fan_out_conforms(|| vec![Box::new(Memory::default())]);
}

#[test]
fn the_fan_out_exporter_over_three_conforms() {
    assert_fan_out_conforms(|| {
        vec![Box::new(Memory::default()), Box::new(Stdout::default()), Box::new(ReferenceSubject::new(None))]
    });
}

#[test]
fn the_fan_out_exporter_over_a_fan_out_exporter_conforms() {
    assert_fan_out_conforms(|| {
        let inner: Vec<Box<dyn Subject>> = vec![Box::new(Memory::default()), Box::new(Memory::default())];
        vec![Box::new(FanOut::over(inner)), Box::new(Memory::default())]
    });
}

#[cfg(all(feature = "otlp-grpc", feature = "otlp-http"))]
#[test]
fn the_fan_out_exporter_over_each_form_of_otlp_conforms() {
    use nanospan::otlp::Protocol;
    let each: [fn() -> Box<dyn Subject>; 4] = [
        || Box::new(Memory::default()),
        || Box::new(otlp::Otlp::new(Protocol::HttpProtobuf)),
        || Box::new(otlp::Otlp::new(Protocol::HttpJson)),
        || Box::new(otlp::Otlp::new(Protocol::Grpc)),
    ];
    assert_fan_out_conforms(|| each.iter().map(|make| make()).collect());
}

/// A subject that can do nothing to its back-end.
struct Bare(Memory);

impl Subject for Bare {
    fn exporter(&self) -> std::sync::Arc<dyn nanospan::export::SpanExporter> {
        self.0.exporter()
    }

    fn delivered(&self) -> Vec<Vec<nanospan::export::FinishedSpan>> {
        self.0.delivered()
    }

    fn set_unreachable(&self, _: bool) -> bool {
        false
    }

    fn set_hanging(&self, _: bool) -> bool {
        false
    }

    fn flushes(&self) -> bool {
        false
    }
}

#[test]
fn what_a_subject_cannot_do_is_not_applicable_and_not_held_against_it() {
    let not_applicable = [
        "deadline-ends-a-hang",
        "cancellation-ends-a-hang",
        "failure-is-reported",
        "failure-counts-what-was-lost",
        "what-is-lost-stays-lost",
        "exports-go-on-after-a-failure",
        "flush-delivers-what-is-unfinished",
        "flush-succeeds",
        "flush-honours-a-passed-deadline",
        "flush-honours-a-cancellation",
        "shutdown-releases-everything",
        "flush-after-the-shutdown-is-refused",
        "shutdown-ends-beside-a-hang",
    ];
    assert_all_passed_but(&not_applicable, &exporter::run(&|| Box::new(Bare(Memory::default()))));
}

#[test]
fn a_report_names_the_contract_that_was_broken_and_the_clause() {
    let report = exporter::run(&reference(Some(Fault::EmptyBatchIsAnError)));
    let table = report.to_string();
    assert!(table.contains("FAILED          empty-batch-succeeds"), "{table}");
    assert!(table.contains("nanospan::export::SpanExporter: \"A batch without spans"), "{table}");
    let panic = std::panic::catch_unwind(|| report.assert_conformant()).expect_err("a case failed");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("the exporter breaks the contract of SpanExporter\n"), "{text}");
}
