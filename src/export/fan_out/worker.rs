//! The thread of one destination.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use super::core::{Destination, Shared};
use super::state::{Job, Step};
use crate::export::{Context, ExportError, ExportErrorKind, Telemetry};

impl<T: Telemetry> Shared<T> {
    /// Does what comes into the queue of the destination `index`, until it is shut down.
    pub(super) fn work(self: &Arc<Self>, index: usize) {
        let _quiet = crate::suppress_tracing();
        loop {
            let (job, context) = self.next(index);
            let (result, is_last) = match &job {
                Job::Batch(parcel) => {
                    (self.call(index, |exporter| T::export(exporter, &context, &parcel.batch)), false)
                }
                Job::Round(round) if round.step == Step::Flush => {
                    (self.call(index, |exporter| T::force_flush(exporter, &context)), false)
                }
                Job::Round(_) => (self.call(index, |exporter| T::shutdown(exporter, &context)), true),
            };
            let mut state = self.state();
            state.lanes[index].end();
            match job {
                Job::Batch(parcel) => state.exported(index, &parcel, result),
                Job::Round(round) => round.finish(index, result),
            }
            drop(state);
            self.changed.notify_all();
            if is_last {
                return;
            }
        }
    }

    /// Waits for the next job of the destination `index`.
    fn next(&self, index: usize) -> (Job<T>, Context) {
        let mut state = self.state();
        loop {
            let limit = state.limit();
            let begun = state.lanes[index].begin(|job| match job {
                Job::Round(round) => round.context.child(),
                Job::Batch(_) if self.export_timeout.is_zero() => limit,
                Job::Batch(_) => limit.child_with_timeout(self.export_timeout),
            });
            if let Some(begun) = begun {
                return begun;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Calls a destination. A panic in it becomes an error.
    fn call(
        &self,
        index: usize,
        what: impl FnOnce(&T::Exporter) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let Destination { exporter, .. } = &self.destinations[index];
        catch_unwind(AssertUnwindSafe(|| what(&**exporter))).unwrap_or_else(|panic| {
            self.state().lanes[index].counts.panics += 1;
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(ExportError::new(ExportErrorKind::Other, format!("the exporter panicked: {text}")))
        })
    }
}
