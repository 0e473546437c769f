//! The drain on a bench, for `crate::model`: its loop's turn without its thread.

use crate::batch::Batch;
use crate::drain::collect::Collector;
use crate::drain::seal::Sealer;
use crate::drain::stock::Stock;
use crate::drain::{Pipeline, Settings};
use crate::export::SpanExporter;
use crate::limits::SpanLimits;
use crate::raw::clock::Timeline;
use crate::raw::engine::Engine;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub(crate) struct Bench {
    pipeline: &'static Pipeline,
    collector: Collector,
    timeline: Timeline,
}

impl Bench {
    /// A drain that has supplied nothing yet.
    pub(crate) fn new(engine: &'static Engine, exporter: Arc<dyn SpanExporter>) -> Self {
        let settings = settings(exporter);
        let stock = Stock::new(engine).expect("a model has one thread that uses the slab");
        let collector = Collector::new(engine, stock, settings.side_bytes, settings.limits);
        let timeline = Timeline::new(engine.clock.clone());
        let pipeline = Box::leak(Box::new(Pipeline::new(engine, settings)));
        Self { pipeline, collector, timeline }
    }

    /// What keeps the account.
    pub(crate) fn pipeline(&self) -> &'static Pipeline {
        self.pipeline
    }

    /// Supplies what the engine's sizes allow.
    pub(crate) fn refill(&mut self) {
        self.collector.refill();
    }

    /// One turn of the drain's loop, over everything or only what has to be looked at: the stale calls that
    /// it found, and the batch if there is one.
    pub(crate) fn turn(&mut self, all: bool) -> (u64, Option<Batch>) {
        let Self { pipeline, collector, timeline } = self;
        let mut sealer = Sealer::new(pipeline);
        let epochs = pipeline.epochs.register();
        let done = pipeline.turn(all, collector, &epochs, timeline, &mut sealer);
        let batch = sealer.batch.finish(0, 0).expect("a model's batch is within every limit");
        (done.stale, (batch.span_count() > 0).then_some(batch))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.pipeline.release();
    }
}

/// No limit is ever met, and nothing is done because time has passed.
pub(crate) fn settings(exporter: Arc<dyn SpanExporter>) -> Settings {
    Settings {
        resource: Vec::new(),
        limits: SpanLimits::default(),
        side_bytes: 1 << 16,
        queue_bytes: usize::MAX,
        queue_spans: usize::MAX,
        batch_bytes: usize::MAX,
        batch_spans: usize::MAX,
        drain_interval: Duration::ZERO,
        export_interval: Duration::MAX,
        export_on_flush: false,
        export_timeout: Duration::ZERO,
        exporter,
        error_handler: Arc::new(|_| ()),
    }
}
