//! What the in-memory exporter keeps, and how it fails and stalls on demand.

use std::thread;
use std::time::Duration;

use crate::common::batches::batch;
use nanospan::export::{Context, ExportErrorKind, MemoryExporter, SpanExporter};
use nanospan::{OwnedValue, SpanKind, StatusCode};

const HOUR: Duration = Duration::from_secs(3600);

fn export(exporter: &MemoryExporter, sequence: u64, spans: usize) {
    exporter.export(&Context::new(), &batch(sequence, spans)).expect("nothing is in the way");
}

#[test]
fn every_batch_is_kept_byte_for_byte_and_in_order() {
    let exporter = MemoryExporter::new();
    let kept_by = exporter.clone();
    export(&exporter, 0, 2);
    export(&exporter, 1, 3);
    let batches = kept_by.batches();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0], batch(0, 2).as_bytes());
    assert_eq!(batches[1], batch(1, 3).as_bytes());
    assert_eq!(kept_by.spans().len(), 5);
    kept_by.clear();
    assert!(exporter.batches().is_empty());
}

#[test]
fn every_field_of_a_span_is_copied() {
    let exporter = MemoryExporter::new();
    export(&exporter, 0, 2);
    let spans = exporter.spans_named("span 0.2");
    let [span] = spans.as_slice() else {
        panic!("one span has that name, not {}", spans.len());
    };
    assert_eq!(span.trace_id, ((1_u128 << 64) | 2).to_be_bytes());
    assert_eq!(span.span_id, 2_u64.to_be_bytes());
    assert_eq!(span.parent_span_id, Some(1_u64.to_be_bytes()));
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.start_unix_nanos, 1_700_000_000_000_000_002);
    assert_eq!(span.end_unix_nanos, 1_700_000_000_000_000_252);
    assert_eq!(span.status, StatusCode::Error);
    assert_eq!(span.status_message, "out of stock");
    assert_eq!(span.flags, 1);
    assert_eq!(span.trace_state, "vendor=2");
    assert_eq!(span.attribute("number"), Some(&OwnedValue::I64(2)));
    assert_eq!(span.attribute("ratio"), Some(&OwnedValue::F64(f64::NAN)));
    let tags = OwnedValue::StrArray(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(span.attribute("tags"), Some(&tags));
    assert_eq!(span.attribute("missing"), None);
    assert_eq!(span.attributes.len(), 3);
    let event = span.event("began").expect("the span has the event");
    assert_eq!(event.time_unix_nanos, span.start_unix_nanos + 1);
    assert_eq!(event.attribute("attempt"), Some(&OwnedValue::I64(1)));
    assert_eq!(event.dropped_attributes_count, 0);
    assert_eq!(span.event("missing"), None);
    let [link] = span.links.as_slice() else {
        panic!("the span has one link, not {}", span.links.len());
    };
    assert_eq!(link.trace_id, 9_u128.to_be_bytes());
    assert_eq!(link.span_id, 2_u64.to_be_bytes());
    assert_eq!(link.flags, 0x301);
    assert_eq!(link.trace_state, "vendor=1");
    assert_eq!(link.attributes, [("linked".to_owned(), OwnedValue::Bool(true))]);
    assert_eq!(link.dropped_attributes_count, 0);
    assert_eq!(span.dropped_attributes_count, 1);
    assert_eq!(span.dropped_events_count, 2);
    assert_eq!(span.dropped_links_count, 3);
    assert_eq!(exporter.spans_named("span 0.1")[0].parent_span_id, None);
}

#[test]
fn a_told_failure_keeps_nothing_and_the_export_after_it_succeeds() {
    let exporter = MemoryExporter::new();
    exporter.fail_next(2);
    for sequence in 0..2 {
        let error = exporter.export(&Context::new(), &batch(sequence, 1)).expect_err("it was told to fail");
        assert_eq!(error.kind(), ExportErrorKind::Other);
    }
    export(&exporter, 2, 1);
    assert_eq!(exporter.batches().len(), 1);
}

