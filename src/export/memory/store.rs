//! What is kept, and what the test has told the exporter to do: the same for spans and for metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::export::{Context, ContextError, ExportError, ExportErrorKind};

/// How often a held export looks whether it may go on.
const HOLD_PAUSE: Duration = Duration::from_millis(1);

/// Keeps `T`s. A clone is the same store.
pub(crate) struct Store<T> {
    /// What errors call the exporter.
    name: &'static str,
    control: Arc<Mutex<Control>>,
    /// Locked for an instant only, and after `control` where both are.
    kept: Arc<Mutex<Vec<T>>>,
}

/// What was told, and what was seen.
#[derive(Debug, Default)]
struct Control {
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

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self { name: self.name, control: Arc::clone(&self.control), kept: Arc::clone(&self.kept) }
    }
}

impl<T> Store<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, control: Arc::default(), kept: Arc::new(Mutex::new(Vec::new())) }
    }

    /// What is kept, in order.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Vec<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn flush_count(&self) -> u64 {
        self.control().flushes
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.control().shut_down
    }

    pub(crate) fn exports_overlapped(&self) -> bool {
        self.control().overlapped
    }

    pub(crate) fn fail_next(&self, count: u32) {
        self.control().failures = count;
    }

    pub(crate) fn hold(&self) -> Hold {
        self.control().holds += 1;
        Hold { control: Arc::clone(&self.control) }
    }

    pub(crate) fn wait_for_export(&self, context: &Context) -> Result<(), ContextError> {
        while self.control().running == 0 {
            context.wait(HOLD_PAUSE)?;
        }
        Ok(())
    }

    /// Keeps what `copy` makes, unless it is told otherwise.
    pub(crate) fn export(&self, context: &Context, copy: impl FnOnce() -> T) -> Result<(), ExportError> {
        let _running = Running::start(&self.control);
        let mut control = self.open(context)?;
        while control.holds > 0 {
            drop(control);
            // An end of the wait is seen by the next line.
            let _ = context.wait(HOLD_PAUSE);
            control = self.open(context)?;
        }
        if control.failures > 0 {
            control.failures -= 1;
            let message = format!("the {} was told to fail", self.name);
            return Err(ExportError::new(ExportErrorKind::Other, message));
        }
        self.kept().push(copy());
        Ok(())
    }

    pub(crate) fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.open(context)?.flushes += 1;
        Ok(())
    }

    pub(crate) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        let mut control = self.control();
        if control.shut_down {
            return Err(ExportError::shutdown(self.name));
        }
        control.shut_down = true;
        // There is nothing to wait for, but whoever calls is owed the context's error.
        Ok(context.check()?)
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        lock(&self.control)
    }

    /// The state, unless the exporter or the context is over.
    fn open(&self, context: &Context) -> Result<MutexGuard<'_, Control>, ExportError> {
        let control = self.control();
        if control.shut_down {
            return Err(ExportError::shutdown(self.name));
        }
        context.check()?;
        Ok(control)
    }
}

/// Each use leaves the state whole, so a poisoned lock is as good as any other.
fn lock(control: &Mutex<Control>) -> MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the exports of a [`MemoryExporter`](super::MemoryExporter), or of a
/// [`MemoryMetricExporter`](crate::metrics::MemoryMetricExporter), waiting until it is dropped.
#[derive(Debug)]
pub struct Hold {
    control: Arc<Mutex<Control>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.control).holds -= 1;
    }
}

/// Counts an export as under way, however it ends.
struct Running<'a>(&'a Mutex<Control>);

impl<'a> Running<'a> {
    fn start(control: &'a Mutex<Control>) -> Self {
        let mut state = lock(control);
        state.running += 1;
        state.overlapped |= state.running > 1;
        Self(control)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(self.0).running -= 1;
    }
}
