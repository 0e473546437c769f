//! What the in-memory exporter of metrics keeps, and how it fails and stalls on demand.

use std::thread;
use std::time::Duration;

use crate::common::metrics::metrics;
use nanospan::export::{Context, ExportErrorKind};
use nanospan::metrics::data::{Clear, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind, MemoryMetricExporter, MetricExporter};

const HOUR: Duration = Duration::from_secs(3600);

fn export(exporter: &MemoryMetricExporter, sequence: u64, points: u64) {
    exporter.export(&Context::new(), &metrics(sequence, points)).expect("nothing is in the way");
}

#[test]
fn a_copy_of_each_collection_is_kept_in_order_and_stays_after_the_memory_is_used_again() {
    let exporter = MemoryMetricExporter::new();
    let kept_by = exporter.clone();
    let mut filled = metrics(0, 2);
    exporter.export(&Context::new(), &filled).expect("nothing is in the way");
    filled.clear();
    filled.scopes.push().scope.name = "another".into();
    export(&exporter, 1, 3);
    assert_eq!(kept_by.exported(), [metrics(0, 2), metrics(1, 3)]);
    let named = kept_by.metrics_named("shop.orders");
    assert_eq!(named.iter().map(|metric| metric.data.point_count()).collect::<Vec<_>>(), [2, 3]);
    assert!(kept_by.metrics_named("missing").is_empty());
    kept_by.clear();
    assert!(exporter.exported().is_empty());
}

#[test]
fn what_is_wanted_of_each_kind_is_what_was_set() {
    let plain = MemoryMetricExporter::new();
    let set = MemoryMetricExporter::new()
        .with_temporality(|kind| match kind {
            InstrumentKind::Counter | InstrumentKind::Histogram => Temporality::Delta,
            _ => Temporality::Cumulative,
        })
        .with_aggregation(|kind| match kind {
            InstrumentKind::Histogram => Aggregation::base2_exponential_histogram(),
            _ => Aggregation::Default,
        });
    for kind in InstrumentKind::ALL {
        assert_eq!(
            (plain.temporality(kind), plain.aggregation(kind)),
            (Temporality::Cumulative, Aggregation::Default)
        );
        let is_delta = matches!(kind, InstrumentKind::Counter | InstrumentKind::Histogram);
        assert_eq!(set.temporality(kind) == Temporality::Delta, is_delta, "{kind:?}");
        let is_set = kind == InstrumentKind::Histogram;
        assert_eq!(set.aggregation(kind) != Aggregation::Default, is_set, "{kind:?}");
    }
    assert_eq!(set.clone().temporality(InstrumentKind::Counter), Temporality::Delta);
}

#[test]
fn a_told_failure_keeps_nothing_and_the_export_after_it_succeeds() {
    let exporter = MemoryMetricExporter::new();
    exporter.fail_next(2);
    for sequence in 0..2 {
        let error = exporter.export(&Context::new(), &metrics(sequence, 1)).expect_err("it was told to fail");
        assert_eq!(error.kind(), ExportErrorKind::Other);
        assert_eq!(error.to_string(), "the memory metric exporter was told to fail");
    }
    export(&exporter, 2, 1);
    assert_eq!(exporter.exported(), [metrics(2, 1)]);
}

#[test]
fn a_held_export_goes_on_once_every_hold_is_dropped() {
    let exporter = MemoryMetricExporter::new();
    let holds = [exporter.hold(), exporter.hold()];
    thread::scope(|scope| {
        scope.spawn(|| export(&exporter, 0, 1));
        exporter.wait_for_export(&Context::with_timeout(HOUR)).expect("the export starts");
        let [first, second] = holds;
        drop(first);
        assert!(exporter.exported().is_empty());
        drop(second);
    });
    assert_eq!(exporter.exported().len(), 1);
    assert!(!exporter.exports_overlapped());
}

#[test]
fn every_call_after_the_shutdown_returns_the_shutdown_error_and_what_was_kept_stays() {
    let exporter = MemoryMetricExporter::new();
    let context = Context::new();
    export(&exporter, 0, 1);
    exporter.force_flush(&context).expect("nothing to do");
    exporter.shutdown(&context).expect("the first shutdown");
    assert!(exporter.is_shut_down());
    for error in [
        exporter.export(&context, &metrics(1, 1)),
        exporter.force_flush(&context),
        exporter.shutdown(&context),
    ] {
        let error = error.expect_err("the exporter is shut down");
        assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
    }
    assert_eq!(exporter.exported().len(), 1);
    assert_eq!(exporter.flush_count(), 1);
}