#[test]
fn a_held_export_goes_on_once_every_hold_is_dropped() {
    let exporter = MemoryExporter::new();
    let holds = [exporter.hold(), exporter.hold()];
    thread::scope(|scope| {
        scope.spawn(|| export(&exporter, 0, 1));
        exporter.wait_for_export(&Context::with_timeout(HOUR)).expect("the export starts");
        let [first, second] = holds;
        drop(first);
        assert!(exporter.batches().is_empty());
        drop(second);
    });
    assert_eq!(exporter.batches().len(), 1);
    assert!(!exporter.exports_overlapped());
}

#[test]
fn a_held_export_ends_with_its_context() {
    let exporter = MemoryExporter::new();
    let _hold = exporter.hold();
    let short = Context::with_timeout(Duration::from_millis(2));
    let error = exporter.export(&short, &batch(0, 1)).expect_err("held");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);

    let context = Context::with_timeout(HOUR);
    let error = thread::scope(|scope| {
        let held = scope.spawn(|| exporter.export(&context, &batch(0, 1)));
        exporter.wait_for_export(&context).expect("it starts");
        context.cancellation().cancel();
        held.join().expect("an export does not panic")
    });
    assert_eq!(error.expect_err("held").kind(), ExportErrorKind::Cancelled);
    assert!(exporter.batches().is_empty());
}

#[test]
fn a_held_export_ends_with_the_exporter() {
    let exporter = MemoryExporter::new();
    let _hold = exporter.hold();
    let context = Context::with_timeout(HOUR);
    let error = thread::scope(|scope| {
        let held = scope.spawn(|| exporter.export(&context, &batch(0, 1)));
        exporter.wait_for_export(&context).expect("it starts");
        exporter.shutdown(&context).expect("the first shutdown");
        held.join().expect("an export does not panic")
    });
    assert_eq!(error.expect_err("held").kind(), ExportErrorKind::ExporterShutdown);
}

#[test]
fn waiting_for_an_export_that_never_comes_ends_with_the_context() {
    let exporter = MemoryExporter::new();
    let over = Context::with_timeout(Duration::ZERO);
    assert!(exporter.wait_for_export(&over).is_err());
}

#[test]
fn two_exports_at_once_are_noticed() {
    let exporter = MemoryExporter::new();
    let hold = exporter.hold();
    thread::scope(|scope| {
        scope.spawn(|| export(&exporter, 0, 1));
        exporter.wait_for_export(&Context::with_timeout(HOUR)).expect("the first export starts");
        let over = Context::with_timeout(Duration::ZERO);
        let _ = exporter.export(&over, &batch(1, 1));
        drop(hold);
    });
    assert!(exporter.exports_overlapped());
}

#[test]
fn a_context_that_is_over_does_no_work() {
    let exporter = MemoryExporter::new();
    let over = Context::with_timeout(Duration::ZERO);
    let error = exporter.export(&over, &batch(0, 1)).expect_err("over");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    let error = exporter.force_flush(&over).expect_err("over");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    assert!(exporter.batches().is_empty());
    assert_eq!(exporter.flush_count(), 0);
}

#[test]
fn every_call_after_the_shutdown_returns_the_shutdown_error_and_what_was_kept_stays() {
    let exporter = MemoryExporter::new();
    let context = Context::new();
    export(&exporter, 0, 1);
    exporter.force_flush(&context).expect("nothing to do");
    exporter.shutdown(&context).expect("the first shutdown");
    assert!(exporter.is_shut_down());
    for error in
        [exporter.export(&context, &batch(1, 1)), exporter.force_flush(&context), exporter.shutdown(&context)]
    {
        let error = error.expect_err("the exporter is shut down");
        assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
    }
    assert_eq!(exporter.spans().len(), 1);
    assert_eq!(exporter.flush_count(), 1);
}
