//! What checks are written with: subjects, contexts, and spans that are found again.

use super::Subject;
use crate::batch::Batch;
use crate::conformance::case::{Stop, Verdict, brief, ensure};
use crate::conformance::{PATIENCE, runner};
use crate::export::{Context, ExportError, ExportErrorKind, FinishedSpan, SpanExporter};
use std::sync::Arc;
use std::time::Duration;

/// Where a check gets its subjects.
pub(super) type Bench = runner::Bench<(), Box<dyn Subject>>;

/// An exporter under test.
pub(super) struct Probe {
    pub(super) exporter: Arc<dyn SpanExporter>,
    subject: Box<dyn Subject>,
}

impl Bench {
    /// An exporter that nothing has been done with.
    pub(super) fn probe(&self) -> Result<Probe, Stop> {
        let subject =
            self.ask(()).ok_or_else(|| Stop::Failed("the suite went on without the case".into()))?;
        ensure(!subject.delivered().is_empty(), || {
            "expected a subject with a back-end, seen `delivered` without a list".into()
        })?;
        Ok(Probe { exporter: subject.exporter(), subject })
    }
}

/// A context with more time than anything takes.
pub(super) fn ample() -> Context {
    Context::with_timeout(PATIENCE / 2)
}

/// A context whose deadline has passed.
pub(super) fn late() -> Context {
    Context::with_timeout(Duration::ZERO)
}

/// A context that was cancelled.
pub(super) fn cancelled() -> Context {
    let context = ample();
    context.cancellation().cancel();
    context
}

impl Probe {
    /// Exports a batch, and has the exporter complete it if it leaves anything unfinished.
    pub(super) fn deliver(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.exporter.export(context, batch)?;
        if self.subject.flushes() { self.exporter.force_flush(context) } else { Ok(()) }
    }

    /// What has been delivered when everything should have been. How well a flush does that, and what it
    /// returns, is the matter of the cases about flush: the others flush twice.
    pub(super) fn settled(&self) -> Seen {
        self.settle();
        self.seen()
    }

    pub(super) fn settle(&self) {
        if self.subject.flushes() {
            let _ = self.exporter.force_flush(&ample());
            let _ = self.exporter.force_flush(&ample());
        }
    }

    /// What has been delivered so far.
    pub(super) fn seen(&self) -> Seen {
        Seen { backends: self.subject.delivered() }
    }

    /// Exports a batch. What the export returns is another case's matter.
    pub(super) fn export(&self, batch: &Batch) {
        let _ = self.exporter.export(&ample(), batch);
    }

    pub(super) fn set_unreachable(&self, unreachable: bool) -> Verdict {
        applies(self.subject.set_unreachable(unreachable), "the subject cannot make its back-end unreachable")
    }

    pub(super) fn set_hanging(&self, hanging: bool) -> Verdict {
        applies(self.subject.set_hanging(hanging), "the subject cannot make its back-end hang")
    }

    /// Leaves the case if the exporter has no flush of its own.
    pub(super) fn must_flush(&self) -> Verdict {
        applies(self.subject.flushes(), "the exporter keeps the trait's own `force_flush`")
    }

    pub(super) fn is_released(&self) -> Result<bool, Stop> {
        let reason = "the subject cannot tell whether everything is released";
        self.subject.is_released().ok_or_else(|| Stop::NotApplicable(reason.to_owned()))
    }
}

fn applies(applies: bool, reason: &str) -> Verdict {
    if applies { Ok(()) } else { Err(Stop::NotApplicable(reason.to_owned())) }
}

/// Fails the case unless `result` is an error of this kind.
pub(super) fn refused(what: &str, kind: ExportErrorKind, result: Result<(), ExportError>) -> Verdict {
    let seen = result.as_ref().map_err(ExportError::kind);
    ensure(seen == Err(kind), || format!("{what}: expected an error of kind {kind:?}, seen {result:?}"))
}

/// Fails the case unless `result` is Ok.
pub(super) fn succeeded(what: &str, result: Result<(), ExportError>) -> Verdict {
    ensure(result.is_ok(), || format!("{what}: expected Ok, seen {result:?}"))
}

