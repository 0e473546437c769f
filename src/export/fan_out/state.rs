//! What the callers and the threads of a fan-out tell each other, all behind one mutex.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::Batch;
use crate::export::{Cancellation, Context, ExportError, ExportErrorKind};

/// A batch on its way to several destinations.
pub(super) struct Parcel {
    pub(super) batch: Batch,
    /// Whoever exported it was told that it is lost, so what comes of it yet is not told again. Written and
    /// read under the state's mutex.
    withdrawn: AtomicBool,
}

impl Parcel {
    pub(super) fn new(batch: Batch) -> Self {
        Self { batch, withdrawn: AtomicBool::new(false) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.batch.as_bytes().len()
    }

    pub(super) fn spans(&self) -> u64 {
        self.batch.span_count() as u64
    }
}

/// What every destination does once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Flush,
    Shutdown,
}

/// What came of a step at each destination; `None` where it has not been taken.
pub(super) type Results = Vec<Option<Result<(), ExportError>>>;

/// A step that all destinations are asked to take.
pub(super) struct Round {
    pub(super) step: Step,
    pub(super) context: Context,
    results: Mutex<Results>,
}

impl Round {
    pub(super) fn new(step: Step, context: Context, destinations: usize) -> Self {
        Self { step, context, results: Mutex::new((0..destinations).map(|_| None).collect()) }
    }

    pub(super) fn is_done(&self) -> bool {
        self.results().iter().all(Option::is_some)
    }

    /// The destination `index` has taken the step, or never will.
    pub(super) fn finish(&self, index: usize, result: Result<(), ExportError>) {
        // Whoever went round may have left with the results.
        if let Some(slot) = self.results().get_mut(index) {
            *slot = Some(result);
        }
    }

    pub(super) fn take_results(&self) -> Results {
        std::mem::take(&mut *self.results())
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a destination's thread finds in its queue.
pub(super) enum Job {
    Batch(Arc<Parcel>),
    Round(Arc<Round>),
}

/// What failed at a destination and was not told anybody yet.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) kind: ExportErrorKind,
    /// The text of the first error.
    pub(super) message: String,
    /// Spans lost, by this error and those after it.
    pub(super) spans: u64,
}

/// Where the spans of a destination are that it was offered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
    /// In the queue, or being exported.
    pub(super) queued: u64,
    pub(super) panics: u64,
}

/// One destination's queue and account.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) queue: VecDeque<Job>,
    /// Bytes of the batches that are queued or being exported.
    pub(super) queued_bytes: usize,
    pub(super) counts: Counts,
    trouble: Option<Trouble>,
    /// What the thread is doing, and how to call it off.
    running: Option<(Job, Cancellation)>,
}

impl Lane {
    /// Whether a batch of `bytes` may be queued. One that is larger than the queue is, when it is alone.
    pub(super) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.queued_bytes == 0 || self.queued_bytes.saturating_add(bytes) <= limit
    }

    pub(super) fn push(&mut self, parcel: &Arc<Parcel>) {
        self.queued_bytes += parcel.bytes();
        self.counts.queued += parcel.spans();
        self.queue.push_back(Job::Batch(Arc::clone(parcel)));
    }

    pub(super) fn refuse(&mut self, parcel: &Parcel) {
        self.counts.refused += parcel.spans();
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// The next job, if there is one, which is running from now on. `context` makes what limits it.
    pub(super) fn begin(&mut self, context: impl FnOnce(&Job) -> Context) -> Option<(Job, Context)> {
        let job = self.queue.pop_front()?;
        let context = context(&job);
        let copy = match &job {
            Job::Batch(parcel) => Job::Batch(Arc::clone(parcel)),
            Job::Round(round) => Job::Round(Arc::clone(round)),
        };
        self.running = Some((copy, context.cancellation()));
        Some((job, context))
    }

    /// What was running is done.
    pub(super) fn end(&mut self) {
        self.running = None;
    }

    /// A batch is out of the queue for good, with so many spans lost.
    fn settle(&mut self, parcel: &Parcel, lost: u64) {
        self.queued_bytes -= parcel.bytes();
        self.counts.queued -= parcel.spans();
        self.counts.failed += lost;
        self.counts.delivered += parcel.spans() - lost;
    }

    fn note(&mut self, error: &ExportError, lost: u64) {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            kind: error.kind(),
            message: error.to_string(),
            spans: 0,
        });
        trouble.spans += lost;
    }
}

