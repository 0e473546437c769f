//! That the workloads do what they are called: checked before anything is measured.

use super::{ALL, Arrives, CHILDREN, STATIC_TEXT, Stage};
use nanospan::export::{FinishedSpan, MemoryExporter};
use nanospan::{OwnedValue, StatusCode};
use std::thread;
use std::time::Duration;

/// More than one block of 64 spans, and no multiple of it.
const REPEATS: u64 = 200;

/// Runs every workload and compares what reaches an exporter with what was recorded.
pub(crate) fn workloads() {
    let exporter = MemoryExporter::new();
    let stage = Stage::new(exporter.clone(), Duration::from_millis(1));
    let take = || {
        stage.finish();
        let spans = exporter.spans();
        exporter.clear();
        spans
    };
    for workload in ALL {
        (workload.repeat)(&stage, REPEATS);
        let spans = take();
        assert_eq!(spans.len() as u64, REPEATS * workload.arrives.spans(), "{}", workload.name);
        for span in &spans {
            check(span, &stage, workload.arrives, workload.name);
        }
    }
    let in_fan = ALL.iter().filter(|workload| workload.arrives == Arrives::InFan).count() as u64;
    for tracer in stage.fan.tracers {
        assert_eq!(tracer.stats().exported, in_fan * REPEATS, "what the fan-out passes on");
    }
    let not_sampled = ALL.iter().filter(|workload| workload.name.starts_with("W5")).count() as u64;
    let counted = stage.off.stats().not_sampled + stage.tracer.stats().not_sampled;
    assert_eq!(counted, not_sampled * REPEATS + 1, "W5 and the parent that it needs");

    let started: Vec<_> = (0..REPEATS).map(|_| stage.started()).collect();
    thread::spawn(move || drop(started)).join().expect("spans can be ended elsewhere");
    let spans = take();
    assert_eq!(spans.len() as u64, REPEATS, "W4");
    for span in &spans {
        check(span, &stage, Arrives::Attributes, "W4");
    }
}

fn check(span: &FinishedSpan, stage: &Stage, arrives: Arrives, name: &str) {
    let is_root = arrives == Arrives::Tree && span.parent_span_id.is_none();
    if is_root {
        assert_eq!(span.name, "root", "{name}");
    } else {
        let of_stage = span.parent_span_id == Some(stage.parent.span_id().to_bytes());
        assert_eq!(of_stage, arrives != Arrives::Tree, "{name}: {span:?}");
    }
    let with_attributes = arrives != Arrives::Bare && !is_root;
    if with_attributes {
        let expected = [
            ("http.response.status_code", OwnedValue::I64(200)),
            ("server.address", OwnedValue::Str(STATIC_TEXT.to_owned())),
            ("cached", OwnedValue::Bool(true)),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        assert_eq!(span.attributes, expected, "{name}");
    } else {
        assert_eq!(span.attributes, [], "{name}");
    }
    if arrives == Arrives::Everything {
        assert_eq!(span.events.len(), 1, "{name}");
        assert_eq!(span.events[0].attribute("attempt"), Some(&OwnedValue::I64(2)), "{name}");
        assert_eq!(span.status, StatusCode::Ok, "{name}");
    } else {
        assert_eq!(span.events, [], "{name}");
        assert_eq!(span.status, StatusCode::Unset, "{name}");
    }
    assert!(span.start_unix_nanos <= span.end_unix_nanos, "{name}: {span:?}");
}

const _: () = assert!(CHILDREN + 1 == Arrives::Tree.spans());
