//! This crate's tracers, as the suite wants them.

use bext_plugin_api::tracer::TracerPlugin;
use nanospan::Tracer;
use nanospan::conformance::tracer::{Delivered, Setup, Subject};
use nanospan::export::MemoryExporter;
use nanospan::plugin::Plugin;
use nanospan::sampling::Sampler;
use std::sync::Arc;
use std::time::Duration;

/// The plugin over a tracer that exports to memory.
pub(crate) struct OverMemory {
    tracer: Tracer,
    exporter: MemoryExporter,
}

pub(crate) fn plugin(setup: &Setup) -> Option<Box<dyn Subject>> {
    Some(Box::new(over_memory(setup)))
}

pub(crate) fn over_memory(setup: &Setup) -> OverMemory {
    let exporter = MemoryExporter::new();
    let sampler = if setup.sampled { Sampler::always_on() } else { Sampler::always_off() };
    let builder = Tracer::builder("conformance").sampler(sampler).memory_budget(8 << 20);
    let builder = builder.exporter(exporter.clone()).error_handler(|_| {});
    OverMemory { tracer: builder.build().unwrap(), exporter }
}

impl OverMemory {
    pub(crate) fn plugin(&self) -> Plugin {
        Plugin::over("tracer-nanospan", self.tracer)
    }
}

impl Subject for OverMemory {
    fn tracer(&self) -> Arc<dyn TracerPlugin> {
        Arc::new(self.plugin())
    }

    fn delivered(&self) -> Vec<Vec<Delivered>> {
        vec![self.exporter.spans().into_iter().map(Delivered::from).collect()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.exporter.fail_next(if unreachable { u32::MAX } else { 0 });
        true
    }
}

impl Drop for OverMemory {
    fn drop(&mut self) {
        // A case may have left the back-end as it does not want to be.
        let _ = self.tracer.shutdown(Duration::from_secs(60));
    }
}
