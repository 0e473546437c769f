//! The threads that play, and the exporter that keeps what arrives.

use crate::play::{Came, Round, play};
use nanospan::Tracer;
use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, ExportErrorKind, FinishedSpan, SpanExporter};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many threads there are in a pool.
pub(crate) const THREADS: usize = crate::plan::LANES_MAX;

/// A lock whose holder panicked is as good as any here: a panic fails the session.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
struct State {
    round: Option<Arc<Round>>,
    number: u64,
    finished: usize,
    stop: bool,
    panic: Option<String>,
}

#[derive(Debug)]
struct Shared {
    tracer: Tracer,
    state: Mutex<State>,
    changed: Condvar,
    /// The thread that is at work in each place.
    workers: [Mutex<Option<JoinHandle<()>>>; THREADS],
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Shared>);

impl Pool {
    pub(crate) fn new(tracer: Tracer) -> Self {
        let shared = Arc::new(Shared {
            tracer,
            state: Mutex::default(),
            changed: Condvar::new(),
            workers: Default::default(),
        });
        for place in 0..THREADS {
            Shared::hand_over(&shared, place, 0, None);
        }
        Self(shared)
    }

    /// Has a round played, and goes on at once.
    pub(crate) fn begin(&self, round: &Arc<Round>) {
        let mut state = lock(&self.0.state);
        state.round = Some(Arc::clone(round));
        state.number += 1;
        state.finished = 0;
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until the round is over. An error says that a thread panicked, or that the round hangs: then the
    /// threads are not to be used again.
    pub(crate) fn wait(&self, round: &Round, patience: Duration) -> Result<(), String> {
        let until = Instant::now() + patience;
        let mut state = lock(&self.0.state);
        while state.finished < THREADS && state.panic.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                round.abort.store(true, Ordering::Relaxed);
                return Err(format!("hangs: {} of {THREADS} threads are done", state.finished));
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        match &state.panic {
            None => Ok(()),
            Some(text) => {
                round.abort.store(true, Ordering::Relaxed);
                Err(format!("a thread panicked: {text}"))
            }
        }
    }

    /// Lets the threads go, once they are done with the last round.
    pub(crate) fn stop(self) {
        lock(&self.0.state).stop = true;
        self.0.changed.notify_all();
        for worker in &self.0.workers {
            let worker = lock(worker).take();
            drop(worker.map(JoinHandle::join));
        }
    }
}

impl Shared {
    /// Starts a thread that takes this place when the one that has it is gone, and goes on from there. What
    /// the tracer keeps for a thread is taken over likewise.
    fn hand_over(this: &Arc<Self>, place: usize, seen: u64, from: Option<(usize, usize)>) {
        let mut worker = lock(&this.workers[place]);
        let before = worker.take();
        let shared = Arc::clone(this);
        *worker = Some(std::thread::spawn(move || {
            drop(before.map(JoinHandle::join));
            Self::work(&shared, place, seen, from);
        }));
    }

    fn work(this: &Arc<Self>, place: usize, mut seen: u64, mut from: Option<(usize, usize)>) {
        loop {
            let round = {
                let mut state = lock(&this.state);
                while state.number == seen && from.is_none() {
                    if state.stop {
                        return;
                    }
                    state = this.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                seen = state.number;
                state.round.clone()
            };
            let Some(round) = round else { continue };
            let at = from.take().unwrap_or((0, 0));
            let came = catch_unwind(AssertUnwindSafe(|| play(this.tracer, &round, place, THREADS, at)));
            match came {
                Ok(Came::ToTheEnd) => lock(&this.state).finished += 1,
                Ok(Came::To { run, op }) => return Self::hand_over(this, place, seen, Some((run, op))),
                Ok(Came::Aborted) => return,
                Err(panic) => lock(&this.state).panic = Some(text_of(&*panic)),
            }
            this.changed.notify_all();
        }
    }
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// What arrived since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) spans: Vec<FinishedSpan>,
    /// How many of them were in a batch that the exporter failed on.
    pub(crate) failed: u64,
    pub(crate) flushes: u64,
    batches: u64,
}

/// An exporter that keeps what it gets, and fails now and then.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    arrived: Arc<Mutex<Arrived>>,
    fail_every: Option<u64>,
}

impl Keeper {
    pub(crate) fn new(fail_every: Option<u64>) -> Self {
        Self { arrived: Arc::default(), fail_every }
    }

    /// How many spans have arrived since they were taken last.
    pub(crate) fn arrived(&self) -> usize {
        lock(&self.arrived).spans.len()
    }

    pub(crate) fn take(&self) -> Arrived {
        let mut arrived = lock(&self.arrived);
        let batches = arrived.batches;
        std::mem::replace(&mut arrived, Arrived { batches, ..Arrived::default() })
    }
}

impl SpanExporter for Keeper {
    fn export(&self, _: &Context, batch: &Batch) -> Result<(), ExportError> {
        let spans: Vec<FinishedSpan> = batch.view().spans().map(FinishedSpan::from).collect();
        let mut arrived = lock(&self.arrived);
        arrived.batches += 1;
        let count = spans.len() as u64;
        arrived.spans.extend(spans);
        if self.fail_every.is_some_and(|every| arrived.batches % every == 0) {
            arrived.failed += count;
            return Err(ExportError::new(ExportErrorKind::Other, "as it was told to"));
        }
        Ok(())
    }

    fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
        lock(&self.arrived).flushes += 1;
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}
