//! The thread of a periodic reader.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::collector::{Collector, Failed};
use super::counters::{Counters, count};
use super::periodic::ErrorHandler;
use crate::export::gone::Gone;
use crate::export::timed::End;
use crate::export::{Cancellation, Context, ExportError, ExportErrorKind};
use crate::metrics::MetricExporter;
use crate::metrics::data::ResourceMetrics;
use crate::suppress_tracing;

/// What the thread is told to do.
pub(super) enum Order {
    Flush(Call),
    Shutdown(Call),
}

/// An order's context, and where its result goes.
pub(super) struct Call {
    pub(super) context: Context,
    pub(super) outcome: Arc<Mutex<Option<Result<(), ExportError>>>>,
    /// Behind the others: whoever waits is woken when the result is there, or the call is dropped.
    pub(super) _gone: Gone,
}

/// The thread's own side of a reader.
pub(super) struct Worker {
    pub(super) exporter: Arc<dyn MetricExporter>,
    pub(super) collector: Collector,
    pub(super) interval: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) error_handler: ErrorHandler,
    pub(super) counters: Arc<Counters>,
    /// Cancelled when a shutdown is over.
    pub(super) work: Context,
    /// The flush that is under way, which a shutdown calls off as well when it is over.
    pub(super) flushing: Arc<Mutex<Option<Cancellation>>>,
    /// Behind everything else that the thread does: it is done then.
    pub(super) gone: Gone,
    /// Filled again by each collection.
    pub(super) metrics: ResourceMetrics,
}

impl Worker {
    pub(super) fn run(mut self, orders: Receiver<Order>) {
        self.obey(orders);
        // The exporter is let go of before anybody is told that the thread is done.
        let Self { gone, exporter, .. } = self;
        drop(exporter);
        drop(gone);
    }

    fn obey(&mut self, orders: Receiver<Order>) {
        let _suppressed = suppress_tracing();
        let mut due = Instant::now().checked_add(self.interval);
        loop {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            // Without end, if the interval is longer than the clock can say.
            match orders.recv_timeout(left.unwrap_or(Duration::MAX)) {
                Err(RecvTimeoutError::Timeout) => {
                    let context = self.own_context();
                    if let Err(error) = self.collect_and_export(&context) {
                        self.tell(&error);
                    }
                    due = due.and_then(|due| next_after(due, self.interval, Instant::now()));
                }
                Ok(Order::Flush(call)) => {
                    self.set_flushing(Some(call.context.cancellation()));
                    if self.work.is_cancelled() {
                        // The shutdown may have looked before there was anything to call off.
                        call.context.cancellation().cancel();
                    }
                    let exported = self.collect_and_export(&call.context);
                    let flushed = self.call(|exporter| exporter.force_flush(&call.context));
                    self.set_flushing(None);
                    self.answer(call, exported, flushed);
                    due = Instant::now().checked_add(self.interval);
                }
                Ok(Order::Shutdown(call)) => {
                    let exported = self.collect_and_export(&call.context);
                    let shut_down = self.call(|exporter| exporter.shutdown(&call.context));
                    self.answer(call, exported, shut_down);
                    return;
                }
                // The reader was dropped.
                Err(RecvTimeoutError::Disconnected) => {
                    let context = self.own_context();
                    let exported = self.collect_and_export(&context);
                    let shut_down = self.call(|exporter| exporter.shutdown(&context));
                    for error in [exported, shut_down].into_iter().filter_map(Result::err) {
                        self.tell(&error);
                    }
                    return;
                }
            }
        }
    }

    /// The context of what no caller waits for.
    fn own_context(&self) -> Context {
        match self.timeout {
            Some(timeout) => self.work.child_with_timeout(timeout),
            None => self.work.child(),
        }
    }

    fn set_flushing(&self, call: Option<Cancellation>) {
        *self.flushing.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }

