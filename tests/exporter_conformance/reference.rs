//! A simple exporter that keeps the contract, but for the fault that it is given.

use crate::fault::Fault;
use nanospan::StatusCode;
use nanospan::batch::Batch;
use nanospan::conformance::exporter::Subject;
use nanospan::export::{Context, ContextError, ExportError, ExportErrorKind, FinishedSpan, SpanExporter};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

/// Where the spans go. It tells the outside of nothing that was not flushed, as a server would that does
/// its work behind.
#[derive(Default)]
struct BackEnd {
    delivered: Mutex<Vec<FinishedSpan>>,
    is_unreachable: AtomicBool,
    is_hanging: AtomicBool,
}

struct Reference {
    fault: Option<Fault>,
    back_end: Arc<BackEnd>,
    state: Mutex<State>,
    is_exporting: AtomicBool,
}

#[derive(Default)]
struct State {
    exports: u32,
    /// Batches that were sent and are not delivered.
    unfinished: Vec<Unfinished>,
    /// For the faults that keep something: the last batch, and the last that failed.
    last: Vec<FinishedSpan>,
    failed: Vec<FinishedSpan>,
    has_failed: bool,
    is_shut_down: bool,
    is_released: bool,
}

struct Unfinished {
    spans: Vec<FinishedSpan>,
    /// How many flushes have come by.
    flushes: u32,
}

fn error(kind: ExportErrorKind, message: &str) -> ExportError {
    ExportError::new(kind, message)
}

impl Reference {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn deliver(&self, spans: Vec<FinishedSpan>) {
        self.back_end.delivered.lock().unwrap().extend(spans);
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
    fn read(&self, batch: &Batch) -> Vec<FinishedSpan> {
        let mut spans: Vec<FinishedSpan> = batch.view().spans().map(FinishedSpan::from).collect();
        match self.fault {
            Some(Fault::LargeBatchIsCut) => spans.truncate(100),
            // Not of the sizes that other cases use.
            Some(Fault::LastSpanOfABatchIsLost) if spans.len() == 12 => drop(spans.pop()),
            Some(Fault::EmptyNamePanics) => {
                assert!(spans.iter().all(|span| !span.name.is_empty()), "no name");
            }
            _ => {}
        }
        for span in &mut spans {
            match self.fault {
                Some(Fault::TraceStateIsLost) => span.trace_state.clear(),
                Some(Fault::LastAttributeIsLost) => drop(span.attributes.pop()),
                Some(Fault::EventsHaveNoAttributes) => {
                    span.events.iter_mut().for_each(|event| event.attributes.clear());
                }
                Some(Fault::LinksAreLost) => span.links.clear(),
                Some(Fault::IdsAreHalfAsLong) => {
                    span.links.iter_mut().for_each(|link| link.trace_id[..8].fill(0));
                }
                Some(Fault::OkIsUnset) if span.status == StatusCode::Ok => span.status = StatusCode::Unset,
                Some(Fault::RootHasAParent) => {
                    span.parent_span_id.get_or_insert([0; 8]);
                }
                Some(Fault::DroppedCountsAreLost) => span.dropped_events_count = 0,
                _ => {}
            }
        }
        spans
    }

    /// Sends to a back-end that may hang or refuse.
    fn send(&self, context: &Context, spans: Vec<FinishedSpan>) -> Result<(), ExportError> {
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
            return self.fail(state, spans);
        }
        if self.has(Fault::FailedBatchIsSentLater) {
            let failed = std::mem::take(&mut state.failed);
            state.unfinished.push(Unfinished { spans: failed, flushes: 0 });
        }
        if self.has(Fault::BatchIsNotCopied) {
            state.unfinished.iter_mut().for_each(|other| other.spans.clone_from(&spans));
        }
        state.last.clone_from(&spans);
        state.unfinished.push(Unfinished { spans, flushes: 0 });
        Ok(())
    }

    fn fail(&self, mut state: MutexGuard<'_, State>, spans: Vec<FinishedSpan>) -> Result<(), ExportError> {
        let refused = error(ExportErrorKind::Rejected, "refused");
        match self.fault {
            Some(Fault::FailureIsSwallowed) => return Ok(()),
            Some(Fault::ErrorHasNoText) => return Err(error(ExportErrorKind::Rejected, "")),
            Some(Fault::LostSpansAreNotCounted) => return Err(refused.with_lost_spans(0)),
            Some(Fault::PartOfAFailedBatchIsDelivered) => self.deliver(spans[..5].to_vec()),
            Some(Fault::FailedBatchIsSentLater | Fault::FailedBatchIsSentAtTheShutdown) => {
                state.failed = spans
            }
            _ => {}
        }
        Err(refused)
    }

    fn export_after_the_shutdown(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        match self.fault {
            Some(Fault::ExportAfterTheShutdownIsOk) => return Ok(()),
            Some(Fault::ExportAfterTheShutdownIsOther) => return Err(error(ExportErrorKind::Other, "gone")),
            Some(Fault::ExportAfterTheShutdownIsSent) => self.deliver(self.read(batch)),
            Some(Fault::ContextComesBeforeTheShutdown) => context.check()?,
            _ => {}
        }
        Err(ExportError::shutdown("reference"))
    }

    /// What the fault makes of a context that is over when the export begins.
    fn late(&self, over: ContextError, batch: &Batch) -> Result<(), ExportError> {
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
                self.deliver(self.read(batch));
                Err(over.into())
            }
            _ => Err(over.into()),
        }
    }
}

/// Says that an export is under way, however it ends.
struct Exporting<'a>(&'a Reference);

impl Drop for Exporting<'_> {
    fn drop(&mut self) {
        self.0.is_exporting.store(false, SeqCst);
    }
}

impl SpanExporter for Reference {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.is_exporting.store(true, SeqCst);
        let _exporting = Exporting(self);
        if self.state().is_shut_down {
            return self.export_after_the_shutdown(context, batch);
        }
        if let Err(over) = context.check() {
            return self.late(over, batch);
        }
        if batch.span_count() == 0 {
            let is_wrong = self.has(Fault::EmptyBatchIsAnError);
            return if is_wrong { Err(error(ExportErrorKind::Other, "nothing to export")) } else { Ok(()) };
        }
        self.send(context, self.read(batch))?;
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

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
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
        unfinished.into_iter().for_each(|batch| self.deliver(batch.spans));
        Ok(())
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
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
            unfinished.into_iter().for_each(|batch| self.deliver(batch.spans));
        }
        if self.has(Fault::ShutdownIsAnError) {
            return Err(error(ExportErrorKind::Other, "the end"));
        }
        Ok(())
    }
}

/// The reference with a fault, or without one.
pub(crate) struct ReferenceSubject {
    exporter: Arc<Reference>,
    back_end: Arc<BackEnd>,
}

impl ReferenceSubject {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        let back_end = Arc::new(BackEnd::default());
        let exporter = Reference {
            fault,
            back_end: Arc::clone(&back_end),
            state: Mutex::default(),
            is_exporting: AtomicBool::new(false),
        };
        Self { exporter: Arc::new(exporter), back_end }
    }
}

impl Subject for ReferenceSubject {
    fn exporter(&self) -> Arc<dyn SpanExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<FinishedSpan>> {
        vec![self.back_end.delivered.lock().unwrap().clone()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.back_end.is_unreachable.store(unreachable, SeqCst);
        true
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        self.back_end.is_hanging.store(hanging, SeqCst);
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.exporter.state().is_released)
    }
}
