//! The shutdown, and what comes after it.

use super::{GO_SHUTDOWN, SHUTDOWN, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::shutdown;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

const HONORED: &str = "The deadline or cancellation of the passed context must be honored. An appropriate error \
                       should be returned in these situations.";
const EACH_CALL: &str = "From then on `export`, `force_flush` and `shutdown` return an error of kind \
                         `ExporterShutdown`";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "shutdown-succeeds",
        citation: Citation::of(SHUTDOWN, "Shuts down the exporter.").read_as("the first one, with time, is Ok"),
        check: shutdown::shutdown_succeeds::<Metrics>,
    },
    Case {
        id: "shutdown-delivers-what-is-unfinished",
        citation: Citation::of(GO_SHUTDOWN, "Shutdown flushes all metric data held by an exporter"),
        check: shutdown::shutdown_delivers_what_is_unfinished::<Metrics>,
    },
    Case {
        id: "shutdown-honours-a-passed-deadline",
        citation: Citation::of(GO_SHUTDOWN, HONORED).read_as("with an error of kind DeadlineExceeded"),
        check: shutdown::shutdown_honours_a_passed_deadline::<Metrics>,
    },
    Case {
        id: "shutdown-honours-a-cancellation",
        citation: Citation::of(GO_SHUTDOWN, HONORED).read_as("with an error of kind Cancelled"),
        check: shutdown::shutdown_honours_a_cancellation::<Metrics>,
    },
    Case {
        id: "shutdown-releases-everything",
        citation: Citation::of(
            TRAIT,
            "The first `shutdown` completes what is unfinished and releases everything, whatever it returns.",
        )
        .read_as("also when its context is over; what cannot be interrupted then is released behind it"),
        check: shutdown::shutdown_releases_everything::<Metrics>,
    },
    Case {
        id: "late-shutdown-is-final",
        citation: Citation::of(TRAIT, "the exporter is shut down all the same"),
        check: shutdown::late_shutdown_is_final::<Metrics>,
    },
    Case {
        id: "export-after-the-shutdown-is-refused",
        citation: Citation::of(
            GO_SHUTDOWN,
            "After Shutdown is called, calls to Export will perform no operation and instead will return an error \
             indicating the shutdown state.",
        )
        .read_as("an error of kind ExporterShutdown"),
        check: shutdown::export_after_the_shutdown_is_refused::<Metrics>,
    },
    Case {
        id: "refused-export-delivers-nothing",
        citation: Citation::of(
            GO_SHUTDOWN,
            "After Shutdown is called, calls to Export will perform no operation",
        ),
        check: shutdown::refused_export_delivers_nothing::<Metrics>,
    },
    Case {
        id: "flush-after-the-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: shutdown::flush_after_the_shutdown_is_refused::<Metrics>,
    },
    Case {
        id: "second-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: shutdown::second_shutdown_is_refused::<Metrics>,
    },
    Case {
        id: "shutdown-error-comes-before-the-contexts",
        citation: Citation::of(TRAIT, "and do nothing else, also if their context is over"),
        check: shutdown::shutdown_error_comes_before_the_contexts::<Metrics>,
    },
];
