//! The suite over metric exporters, put to the test itself, and run over this crate's exporters.
//!
//! A suite is worth what it finds. Each fault of [`reference::broken`] is given to an exporter that is right
//! otherwise, and exactly the case of the clause that it breaks must fail.

#[path = "../common/exporter_faults.rs"]
mod exporter_faults;
#[cfg(feature = "otlp")]
#[path = "../common/metric_lines.rs"]
mod metric_lines;
#[path = "../common/metric_text.rs"]
mod metric_text;
mod reference;
#[path = "../common/reference_exporter.rs"]
mod reference_exporter;
#[cfg(unix)]
#[path = "../exporters/common/scratch.rs"]
mod scratch;
#[cfg(unix)]
mod segments;
#[path = "../common/sink.rs"]
mod sink;
mod subjects;
#[path = "../common/suite.rs"]
mod suite;

use exporter_faults::Fault;
use nanospan::conformance::metric_exporter::{self, Case, Subject};
use nanospan::metrics::MetricExporter;
use nanospan::metrics::data::ResourceMetrics;
use reference::{boxed, broken};
use std::sync::Arc;
use subjects::{FanOut, Memory, Stdout};
use suite::assert_all_passed_but;

fn cases() -> Vec<&'static Case> {
    metric_exporter::cases().collect()
}

#[test]
fn each_fault_is_found_by_its_case_and_by_no_other() {
    suite::assert_finds(&cases(), &broken());
}

#[test]
fn each_case_has_a_fault_that_it_finds() {
    suite::assert_all_find(&cases(), &broken());
}

#[test]
fn case_ids_are_in_kebab_case_and_differ() {
    suite::assert_ids_are_in_kebab_case_and_differ(&cases());
}

#[test]
fn the_documentation_lists_every_case_in_order() {
    suite::assert_lists(include_str!("../../src/conformance/metric_exporter/mod.rs"), &cases());
}

#[test]
fn the_page_on_metrics_names_every_case_and_only_tests_that_there_are() {
    let sections = ("## The exporter's contract", "## The exporter's suite");
    suite::assert_page_is_true("docs/metrics.md", sections, &cases());
}

#[test]
fn every_clause_that_is_said_to_be_the_traits_stands_in_its_documentation() {
    suite::assert_quotes(
        include_str!("../../src/metrics/exporter.rs"),
        "/// Takes collected metrics",
        &cases(),
    );
}

#[test]
fn the_reference_conforms() {
    assert_all_passed_but(&[], &metric_exporter::run(&|| boxed(None, None)));
}

#[test]
fn the_memory_exporter_conforms() {
    assert_all_passed_but(&[], &metric_exporter::run(&|| Box::new(Memory::default())));
}

#[test]
fn the_stdout_exporter_conforms() {
    assert_all_passed_but(&[], &metric_exporter::run(&|| Box::new(Stdout::default())));
}

/// A disk can neither be made to refuse nor to hang by a test.
#[cfg(unix)]
#[test]
fn the_segment_exporter_of_metrics_conforms() {
    let not_applicable = [
        "deadline-ends-a-hang",
        "cancellation-ends-a-hang",
        "failure-is-reported",
        "failure-counts-what-was-lost",
        "what-is-lost-stays-lost",
        "exports-go-on-after-a-failure",
        "shutdown-ends-beside-a-hang",
        "preferences-answer-beside-a-hang",
    ];
    let report = metric_exporter::run(&|| Box::new(segments::Segments::default()));
    assert_all_passed_but(&not_applicable, &report);
}

#[cfg(feature = "otlp")]
#[test]
fn the_stdout_exporter_in_the_form_of_otlp_conforms() {
    assert_all_passed_but(&[], &metric_exporter::run(&|| Box::new(Stdout::otlp())));
}

fn assert_fan_out_conforms(destinations: impl Fn() -> Vec<Box<dyn Subject>>) {
    assert_all_passed_but(&[], &metric_exporter::run(&|| Box::new(FanOut::over(destinations()))));
}

#[test]
fn the_fan_out_exporter_over_one_conforms() {
    assert_fan_out_conforms(|| vec![boxed(None, None)]);
}

#[test]
fn the_fan_out_exporter_over_three_conforms() {
    assert_fan_out_conforms(|| {
        vec![Box::new(Memory::default()), Box::new(Stdout::default()), Box::new(Memory::default())]
    });
}

#[test]
fn the_fan_out_exporter_over_a_fan_out_exporter_conforms() {
    assert_fan_out_conforms(|| {
        let inner: Vec<Box<dyn Subject>> = vec![Box::new(Memory::default()), Box::new(Memory::default())];
        vec![Box::new(FanOut::over(inner)), Box::new(Memory::default())]
    });
}

/// A subject that can do nothing to its back-end.
struct Bare(Memory);

impl Subject for Bare {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        self.0.exporter()
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        self.0.delivered()
    }

    fn set_unreachable(&self, _: bool) -> bool {
        false
    }

    fn set_hanging(&self, _: bool) -> bool {
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
        "shutdown-releases-everything",
        "shutdown-ends-beside-a-hang",
        "preferences-answer-beside-a-hang",
    ];
    let report = metric_exporter::run(&|| Box::new(Bare(Memory::default())));
    assert_all_passed_but(&not_applicable, &report);
}

#[test]
fn a_report_names_the_contract_that_was_broken_and_the_clause() {
    let report = metric_exporter::run(&|| boxed(Some(Fault::EmptyBatchIsAnError), None));
    let table = report.to_string();
    assert!(table.contains("FAILED          empty-metrics-succeed"), "{table}");
    assert!(table.contains("nanospan::metrics::MetricExporter: \"Metrics without points"), "{table}");
    let panic = std::panic::catch_unwind(|| report.assert_conformant()).expect_err("a case failed");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("the exporter breaks the contract of MetricExporter\n"), "{text}");
}
