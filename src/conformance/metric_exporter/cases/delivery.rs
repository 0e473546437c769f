//! What arrives.

use super::{EXPORT, GO_EXPORT, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::delivery;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "export-succeeds",
        citation: Citation::of(EXPORT, "The batch has been successfully exported.")
            .read_as("an export to a back-end that takes everything is Ok"),
        check: delivery::export_succeeds::<Metrics>,
    },
    Case {
        id: "metrics-are-delivered-whole",
        citation: Citation::of(GO_EXPORT, "Export serializes and transmits metric data to a receiver.")
            .read_as(
                "each point, with all that it and what it belongs to hold; attributes may change their order",
            ),
        check: delivery::batch_is_delivered_whole::<Metrics>,
    },
    Case {
        id: "point-is-delivered-once",
        citation: Citation::of(EXPORT, "Exports a batch of [Metric Points]")
            .read_as("once: not again with a later export, a flush or the shutdown"),
        check: delivery::item_is_delivered_once::<Metrics>,
    },
    Case {
        id: "empty-metrics-succeed",
        citation: Citation::of(TRAIT, "Metrics without points are nothing to deliver, and succeed."),
        check: delivery::empty_batch_succeeds::<Metrics>,
    },
    Case {
        id: "metrics-may-be-reused",
        citation: Citation::of(
            GO_EXPORT,
            "The passed ResourceMetrics may be reused when the call completes. If an exporter needs to hold this data \
             after it returns, it needs to make a copy.",
        ),
        check: delivery::batch_may_be_reused::<Metrics>,
    },
    Case {
        id: "no-call-panics",
        citation: Citation::of(TRAIT, "No call panics."),
        check: delivery::no_call_panics::<Metrics>,
    },
];
