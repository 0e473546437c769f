//! An exporter that keeps batches in memory, for tests.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Context, ContextError, ExportError, ExportErrorKind, FinishedSpan, SpanExporter};
use crate::batch::{Batch, BatchView};

/// How often a held export looks whether it may go on.
const HOLD_PAUSE: Duration = Duration::from_millis(1);

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
#[derive(Clone, Default)]
pub struct MemoryExporter {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    batches: Vec<Vec<u8>>,
    flushes: u64,
    /// How many of the next exports fail.
    failures: u32,
    /// How many [`Hold`]s there are.
    holds: u32,
    /// How many exports are under way: more than one breaks the exporter's contract.
    running: u32,
    overlapped: bool,
    shut_down: bool,
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
        self.state().batches.clone()
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
        self.state().batches.clear();
    }

    /// How many times `force_flush` succeeded.
    #[must_use]
    pub fn flush_count(&self) -> u64 {
        self.state().flushes
    }

    /// Whether the exporter was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.state().shut_down
    }

    /// Whether two exports ever ran at the same time, which the caller promises not to do.
    #[must_use]
    pub fn exports_overlapped(&self) -> bool {
        self.state().overlapped
    }

    /// Makes the next `count` exports fail with an error of kind
    /// [`Other`](ExportErrorKind::Other) and keep nothing.
    pub fn fail_next(&self, count: u32) {
        self.state().failures = count;
    }

    /// Makes exports wait until the [`Hold`] that this returns is dropped, or their context or
    /// the exporter is over.
    #[must_use = "exports go on when the hold is dropped"]
    pub fn hold(&self) -> Hold {
        self.state().holds += 1;
        Hold { exporter: self.clone() }
    }

    /// Waits until an export is under way. With a [`Hold`], it is being held then or about to be.
    ///
    /// # Errors
    ///
    /// If `context` is over before.
    pub fn wait_for_export(&self, context: &Context) -> Result<(), ContextError> {
        while self.state().running == 0 {
            context.wait(HOLD_PAUSE)?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each use leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the exporter or the context is over.
    fn open_state(&self, context: &Context) -> Result<MutexGuard<'_, State>, ExportError> {
        let state = self.state();
        if state.shut_down {
            return Err(ExportError::shutdown("memory exporter"));
        }
        context.check()?;
        Ok(state)
    }
}

impl SpanExporter for MemoryExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        let _running = Running::start(self);
        let mut state = self.open_state(context)?;
        while state.holds > 0 {
            drop(state);
            // An end of the wait is seen by the next line.
            let _ = context.wait(HOLD_PAUSE);
            state = self.open_state(context)?;
        }
        if state.failures > 0 {
            state.failures -= 1;
            let message = "the memory exporter was told to fail";
            return Err(ExportError::new(ExportErrorKind::Other, message));
        }
        state.batches.push(batch.as_bytes().to_vec());
        Ok(())
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.open_state(context)?.flushes += 1;
        Ok(())
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        let mut state = self.state();
        if state.shut_down {
            return Err(ExportError::shutdown("memory exporter"));
        }
        state.shut_down = true;
        // There is nothing to wait for, but whoever calls is owed the context's error.
        Ok(context.check()?)
    }
}

impl fmt::Debug for MemoryExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryExporter")
            .field("batches", &state.batches.len())
            .field("shut_down", &state.shut_down)
            .finish_non_exhaustive()
    }
}

/// Keeps a [`MemoryExporter`]'s exports waiting until it is dropped.
#[derive(Debug)]
pub struct Hold {
    exporter: MemoryExporter,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.exporter.state().holds -= 1;
    }
}

/// Counts an export as under way, however it ends.
struct Running<'a>(&'a MemoryExporter);

impl<'a> Running<'a> {
    fn start(exporter: &'a MemoryExporter) -> Self {
        let mut state = exporter.state();
        state.running += 1;
        state.overlapped |= state.running > 1;
        Self(exporter)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}
