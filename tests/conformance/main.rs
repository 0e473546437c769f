//! The conformance suite, put to the test itself, and run over this crate's tracers.
//!
//! A suite is worth what it finds. Each fault of [`fault::Fault`] is given to a tracer that is right
//! otherwise, and exactly the case of the clause that it breaks must fail.

mod fan_out;
mod fault;
#[path = "../common/json_lines.rs"]
mod json_lines;
mod pair;
mod reference;
mod runner;
mod stdout;
mod subjects;
mod values;

use fan_out::Child;
use fault::Fault;
use nanospan::conformance::tracer::{self, Setup, Subject};
use nanospan::conformance::{Outcome, Report};
use pair::Pair;
use reference::ReferenceSubject;
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

/// How many faults are tried at a time. A run mostly sleeps.
const THREADS: usize = 6;

fn reference(fault: Option<Fault>) -> impl Fn(&Setup) -> Option<Box<dyn Subject>> {
    move |setup| Some(Box::new(ReferenceSubject::new(setup, fault)))
}

/// Runs the suite over the reference with a fault. A case that the fault makes hang is not waited
/// for as long as one that is slow.
fn run_with(fault: Fault) -> Vec<(&'static str, Outcome)> {
    let factory = reference(Some(fault));
    let hangs =
        |id| fault == Fault::EventWaitsForTheEndOfAnOutage && id == "recording-goes-on-during-an-outage";
    let run = |case: &'static tracer::Case| {
        if hangs(case.id()) { case.run_within(Duration::from_secs(1), &factory) } else { case.run(&factory) }
    };
    tracer::cases().map(|case| (case.id(), run(case))).collect()
}

/// What is wrong with the outcomes of a fault that `expected` must find.
fn complaints(fault: Fault, expected: &str) -> Vec<String> {
    let wrong = |(id, outcome): (&str, Outcome)| match (&outcome, id == expected) {
        (Outcome::Failed(_), true) | (Outcome::Passed, false) => None,
        _ => Some(format!("{fault:?}: {id} {outcome}")),
    };
    run_with(fault).into_iter().filter_map(wrong).collect()
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
    let cases: HashSet<_> = tracer::cases().map(tracer::Case::id).collect();
    assert_eq!(found, cases);
}

#[test]
fn case_ids_are_in_kebab_case_and_differ() {
    let mut ids = HashSet::new();
    for case in tracer::cases() {
        let is_kebab = case.id().split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        assert!(is_kebab, "{}", case.id());
        assert!(ids.insert(case.id()), "{} is there twice", case.id());
    }
}

#[test]
fn the_documentation_lists_every_case_in_order() {
    let documentation = include_str!("../../src/conformance/tracer/mod.rs");
    let (_, list) = documentation.split_once("# The cases").expect("the list");
    let (list, _) = list.split_once("//! # ").expect("the section after it");
    let listed: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    let ids: Vec<_> = tracer::cases().map(tracer::Case::id).collect();
    assert_eq!(listed, ids);
}

#[test]
fn a_citation_names_the_suites_own_decision_as_such() {
    let citation = |id: &str| {
        let case = tracer::cases().find(|case| case.id() == id).expect("a case of that name");
        (case.citation().reading().is_some(), case.citation().to_string())
    };
    let clause = "SpanStart::kind: \"Span kind. Defaults to [`SpanKind::Internal`].\"";
    assert_eq!(citation("kind-is-kept"), (false, clause.to_owned()));
    let clause = "TracerPlugin::end_span: \"End a live span.\" (silent on the rest; nanospan's reading: that span \
                  only: a child that is live goes on)";
    assert_eq!(citation("child-outlives-its-parent"), (true, clause.to_owned()));
}

#[test]
fn a_citation_has_its_parts_apart_as_they_stand_in_its_words() {
    for case in tracer::cases() {
        let citation = case.citation();
        let (item, quote) = (citation.item(), citation.quote());
        assert!(!item.is_empty() && !quote.is_empty(), "{}", case.id());
        let clause = format!("{item}: \"{quote}\"");
        let words = citation.to_string();
        let reading =
            words.strip_prefix(&clause).unwrap_or_else(|| panic!("{words} does not begin with {clause}"));
        assert_eq!(reading.is_empty(), citation.reading().is_none(), "{words}");
        assert!(reading.contains(citation.reading().unwrap_or_default()), "{words}");
    }
}

/// Asserts that a report has no case that failed, and none that did not apply but these.
fn assert_all_passed_but(not_applicable: &[&str], report: &Report) {
    report.assert_conformant();
    let skipped = report.outcomes().filter(|(_, outcome)| matches!(outcome, Outcome::NotApplicable(_)));
    let skipped: Vec<_> = skipped.map(|(id, _)| id).collect();
    assert_eq!(skipped, not_applicable);
}

#[test]
fn the_reference_conforms() {
    assert_all_passed_but(&[], &tracer::run(&reference(None)));
}

#[test]
fn a_plain_fan_out_over_the_reference_conforms() {
    assert_all_passed_but(&[], &tracer::run(&|setup| Some(Box::new(Pair::new(setup, None)))));
}

#[test]
fn the_plugin_over_memory_conforms() {
    assert_all_passed_but(&[], &tracer::run(&subjects::plugin));
}

#[test]
fn the_stdout_tracer_conforms() {
    assert_all_passed_but(&[], &tracer::run(&stdout::subject));
}

fn assert_fan_out_conforms(children: &[Child]) {
    assert_all_passed_but(&[], &tracer::run(&|setup| fan_out::over(children, setup)));
}

#[test]
fn the_fan_out_over_one_conforms() {
    assert_fan_out_conforms(&[Child::Known]);
    assert_fan_out_conforms(&[Child::Shared]);
    assert_fan_out_conforms(&[Child::Stdout]);
}

#[test]
fn the_fan_out_over_two_conforms() {
    assert_fan_out_conforms(&[Child::Known, Child::Known]);
    assert_fan_out_conforms(&[Child::Shared, Child::Known]);
    assert_fan_out_conforms(&[Child::Known, Child::Stdout]);
}

#[test]
fn the_fan_out_over_five_conforms() {
    use Child::{Known, Shared, Stdout};
    assert_fan_out_conforms(&[Known, Stdout, Shared, Known, Stdout]);
}
