//! Spans as the checks see them.

use super::{Subject, samples};
use crate::batch::{Batch, BatchBuilder};
use crate::conformance::case::{Stop, Verdict, brief, ensure};
use crate::conformance::exporting::Exported;
use crate::export::{FinishedSpan, SpanExporter, Spans};
use std::sync::Arc;

/// A builder, with a resource that no case looks at.
pub(crate) struct Memory(BatchBuilder);

impl Default for Memory {
    fn default() -> Self {
        Self(samples::builder())
    }
}

impl Exported for Spans {
    type Subject = dyn Subject;
    type Delivered = Vec<FinishedSpan>;
    type Memory = Memory;

    fn exporter(subject: &dyn Subject) -> Arc<dyn SpanExporter> {
        subject.exporter()
    }

    fn delivered(subject: &dyn Subject) -> Vec<Vec<FinishedSpan>> {
        subject.delivered()
    }

    fn set_unreachable(subject: &dyn Subject, unreachable: bool) -> bool {
        subject.set_unreachable(unreachable)
    }

    fn set_hanging(subject: &dyn Subject, hanging: bool) -> bool {
        subject.set_hanging(hanging)
    }

    fn flushes(subject: &dyn Subject) -> bool {
        subject.flushes()
    }

    fn is_released(subject: &dyn Subject) -> Option<bool> {
        subject.is_released()
    }

    fn fill(memory: &mut Memory, sequence: u64, spans: u64) -> Batch {
        samples::fill(&mut memory.0, sequence, spans)
    }

    fn recycle(memory: &mut Memory, batch: Batch) {
        memory.0.recycle(batch);
    }

    fn odd_batch() -> Batch {
        samples::odd_batch()
    }

    fn counts(delivered: &Vec<FinishedSpan>, batch: &Batch) -> Vec<usize> {
        let spans = batch.view().spans();
        spans.map(|span| delivered.iter().filter(|found| is(found, &span.into())).count()).collect()
    }

    fn whole(delivered: &Vec<FinishedSpan>, batch: &Batch) -> Verdict {
        for expected in batch.view().spans().map(FinishedSpan::from) {
            let found = delivered.iter().find(|found| is(found, &expected));
            let missing = || Stop::Failed(format!("expected the span {:?}, seen none", expected.name));
            for (field, expected, seen) in fields(&expected, found.ok_or_else(missing)?) {
                ensure(expected == seen, || {
                    format!("{field}: expected {}, seen {}", brief(&expected), brief(&seen))
                })?;
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
