//! What arrives.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::delivery;
use crate::export::Spans;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "export-succeeds",
        citation: Citation::of(EXPORT, "The batch has been successfully exported.")
            .read_as("an export to a back-end that takes everything is Ok"),
        check: delivery::export_succeeds::<Spans>,
    },
    Case {
        id: "batch-is-delivered-whole",
        citation: Citation::of(EXPORT_SPANS, "ExportSpans exports a batch of spans.")
            .read_as("each span, with all that it holds; attributes may change their order"),
        check: delivery::batch_is_delivered_whole::<Spans>,
    },
    Case {
        id: "span-is-delivered-once",
        citation: Citation::of(EXPORT, "Exports a batch of [readable spans]")
            .read_as("once: not again with a later batch, a flush or the shutdown"),
        check: delivery::item_is_delivered_once::<Spans>,
    },
    Case {
        id: "empty-batch-succeeds",
        citation: Citation::of(TRAIT, "A batch without spans is nothing to deliver, and succeeds."),
        check: delivery::empty_batch_succeeds::<Spans>,
    },
    Case {
        id: "batch-may-be-reused",
        citation: Citation::of(
            TRAIT,
            "The batch is borrowed for the call. An exporter that keeps something copies it.",
        ),
        check: delivery::batch_may_be_reused::<Spans>,
    },
    Case {
        id: "no-call-panics",
        citation: Citation::of(TRAIT, "No call panics."),
        check: delivery::no_call_panics::<Spans>,
    },
];
