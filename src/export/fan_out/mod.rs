//! One exporter over several: each destination has a thread and a queue of its own.
//!
//! One mutex guards everything that the threads tell each other ([`state`]); it is held for moments, never
//! while an exporter is called. A batch is copied once, and the queues share the copy. A call puts a job
//! into each queue and waits for what comes of it, as long as its context lets it; what is done in the
//! threads is in [`worker`].

mod builder;
mod outcome;
mod state;
mod stats;
mod worker;

use std::fmt;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Context, ExportError, ExportErrorKind, SpanExporter};
use crate::batch::Batch;
use outcome::Outcome;
use state::{Award, Job, Parcel, Round, State, Step};

pub use builder::FanOutExporterBuilder;
pub use stats::DestinationStats;

/// How often a waiting call looks at its context, which has no way to wake it: a cancellation is noticed
/// after that long. All else wakes it at once.
const PAUSE: Duration = Duration::from_millis(5);

/// Exports to several destinations: every batch goes to each of them, and none waits for another.
///
/// ```
/// use std::sync::Arc;
/// use nanospan::Tracer;
/// use nanospan::export::{FanOutExporter, MemoryExporter, StdoutExporter};
///
/// let exporter = Arc::new(
///     FanOutExporter::builder()
///         .destination("memory", MemoryExporter::new())
///         .destination("console", StdoutExporter::new())
///         .build()?,
/// );
/// let tracer = Tracer::builder("shop").memory_budget(8 << 20).exporter(Arc::clone(&exporter)).build()?;
/// tracer.span("GET /cart").start().end();
/// tracer.shutdown(std::time::Duration::from_secs(5))?;
/// for destination in exporter.stats() {
///     println!("{}: {} delivered, {} failed", destination.name, destination.delivered, destination.failed);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The way of a batch
///
/// Each destination has a thread, and a queue that is bounded
/// [in bytes](FanOutExporterBuilder::max_queue_bytes). `export` copies the batch once for all queues and
/// returns as soon as **one** destination has delivered all of it; the others go on behind. So the fastest
/// one sets the pace, and one that is slow or hangs holds up nobody:
///
/// - Where a queue is full, its destination is refused the batch: that is counted, and reported as an error
///   of kind [`Full`](ExportErrorKind::Full). Only while all queues are full does `export` wait for room,
///   since there is nobody then to be held up.
/// - When the context ends before any destination has delivered the batch, it is taken out of all queues,
///   exports of it that are under way are cancelled, and the whole is an error.
///
/// Each destination's own exports end after the [export timeout](FanOutExporterBuilder::export_timeout); how
/// often it tries again within it is its exporter's matter.
///
/// # What an error says
///
/// [`lost_spans`](ExportError::lost_spans) counts the spans that **no** destination delivered, as the
/// tracer's [`export_failed`](crate::Dropped::export_failed) does: what it counts as exported has reached at
/// least one. Where several delivered a part, the one that got the most counts. What a single destination
/// lost is in its [`DestinationStats`]. It is reported as well, with the destination's name: by the export
/// of that batch if it is known by then, or else by the next call, as an error that has lost no span.
///
/// # Flush, shutdown
///
/// `force_flush` waits until every destination has exported what was in its queue and has flushed.
/// `shutdown` does so too, and shuts every destination down. When its context ends first, it empties the
/// queues, cancels what is under way, and the destinations are shut down behind it, each as soon as it
/// returns from what it is doing. Dropping the exporter without a shutdown is a shutdown without time.
///
/// A destination that panics has lost the batch, which is counted; it goes on with the next one. The threads
/// [start no spans](crate::suppress_tracing). In a forked child every call returns an error of kind
/// [`Forked`](ExportErrorKind::Forked).
pub struct FanOutExporter {
    shared: Arc<Shared>,
}

/// What the callers and the threads share.
struct Shared {
    /// The process that has the threads.
    pid: u32,
    destinations: Vec<Destination>,
    max_queue_bytes: usize,
    /// Zero is no limit.
    export_timeout: Duration,
    state: Mutex<State>,
    /// Signalled after every change of the state that somebody may wait for.
    changed: Condvar,
}

struct Destination {
    name: String,
    exporter: Arc<dyn SpanExporter>,
}

impl FanOutExporter {
    /// Begins to make an exporter.
    pub fn builder() -> FanOutExporterBuilder {
        FanOutExporterBuilder::new()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each use leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the exporter or the context is over.
    fn open_state(&self, context: &Context) -> Result<MutexGuard<'_, State>, ExportError> {
        // Before the lock: in a forked child a thread that is gone may hold it.
        self.refuse_in_child()?;
        let state = self.state();
        if state.is_shut_down() {
            return Err(Self::shut_down_error());
        }
        context.check()?;
        Ok(state)
    }

