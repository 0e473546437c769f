//! What a tracer and the readers that it has owe each other, at the shutdown above all.

use super::*;
use nanospan::metrics::data::{KeyValue, Resource};
use std::sync::OnceLock;

#[test]
fn a_reader_that_has_a_resource_keeps_it_under_a_tracer() {
    let own =
        Resource { attributes: vec![KeyValue::new("service.name", "till")].into(), ..Resource::default() };
    let kept = Arc::new(Kept::default());
    let reader = PeriodicReader::builder(Arc::clone(&kept)).interval(Duration::MAX).resource(own.clone());
    let tracer = builder().exporter(MemoryExporter::new()).metrics(reader).build().unwrap();
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(kept.exported.lock().unwrap()[0].resource, own);
}

/// Shuts the tracer down in each of its exports, and counts them.
#[derive(Default)]
struct ShuttingDown {
    tracer: OnceLock<Tracer>,
    calls: Mutex<u32>,
}

impl MetricExporter for ShuttingDown {
    fn export(&self, _: &Context, _: &ResourceMetrics) -> Result<(), ExportError> {
        let tracer = self.tracer.get().expect("it is there before the first export");
        // The reader is being shut down, and this is the thread that whoever does so waits for.
        tracer.shutdown(Duration::MAX).unwrap();
        *self.calls.lock().unwrap() += 1;
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn a_tracer_that_is_shut_down_on_its_readers_thread_does_not_wait_for_that_thread() {
    let exporter = Arc::new(ShuttingDown::default());
    let reader = PeriodicReader::builder(Arc::clone(&exporter)).interval(Duration::MAX).error_handler(|_| ());
    let tracer = builder().exporter(MemoryExporter::new()).metrics(reader).build().unwrap();
    exporter.tracer.set(tracer).unwrap();
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(*exporter.calls.lock().unwrap(), 1);
}

#[test]
fn a_reader_whose_handler_panics_does_not_keep_a_tracer_from_its_shutdown() {
    let exporter = MemoryMetricExporter::new();
    exporter.fail_next(1);
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let reader = PeriodicReader::builder(exporter.clone()).interval(Duration::MAX).error_handler(move |_| {
        *count.lock().unwrap() += 1;
        std::panic::resume_unwind(Box::new("a test's own panic"))
    });
    let tracer = builder().exporter(MemoryExporter::new()).metrics(reader).build().unwrap();
    record(&tracer, 3);
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!((*calls.lock().unwrap(), tracer.stats().exported), (1, 3));
}