    fn collect_and_export(&mut self, context: &Context) -> Result<(), ExportError> {
        count(&self.counters.collections, 1);
        let began = Instant::now();
        let mut failures = Vec::new();
        let collected = self.collector.collect(context, &mut self.metrics, |failed| failures.push(failed));
        let failure = collected.as_ref().err().or(failures.first().map(|failed| &failed.error));
        let end = End { failure: failure.map(ExportError::kind), status: None };
        self.counters.collected.add(began.elapsed(), end);
        for Failed { error, is_panic } in failures {
            count(&self.counters.panics, is_panic.into());
            self.tell(&error);
        }
        if let Err(error) = collected {
            count(&self.counters.failed_collections, 1);
            count(&self.counters.abandoned_data_points, self.metrics.data_point_count() as u64);
            return Err(error);
        }
        let points = self.metrics.data_point_count() as u64;
        count(&self.counters.handed, points);
        let began = Instant::now();
        let exported = self.call(|exporter| exporter.export(context, &self.metrics));
        let took = began.elapsed();
        let exported = match exported {
            // One with which nothing is lost is a warning: the handler has it, and the export succeeded.
            Err(warning) if warning.lost_data_points() == Some(0) => {
                self.tell(&warning);
                Ok(())
            }
            exported => exported,
        };
        self.counters.exports.add(took, End::of(&exported));
        let lost = match &exported {
            Ok(()) => 0,
            Err(error) => error.lost_data_points().map_or(points, |lost| points.min(lost.into())),
        };
        if let Err(error) = &exported {
            count(&self.counters.lost_by[error.kind() as usize], lost);
        }
        count(&self.counters.lost_data_points, lost);
        count(&self.counters.exported_data_points, points - lost);
        exported
    }

    /// Calls the exporter; a panic becomes an error.
    fn call(
        &self,
        what: impl FnOnce(&dyn MetricExporter) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        catch_unwind(AssertUnwindSafe(|| what(&*self.exporter))).unwrap_or_else(|_| {
            count(&self.counters.panics, 1);
            Err(ExportError::new(ExportErrorKind::Other, "the metric exporter panicked"))
        })
    }

    /// Hands the first of two errors to whoever waits, and everything that nobody hears to the error handler.
    fn answer(&self, call: Call, first: Result<(), ExportError>, second: Result<(), ExportError>) {
        let result = match (first, second) {
            (Err(first), second) => {
                if let Err(second) = second {
                    self.tell(&second);
                }
                Err(first)
            }
            (Ok(()), second) => second,
        };
        // Whoever asked holds the outcome, too, for as long as it waits.
        match result {
            Err(error) if Arc::strong_count(&call.outcome) == 1 => self.tell(&error),
            result => *call.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result),
        }
    }

    fn tell(&self, error: &ExportError) {
        // A handler that panics must not take the thread along.
        if catch_unwind(AssertUnwindSafe(|| (self.error_handler)(error))).is_err() {
            count(&self.counters.panics, 1);
        }
    }
}

/// The first time after `now` that is whole intervals after `due`; `None` if the clock cannot say it.
fn next_after(due: Instant, interval: Duration, now: Instant) -> Option<Instant> {
    let since = now.saturating_duration_since(due).as_nanos() % interval.as_nanos();
    // Below the interval, which is below 2^64 seconds.
    let nanos_a_second = u128::from(1_000_000_000_u32);
    let since = Duration::new((since / nanos_a_second) as u64, (since % nanos_a_second) as u32);
    now.max(due).checked_add(interval - since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_due_at_whole_intervals_however_late_the_one_before_was() {
        let due = Instant::now();
        let second = Duration::from_secs(1);
        for (interval, late, expected) in [
            (second, Duration::ZERO, second),
            (second, Duration::from_millis(1), second),
            (second, Duration::from_millis(999), second),
            (second, second, 2 * second),
            (second, Duration::from_millis(7_300), 8 * second),
            // More intervals than 32 bits count.
            (Duration::from_nanos(1), 10 * second, 10 * second + Duration::from_nanos(1)),
            (Duration::from_nanos(7), 10 * second, Duration::from_nanos(10_000_000_003)),
            (Duration::from_secs(1 << 40), second, Duration::from_secs(1 << 40)),
        ] {
            let next = next_after(due, interval, due + late).unwrap();
            assert_eq!(next - due, expected, "every {interval:?}, {late:?} late");
        }
        assert_eq!(next_after(due, Duration::MAX, due + second), None, "longer than the clock can say");
    }
}
