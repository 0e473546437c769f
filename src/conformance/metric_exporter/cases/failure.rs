//! A back-end that refuses.

use super::{EXPORT, GO_EXPORT, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::failure;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "failure-is-reported",
        citation: Citation::of(
            GO_EXPORT,
            "All errors returned by this function are considered unrecoverable and will be reported to a configured \
             error Handler.",
        )
        .read_as("so what could not be delivered is such an error, whose text is not empty; if export only takes \
                  the metrics over, of the flush after it"),
        check: failure::failure_is_reported::<Metrics>,
    },
    Case {
        id: "failure-counts-what-was-lost",
        citation: Citation::of(
            TRAIT,
            "it hands the error to its error handler and counts `lost_data_points` as lost, or all points",
        )
        .read_as("as many as no back-end got, when the error is returned by the export"),
        check: failure::failure_counts_what_was_lost::<Metrics>,
    },
    Case {
        id: "what-is-lost-stays-lost",
        citation: Citation::of(EXPORT, "exporting failed. The batch must be dropped.")
            .read_as("by the exporter: nothing of it is delivered later"),
        check: failure::what_is_lost_stays_lost::<Metrics>,
    },
    Case {
        id: "exports-go-on-after-a-failure",
        citation: Citation::of(
            GO_EXPORT,
            "All retry logic must be contained in this function. The SDK does not implement any retry logic.",
        )
        .read_as("the next metrics are new ones, and are delivered when the back-end takes them"),
        check: failure::exports_go_on_after_a_failure::<Metrics>,
    },
];
