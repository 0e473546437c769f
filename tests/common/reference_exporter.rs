//! A simple exporter, of whatever, that keeps the contract but for the fault that it is given.
#![allow(dead_code, reason = "no test binary uses all of it")]

use crate::exporter_faults::Fault;
use nanospan::export::{Context, ContextError, ExportError, ExportErrorKind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

/// Where the items go. It tells the outside of nothing that was not flushed, as a server would that does
/// its work behind.
pub(crate) struct BackEnd<T> {
    delivered: Mutex<Vec<T>>,
    is_unreachable: AtomicBool,
    is_hanging: AtomicBool,
}

impl<T: Clone> BackEnd<T> {
    pub(crate) fn delivered(&self) -> Vec<T> {
        self.delivered.lock().unwrap().clone()
    }

    pub(crate) fn set_unreachable(&self, unreachable: bool) {
        self.is_unreachable.store(unreachable, SeqCst);
    }

    pub(crate) fn set_hanging(&self, hanging: bool) {
        self.is_hanging.store(hanging, SeqCst);
    }
}

/// Exports `T`s, ten or so at a time.
pub(crate) struct Reference<T> {
    fault: Option<Fault>,
    back_end: Arc<BackEnd<T>>,
    state: Mutex<State<T>>,
    is_exporting: AtomicBool,
}

struct State<T> {
    exports: u32,
    /// Batches that were sent and are not delivered.
    unfinished: Vec<Unfinished<T>>,
    /// For the faults that keep something: the last batch, and the last that failed.
    last: Vec<T>,
    failed: Vec<T>,
    has_failed: bool,
    is_shut_down: bool,
    is_released: bool,
}

struct Unfinished<T> {
    items: Vec<T>,
    /// How many flushes have come by.
    flushes: u32,
}

fn error(kind: ExportErrorKind, message: &str) -> ExportError {
    ExportError::new(kind, message)
}

impl<T: Clone> Reference<T> {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        let back_end = BackEnd {
            delivered: Mutex::default(),
            is_unreachable: AtomicBool::new(false),
            is_hanging: AtomicBool::new(false),
        };
        let state = State {
            exports: 0,
            unfinished: Vec::new(),
            last: Vec::new(),
            failed: Vec::new(),
            has_failed: false,
            is_shut_down: false,
            is_released: false,
        };
        let is_exporting = AtomicBool::new(false);
        Self { fault, back_end: Arc::new(back_end), state: Mutex::new(state), is_exporting }
    }

    pub(crate) fn back_end(&self) -> &BackEnd<T> {
        &self.back_end
    }

    pub(crate) fn is_released(&self) -> bool {
        self.state().is_released
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.state().is_shut_down
    }

    pub(crate) fn is_exporting(&self) -> bool {
        self.is_exporting.load(SeqCst)
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap()
    }

    fn deliver(&self, items: Vec<T>) {
        self.back_end.delivered.lock().unwrap().extend(items);
    }

    /// The context, unless a fault has it overlooked: one of these when its deadline has passed, or when it
    /// was cancelled.
    fn check(&self, context: &Context, deadline: Fault, cancellation: Fault) -> Result<(), ContextError> {
        match context.check() {
            Err(ContextError::DeadlineExceeded) if self.has(deadline) => Ok(()),
            Err(ContextError::Cancelled) if self.has(cancellation) => Ok(()),
            other => other,
        }
    }

    /// A batch as this exporter takes it.
    fn take(&self, mut items: Vec<T>) -> Vec<T> {
        match self.fault {
            Some(Fault::LargeBatchIsCut) => items.truncate(100),
            // Not of the sizes that other cases use.
            Some(Fault::LastItemOfABatchIsLost) if items.len() == 12 => drop(items.pop()),
            _ => {}
        }
        items
    }

    /// Sends to a back-end that may hang or refuse.
    fn send(&self, context: &Context, items: Vec<T>) -> Result<(), ExportError> {
        while self.back_end.is_hanging.load(SeqCst) {
            match self.check(context, Fault::HangIgnoresTheDeadline, Fault::HangIgnoresACancellation) {
                Err(_) if self.has(Fault::HangEndsAsIo) && !context.is_cancelled() => {
                    return Err(error(ExportErrorKind::Io, "timed out"));
                }
                over => over?,
            }
            if self.state().is_shut_down && !self.has(Fault::HangOutlivesTheShutdown) {
                return Err(ExportError::shutdown("reference"));
            }
            thread::sleep(PAUSE);
        }
        let mut state = self.state();
        let is_refused = self.back_end.is_unreachable.load(SeqCst);
        if is_refused || (state.has_failed && self.has(Fault::FailureIsForEver)) {
            state.has_failed = true;
            return self.fail(state, items);
        }
        if self.has(Fault::FailedBatchIsSentLater) {
            let failed = std::mem::take(&mut state.failed);
            state.unfinished.push(Unfinished { items: failed, flushes: 0 });
        }
        if self.has(Fault::BatchIsNotCopied) {
            state.unfinished.iter_mut().for_each(|other| other.items.clone_from(&items));
        }
        state.last.clone_from(&items);
        state.unfinished.push(Unfinished { items, flushes: 0 });
        Ok(())
    }

    fn fail(&self, mut state: MutexGuard<'_, State<T>>, items: Vec<T>) -> Result<(), ExportError> {
        let refused = error(ExportErrorKind::Rejected, "refused");
        match self.fault {
            Some(Fault::FailureIsSwallowed) => return Ok(()),
            Some(Fault::ErrorHasNoText) => return Err(error(ExportErrorKind::Rejected, "")),
            Some(Fault::LostItemsAreNotCounted) => return Err(refused.with_lost_spans(0)),
            Some(Fault::PartOfAFailedBatchIsDelivered) => self.deliver(items[..5].to_vec()),
            Some(Fault::FailedBatchIsSentLater | Fault::FailedBatchIsSentAtTheShutdown) => {
                state.failed = items
            }
            _ => {}
        }
        Err(refused)
    }

    fn export_after_the_shutdown(&self, context: &Context, items: Vec<T>) -> Result<(), ExportError> {
        match self.fault {
            Some(Fault::ExportAfterTheShutdownIsOk) => return Ok(()),
            Some(Fault::ExportAfterTheShutdownIsOther) => return Err(error(ExportErrorKind::Other, "gone")),
            Some(Fault::ExportAfterTheShutdownIsSent) => self.deliver(self.take(items)),
            Some(Fault::ContextComesBeforeTheShutdown) => context.check()?,
            _ => {}
        }
        Err(ExportError::shutdown("reference"))
    }

    /// What the fault makes of a context that is over when the export begins.
    fn late(&self, over: ContextError, items: Vec<T>) -> Result<(), ExportError> {
        match (self.fault, over) {
            (Some(Fault::PassedDeadlineIsCancelled), ContextError::DeadlineExceeded) => {
                Err(error(ExportErrorKind::Cancelled, "late"))
            }
            (Some(Fault::PassedDeadlineIsOk), ContextError::DeadlineExceeded) => Ok(()),
            (Some(Fault::CancellationIsOther), ContextError::Cancelled) => {
                Err(error(ExportErrorKind::Other, "cancelled"))
            }
            (Some(Fault::CancellationIsOk), ContextError::Cancelled) => Ok(()),
            (Some(Fault::LateExportIsSentAllTheSame), _) => {
                self.deliver(self.take(items));
                Err(over.into())
            }
            _ => Err(over.into()),
        }
    }
}

