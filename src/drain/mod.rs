//! Behind the callers: the drain thread that turns what they recorded into batches, and the export
//! thread that hands the batches on.
//!
//! ```text
//!   threads ──blocks, logs──▶ drain thread ──batches──▶ queue ──▶ export thread ──▶ SpanExporter
//!      ▲                          │    ▲                              │
//!      └──── blocks, chunks ──────┘    └── flush, shutdown: tickets ──┘
//! ```
//!
//! Two threads, so that an exporter that hangs does not keep the drain from emptying the logs. The
//! queue between them is bounded in bytes; when it is full the drain waits, the supplies run dry and
//! new spans are refused and counted. Nobody wakes the drain while recording: it sleeps for a while
//! that depends on how much it found.

mod assemble;
mod collect;
mod export;
mod gather;
mod ledger;
mod logs;
#[cfg(loom)]
pub(crate) mod model;
mod seal;
mod side;
mod stock;
mod turns;

use crate::drain::collect::{Collected, Collector};
use crate::drain::ledger::Ledger;
use crate::drain::seal::Sealer;
use crate::drain::stock::Stock;
use crate::export::{Context, ExportError, SpanExporter};
use crate::limits::SpanLimits;
use crate::raw::clock::Timeline;
use crate::raw::engine::{Engine, Gate};
use crate::seeded::{Bug, seeded};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};
use crate::sync::{Condvar, Epochs, Mutex, MutexGuard, mpsc};
use crossbeam_epoch::LocalHandle;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use crate::drain::assemble::REMOTE;
pub(crate) use crate::drain::ledger::Handed;
pub use crate::drain::ledger::{Dropped, Pool, Stats};

/// Called with every error of the exporter, on the export thread.
pub(crate) type ErrorHandler = Arc<dyn Fn(&ExportError) + Send + Sync>;

/// How the two threads behave.
pub(crate) struct Settings {
    pub(crate) resource: Vec<(String, crate::value::OwnedValue)>,
    pub(crate) limits: SpanLimits,
    pub(crate) side_bytes: usize,
    /// Bytes of finished batches.
    pub(crate) queue_bytes: usize,
    /// Spans in finished batches that wait for the exporter.
    pub(crate) queue_spans: usize,
    /// When a batch is sealed, in bytes and spans.
    pub(crate) batch_bytes: usize,
    pub(crate) batch_spans: usize,
    pub(crate) drain_interval: Duration,
    pub(crate) export_interval: Duration,
    /// Batches wait for a flush, or until they fill half of the queue.
    pub(crate) export_on_flush: bool,
    pub(crate) export_timeout: Duration,
    pub(crate) exporter: Arc<dyn SpanExporter>,
    pub(crate) error_handler: ErrorHandler,
}

/// How long the drain sleeps while spans come in at full speed: long enough that a wake-up costs
/// little beside the work, short enough that what it reads is still in a cache.
const BUSY: Duration = Duration::from_micros(200);
/// How long it sleeps at least.
const PAUSE: Duration = Duration::from_micros(100);
/// How long it sleeps once nothing has come for `IDLE_AFTER`.
const IDLE: Duration = Duration::from_millis(10);
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// Why a flush did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first, and the flush goes on in the background; or, of a shutdown, it leaves no
    /// time for what the exporter would have to wait for, and what was lost is counted.
    DeadlineExceeded,
    /// The tracer was shut down before.
    Shutdown,
    /// This is a forked child of the process that built the tracer.
    Forked,
    /// A worker thread is gone: it panicked, which is a defect in nanospan.
    WorkerGone,
    /// The exporter failed on spans recorded before the flush, or on the flush itself.
    Export {
        /// The first error, in words.
        message: String,
        /// How many spans were lost since the flush before.
        lost_spans: u64,
    },
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlushError::DeadlineExceeded => f.write_str("the flush did not end before its deadline"),
            FlushError::Shutdown => f.write_str("the tracer has been shut down"),
            FlushError::Forked => f.write_str("the tracer belongs to the parent of this process"),
            FlushError::WorkerGone => f.write_str("a worker thread of the tracer is gone"),
            FlushError::Export { message, lost_spans } => {
                write!(f, "the exporter failed, {lost_spans} spans were lost: {message}")
            }
        }
    }
}

