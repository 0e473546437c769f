//! The fan-out itself, whatever it is that is exported.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::outcome::Outcome;
use super::state::{Award, Job, Parcel, Round, State, Step};
use crate::export::owner::Owner;
use crate::export::{Context, ExportError, Telemetry};

/// How often a waiting call looks at its context, which has no way to wake it: a cancellation is noticed
/// after that long. All else wakes it at once.
const PAUSE: Duration = Duration::from_millis(5);

/// Exports to several destinations. Dropping it without a shutdown is a shutdown without time.
pub(crate) struct FanOut<T: Telemetry> {
    pub(super) shared: Arc<Shared<T>>,
}

/// What the callers and the threads share.
pub(super) struct Shared<T: Telemetry> {
    /// The process that has the threads.
    pub(super) owner: Owner,
    pub(super) destinations: Vec<Destination<T>>,
    pub(super) max_queue_bytes: usize,
    /// Zero is no limit.
    pub(super) export_timeout: Duration,
    pub(super) state: Mutex<State<T>>,
    /// Signalled after every change of the state that somebody may wait for.
    pub(super) changed: Condvar,
}

pub(crate) struct Destination<T: Telemetry> {
    pub(crate) name: String,
    pub(crate) exporter: Arc<T::Exporter>,
}

impl<T: Telemetry> Shared<T> {
    pub(super) fn state(&self) -> MutexGuard<'_, State<T>> {
        // Each use leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the exporter or the context is over.
    fn open_state(&self, context: &Context) -> Result<MutexGuard<'_, State<T>>, ExportError> {
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
        self.owner.refuse_in_child(format_args!("fan-out {}", T::EXPORTER))
    }

    fn shut_down_error() -> ExportError {
        ExportError::shutdown(&format!("fan-out {}", T::EXPORTER))
    }

    /// Waits for a change, and no longer than until the context is to be looked at again.
    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>, context: &Context) -> MutexGuard<'a, State<T>> {
        let pause = context.remaining().map_or(PAUSE, |remaining| remaining.min(PAUSE));
        self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.destinations.iter().map(|destination| &*destination.name)
    }

    /// Has every destination take a step, and waits for it; `give_up` is what to do when the context ends.
    fn go_round(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        step: Step,
        context: &Context,
        give_up: impl FnOnce(&mut State<T>, &Arc<Round>),
    ) -> Result<(), ExportError> {
        let round = Arc::new(Round::new(step, context.clone(), self.destinations.len()));
        for lane in &mut state.lanes {
            lane.queue.push_back(Job::Round(Arc::clone(&round)));
        }
        self.changed.notify_all();
        let mut outcome = Outcome::new(T::ITEMS);
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

impl<T: Telemetry> FanOut<T> {
    pub(crate) fn export(&self, context: &Context, batch: &T::Batch) -> Result<(), ExportError> {
        let shared = &*self.shared;
        drop(shared.open_state(context)?);
        if T::count(batch) == 0 {
            return Ok(());
        }
        // Copied without the lock.
        let parcel = Arc::new(Parcel::<T>::new(batch.clone()));
        let bytes = parcel.bytes();
        let mut state = shared.open_state(context)?;
        while !state.lanes.iter().any(|lane| lane.has_room(bytes, shared.max_queue_bytes)) {
            drop(shared.wait(state, context));
            state = shared.open_state(context)?;
        }
        let mut outcome = Outcome::new(T::ITEMS);
        outcome.lost(parcel.items());
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

    pub(crate) fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        let state = self.shared.open_state(context)?;
        self.shared.go_round(state, Step::Flush, context, State::call_off)
    }

    pub(crate) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.refuse_in_child()?;
        let mut state = self.shared.state();
        if state.is_shut_down() {
            return Err(Shared::<T>::shut_down_error());
        }
        state.shut_down(context);
        self.shared.go_round(state, Step::Shutdown, context, |state, _| state.give_up())
    }
}

impl<T: Telemetry> Drop for FanOut<T> {
    fn drop(&mut self) {
        // Shut down already, or with nobody to hear what it says.
        let _ = self.shutdown(&Context::with_timeout(Duration::ZERO));
    }
}
