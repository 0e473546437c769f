//! `force_flush`.

use super::{FORCE_FLUSH, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::flush;
use crate::export::Spans;

const ENDED: &str = "once its deadline has passed or it is cancelled, the call returns an error of kind \
                     `DeadlineExceeded` or `Cancelled`";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-delivers-what-is-unfinished",
        citation: Citation::of(
            FORCE_FLUSH,
            "the export of any `Spans` the exporter has received prior to the call to `ForceFlush` SHOULD be \
             completed as soon as possible, preferably before returning from this method",
        )
        .read_as("before it returns Ok"),
        check: flush::flush_delivers_what_is_unfinished::<Spans>,
    },
    Case {
        id: "flush-succeeds",
        citation: Citation::of(
            FORCE_FLUSH,
            "`ForceFlush` SHOULD provide a way to let the caller know whether it succeeded, failed or timed out.",
        )
        .read_as("with a back-end that takes everything, and with nothing to do, it is Ok"),
        check: flush::flush_succeeds::<Spans>,
    },
    Case {
        id: "flush-honours-a-passed-deadline",
        citation: Citation::of(TRAIT, ENDED),
        check: flush::flush_honours_a_passed_deadline::<Spans>,
    },
    Case {
        id: "flush-honours-a-cancellation",
        citation: Citation::of(TRAIT, ENDED),
        check: flush::flush_honours_a_cancellation::<Spans>,
    },
];