impl std::error::Error for FlushError {}

/// What the export thread finds in the queue.
#[derive(Debug)]
enum Job {
    Batch(crate::batch::Batch),
    /// All batches of this flush are in front.
    Flush(u64),
    Stop,
}

/// What the threads tell each other; behind a mutex that no recording call takes.
#[derive(Debug, Default)]
struct State {
    /// Tickets given to flushes, and the last one that is done.
    requested: u64,
    completed: u64,
    /// The last flush whose spans were lost.
    failed: Option<(u64, FlushError)>,
    queue: VecDeque<Job>,
    /// Bytes of the batches in the queue and of the one that is being exported.
    queued_bytes: usize,
    /// Spans of the batches in the queue.
    queued_spans: usize,
    /// Spans for which the shutdown's deadline left no time; no flush has told of them yet.
    given_up: u64,
    /// Flushes and stops in the queue.
    awaited: usize,
    /// Batches are exported without a flush, because half of the queue was full, until it is empty.
    early: bool,
    /// Exported batches on their way back to the builder.
    spare: Vec<crate::batch::Batch>,
    /// Set by the first shutdown.
    stop_by: Option<Instant>,
    /// The exporter was shut down, with this result.
    stopped: Option<Result<(), FlushError>>,
    /// That result is an error for want of time.
    is_late: bool,
    worker_gone: bool,
}

