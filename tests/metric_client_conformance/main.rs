//! The suite over clients for metrics, put to the test itself, and run over this crate's clients.
//!
//! A suite is worth what it finds. Each fault of [`fault::Fault`] is given to a client that is right otherwise,
//! and exactly the case of the clause that it breaks must fail.

#[path = "../exporters/common/batches.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod batches;
#[path = "../common/collector.rs"]
mod collector;
#[path = "../otlp/common/exporters.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod exporters;
mod fault;
#[path = "../otlp/common/metrics.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod metrics;
mod otlp;
mod reference;
#[path = "../common/suite.rs"]
#[allow(dead_code, reason = "shared with suites whose cases have names of this crate's own alone")]
mod suite;

use fault::Fault;
use nanospan::conformance::metric_client::{self, Answer, Case, Subject};
use nanospan::conformance::metric_exporter;
use nanospan::metrics::MetricExporter;
use nanospan::metrics::data::ResourceMetrics;
use nanospan::otlp::{Compression, MetricClient, OtlpMetricExporter, proto};
use otlp::Otlp;
use reference::ReferenceSubject;
use std::collections::HashSet;
use std::sync::Arc;
use suite::{Broken, assert_all_passed_but};

fn cases() -> Vec<&'static Case> {
    metric_client::cases().collect()
}

fn broken() -> Vec<Broken<dyn Subject>> {
    let broken = |&(fault, case): &(Fault, _)| {
        Broken::new(fault, case, fault.hangs(), move || Box::new(ReferenceSubject::new(Some(fault))) as _)
    };
    Fault::ALL.iter().map(broken).collect()
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
fn case_ids_differ() {
    let ids: HashSet<_> = cases().iter().map(|case| case.id()).collect();
    assert_eq!(ids.len(), cases().len());
}

#[test]
fn the_documentation_lists_every_case_in_order() {
    suite::assert_lists(include_str!("../../src/conformance/metric_client/mod.rs"), &cases());
}

#[test]
fn the_page_on_metrics_names_every_case_and_only_tests_that_there_are() {
    let sections = ("## The client's contract", "## The client's suite");
    suite::assert_page_is_true("docs/metrics.md", sections, &cases());
}

#[test]
fn every_clause_that_is_said_to_be_the_traits_stands_in_its_documentation() {
    let source = include_str!("../../src/otlp/metrics/contract.rs");
    suite::assert_quotes(source, "/// Sends OTLP's messages", &cases());
}

#[test]
fn the_reference_conforms() {
    assert_all_passed_but(&[], &metric_client::run(&|| Box::new(ReferenceSubject::new(None))));
}

#[test]
fn the_clients_over_otlp_conform() {
    for protocol in exporters::PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let report = metric_client::run(&|| Box::new(Otlp::new(protocol, compression)));
            assert_all_passed_but(&[], &report);
        }
    }
}

/// The exporter over a client, as an exporter.
struct Exporter {
    exporter: Arc<dyn MetricExporter>,
    subject: Box<dyn Subject>,
}

impl Exporter {
    fn over(subject: impl Subject + 'static) -> Self {
        Self { exporter: Arc::new(OtlpMetricExporter::new(subject.client())), subject: Box::new(subject) }
    }
}

impl metric_exporter::Subject for Exporter {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::clone(&self.exporter)
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        let decoded = self.subject.delivered().into_iter().map(|message| {
            let mut metrics = ResourceMetrics::default();
            message.decode(&mut metrics).expect("a message");
            metrics
        });
        vec![decoded.collect()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        use metric_client::Answer::{Accept, Refuse};
        self.subject.answer(&[], if unreachable { Refuse } else { Accept })
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        use metric_client::Answer::{Accept, Never};
        self.subject.answer(&[], if hanging { Never } else { Accept })
    }

    fn is_released(&self) -> Option<bool> {
        self.subject.is_released()
    }
}

#[test]
fn the_exporter_over_the_reference_conforms() {
    let report = metric_exporter::run(&|| Box::new(Exporter::over(ReferenceSubject::new(None))));
    assert_all_passed_but(&[], &report);
}

#[test]
fn the_exporters_over_otlp_conform() {
    for protocol in exporters::PROTOCOLS {
        let report =
            metric_exporter::run(&|| Box::new(Exporter::over(Otlp::new(protocol, Compression::None))));
        assert_all_passed_but(&[], &report);
    }
}

/// A subject that says nothing of itself but what it must, and whose receiver takes everything.
struct Bare(ReferenceSubject);

impl Subject for Bare {
    fn client(&self) -> Arc<dyn MetricClient> {
        self.0.client()
    }

    fn delivered(&self) -> Vec<proto::ResourceMetrics> {
        self.0.delivered()
    }

    fn answer(&self, _: &[Answer], _: Answer) -> bool {
        false
    }
}

#[test]
fn what_a_subject_cannot_do_is_not_applicable_and_not_held_against_it() {
    let not_applicable = [
        "PartialSuccess",
        "transient-failure-is-retried",
        "retries-end-with-the-context",
        "refusal-is-not-retried",
        "failure-is-reported",
        "failure-counts-what-was-lost",
        "what-is-lost-stays-lost",
        "uploads-go-on-after-a-failure",
        "partial-success-is-not-sent-again",
        "words-alone-lose-nothing",
        "deadline-ends-a-hang",
        "cancellation-ends-a-hang",
        "shutdown-releases-everything",
        "shutdown-ends-beside-a-hang",
        "preferences-answer-beside-a-hang",
    ];
    let report = metric_client::run(&|| Box::new(Bare(ReferenceSubject::new(None))));
    assert_all_passed_but(&not_applicable, &report);
}
