//! The export thread: takes batches from the queue, one at a time, and hands them to the exporter.

use crate::batch::Batch;
use crate::drain::{FlushError, Job, Pipeline, State};
use crate::export::timed::End;
use crate::export::{Context, ExportError, ExportErrorKind};
use crate::sync::atomic::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What OpenTelemetry has a probability sampler say (Trace SDK, section "Compatibility warnings for
/// `ProbabilitySampler`").
const PRESUMED: &str = "the probability sampler takes trace ids to be random, and a caller does not say that \
                        they are: let callers set the random flag of W3C Trace Context Level 2";

/// What went wrong since the last flush.
#[derive(Debug, Default)]
struct Trouble {
    first: Option<String>,
    lost_spans: u64,
    /// Some of it is for want of time: the deadline of the shutdown.
    is_late: bool,
}

impl Trouble {
    fn note(&mut self, error: &ExportError, lost_spans: u64, stop_by: Option<Instant>) {
        self.first.get_or_insert_with(|| error.to_string());
        self.lost_spans += lost_spans;
        self.is_late |=
            stop_by.is_some_and(|stop_by| error.cut_short_by() == Some(stop_by) || stop_by <= Instant::now());
    }

    fn note_given_up(&mut self, spans: u64) {
        if spans > 0 {
            let message = "the shutdown's deadline passed before there was room in the queue";
            self.first.get_or_insert_with(|| message.to_owned());
            self.lost_spans += spans;
            self.is_late = true;
        }
    }

    /// Adds what came after it.
    fn add(&mut self, later: Self) {
        self.first = self.first.take().or(later.first);
        self.lost_spans += later.lost_spans;
        self.is_late |= later.is_late;
    }

    fn error(&self) -> Option<FlushError> {
        let message = self.first.clone()?;
        Some(FlushError::Export { message, lost_spans: self.lost_spans })
    }
}

impl Pipeline {
    /// The export thread.
    pub(super) fn export(&self) {
        let mut trouble = Trouble::default();
        // What the shutdown has to tell.
        let mut last = Trouble::default();
        let mut has_told = false;
        loop {
            let (job, stop_by) = self.next_job();
            if !has_told && self.has_presumed.load(Ordering::Relaxed) {
                has_told = true;
                let error = ExportError::new(ExportErrorKind::InvalidConfig, PRESUMED).with_lost_spans(0);
                self.tell(&error);
            }
            match job {
                Job::Batch(batch) => self.export_batch(batch, stop_by, &mut trouble),
                Job::Flush(ticket) => {
                    let context = self.context(stop_by);
                    if let Err(error) = self.call(|| self.settings.exporter.force_flush(&context)) {
                        trouble.note(&error, 0, stop_by);
                    }
                    let mut state = self.state();
                    trouble.note_given_up(std::mem::take(&mut state.given_up));
                    state.completed = ticket;
                    if let Some(error) = trouble.error() {
                        state.failed = Some((ticket, error));
                    }
                    let trouble = std::mem::take(&mut trouble);
                    // Its own flush, or one that it found under way: whoever asked for that may have left.
                    if state.stop_by.is_some() {
                        last.add(trouble);
                    }
                    drop(state);
                    self.changed.notify_all();
                }
                Job::Stop => {
                    // Not a child of the root, which a late shutdown has cancelled: the exporter
                    // gets a context that says how much time is left, if any.
                    let context = Context::with_deadline(stop_by.unwrap_or_else(Instant::now));
                    let result = self.call(|| self.settings.exporter.shutdown(&context));
                    let mut state = self.state();
                    state.is_late = last.is_late || (result.is_err() && context.check().is_err());
                    state.stopped = Some(match (last.error(), result) {
                        (Some(error), _) => Err(error),
                        (None, Ok(())) => Ok(()),
                        (None, Err(error)) => {
                            Err(FlushError::Export { message: error.to_string(), lost_spans: 0 })
                        }
                    });
                    drop(state);
                    self.changed.notify_all();
                    return;
                }
            }
        }
    }

    fn next_job(&self) -> (Job, Option<Instant>) {
        let mut state = self.state();
        loop {
            if self.may_export(&mut state) {
                if let Some(job) = state.queue.pop_front() {
                    match &job {
                        Job::Batch(batch) => state.queued_spans -= batch.span_count(),
                        Job::Flush(_) | Job::Stop => state.awaited -= 1,
                    }
                    return (job, state.stop_by);
                }
            }
            state = match self.wait(state, None) {
                Ok(state) | Err(state) => state,
            };
        }
    }

    /// Whether what is queued is to go out now. Where exports wait for a flush, half a queue full of
    /// batches does not wait any longer: a host that flushes rarely loses nothing.
    fn may_export(&self, state: &mut State) -> bool {
        if !self.settings.export_on_flush {
            return true;
        }
        let is_half_full = 2 * state.queued_bytes >= self.settings.queue_bytes;
        state.early = is_half_full || (state.early && !state.queue.is_empty());
        state.early || state.awaited > 0
    }

    /// A context that ends with the export timeout, with the deadline of a shutdown, or when a
    /// shutdown gives up.
    fn context(&self, stop_by: Option<Instant>) -> Context {
        let timeout = self.settings.export_timeout;
        // A timeout of zero is OpenTelemetry's way to say "no limit".
        let limit = if timeout.is_zero() { None } else { Instant::now().checked_add(timeout) };
        match (limit, stop_by) {
            (Some(limit), Some(stop)) => self.root.child_with_deadline(limit.min(stop)),
            (Some(limit), None) => self.root.child_with_deadline(limit),
            (None, Some(stop)) => self.root.child_with_deadline(stop),
            (None, None) => self.root.child(),
        }
    }

    fn export_batch(&self, batch: Batch, stop_by: Option<Instant>, trouble: &mut Trouble) {
        let spans = batch.span_count() as u64;
        let context = self.context(stop_by);
        self.ledger.export_begins(spans);
        let begun = Instant::now();
        let result = match context.check() {
            Ok(()) => self.call(|| self.settings.exporter.export(&context, &batch)),
            Err(error) => Err(error.into()),
        };
        self.ledger.export_took(spans, begun.elapsed(), End::of(&result));
        match result {
            Ok(()) => self.ledger.exported(spans, 0),
            Err(error) => {
                let lost = error.lost_spans().map_or(spans, |lost| u64::from(lost).min(spans));
                self.ledger.failed_by(error.kind(), lost);
                self.ledger.exported(spans - lost, lost);
                // One with which nothing is lost is a warning: the handler has it, and a flush succeeds.
                if lost > 0 {
                    trouble.note(&error, lost, stop_by);
                }
            }
        }
        let mut state = self.state();
        state.queued_bytes -= batch.as_bytes().len();
        state.spare.push(batch);
        drop(state);
        self.changed.notify_all();
    }

    /// Calls the exporter. A panic in it becomes an error; every error goes to the handler.
    fn call(&self, what: impl FnOnce() -> Result<(), ExportError>) -> Result<(), ExportError> {
        let result = catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
            self.ledger.panicked();
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(ExportError::new(ExportErrorKind::Other, format!("the exporter panicked: {text}")))
        });
        if let Err(error) = &result {
            self.tell(error);
        }
        result
    }

    /// Calls the error handler. One that panics must not take the thread along.
    fn tell(&self, error: &ExportError) {
        let handler = &self.settings.error_handler;
        if catch_unwind(AssertUnwindSafe(|| handler(error))).is_err() {
            self.ledger.panicked();
        }
    }
}