    fn refuse_in_child(&self) -> Result<(), ExportError> {
        let pid = process::id();
        if pid == self.pid {
            return Ok(());
        }
        let message = format!("the fan-out exporter belongs to the parent of process {pid}");
        Err(ExportError::new(ExportErrorKind::Forked, message))
    }

    fn shut_down_error() -> ExportError {
        ExportError::shutdown("fan-out exporter")
    }

    /// Waits for a change, and no longer than until the context is to be looked at again.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, context: &Context) -> MutexGuard<'a, State> {
        let pause = context.remaining().map_or(PAUSE, |remaining| remaining.min(PAUSE));
        self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.destinations.iter().map(|destination| &*destination.name)
    }

    /// Has every destination take a step, and waits for it; `give_up` is what to do when the context ends.
    fn go_round(
        &self,
        mut state: MutexGuard<'_, State>,
        step: Step,
        context: &Context,
        give_up: impl FnOnce(&mut State, &Arc<Round>),
    ) -> Result<(), ExportError> {
        let round = Arc::new(Round::new(step, context.clone(), self.destinations.len()));
        for lane in &mut state.lanes {
            lane.queue.push_back(Job::Round(Arc::clone(&round)));
        }
        self.changed.notify_all();
        let mut outcome = Outcome::default();
        while !round.is_done() {
            if let Err(over) = context.check() {
                give_up(&mut state, &round);
                self.changed.notify_all();
                outcome.over(over);
                break;
            }
            state = self.wait(state, context);
        }
        for (name, result) in self.names().zip(round.take_results()) {
            match result {
                Some(Ok(())) => {}
                Some(Err(error)) => outcome.failed(name, &error),
                None => outcome.unfinished(name),
            }
        }
        for (name, lane) in self.names().zip(&mut state.lanes) {
            outcome.earlier(name, lane.take_trouble());
        }
        outcome.into_result()
    }
}

impl SpanExporter for FanOutExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        let shared = &*self.shared;
        drop(shared.open_state(context)?);
        let spans = batch.span_count();
        if spans == 0 {
            return Ok(());
        }
        // Copied without the lock.
        let parcel = Arc::new(Parcel::new(batch.clone()));
        let bytes = parcel.bytes();
        let mut state = shared.open_state(context)?;
        while !state.lanes.iter().any(|lane| lane.has_room(bytes, shared.max_queue_bytes)) {
            drop(shared.wait(state, context));
            state = shared.open_state(context)?;
        }
        let mut outcome = Outcome::of_batch(spans as u64);
        let mut takers = 0;
        for (name, lane) in shared.names().zip(&mut state.lanes) {
            if lane.has_room(bytes, shared.max_queue_bytes) {
                lane.push(&parcel);
                takers += 1;
            } else {
                lane.refuse(&parcel);
                outcome.refused(name, shared.max_queue_bytes);
            }
        }
        state.award = Some(Award::new(&parcel, takers));
        shared.changed.notify_all();
        while !state.award.as_ref().is_none_or(Award::is_decided) {
            if let Err(over) = context.check() {
                state.withdraw(&parcel);
                outcome.over(over);
                break;
            }
            state = shared.wait(state, context);
        }
        if let Some(award) = state.award.take() {
            outcome.lost(award.lost);
            for (index, error) in &award.errors {
                outcome.failed(&shared.destinations[*index].name, error);
            }
        }
        for (name, lane) in shared.names().zip(&mut state.lanes) {
            outcome.earlier(name, lane.take_trouble());
        }
        outcome.into_result()
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        let state = self.shared.open_state(context)?;
        self.shared.go_round(state, Step::Flush, context, State::call_off)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.refuse_in_child()?;
        let mut state = self.shared.state();
        if state.is_shut_down() {
            return Err(Shared::shut_down_error());
        }
        state.shut_down(context);
        self.shared.go_round(state, Step::Shutdown, context, |state, _| state.give_up())
    }
}

impl Drop for FanOutExporter {
    fn drop(&mut self) {
        // Shut down already, or with nobody to hear what it says.
        let _ = self.shutdown(&Context::with_timeout(Duration::ZERO));
    }
}

impl fmt::Debug for FanOutExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutExporter").field("destinations", &self.stats()).finish_non_exhaustive()
    }
}
