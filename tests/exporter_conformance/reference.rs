//! A simple exporter of spans that keeps the contract, but for the fault that it is given.

use crate::exporter_faults::{Fault, Ids};
use crate::reference_exporter::Reference;
use crate::suite::Broken;
use nanospan::StatusCode;
use nanospan::batch::Batch;
use nanospan::conformance::exporter::Subject;
use nanospan::export::{Context, ExportError, FinishedSpan, SpanExporter};
use std::sync::Arc;

const WHOLE: &str = "batch-is-delivered-whole";

/// What can be wrong with spans themselves, one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanFault {
    TraceStateIsLost,
    LastAttributeIsLost,
    EventsHaveNoAttributes,
    LinksAreLost,
    IdsAreHalfAsLong,
    OkIsUnset,
    RootHasAParent,
    DroppedCountsAreLost,
    EmptyNamePanics,
}

/// Every broken exporter, with the case that finds it.
pub(crate) fn broken() -> Vec<Broken<dyn Subject>> {
    let ids = Ids {
        whole: WHOLE,
        once: "span-is-delivered-once",
        empty: "empty-batch-succeeds",
        reused: "batch-may-be-reused",
    };
    let shared = Fault::all(&ids)
        .into_iter()
        .map(|(fault, case)| Broken::new(fault, case, fault.hangs(), move || boxed(Some(fault), None)));
    let own = [
        (SpanFault::TraceStateIsLost, WHOLE),
        (SpanFault::LastAttributeIsLost, WHOLE),
        (SpanFault::EventsHaveNoAttributes, WHOLE),
        (SpanFault::LinksAreLost, WHOLE),
        (SpanFault::IdsAreHalfAsLong, WHOLE),
        (SpanFault::OkIsUnset, WHOLE),
        (SpanFault::RootHasAParent, WHOLE),
        (SpanFault::DroppedCountsAreLost, WHOLE),
        (SpanFault::EmptyNamePanics, "no-call-panics"),
    ];
    let own = own
        .into_iter()
        .map(|(fault, case)| Broken::new(fault, case, false, move || boxed(None, Some(fault))));
    shared.chain(own).collect()
}

/// The reference with a fault, or without one.
pub(crate) fn boxed(shared: Option<Fault>, own: Option<SpanFault>) -> Box<dyn Subject> {
    Box::new(ReferenceSubject::new(shared, own))
}

struct Spans {
    reference: Reference<FinishedSpan>,
    fault: Option<SpanFault>,
}

impl Spans {
    fn read(&self, batch: &Batch) -> Vec<FinishedSpan> {
        let mut spans: Vec<FinishedSpan> = batch.view().spans().map(FinishedSpan::from).collect();
        if self.fault == Some(SpanFault::EmptyNamePanics) {
            assert!(spans.iter().all(|span| !span.name.is_empty()), "no name");
        }
        for span in &mut spans {
            match self.fault {
                Some(SpanFault::TraceStateIsLost) => span.trace_state.clear(),
                Some(SpanFault::LastAttributeIsLost) => drop(span.attributes.pop()),
                Some(SpanFault::EventsHaveNoAttributes) => {
                    span.events.iter_mut().for_each(|event| event.attributes.clear());
                }
                Some(SpanFault::LinksAreLost) => span.links.clear(),
                Some(SpanFault::IdsAreHalfAsLong) => {
                    span.links.iter_mut().for_each(|link| link.trace_id[..8].fill(0));
                }
                Some(SpanFault::OkIsUnset) if span.status == StatusCode::Ok => {
                    span.status = StatusCode::Unset;
                }
                Some(SpanFault::RootHasAParent) => {
                    span.parent_span_id.get_or_insert([0; 8]);
                }
                Some(SpanFault::DroppedCountsAreLost) => span.dropped_events_count = 0,
                _ => {}
            }
        }
        spans
    }
}

impl SpanExporter for Spans {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.reference.export(context, self.read(batch))
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.reference.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.reference.shutdown(context)
    }
}

struct ReferenceSubject(Arc<Spans>);

impl ReferenceSubject {
    fn new(shared: Option<Fault>, own: Option<SpanFault>) -> Self {
        Self(Arc::new(Spans { reference: Reference::new(shared), fault: own }))
    }
}

impl Subject for ReferenceSubject {
    fn exporter(&self) -> Arc<dyn SpanExporter> {
        Arc::clone(&self.0) as _
    }

    fn delivered(&self) -> Vec<Vec<FinishedSpan>> {
        vec![self.0.reference.back_end().delivered()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.0.reference.back_end().set_unreachable(unreachable);
        true
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        self.0.reference.back_end().set_hanging(hanging);
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.0.reference.is_released())
    }
}