/// What was delivered to each back-end.
pub(super) struct Seen {
    backends: Vec<Vec<FinishedSpan>>,
}

impl Seen {
    /// How often each span of the batch was delivered, back-end by back-end.
    pub(super) fn counts(&self, batch: &Batch) -> Vec<Vec<usize>> {
        let count = |delivered: &Vec<FinishedSpan>| {
            let spans = batch.view().spans();
            spans.map(|span| delivered.iter().filter(|found| is(found, &span.into())).count()).collect()
        };
        self.backends.iter().map(count).collect()
    }

    /// Fails the case if anything of the batch was delivered.
    pub(super) fn nothing_of(&self, what: &str, batch: &Batch) -> Verdict {
        let counts = self.counts(batch);
        ensure(counts.iter().flatten().all(|&count| count == 0), || {
            format!("{what}: expected none of its spans to be delivered, seen these counts: {counts:?}")
        })
    }

    /// Fails the case unless each span of the batch was delivered to each back-end, once or more.
    pub(super) fn all_of(&self, what: &str, batch: &Batch) -> Verdict {
        let counts = self.counts(batch);
        ensure(counts.iter().flatten().all(|&count| count > 0), || {
            format!("{what}: expected all of its spans to be delivered, seen these counts: {counts:?}")
        })
    }

    /// Fails the case unless each span of the batch was delivered to each back-end as it is.
    pub(super) fn whole(&self, batch: &Batch) -> Verdict {
        for delivered in &self.backends {
            for expected in batch.view().spans().map(FinishedSpan::from) {
                let found = delivered.iter().find(|found| is(found, &expected));
                let missing = || Stop::Failed(format!("expected the span {:?}, seen none", expected.name));
                for (field, expected, seen) in fields(&expected, found.ok_or_else(missing)?) {
                    ensure(expected == seen, || {
                        format!("{field}: expected {}, seen {}", brief(&expected), brief(&seen))
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// Whether the two have the ids of one span.
fn is(one: &FinishedSpan, other: &FinishedSpan) -> bool {
    (one.trace_id, one.span_id) == (other.trace_id, other.span_id)
}

/// The parts of two spans in words, each with its name. Attributes are in the order of their keys, for it is
/// no part of what they mean.
fn fields(one: &FinishedSpan, other: &FinishedSpan) -> Vec<(&'static str, String, String)> {
    fn sorted<T: Ord + Clone, V: Clone>(pairs: &[(T, V)]) -> Vec<(T, V)> {
        let mut pairs = pairs.to_vec();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        pairs
    }
    let words = |span: &FinishedSpan| {
        let events = span.events.iter().map(|event| {
            let attributes = sorted(&event.attributes);
            (&event.name, event.time_unix_nanos, attributes, event.dropped_attributes_count)
        });
        let links = span.links.iter().map(|link| {
            let ids = (link.trace_id, link.span_id);
            (ids, link.flags, &link.trace_state, sorted(&link.attributes), link.dropped_attributes_count)
        });
        let dropped = (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count);
        [
            ("the parent", format!("{:?}", span.parent_span_id)),
            ("the name", format!("{:?}", span.name)),
            ("the kind", format!("{:?}", span.kind)),
            ("start and end", format!("{:?}", (span.start_unix_nanos, span.end_unix_nanos))),
            ("the status", format!("{:?} {:?}", span.status, span.status_message)),
            ("the flags", format!("{:#x}", span.flags)),
            ("the trace state", format!("{:?}", span.trace_state)),
            ("the attributes", format!("{:?}", sorted(&span.attributes))),
            ("the events", format!("{:?}", events.collect::<Vec<_>>())),
            ("the links", format!("{:?}", links.collect::<Vec<_>>())),
            ("the dropped counts", format!("{dropped:?}")),
        ]
    };
    let pairs = words(one).into_iter().zip(words(other));
    pairs.map(|((field, one), (_, other))| (field, one, other)).collect()
}
