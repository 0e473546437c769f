//! A back-end that refuses.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::failure;
use crate::export::Spans;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "failure-is-reported",
        citation: Citation::of(
            EXPORT_SPANS,
            "All errors returned by this function are considered unrecoverable and will be reported to a configured \
             error Handler.",
        )
        .read_as("so what could not be delivered is such an error, whose text is not empty; if export only takes \
                  the batch over, of the flush after it"),
        check: failure::failure_is_reported::<Spans>,
    },
    Case {
        id: "failure-counts-what-was-lost",
        citation: Citation::of(
            TRAIT,
            "it hands the error to the error handler and counts `lost_spans` of the batch, or all of it, as \
             `export_failed`",
        )
        .read_as("as many as no back-end got, when the error is returned by the export"),
        check: failure::failure_counts_what_was_lost::<Spans>,
    },
    Case {
        id: "what-is-lost-stays-lost",
        citation: Citation::of(EXPORT, "exporting failed. The batch must be dropped.")
            .read_as("by the exporter: nothing of it is delivered later"),
        check: failure::what_is_lost_stays_lost::<Spans>,
    },
    Case {
        id: "exports-go-on-after-a-failure",
        citation: Citation::of(
            EXPORT_SPANS,
            "Any retry logic must be contained in this function. The SDK that calls this function will not implement \
             any retry logic.",
        )
        .read_as("the next batch is a new one, and is delivered when the back-end takes it"),
        check: failure::exports_go_on_after_a_failure::<Spans>,
    },
];