/// What callers and both threads share. Leaked with the engine.
pub(crate) struct Pipeline {
    pub(crate) engine: &'static Engine,
    pub(crate) ledger: Ledger,
    /// For the walks over the logs; see `raw::log::reader`.
    epochs: Epochs,
    state: Mutex<State>,
    changed: Condvar,
    drain: OnceLock<Thread>,
    /// The last pass is done: nothing is collected any more.
    drained: AtomicBool,
    /// Ancestor of every export's context.
    root: Context,
    /// The sampler took a trace id to be random that did not say so. The standard library's, also in a model:
    /// nothing is ordered by it.
    has_presumed: std::sync::atomic::AtomicBool,
    settings: Settings,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The drain could not be started.
#[derive(Debug)]
pub(crate) enum StartError {
    Thread(std::io::Error),
    NoShard,
}

impl Pipeline {
    /// Starts both threads and waits until the first blocks are there.
    pub(crate) fn start(engine: &'static Engine, settings: Settings) -> Result<&'static Self, StartError> {
        let pipeline: &'static Self = Box::leak(Box::new(Self::new(engine, settings)));
        let (ready, is_ready) = mpsc::channel();
        let drain = thread::Builder::new()
            .name("nanospan-drain".into())
            .spawn(move || {
                pipeline.guarded(|| match Stock::new(engine) {
                    Ok(stock) => {
                        let limits = pipeline.settings.limits;
                        let mut collector =
                            Collector::new(engine, stock, pipeline.settings.side_bytes, limits);
                        collector.refill();
                        if ready.send(true).is_ok() {
                            pipeline.drain(collector);
                        }
                    }
                    Err(_) => drop(ready.send(false)),
                });
            })
            .map_err(StartError::Thread)?;
        let _ = pipeline.drain.set(drain.thread().clone());
        if !is_ready.recv().unwrap_or(false) {
            return Err(StartError::NoShard);
        }
        thread::Builder::new()
            .name("nanospan-export".into())
            .spawn(move || pipeline.guarded(|| pipeline.export()))
            .map_err(StartError::Thread)?;
        Ok(pipeline)
    }

    fn new(engine: &'static Engine, settings: Settings) -> Self {
        Self {
            engine,
            ledger: Ledger::default(),
            epochs: Epochs::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
            drain: OnceLock::new(),
            drained: AtomicBool::new(false),
            root: Context::new(),
            has_presumed: std::sync::atomic::AtomicBool::new(false),
            settings,
        }
    }

    /// Runs a thread's work. A panic in it is a defect; callers are told instead of left waiting.
    fn guarded(&self, work: impl FnOnce()) {
        // A model's threads are one to the system, and their cells would be one.
        #[cfg(not(loom))]
        let _suppressed = crate::raw::suppress::suppress_tracing();
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.engine.close();
            self.state().worker_gone = true;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(
        &self,
        state: MutexGuard<'g, State>,
        until: Option<Instant>,
    ) -> Result<MutexGuard<'g, State>, MutexGuard<'g, State>> {
        let Some(until) = until else {
            return Ok(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(state);
        }
        Ok(self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Has the export thread tell that the sampler took a trace id to be random, once.
    #[inline]
    pub(crate) fn presumed_randomness(&self) {
        // Looked at before it is set: a line that nobody writes stays in every cache.
        if !self.has_presumed.load(Ordering::Relaxed) {
            self.has_presumed.store(true, Ordering::Relaxed);
        }
    }

    /// Has everything recorded before the call exported, and waits for it.
    pub(crate) fn flush(&self, until: Option<Instant>) -> Result<(), FlushError> {
        // Before any lock: in a forked child the mutex may be held by a thread that is gone.
        match self.engine.gate() {
            Gate::Open => {}
            Gate::Forked => return Err(FlushError::Forked),
            Gate::Closed if self.state().worker_gone => return Err(FlushError::WorkerGone),
            Gate::Closed => return Err(FlushError::Shutdown),
        }
        let mut state = self.state();
        state.requested += 1;
        let ticket = state.requested;
        // One that is under way may have this caller's spans: its failure is this call's as well.
        let before = state.completed;
        self.wake_drain();
        loop {
            if state.completed >= ticket {
                return match &state.failed {
                    Some((failed, error)) if *failed > before => Err(error.clone()),
                    _ => Ok(()),
                };
            }
            if state.worker_gone {
                return Err(FlushError::WorkerGone);
            }
            if state.stopped.is_some() {
                return Err(FlushError::Shutdown);
            }
            state = self.wait(state, until).map_err(|_| FlushError::DeadlineExceeded)?;
        }
    }

    /// What the exporter said at the last flush for which it had failed. Not to be asked in a forked child,
    /// where the mutex may be held by a thread that is gone.
    #[cfg(feature = "bext")]
    pub(crate) fn last_export_error(&self) -> Option<String> {
        match &self.state().failed {
            Some((_, FlushError::Export { message, .. })) => Some(message.clone()),
            _ => None,
        }
    }

    /// Lets no call in any more, exports what there is, and releases the exporter. The first call
    /// does it; every later one waits for it and gets the same answer.
    pub(crate) fn shutdown(&self, until: Instant) -> Result<(), FlushError> {
        if self.engine.gate() == Gate::Forked {
            return Err(FlushError::Forked);
        }
        self.engine.close();
        let mut state = self.state();
        let is_first = state.stop_by.is_none();
        if is_first {
            state.stop_by = Some(until);
            self.changed.notify_all();
            self.wake_drain();
        }
        loop {
            if let Some(result) = &state.stopped {
                // The deadline ends the export as well as this wait. Which of the two threads notices first
                // makes no difference to the caller.
                let is_late = is_first && state.is_late;
                return if is_late { Err(FlushError::DeadlineExceeded) } else { result.clone() };
            }
            if state.worker_gone {
                return Err(FlushError::WorkerGone);
            }
            match self.wait(state, Some(until)) {
                Ok(woken) => state = woken,
                Err(late) => {
                    // The deadline of the first call is the one that the exporter was promised.
                    if late.stop_by.is_some_and(|stop_by| stop_by <= Instant::now()) {
                        drop(late);
                        self.root.cancellation().cancel();
                        self.changed.notify_all();
                    }
                    return Err(FlushError::DeadlineExceeded);
                }
            }
        }
    }

    /// The last pass is done. Release pairs with the Acquire in `has_drained`: who sees it sees that pass.
    pub(crate) fn finish(&self) {
        self.drained.store(true, Ordering::Release);
    }

    /// Whether the last pass is done.
    fn has_drained(&self) -> bool {
        self.drained.load(Ordering::Acquire)
    }

    /// A model is over.
    #[cfg(loom)]
    pub(crate) fn release(&self) {
        self.epochs.release();
    }

    fn wake_drain(&self) {
        if let Some(drain) = self.drain.get().filter(|_| !seeded(Bug::WakeMissing)) {
            drain.unpark();
        }
    }

    /// The drain thread.
    fn drain(&self, mut collector: Collector) {
        let epochs = self.epochs.register();
        let mut timeline = Timeline::new(self.engine.clock.clone());
        let mut sealer = Sealer::new(self);
        let mut sleep = BUSY;
        let mut quiet_since = Instant::now();
        let mut sealed = 0;
        loop {
            let (mut requested, stopping) = {
                let state = self.state();
                (state.requested, state.stop_by.is_some())
            };
            let began = Instant::now();
            timeline.renew();
            let is_asked = |requested: u64| requested > sealed || stopping;
            let done = self.turn(is_asked(requested), &mut collector, &epochs, &timeline, &mut sealer);
            if seeded(Bug::TicketTakenLate) {
                requested = self.state().requested;
            }
            if is_asked(requested) {
                sealer.seal();
                self.push(Job::Flush(requested));
                sealed = requested;
            } else if !self.settings.export_on_flush {
                sealer.seal_if_due();
            }
            if stopping {
                self.finish();
                self.push(Job::Stop);
                return;
            }
            if done.found_something() {
                quiet_since = Instant::now();
                sleep = if done.spans >= BUSY_SPANS { BUSY } else { self.settings.drain_interval };
            } else {
                sleep = (sleep * 2).min(self.settings.drain_interval);
                if quiet_since.elapsed() > IDLE_AFTER {
                    sleep = self.settings.drain_interval.max(IDLE);
                }
            }
            if done.spans >= BEHIND_SPANS {
                continue;
            }
            // A long pass is followed by a short pause, but by one: reading the blocks all the time
            // would take their lines away from the threads that write them.
            let pause = sleep.saturating_sub(began.elapsed()).max(PAUSE);
            let state = self.state();
            let is_asked_for = state.requested != sealed || state.stop_by.is_some();
            drop(state);
            if !is_asked_for {
                thread::park_timeout(pause);
            }
        }
    }

    /// A pass, over everything or what may have changed, and what it freed back to the threads.
    fn turn(
        &self,
        all: bool,
        collector: &mut Collector,
        epochs: &LocalHandle,
        timeline: &Timeline,
        sealer: &mut Sealer<'_>,
    ) -> Collected {
        let began = Instant::now();
        let guard = epochs.pin();
        let done = collector.pass(all, timeline, sealer, &guard);
        drop(guard);
        // No one else is pinned but a walker of the account, so three advances let go of what this pass
        // retired. Each runs only so much of what was let go; after a long pass there is more.
        let mut guard = epochs.pin();
        for _ in 0..3 + done.retired / FREED_AT_ONCE {
            guard.flush();
            guard.repin();
        }
        drop(guard);
        collector.refill();
        self.engine.blocks.begin_round();
        self.engine.chunks.begin_round();
        self.ledger.passed(&done, &collector.fill(), began.elapsed());
        done
    }

    /// Queues a flush or the stop.
    fn push(&self, job: Job) {
        let mut state = self.state();
        state.queue.push_back(job);
        state.awaited += 1;
        drop(state);
        self.changed.notify_all();
    }
}

/// A pass that found as many spans was one at full speed. Below it the drain takes its time: each pass takes
/// lines away from the threads that write them, and the span that comes next has to wait for them.
const BUSY_SPANS: u64 = 4096;

/// A pass that found as many spans left as many behind it: the next one begins at once. It looks at few
/// blocks beside so many spans, and what the threads wrote leaves the caches if it waits.
const BEHIND_SPANS: u64 = 8192;

/// What crossbeam-epoch runs in one `flush` at most: 8 bags of 64 deferred functions (its
/// `COLLECT_STEPS` and `MAX_OBJECTS`, 0.9).
const FREED_AT_ONCE: u64 = 8 * 64;
