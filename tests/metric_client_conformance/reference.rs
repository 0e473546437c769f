//! A simple client that keeps the contract, but for the fault that it is given.

use crate::fault::Fault;
use nanospan::conformance::metric_client::{Answer, Subject};
use nanospan::export::{Context, ContextError, ExportError, ExportErrorKind};
use nanospan::metrics::data::{self, Data, Number, NumberPoint, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind};
use nanospan::otlp::MetricClient;
use nanospan::otlp::proto::ResourceMetrics;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

/// Where messages go. It tells the outside of nothing that was not flushed, as a server would that does its
/// work behind.
struct Receiver {
    delivered: Mutex<Vec<ResourceMetrics>>,
    answers: Mutex<(VecDeque<Answer>, Answer)>,
}

impl Receiver {
    /// The answer to a request.
    fn answer(&self) -> Answer {
        let (next, then) = &mut *self.answers.lock().unwrap();
        next.pop_front().unwrap_or_else(|| then.clone())
    }
}

struct Reference {
    fault: Option<Fault>,
    receiver: Arc<Receiver>,
    state: Mutex<State>,
    is_uploading: AtomicBool,
}

#[derive(Default)]
struct State {
    uploads: u32,
    /// Messages that were taken and are not delivered, each with the number of flushes that have come by.
    unfinished: Vec<(ResourceMetrics, u32)>,
    /// For the faults that keep something.
    last: Option<ResourceMetrics>,
    failed: Option<ResourceMetrics>,
    partial: Option<ResourceMetrics>,
    has_failed: bool,
    is_released: bool,
}

fn error(kind: ExportErrorKind, message: &str) -> ExportError {
    ExportError::new(kind, message)
}

/// Says that an upload is under way, however it ends.
struct Uploading<'a>(&'a AtomicBool);

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

impl Reference {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn deliver(&self, message: ResourceMetrics) {
        self.receiver.delivered.lock().unwrap().push(message);
    }

    /// The context, unless a fault has it overlooked: one of these when its deadline has passed, or when it
    /// was cancelled.
    fn check(&self, context: &Context, deadline: Fault, cancellation: Fault) -> Result<(), ContextError> {
        match context.check() {
            Err(ContextError::DeadlineExceeded) if self.has(deadline) => Ok(()),
            Err(ContextError::Cancelled) if self.has(cancellation) => Ok(()),
            other => other,
        }
    }

    /// The message, or what a fault makes of it.
    fn taken(&self, message: &ResourceMetrics) -> ResourceMetrics {
        let mut metrics = data::ResourceMetrics::default();
        message.decode(&mut metrics).unwrap();
        for scope in &mut metrics.scopes {
            if self.has(Fault::ScopeHasNoSchema) {
                scope.scope.schema_url = "".into();
            }
            for metric in &mut scope.metrics {
                assert!(!(self.has(Fault::EmptyNamePanics) && metric.name.is_empty()), "no name");
                if self.has(Fault::MetadataIsLost) {
                    metric.metadata.clear();
                }
                self.spoil(&mut metric.data);
            }
        }
        let mut taken = ResourceMetrics::default();
        taken.encode(&metrics);
        taken
    }

    fn spoil(&self, data: &mut Data) {
        match data {
            Data::Gauge(gauge) => self.spoil_numbers(&mut gauge.points),
            Data::Sum(sum) => {
                self.spoil_numbers(&mut sum.points);
                if self.has(Fault::LargeMessageIsCut) {
                    sum.points.truncate(10);
                }
            }
            Data::Histogram(histogram) => {
                if self.has(Fault::DeltaIsCumulative) {
                    histogram.temporality = Temporality::Cumulative;
                }
                if self.has(Fault::LeastAndGreatestAreLost) {
                    histogram.points.iter_mut().for_each(|point| (point.min, point.max) = (None, None));
                }
            }
            Data::ExponentialHistogram(histogram) if self.has(Fault::ZeroThresholdIsLost) => {
                histogram.points.iter_mut().for_each(|point| point.zero_threshold = 0.0);
            }
            _ => {}
        }
    }

    fn spoil_numbers(&self, points: &mut [NumberPoint]) {
        for point in points {
            match (self.fault, point.value) {
                (Some(Fault::ExemplarsAreLost), _) => point.exemplars.clear(),
                (Some(Fault::FlagsAreLost), _) => point.flags = data::DataPointFlags::NONE,
                (Some(Fault::IntegersAreFloats), Some(Number::I64(value))) => {
                    point.value = Some((value as f64).into());
                }
                _ => {}
            }
        }
    }

