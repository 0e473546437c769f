//! How cases are run, and reports read.

use super::{Fault, reference};
use crate::pair::Pair;
use crate::reference::ReferenceSubject;
use bext_plugin_api::tracer::TracerPlugin;
use nanospan::conformance::Outcome;
use nanospan::conformance::tracer::{self, Case, Delivered, Setup, Subject};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

fn case(id: &str) -> &'static Case {
    tracer::cases().find(|case| case.id() == id).expect("a case of that name")
}

fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(message) => message,
        other => panic!("expected a failure, seen {other:?}"),
    }
}

#[test]
fn a_failure_says_what_was_expected_and_what_was_seen() {
    let message = failure(case("kind-is-kept").run(&reference(Some(Fault::KindIsInternal))));
    assert_eq!(message, "the kind: expected Server, seen Internal");
}

#[test]
fn a_panic_of_the_tracer_is_a_failure_of_the_case() {
    let message = failure(case("recording-never-panics").run(&reference(Some(Fault::EmptyKeyPanics))));
    assert_eq!(message, "expected no panic, seen one: no key");
}

#[test]
fn a_call_that_hangs_is_a_failure_of_the_case() {
    let factory = reference(Some(Fault::EventWaitsForTheEndOfAnOutage));
    let case = case("recording-goes-on-during-an-outage");
    let message = failure(case.run_within(Duration::from_secs(1), &factory));
    assert_eq!(message, "expected every call to return, but one still runs after 1s");
}

#[test]
fn a_fault_behind_a_fan_out_is_found_at_its_back_end() {
    let fan_out =
        |fault| move |setup: &Setup| Some(Box::new(Pair::new(setup, Some(fault))) as Box<dyn Subject>);
    let message = failure(case("kind-is-kept").run(&fan_out(Fault::KindIsInternal)));
    assert_eq!(message, "the kind: expected Server, seen Internal at back-end 1");
    for (fault, id) in [
        (Fault::SpanIdIsReversedOnTheWire, "handle-is-on-the-wire"),
        (Fault::ParentIsForgotten, "child-joins-its-parent"),
        (Fault::FlushIsLate, "flush-delivers-what-has-ended"),
        (Fault::OverlappingFlushesDeliverTwice, "threads-record-while-others-flush"),
    ] {
        let message = failure(case(id).run(&fan_out(fault)));
        assert!(message.contains("at back-end 1"), "{message}");
    }
}

/// A subject that lacks what only some tracers have.
struct Bare(ReferenceSubject);

impl Subject for Bare {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.0.tracer()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        self.0.delivered()
    }

    fn set_unreachable(&self, _: bool) -> bool {
        false
    }
}

#[test]
fn what_a_subject_cannot_do_is_not_applicable_and_not_held_against_it() {
    let factory = |setup: &Setup| -> Option<Box<dyn Subject>> {
        setup.sampled.then(|| Box::new(Bare(ReferenceSubject::new(setup, None))) as Box<dyn Subject>)
    };
    let not_applicable = [
        "rejected-span-is-invalid",
        "flush-reports-an-outage",
        "recording-goes-on-during-an-outage",
        "spans-after-an-outage-are-delivered",
        "flush-succeeds-after-an-outage",
        "outage-delivers-nothing-twice",
    ];
    super::assert_all_passed_but(&not_applicable, &tracer::run(&factory));
}

#[test]
fn a_factory_that_makes_nothing_does_not_pass_for_a_tracer() {
    let report = tracer::run(&|_| None);
    let passed: Vec<_> = report.outcomes().filter(|(_, outcome)| **outcome == Outcome::Passed).collect();
    assert!(passed.is_empty() && !report.is_conformant(), "{report}");
}

/// A subject without a back-end.
struct Nowhere(ReferenceSubject);

impl Subject for Nowhere {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        self.0.tracer()
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        Vec::new()
    }

    fn set_unreachable(&self, _: bool) -> bool {
        true
    }
}

#[test]
fn a_subject_without_a_back_end_does_not_pass_for_a_tracer() {
    let factory = |setup: &Setup| -> Option<Box<dyn Subject>> {
        Some(Box::new(Nowhere(ReferenceSubject::new(setup, None))))
    };
    let report = tracer::run(&factory);
    assert!(report.outcomes().all(|(_, outcome)| outcome.is_failed()), "{report}");
}

#[test]
fn a_report_shows_each_case_and_the_clause_that_was_broken() {
    let report = tracer::run(&reference(Some(Fault::KindIsInternal)));
    let table = report.to_string();
    assert!(tracer::cases().all(|case| table.contains(case.id())), "{table}");
    let broken = "FAILED          kind-is-kept
                  the kind: expected Server, seen Internal
                  SpanStart::kind: \"Span kind. Defaults to [`SpanKind::Internal`].\"
";
    assert!(table.contains(broken), "{table}");
    let last = format!("{} passed, 1 failed, 0 not applicable", tracer::cases().count() - 1);
    assert_eq!(table.lines().last(), Some(&*last));
    assert!(report.outcome("kind-is-kept").is_some_and(Outcome::is_failed));
    assert_eq!(report.outcome("no-such-case"), None);

    let panic = catch_unwind(|| report.assert_conformant()).expect_err("a case failed");
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains(broken)));
}