/// What comes of the batch whose export is waiting.
pub(super) struct Award {
    parcel: Arc<Parcel>,
    /// Destinations that are not done with it.
    left: usize,
    /// How many spans the destination lacks that got the most.
    pub(super) lost: u64,
    /// What failed, and at which destination.
    pub(super) errors: Vec<(usize, ExportError)>,
}

impl Award {
    pub(super) fn new(parcel: &Arc<Parcel>, takers: usize) -> Self {
        Self { parcel: Arc::clone(parcel), left: takers, lost: parcel.spans(), errors: Vec::new() }
    }

    /// Whether a destination has it all, or none can any more.
    pub(super) fn is_decided(&self) -> bool {
        self.lost == 0 || self.left == 0
    }
}

pub(super) struct State {
    /// In the order of the destinations.
    pub(super) lanes: Vec<Lane>,
    /// There while an export waits.
    pub(super) award: Option<Award>,
    /// The context of the shutdown, once there was one.
    stopping: Option<Context>,
}

impl State {
    pub(super) fn new(destinations: usize) -> Self {
        Self { lanes: (0..destinations).map(|_| Lane::default()).collect(), award: None, stopping: None }
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.stopping.is_some()
    }

    pub(super) fn shut_down(&mut self, context: &Context) {
        self.stopping = Some(context.clone());
    }

    /// What an export begun now is limited by: the shutdown, if there is one.
    pub(super) fn limit(&self) -> Context {
        self.stopping.as_ref().map_or_else(Context::new, Context::child)
    }

    /// The destination `index` has exported `parcel`, or failed to.
    pub(super) fn exported(&mut self, index: usize, parcel: &Arc<Parcel>, result: Result<(), ExportError>) {
        let lost = match &result {
            Ok(()) => 0,
            Err(error) => error.lost_spans().map_or(parcel.spans(), u64::from).min(parcel.spans()),
        };
        let lane = &mut self.lanes[index];
        lane.settle(parcel, lost);
        let award = self.award.as_mut().filter(|award| Arc::ptr_eq(&award.parcel, parcel));
        match (award, result) {
            (Some(award), result) => {
                award.left -= 1;
                award.lost = award.lost.min(lost);
                award.errors.extend(result.err().map(|error| (index, error)));
            }
            (None, Err(error)) if !parcel.withdrawn.load(Ordering::Relaxed) => lane.note(&error, lost),
            (None, _) => {}
        }
    }

    /// Takes a batch away from every destination that has not delivered it.
    pub(super) fn withdraw(&mut self, parcel: &Arc<Parcel>) {
        parcel.withdrawn.store(true, Ordering::Relaxed);
        let is_it = |job: &Job| matches!(job, Job::Batch(other) if Arc::ptr_eq(other, parcel));
        for lane in &mut self.lanes {
            let queued = lane.queue.len();
            lane.queue.retain(|job| !is_it(job));
            if lane.queue.len() < queued {
                lane.settle(parcel, parcel.spans());
            }
            if let Some((_, cancellation)) = lane.running.as_ref().filter(|(job, _)| is_it(job)) {
                cancellation.cancel();
            }
        }
    }

    /// Takes a round out of the queues in which it has not begun.
    pub(super) fn call_off(&mut self, round: &Arc<Round>) {
        let is_it = |job: &Job| matches!(job, Job::Round(other) if Arc::ptr_eq(other, round));
        for lane in &mut self.lanes {
            lane.queue.retain(|job| !is_it(job));
        }
    }

    /// The shutdown has no more time: what is queued is lost, and what is running is cancelled. Only the
    /// step of the shutdown itself stays in the queues.
    pub(super) fn give_up(&mut self) {
        for index in 0..self.lanes.len() {
            let lane = &mut self.lanes[index];
            if let Some((_, cancellation)) = &lane.running {
                cancellation.cancel();
            }
            for job in std::mem::take(&mut lane.queue) {
                let error = || {
                    let message = "the fan-out exporter was shut down meanwhile";
                    ExportError::new(ExportErrorKind::ExporterShutdown, message)
                };
                match job {
                    Job::Batch(parcel) => self.exported(index, &parcel, Err(error())),
                    Job::Round(round) if round.step == Step::Flush => round.finish(index, Err(error())),
                    Job::Round(round) => self.lanes[index].queue.push_back(Job::Round(round)),
                }
            }
        }
    }
}
