//! The whole of it as it ships: an engine, the drain's thread, the export thread, and an exporter that
//! remembers what it was given.

use crate::batch::Batch;
use crate::drain::model::settings;
use crate::drain::{FlushError, Pipeline, Stats};
use crate::export::{Context, ExportError, SpanExporter};
use crate::model::tracer::{Seen, Tracer, read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than a model runs. Under loom no time passes: what waits, waits until it is woken.
const FAR: Duration = Duration::from_secs(1 << 30);

/// See the module.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its calls.
    pub tracer: Tracer,
    pipeline: &'static Pipeline,
    exported: Arc<Exported>,
    _released: Arc<Release>,
}

/// Releases what loom watches when the last of a service's clones goes.
#[derive(Debug)]
struct Release(&'static Pipeline);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Service {
    /// Starts both threads, with so many blocks and chunks.
    ///
    /// # Panics
    ///
    /// When the slab cannot be used, which a model does not expect.
    #[must_use]
    pub fn start(blocks: usize, chunks: usize) -> Self {
        let tracer = Tracer::without_drain(blocks, chunks);
        let exported = Arc::new(Exported::default());
        let exporter: Arc<dyn SpanExporter> = Arc::<Exported>::clone(&exported);
        let pipeline = Pipeline::start(tracer.0, settings(exporter)).expect("a model's threads start");
        Self { tracer, pipeline, exported, _released: Arc::new(Release(pipeline)) }
    }

    /// Has everything exported that was recorded before, and waits for it.
    ///
    /// # Errors
    ///
    /// As for [`Tracer::flush`](crate::Tracer::flush).
    pub fn flush(&self) -> Result<(), FlushError> {
        self.pipeline.flush(None)
    }

    /// Shuts it down.
    ///
    /// # Errors
    ///
    /// As for [`Tracer::shutdown`](crate::Tracer::shutdown).
    pub fn shutdown(&self) -> Result<(), FlushError> {
        self.pipeline.shutdown(Instant::now() + FAR)
    }

    /// The account.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.pipeline.stats()
    }

    /// What was exported so far.
    #[must_use]
    pub fn exported(&self) -> Vec<Seen> {
        self.exported.batches().concat()
    }

    /// How many batches that was.
    #[must_use]
    pub fn exports(&self) -> usize {
        self.exported.batches().len()
    }
}

/// loom switches threads at its own operations only, so no model ever waits for the lock.
#[derive(Debug, Default)]
struct Exported(Mutex<Vec<Vec<Seen>>>);

impl Exported {
    fn batches(&self) -> MutexGuard<'_, Vec<Vec<Seen>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for Exported {
    fn export(&self, _: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.batches().push(read(batch));
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}
