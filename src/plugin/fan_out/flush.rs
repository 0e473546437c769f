//! Flushing: a thread for each child, so that one that hangs does not keep the others waiting.
//!
//! A flush of the `FanOut` takes a ticket from each worker. A worker that is idle begins at once and
//! works for all tickets that were given out until then; one that is busy begins again when it is done,
//! once for all that came meanwhile. So a flush that began before a ticket was given does not count for
//! it, flushes at the same time share one, and a child that hangs makes nothing grow.

use crate::plugin::fan_out::FanOut;
use crate::plugin::fan_out::children::Panic;
use crate::raw::fork::Home;
use crate::raw::tally::Count;
use bext_plugin_api::tracer::TracerPlugin;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A child's worker thread. Dropped, it stops, and is waited for unless it is in a flush.
#[derive(Debug)]
pub(super) struct Worker {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
    home: Home,
}

/// What a worker shares with those that flush.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
    /// What `running_since` counts from.
    made: Instant,
    /// Nanoseconds until the flush under way began, at least 1; 0 when none is.
    running_since: AtomicU64,
    flushes: AtomicU64,
    failed: AtomicU64,
    panics: AtomicU64,
    /// Flushes of the `FanOut` that gave up waiting.
    late: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The last ticket that was given out, the last one that a flush was begun for, and the last one
    /// whose flush is done.
    given: u64,
    begun: u64,
    done: u64,
    failure: Option<Failure>,
    stop: bool,
}

#[derive(Debug)]
struct Failure {
    ticket: u64,
    message: String,
    /// Whether anybody was told.
    told: bool,
}

/// A place in the queue for a child's flush.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    number: u64,
    /// What was done when it was given out.
    done: u64,
}

/// A worker's counts; the last is how long the flush under way has been running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flushes {
    pub(super) all: u64,
    pub(super) failed: u64,
    pub(super) late: u64,
    pub(super) running: Option<Duration>,
}

impl Worker {
    /// Starts the worker of the child at this place.
    pub(super) fn start(tracer: Arc<dyn TracerPlugin>, place: usize) -> std::io::Result<Self> {
        let desk = Arc::new(Desk {
            state: Mutex::default(),
            changed: Condvar::new(),
            made: Instant::now(),
            running_since: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            late: AtomicU64::new(0),
        });
        let at_work = Arc::clone(&desk);
        // Linux keeps 15 bytes of a thread's name: these are 15 for the children from 10 to 64.
        let thread = thread::Builder::new()
            .name(format!("nanospan-fan-{}", place + 1))
            .spawn(move || at_work.work(&*tracer))?;
        Ok(Self { desk, thread: Some(thread), home: Home::here() })
    }

    pub(super) fn panics(&self) -> u64 {
        self.desk.panics.load(Ordering::Relaxed)
    }

    /// Takes no lock: a forked child may ask, too.
    pub(super) fn flushes(&self) -> Flushes {
        let desk = &*self.desk;
        Flushes {
            all: desk.flushes.load(Ordering::Relaxed),
            failed: desk.failed.load(Ordering::Relaxed),
            late: desk.late.load(Ordering::Relaxed),
            running: desk.running(),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.home.is_left() {
            // Here the thread never was, and its lock may be held for ever.
            std::mem::forget(thread);
            return;
        }
        let mut state = self.desk.state();
        state.stop = true;
        let is_idle = state.begun == state.done;
        drop(state);
        self.desk.changed.notify_all();
        // A child may hold the last reference to its own `FanOut`: nobody waits for himself.
        if is_idle && thread.thread().id() != thread::current().id() {
            // It ended by a panic when a destructor of the child did; that is over now.
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker's thread.
    fn work(&self, tracer: &dyn TracerPlugin) {
        let mut state = self.state();
        loop {
            while state.begun == state.given && !state.stop {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop {
                return;
            }
            state.begun = state.given;
            drop(state);
            let result = self.flush(tracer);
            state = self.state();
            state.done = state.begun;
            if let Err(message) = result {
                state.failure = Some(Failure { ticket: state.done, message, told: false });
            }
            self.changed.notify_all();
        }
    }

    fn flush(&self, tracer: &dyn TracerPlugin) -> Result<(), String> {
        let since = u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // Relaxed, here and below: for the account.
        self.running_since.store(since.max(1), Ordering::Relaxed);
        let result = catch_unwind(AssertUnwindSafe(|| tracer.flush())).unwrap_or_else(|payload| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            Err(format!("its flush panicked: {}", Panic::of(payload).message))
        });
        self.running_since.store(0, Ordering::Relaxed);
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
        result
    }

    fn running(&self) -> Option<Duration> {
        let since = self.running_since.load(Ordering::Relaxed);
        (since != 0).then(|| self.made.elapsed().saturating_sub(Duration::from_nanos(since)))
    }

    fn ask(&self) -> Ticket {
        let mut state = self.state();
        state.given += 1;
        let ticket = Ticket { number: state.given, done: state.done };
        drop(state);
        self.changed.notify_all();
        ticket
    }

    /// Waits for a ticket's flush. One that was under way when the ticket was given may have had some of
    /// the caller's spans, so its failure is told, too; and so is one that nobody has waited for.
    fn wait(&self, ticket: Ticket, until: Option<Instant>) -> Result<(), String> {
        let mut state = self.state();
        while state.done < ticket.number {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    drop(state);
                    self.late.fetch_add(1, Ordering::Relaxed);
                    return Err(self.running().map_or_else(
                        || "its flush did not begin before the deadline".to_owned(),
                        |running| format!("its flush has been running for {:.1} s", running.as_secs_f64()),
                    ));
                }
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        match &mut state.failure {
            Some(failure) if failure.ticket > ticket.done || !failure.told => {
                failure.told = true;
                Err(failure.message.clone())
            }
            _ => Ok(()),
        }
    }
}

impl FanOut {
    pub(super) fn flush_all(&self) -> Result<(), String> {
        // Before any lock: in a forked child a thread that is gone may hold it.
        if self.table.is_forked() {
            return Err(format!("{}: the tracer belongs to the parent of this process", self.name));
        }
        let until = Instant::now().checked_add(self.flush_timeout);
        let tickets: Vec<Ticket> = self.children.iter().map(|child| child.worker.desk.ask()).collect();
        let mut failures = Vec::new();
        for (place, (child, ticket)) in self.children.iter().zip(tickets).enumerate() {
            let of = self.children.len();
            let mut tell = |reason: String| {
                failures.push(format!("child `{}` ({} of {of}): {reason}", child.name, place + 1));
            };
            child.worker.desk.wait(ticket, until).unwrap_or_else(&mut tell);
            child.tell_panics().into_iter().for_each(&mut tell);
        }
        failures.extend(self.tell_refused());
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
    }

    /// What a flush has to say of the spans that were refused since the one before.
    fn tell_refused(&self) -> Option<String> {
        let refused = self.table.counted(Count::Overload);
        // Relaxed: whichever of two flushes comes second tells the rest.
        let told = self.refused_told.fetch_max(refused, Ordering::Relaxed);
        let untold = refused.saturating_sub(told);
        let spans = if untold == 1 { "span was" } else { "spans were" };
        (untold > 0).then(|| format!("{}: {untold} {spans} refused, too many were live", self.name))
    }
}
