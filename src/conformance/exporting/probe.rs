//! What checks are written with: subjects, contexts, and what is found again of a batch.

use super::{Bench, Exported};
use crate::conformance::PATIENCE;
use crate::conformance::case::{Stop, Verdict, ensure};
use crate::export::{Context, ExportError, ExportErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// An exporter under test.
pub(crate) struct Probe<E: Exported> {
    exporter: Arc<E::Exporter>,
    subject: Box<E::Subject>,
}

/// A context with more time than anything takes.
pub(crate) fn ample() -> Context {
    Context::with_timeout(PATIENCE / 2)
}

/// A context whose deadline has passed.
pub(crate) fn late() -> Context {
    Context::with_timeout(Duration::ZERO)
}

/// A context that was cancelled.
pub(crate) fn cancelled() -> Context {
    let context = ample();
    context.cancellation().cancel();
    context
}

/// How long a call waits before it is cancelled.
const SOON: Duration = Duration::from_millis(50);

/// Makes a call with this context, which is cancelled when the call has begun and waits, most likely. Gives what it
/// returns, and whether it had ended by then.
pub(crate) fn cancelled_amid<T>(context: &Context, call: impl FnOnce() -> T) -> (T, bool) {
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let cancel = scope.spawn(move || {
            let _ = begun.recv();
            // A call that panics has ended, too.
            let has_ended = ended.recv_timeout(SOON) != Err(RecvTimeoutError::Timeout);
            context.cancellation().cancel();
            has_ended
        });
        let _ = begin.send(());
        let result = call();
        drop(end);
        (result, cancel.join().expect("it does not panic"))
    })
}

impl<E: Exported> Probe<E> {
    /// An exporter that nothing has been done with.
    pub(crate) fn of(bench: &Bench<E>) -> Result<Self, Stop> {
        let subject =
            bench.ask(()).ok_or_else(|| Stop::Failed("the suite went on without the case".into()))?;
        ensure(!E::delivered(&subject).is_empty(), || {
            "expected a subject with a back-end, seen `delivered` without a list".into()
        })?;
        Ok(Self { exporter: E::exporter(&subject), subject })
    }

    pub(crate) fn exporter(&self) -> &E::Exporter {
        &self.exporter
    }

    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "the suite over clients asks for it"))]
    pub(crate) fn subject(&self) -> &E::Subject {
        &self.subject
    }

    pub(crate) fn export(&self, context: &Context, batch: &E::Batch) -> Result<(), ExportError> {
        E::export(&self.exporter, context, batch)
    }

    pub(crate) fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        E::force_flush(&self.exporter, context)
    }

    pub(crate) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        E::shutdown(&self.exporter, context)
    }

    /// Exports a batch, and has the exporter complete it if it leaves anything unfinished.
    pub(crate) fn deliver(&self, context: &Context, batch: &E::Batch) -> Result<(), ExportError> {
        self.export(context, batch)?;
        if E::flushes(&self.subject) { self.force_flush(context) } else { Ok(()) }
    }

    /// Exports a batch. What the export returns is another case's matter.
    pub(crate) fn put(&self, batch: &E::Batch) {
        let _ = self.export(&ample(), batch);
    }

    /// What has been delivered when everything should have been. How well a flush does that, and what it
    /// returns, is the matter of the cases about flush: the others flush twice.
    pub(crate) fn settled(&self) -> Seen<E> {
        self.settle();
        self.seen()
    }

    pub(crate) fn settle(&self) {
        if E::flushes(&self.subject) {
            let _ = self.force_flush(&ample());
            let _ = self.force_flush(&ample());
        }
    }

    /// What has been delivered so far.
    pub(crate) fn seen(&self) -> Seen<E> {
        Seen { back_ends: E::delivered(&self.subject) }
    }

    pub(crate) fn set_unreachable(&self, unreachable: bool) -> Verdict {
        let applies = E::set_unreachable(&self.subject, unreachable);
        only_if(applies, "the subject cannot make its back-end unreachable")
    }

    pub(crate) fn set_hanging(&self, hanging: bool) -> Verdict {
        only_if(E::set_hanging(&self.subject, hanging), "the subject cannot make its back-end hang")
    }

    /// Leaves the case if the exporter has no flush of its own.
    pub(crate) fn must_flush(&self) -> Verdict {
        only_if(E::flushes(&self.subject), "the exporter keeps the trait's own `force_flush`")
    }

    pub(crate) fn is_released(&self) -> Result<bool, Stop> {
        let reason = "the subject cannot tell whether everything is released";
        E::is_released(&self.subject).ok_or_else(|| Stop::NotApplicable(reason.to_owned()))
    }
}

/// Leaves the case, which does not apply, unless it does.
fn only_if(applies: bool, reason: &str) -> Verdict {
    if applies { Ok(()) } else { Err(Stop::NotApplicable(reason.to_owned())) }
}

/// Fails the case unless `result` is an error of this kind.
pub(crate) fn refused(what: &str, kind: ExportErrorKind, result: Result<(), ExportError>) -> Verdict {
    let seen = result.as_ref().map_err(ExportError::kind);
    ensure(seen == Err(kind), || format!("{what}: expected an error of kind {kind:?}, seen {result:?}"))
}

/// Fails the case unless `result` is Ok.
pub(crate) fn succeeded(what: &str, result: Result<(), ExportError>) -> Verdict {
    ensure(result.is_ok(), || format!("{what}: expected Ok, seen {result:?}"))
}

/// What was delivered to each back-end.
pub(crate) struct Seen<E: Exported> {
    back_ends: Vec<E::Delivered>,
}

impl<E: Exported> Seen<E> {
    /// How often each item of the batch was delivered, back-end by back-end.
    pub(crate) fn counts(&self, batch: &E::Batch) -> Vec<Vec<usize>> {
        self.back_ends.iter().map(|delivered| E::counts(delivered, batch)).collect()
    }

    /// Fails the case if anything of the batch was delivered.
    pub(crate) fn nothing_of(&self, what: &str, batch: &E::Batch) -> Verdict {
        let counts = self.counts(batch);
        ensure(counts.iter().flatten().all(|&count| count == 0), || {
            let items = E::ITEMS;
            format!("{what}: expected none of its {items} to be delivered, seen these counts: {counts:?}")
        })
    }

    /// Fails the case unless each item of the batch was delivered to each back-end, once or more.
    pub(crate) fn all_of(&self, what: &str, batch: &E::Batch) -> Verdict {
        let counts = self.counts(batch);
        ensure(counts.iter().flatten().all(|&count| count > 0), || {
            let items = E::ITEMS;
            format!("{what}: expected all of its {items} to be delivered, seen these counts: {counts:?}")
        })
    }

    /// Fails the case unless each item of the batch was delivered to each back-end as it is.
    pub(crate) fn whole(&self, batch: &E::Batch) -> Verdict {
        self.back_ends.iter().try_for_each(|delivered| E::whole(delivered, batch))
    }
}
