//! An exporter that keeps batches in memory, for tests.

mod store;

use std::fmt;

use super::{Component, Context, ContextError, ExportError, FinishedSpan, SpanExporter};
use crate::batch::{Batch, BatchView};

pub use store::Hold;
pub(crate) use store::Store;

/// Keeps what is exported to it, and fails or stalls when told to.
///
/// A clone is the same exporter, so a test hands one to the tracer and asks the other. Memory is
/// the limit of what it keeps: it is made for tests, not for services.
///
/// ```
/// use nanospan::export::{Context, ExportErrorKind, MemoryExporter, SpanExporter};
///
/// let exporter = MemoryExporter::new();
/// assert!(exporter.spans().is_empty());
///
/// exporter.shutdown(&Context::new())?;
/// let again = exporter.shutdown(&Context::new()).unwrap_err();
/// assert_eq!(again.kind(), ExportErrorKind::ExporterShutdown);
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
#[derive(Clone)]
pub struct MemoryExporter {
    store: Store<Vec<u8>>,
}

impl Default for MemoryExporter {
    fn default() -> Self {
        Self { store: Store::new("memory exporter") }
    }
}

impl MemoryExporter {
    /// An exporter that has kept nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of every batch exported, in order; they read with
    /// [`BatchView::parse`](crate::batch::BatchView::parse).
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<u8>> {
        self.store.kept().clone()
    }

    /// Every span exported, in order; also after the shutdown.
    ///
    /// # Panics
    ///
    /// If an exported batch does not read back, which is a defect of this crate.
    #[must_use]
    pub fn spans(&self) -> Vec<FinishedSpan> {
        let batches = self.batches();
        let views = batches
            .iter()
            .map(|bytes| BatchView::parse(bytes).expect("a batch that was exported reads back"));
        views.flat_map(|view| view.spans().map(FinishedSpan::from)).collect()
    }

    /// The exported spans called `name`, in order.
    ///
    /// # Panics
    ///
    /// As [`spans`](MemoryExporter::spans).
    #[must_use]
    pub fn spans_named(&self, name: &str) -> Vec<FinishedSpan> {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        spans
    }

    /// Forgets what was exported so far.
    pub fn clear(&self) {
        self.store.kept().clear();
    }

    /// How many times `force_flush` succeeded.
    #[must_use]
    pub fn flush_count(&self) -> u64 {
        self.store.flush_count()
    }

    /// Whether the exporter was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.store.is_shut_down()
    }

    /// Whether two exports ever ran at the same time, which the caller promises not to do.
    #[must_use]
    pub fn exports_overlapped(&self) -> bool {
        self.store.exports_overlapped()
    }

    /// Makes the next `count` exports fail with an error of kind
    /// [`Other`](super::ExportErrorKind::Other) and keep nothing.
    pub fn fail_next(&self, count: u32) {
        self.store.fail_next(count);
    }

    /// Makes exports wait until the [`Hold`] that this returns is dropped, or their context or
    /// the exporter is over.
    #[must_use = "exports go on when the hold is dropped"]
    pub fn hold(&self) -> Hold {
        self.store.hold()
    }

    /// Waits until an export is under way. With a [`Hold`], it is being held then or about to be.
    ///
    /// # Errors
    ///
    /// If `context` is over before.
    pub fn wait_for_export(&self, context: &Context) -> Result<(), ContextError> {
        self.store.wait_for_export(context)
    }
}

impl SpanExporter for MemoryExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.store.export(context, || batch.as_bytes().to_vec())
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.store.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.store.shutdown(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::export::MemoryExporter")
    }
}

impl fmt::Debug for MemoryExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryExporter")
            .field("batches", &self.store.kept().len())
            .field("shut_down", &self.store.is_shut_down())
            .finish_non_exhaustive()
    }
}
