//! What the callers and the threads of a fan-out tell each other, all behind one mutex.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::export::{Cancellation, Context, ExportError, ExportErrorKind, Telemetry};

/// A batch on its way to several destinations.
pub(super) struct Parcel<T: Telemetry> {
    pub(super) batch: T::Batch,
    bytes: usize,
    items: u64,
    /// Whoever exported it was told that it is lost, so what comes of it yet is not told again. Written and
    /// read under the state's mutex.
    withdrawn: AtomicBool,
}

impl<T: Telemetry> Parcel<T> {
    pub(super) fn new(batch: T::Batch) -> Self {
        let (bytes, items) = (T::bytes(&batch), T::count(&batch) as u64);
        Self { batch, bytes, items, withdrawn: AtomicBool::new(false) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many items it has.
    pub(super) fn items(&self) -> u64 {
        self.items
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
pub(super) enum Job<T: Telemetry> {
    Batch(Arc<Parcel<T>>),
    Round(Arc<Round>),
}

/// What failed at a destination and was not told anybody yet.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) kind: ExportErrorKind,
    /// The text of the first error.
    pub(super) message: String,
    /// Items lost, by this error and those after it.
    pub(super) lost: u64,
}

/// Where the items are that a destination was offered.
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
pub(super) struct Lane<T: Telemetry> {
    pub(super) queue: VecDeque<Job<T>>,
    /// Bytes of the batches that are queued or being exported.
    pub(super) queued_bytes: usize,
    pub(super) counts: Counts,
    trouble: Option<Trouble>,
    /// What the thread is doing, and how to call it off.
    running: Option<(Job<T>, Cancellation)>,
}

impl<T: Telemetry> Lane<T> {
    fn new() -> Self {
        let counts = Counts::default();
        Self { queue: VecDeque::new(), queued_bytes: 0, counts, trouble: None, running: None }
    }

    /// Whether a batch of `bytes` may be queued. One that is larger than the queue is, when it is alone.
    pub(super) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.queued_bytes == 0 || self.queued_bytes.saturating_add(bytes) <= limit
    }

    pub(super) fn push(&mut self, parcel: &Arc<Parcel<T>>) {
        self.queued_bytes += parcel.bytes();
        self.counts.queued += parcel.items();
        self.queue.push_back(Job::Batch(Arc::clone(parcel)));
    }

    pub(super) fn refuse(&mut self, parcel: &Parcel<T>) {
        self.counts.refused += parcel.items();
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// The next job, if there is one, which is running from now on. `context` makes what limits it.
    pub(super) fn begin(&mut self, context: impl FnOnce(&Job<T>) -> Context) -> Option<(Job<T>, Context)> {
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

    /// A batch is out of the queue for good, with so many items lost.
    fn settle(&mut self, parcel: &Parcel<T>, lost: u64) {
        self.queued_bytes -= parcel.bytes();
        self.counts.queued -= parcel.items();
        self.counts.failed += lost;
        self.counts.delivered += parcel.items() - lost;
    }

    fn note(&mut self, error: &ExportError, lost: u64) {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            kind: error.kind(),
            message: error.to_string(),
            lost: 0,
        });
        trouble.lost += lost;
    }
}

/// What comes of the batch whose export is waiting.
pub(super) struct Award<T: Telemetry> {
    parcel: Arc<Parcel<T>>,
    /// Destinations that are not done with it.
    left: usize,
    /// How many items the destination lacks that got the most.
    pub(super) lost: u64,
    /// What failed, and at which destination.
    pub(super) errors: Vec<(usize, ExportError)>,
}

impl<T: Telemetry> Award<T> {
    pub(super) fn new(parcel: &Arc<Parcel<T>>, takers: usize) -> Self {
        Self { parcel: Arc::clone(parcel), left: takers, lost: parcel.items(), errors: Vec::new() }
    }

    /// Whether a destination has it all, or none can any more.
    pub(super) fn is_decided(&self) -> bool {
        self.lost == 0 || self.left == 0
    }
}

pub(super) struct State<T: Telemetry> {
    /// In the order of the destinations.
    pub(super) lanes: Vec<Lane<T>>,
    /// There while an export waits.
    pub(super) award: Option<Award<T>>,
    /// The context of the shutdown, once there was one.
    stopping: Option<Context>,
}

impl<T: Telemetry> State<T> {
    pub(super) fn new(destinations: usize) -> Self {
        Self { lanes: (0..destinations).map(|_| Lane::new()).collect(), award: None, stopping: None }
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
    pub(super) fn exported(
        &mut self,
        index: usize,
        parcel: &Arc<Parcel<T>>,
        result: Result<(), ExportError>,
    ) {
        let lost = match &result {
            Ok(()) => 0,
            Err(error) => error.lost().map_or(parcel.items(), u64::from).min(parcel.items()),
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
    pub(super) fn withdraw(&mut self, parcel: &Arc<Parcel<T>>) {
        parcel.withdrawn.store(true, Ordering::Relaxed);
        let is_it = |job: &Job<T>| matches!(job, Job::Batch(other) if Arc::ptr_eq(other, parcel));
        for lane in &mut self.lanes {
            let queued = lane.queue.len();
            lane.queue.retain(|job| !is_it(job));
            if lane.queue.len() < queued {
                lane.settle(parcel, parcel.items());
            }
            if let Some((_, cancellation)) = lane.running.as_ref().filter(|(job, _)| is_it(job)) {
                cancellation.cancel();
            }
        }
    }

    /// Takes a round out of the queues in which it has not begun.
    pub(super) fn call_off(&mut self, round: &Arc<Round>) {
        let is_it = |job: &Job<T>| matches!(job, Job::Round(other) if Arc::ptr_eq(other, round));
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
                    let message = format!("the fan-out {} was shut down meanwhile", T::EXPORTER);
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