    /// Asks until there is an answer for good.
    fn ask(&self, context: &Context) -> Result<Answer, ExportError> {
        let mut refusals = 0;
        loop {
            match self.receiver.answer() {
                Answer::Never => {
                    match self.check(context, Fault::HangIgnoresTheDeadline, Fault::HangIgnoresACancellation)
                    {
                        Err(_) if self.has(Fault::HangEndsAsIo) && !context.is_cancelled() => {
                            return Err(error(ExportErrorKind::Io, "timed out"));
                        }
                        over => over?,
                    }
                }
                Answer::Unavailable if self.has(Fault::UnavailableIsFinal) => return Ok(Answer::Refuse),
                Answer::Unavailable if self.has(Fault::CancelledRetryIsIo) && context.is_cancelled() => {
                    return Err(error(ExportErrorKind::Io, "unavailable"));
                }
                Answer::Unavailable => {
                    let cancellation = Fault::RetriesIgnoreACancellation;
                    self.check(context, Fault::RetriesIgnoreTheContext, cancellation)?;
                }
                Answer::Refuse if self.has(Fault::RefusalIsRetried) && refusals == 0 => refusals += 1,
                answer => return Ok(answer),
            }
            thread::sleep(PAUSE);
        }
    }

    /// What becomes of a message that was answered for good.
    fn settle(&self, message: ResourceMetrics, answer: Answer) -> Result<(), ExportError> {
        let mut state = self.state();
        if self.has(Fault::FailedMessageIsSentLater) {
            let failed = state.failed.take();
            state.unfinished.extend(failed.map(|failed| (failed, 0)));
        }
        let again = state.partial.take();
        state.unfinished.extend(again.map(|again| (again, 0)));
        if matches!(answer, Answer::Refuse) || (state.has_failed && self.has(Fault::FailureIsForEver)) {
            state.has_failed = true;
            state.failed = Some(message);
            return match self.fault {
                Some(Fault::FailureIsSwallowed) => Ok(()),
                Some(Fault::ErrorHasNoText) => Err(error(ExportErrorKind::Rejected, "")),
                Some(Fault::LostPointsAreNotCounted) => {
                    Err(error(ExportErrorKind::Rejected, "refused").with_lost_data_points(0))
                }
                _ => Err(error(ExportErrorKind::Rejected, "refused")),
            };
        }
        if self.has(Fault::MessageIsNotCopied) {
            state.unfinished.iter_mut().for_each(|(other, _)| other.clone_from(&message));
        }
        state.unfinished.push((message.clone(), 0));
        let Answer::Partial { rejected_data_points: rejected, message: words } = answer else {
            state.last = Some(message);
            state.uploads += 1;
            let is_wrong = state.uploads == 3 && self.has(Fault::ThirdUploadIsAnError);
            return if is_wrong { Err(error(ExportErrorKind::Other, "three are too many")) } else { Ok(()) };
        };
        if self.has(Fault::PartialSuccessIsSentAgain) {
            state.partial = Some(message);
        }
        let refused = error(ExportErrorKind::Rejected, "refused some");
        match (rejected, words.is_empty()) {
            (0, true) if self.has(Fault::EmptyPartialSuccessIsAnError) => {
                Err(error(ExportErrorKind::Other, "it says nothing").with_lost_data_points(0))
            }
            (0, true) => Ok(()),
            (0, false) if self.has(Fault::WordsLoseEverything) => Err(error(ExportErrorKind::Other, &words)),
            (0, false) => Err(error(ExportErrorKind::Other, &words).with_lost_data_points(0)),
            _ if self.has(Fault::RefusedPointsAreSwallowed) => Ok(()),
            _ if self.has(Fault::RefusedPointsAreNotCounted) => Err(refused),
            (rejected, _) => Err(refused.with_lost_data_points(rejected as u32)),
        }
    }

    /// What the fault makes of a context that is over when the upload begins.
    fn late(&self, over: ContextError, message: &ResourceMetrics) -> Result<(), ExportError> {
        use ContextError::{Cancelled, DeadlineExceeded};
        match (self.fault, over) {
            (Some(Fault::PassedDeadlineIsOk), DeadlineExceeded) => Ok(()),
            (Some(Fault::PassedDeadlineIsCancelled), DeadlineExceeded) => {
                Err(error(ExportErrorKind::Cancelled, "late"))
            }
            (Some(Fault::CancellationIsOk), Cancelled) => Ok(()),
            (Some(Fault::CancellationIsOther), Cancelled) => Err(error(ExportErrorKind::Other, "cancelled")),
            (Some(Fault::LateUploadIsSentAllTheSame), _) => {
                self.deliver(message.clone());
                Err(over.into())
            }
            _ => Err(over.into()),
        }
    }

    /// Waits for an upload that is under way, if that is the fault.
    fn wait(&self) {
        while self.has(Fault::PreferencesWaitForTheUpload) && self.is_uploading.load(SeqCst) {
            thread::sleep(PAUSE);
        }
    }
}