/// Says that an export is under way, however it ends.
struct Exporting<'a>(&'a AtomicBool);

impl Drop for Exporting<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

impl<T: Clone> Reference<T> {
    pub(crate) fn export(&self, context: &Context, items: Vec<T>) -> Result<(), ExportError> {
        self.is_exporting.store(true, SeqCst);
        let _exporting = Exporting(&self.is_exporting);
        if self.state().is_shut_down {
            return self.export_after_the_shutdown(context, items);
        }
        if let Err(over) = context.check() {
            return self.late(over, items);
        }
        if items.is_empty() {
            let is_wrong = self.has(Fault::EmptyBatchIsAnError);
            return if is_wrong { Err(error(ExportErrorKind::Other, "nothing to export")) } else { Ok(()) };
        }
        self.send(context, self.take(items))?;
        if self.has(Fault::FlushDuringAnExportLosesTheBatch) {
            // So that there is a flush meanwhile.
            thread::sleep(PAUSE);
        }
        let mut state = self.state();
        state.exports += 1;
        if state.exports == 3 && self.has(Fault::ThirdExportIsAnError) {
            return Err(error(ExportErrorKind::Other, "three are too many"));
        }
        Ok(())
    }

    pub(crate) fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        let mut state = self.state();
        if state.is_shut_down {
            let is_wrong = self.has(Fault::FlushAfterTheShutdownIsOk);
            return if is_wrong { Ok(()) } else { Err(ExportError::shutdown("reference")) };
        }
        self.check(context, Fault::FlushIgnoresItsDeadline, Fault::FlushIgnoresItsCancellation)?;
        if self.has(Fault::FlushOfNothingIsAnError) && state.unfinished.is_empty() {
            return Err(error(ExportErrorKind::Other, "nothing to flush"));
        }
        let mut unfinished = std::mem::take(&mut state.unfinished);
        if self.has(Fault::FlushDuringAnExportLosesTheBatch) && self.is_exporting.load(SeqCst) {
            return Ok(());
        }
        if self.has(Fault::FlushIsLate) {
            let (young, old) = unfinished.into_iter().partition(|batch| batch.flushes == 0);
            unfinished = old;
            state.unfinished = young;
            state.unfinished.iter_mut().for_each(|batch| batch.flushes += 1);
        }
        if self.has(Fault::FlushDeliversAgain) && unfinished.is_empty() {
            self.deliver(std::mem::take(&mut state.last));
        }
        unfinished.into_iter().for_each(|batch| self.deliver(batch.items));
        Ok(())
    }

    pub(crate) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        if self.state().is_shut_down {
            let is_wrong = self.has(Fault::SecondShutdownIsOk);
            return if is_wrong { Ok(()) } else { Err(ExportError::shutdown("reference")) };
        }
        if self.has(Fault::ShutdownsRace) {
            thread::sleep(10 * PAUSE);
        }
        while self.has(Fault::ShutdownWaitsForTheExport) && self.is_exporting.load(SeqCst) {
            thread::sleep(PAUSE);
        }
        let is_late = context.check().is_err();
        let mut state = self.state();
        if state.is_shut_down && !self.has(Fault::ShutdownsRace) {
            return Err(ExportError::shutdown("reference"));
        }
        state.is_shut_down = !(is_late && self.has(Fault::LateShutdownLeavesItOpen));
        let keeps = self.has(Fault::ShutdownReleasesNothing)
            || (is_late && self.has(Fault::LateShutdownReleasesNothing));
        state.is_released = !keeps;
        self.check(context, Fault::ShutdownIgnoresItsDeadline, Fault::ShutdownIgnoresItsCancellation)?;
        if self.has(Fault::FailedBatchIsSentAtTheShutdown) {
            self.deliver(std::mem::take(&mut state.failed));
        }
        if self.has(Fault::ShutdownDeliversAgain) && state.unfinished.is_empty() {
            self.deliver(std::mem::take(&mut state.last));
        }
        let unfinished = std::mem::take(&mut state.unfinished);
        if !self.has(Fault::ShutdownDropsWhatIsUnfinished) {
            unfinished.into_iter().for_each(|batch| self.deliver(batch.items));
        }
        if self.has(Fault::ShutdownIsAnError) {
            return Err(error(ExportErrorKind::Other, "the end"));
        }
        Ok(())
    }
}
