//! Deadlines and cancellation of an export.

use super::{EXPORT, EXPORT_SPANS, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::context;
use crate::export::Spans;

const HONORED: &str = "it is critical that all timeouts and cancellations contained in the passed context must be \
                       honored";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "export-honours-a-passed-deadline",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("one that has passed already gives an error of kind DeadlineExceeded"),
        check: context::export_honours_a_passed_deadline::<Spans>,
    },
    Case {
        id: "export-honours-a-cancellation",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("one that was made already gives an error of kind Cancelled"),
        check: context::export_honours_a_cancellation::<Spans>,
    },
    Case {
        id: "ended-context-delivers-nothing",
        citation: Citation::of(
            TRAIT,
            "once its deadline has passed or it is cancelled, the call returns an error of kind \
             `DeadlineExceeded` or `Cancelled` without starting anything new",
        ),
        check: context::ended_context_delivers_nothing::<Spans>,
    },
    Case {
        id: "deadline-ends-a-hang",
        citation: Citation::of(
            EXPORT,
            "Export() MUST NOT block indefinitely, there MUST be a reasonable upper limit after which the call \
             must time out with an error result (`Failure`).",
        )
        .read_as("the deadline is one, with an error of kind DeadlineExceeded; if export only takes the batch \
                  over, of the flush after it"),
        check: context::deadline_ends_a_hang::<Spans>,
    },
    Case {
        id: "cancellation-ends-a-hang",
        citation: Citation::of(EXPORT_SPANS, HONORED)
            .read_as("also while the back-end hangs, with an error of kind Cancelled; if export only takes \
                      the batch over, of the flush after it"),
        check: context::cancellation_ends_a_hang::<Spans>,
    },
];