impl MetricClient for Reference {
    fn temporality(&self, _: InstrumentKind) -> Temporality {
        self.wait();
        let has_changed = self.has(Fault::TemporalityChanges) && self.state().uploads > 0;
        if has_changed { Temporality::Delta } else { Temporality::Cumulative }
    }

    fn aggregation(&self, _: InstrumentKind) -> Aggregation {
        let has_changed = self.has(Fault::AggregationChanges) && self.state().uploads > 0;
        if has_changed { Aggregation::Drop } else { Aggregation::Default }
    }

    fn upload_metrics(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.is_uploading.store(true, SeqCst);
        let _uploading = Uploading(&self.is_uploading);
        if let Err(over) = context.check() {
            return self.late(over, metrics);
        }
        if metrics.data_point_count() == Ok(0) {
            match self.fault {
                Some(Fault::EmptyMessageIsSent) => self.deliver(metrics.clone()),
                Some(Fault::EmptyMessageIsAnError) => {
                    return Err(error(ExportErrorKind::Other, "nothing to send"));
                }
                _ => {}
            }
            return Ok(());
        }
        let message = self.taken(metrics);
        let answer = self.ask(context)?;
        self.settle(message, answer)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.check(context, Fault::FlushIgnoresItsDeadline, Fault::FlushIgnoresItsCancellation)?;
        let mut state = self.state();
        let is_idle = state.unfinished.is_empty();
        let mut unfinished = mem::take(&mut state.unfinished);
        if self.has(Fault::FlushIsLate) {
            let (young, old) = unfinished.into_iter().partition(|(_, flushes)| *flushes == 0);
            unfinished = old;
            state.unfinished = young;
            state.unfinished.iter_mut().for_each(|(_, flushes)| *flushes += 1);
        }
        if self.has(Fault::FlushDeliversAgain) && is_idle {
            state.last.take().into_iter().for_each(|message| self.deliver(message));
        }
        unfinished.into_iter().for_each(|(message, _)| self.deliver(message));
        if self.has(Fault::FlushOfNothingIsAnError) && is_idle {
            return Err(error(ExportErrorKind::Other, "nothing to flush"));
        }
        Ok(())
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        let is_late = context.check().is_err();
        let mut state = self.state();
        let keeps = self.has(Fault::ShutdownReleasesNothing)
            || (is_late && self.has(Fault::LateShutdownReleasesNothing));
        state.is_released = !keeps;
        self.check(context, Fault::ShutdownIgnoresItsDeadline, Fault::ShutdownIgnoresItsCancellation)?;
        let again = match self.fault {
            Some(Fault::FailedMessageIsSentAtTheShutdown) => state.failed.take(),
            Some(Fault::ShutdownDeliversAgain) if state.unfinished.is_empty() => state.last.take(),
            _ => None,
        };
        again.into_iter().for_each(|message| self.deliver(message));
        if !state.unfinished.is_empty() {
            // The receiver says that it has taken them, if it says anything.
            while matches!(self.receiver.answer(), Answer::Never) {
                match context.check() {
                    Ok(()) => {}
                    Err(_) if self.has(Fault::ShutdownWaitsForTheAnswer) => {}
                    Err(_) if self.has(Fault::ShutdownKeepsALossBack) => return Ok(()),
                    Err(over) => return Err(over.into()),
                }
                thread::sleep(PAUSE);
            }
        }
        if !self.has(Fault::ShutdownDropsWhatIsUnfinished) {
            state.unfinished.drain(..).for_each(|(message, _)| self.deliver(message));
        }
        if self.has(Fault::ShutdownIsAnError) {
            return Err(error(ExportErrorKind::Other, "the end"));
        }
        Ok(())
    }
}

/// The reference with a fault, or without one.
pub(crate) struct ReferenceSubject(Arc<Reference>);

impl ReferenceSubject {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        let receiver =
            Receiver { delivered: Mutex::default(), answers: Mutex::new((VecDeque::new(), Answer::Accept)) };
        Self(Arc::new(Reference {
            fault,
            receiver: Arc::new(receiver),
            state: Mutex::default(),
            is_uploading: AtomicBool::new(false),
        }))
    }
}

impl Subject for ReferenceSubject {
    fn client(&self) -> Arc<dyn MetricClient> {
        Arc::clone(&self.0) as _
    }

    fn delivered(&self) -> Vec<ResourceMetrics> {
        self.0.receiver.delivered.lock().unwrap().clone()
    }

    fn answer(&self, next: &[Answer], then: Answer) -> bool {
        *self.0.receiver.answers.lock().unwrap() = (next.iter().cloned().collect(), then);
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.0.state().is_released)
    }
}
