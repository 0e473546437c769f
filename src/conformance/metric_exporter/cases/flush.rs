//! `force_flush`.

use super::{FORCE_FLUSH, GO_FORCE_FLUSH};
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::flush;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

const HONORED: &str = "The deadline or cancellation of the passed context must be honored. An appropriate error \
                       should be returned in these situations.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-delivers-what-is-unfinished",
        citation: Citation::of(
            FORCE_FLUSH,
            "the export of any `Metrics` the exporter has received prior to the call to `ForceFlush` SHOULD be \
             completed as soon as possible, preferably before returning from this method",
        )
        .read_as("before it returns Ok"),
        check: flush::flush_delivers_what_is_unfinished::<Metrics>,
    },
    Case {
        id: "flush-succeeds",
        citation: Citation::of(
            FORCE_FLUSH,
            "`ForceFlush` SHOULD provide a way to let the caller know whether it succeeded, failed or timed out.",
        )
        .read_as("with a back-end that takes everything, and with nothing to do, it is Ok"),
        check: flush::flush_succeeds::<Metrics>,
    },
    Case {
        id: "flush-honours-a-passed-deadline",
        citation: Citation::of(GO_FORCE_FLUSH, HONORED).read_as("with an error of kind DeadlineExceeded"),
        check: flush::flush_honours_a_passed_deadline::<Metrics>,
    },
    Case {
        id: "flush-honours-a-cancellation",
        citation: Citation::of(GO_FORCE_FLUSH, HONORED).read_as("with an error of kind Cancelled"),
        check: flush::flush_honours_a_cancellation::<Metrics>,
    },
];
