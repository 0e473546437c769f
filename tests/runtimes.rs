//! Async runtimes: a flush or shutdown blocks the thread that calls it and needs nothing of the
//! runtime that the thread belongs to.

mod common;

use common::{Account, PATIENCE, assert_account, quiet_builder};
use nanospan::Tracer;
use nanospan::testing::MemoryExporter;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn tracer() -> (Tracer, MemoryExporter) {
    let exporter = MemoryExporter::new();
    (quiet_builder().exporter(exporter.clone()).build().unwrap(), exporter)
}

/// Spans across awaits, then a flush, more spans, and the shutdown, all on the runtime's threads.
async fn record_flush_and_shut_down(tracer: Tracer, exporter: MemoryExporter) {
    let request = tracer.span("request").start();
    for _ in 0..3 {
        let step = request.child("step").start();
        tokio::time::sleep(Duration::from_micros(100)).await;
        step.set_attribute("awaited", true);
    }
    drop(request);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 4);
    tracer.span("last").start().end();
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 5);
    assert_account(&tracer.stats(), &Account { started: 5, exported: 5, ..Account::default() });
}

fn on(runtime: &Runtime) {
    let (tracer, exporter) = tracer();
    runtime.block_on(record_flush_and_shut_down(tracer, exporter));
}

#[test]
fn a_current_thread_runtime_can_flush_and_shut_down() {
    on(&Builder::new_current_thread().enable_all().build().unwrap());
}

#[test]
fn a_runtime_with_one_worker_can_flush_and_shut_down_on_it() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (tracer, exporter) = tracer();
    runtime.block_on(async {
        tokio::spawn(record_flush_and_shut_down(tracer, exporter)).await.unwrap();
    });
}

#[test]
fn a_blocking_thread_of_a_runtime_can_flush_and_shut_down() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (tracer, exporter) = tracer();
    runtime.block_on(async {
        let blocking = tokio::task::spawn_blocking(move || {
            tracer.span("s").start().end();
            tracer.flush(PATIENCE).unwrap();
            tracer.shutdown(PATIENCE).unwrap();
        });
        blocking.await.unwrap();
    });
    assert_eq!(exporter.spans().len(), 1);
}

#[test]
fn a_guard_dropped_inside_a_runtime_shuts_down() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (tracer, exporter) = tracer();
    runtime.block_on(async {
        let _guard = tracer.guard();
        tracer.span("s").start().end();
    });
    assert!(exporter.is_shut_down());
    assert_eq!(exporter.spans().len(), 1);
}
