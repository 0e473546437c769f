//! The shutdown, and what comes after it.

use super::{SHUTDOWN, TRAIT};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::shutdown;
use crate::export::Spans;

const GO: &str = "Go, sdk/trace, SpanExporter.Shutdown";
const HONORING: &str = "while honoring all timeouts and cancellations contained in the passed context";
const EACH_CALL: &str = "From then on each call, a further `shutdown` included, returns an error of kind \
                         `ExporterShutdown`";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "shutdown-succeeds",
        citation: Citation::of(SHUTDOWN, "Shuts down the exporter.").read_as("the first one, with time, is Ok"),
        check: shutdown::shutdown_succeeds::<Spans>,
    },
    Case {
        id: "shutdown-delivers-what-is-unfinished",
        citation: Citation::of(TRAIT, "Completes what is unfinished"),
        check: shutdown::shutdown_delivers_what_is_unfinished::<Spans>,
    },
    Case {
        id: "shutdown-honours-a-passed-deadline",
        citation: Citation::of(GO, HONORING).read_as("with an error of kind DeadlineExceeded"),
        check: shutdown::shutdown_honours_a_passed_deadline::<Spans>,
    },
    Case {
        id: "shutdown-honours-a-cancellation",
        citation: Citation::of(GO, HONORING).read_as("with an error of kind Cancelled"),
        check: shutdown::shutdown_honours_a_cancellation::<Spans>,
    },
    Case {
        id: "shutdown-releases-everything",
        citation: Citation::of(TRAIT, "The first `shutdown` releases everything, whatever it returns.")
            .read_as("also when its context is over; what cannot be interrupted then is released behind it"),
        check: shutdown::shutdown_releases_everything::<Spans>,
    },
    Case {
        id: "late-shutdown-is-final",
        citation: Citation::of(TRAIT, "the exporter is shut down all the same"),
        check: shutdown::late_shutdown_is_final::<Spans>,
    },
    Case {
        id: "export-after-the-shutdown-is-refused",
        citation: Citation::of(
            SHUTDOWN,
            "After the call to `Shutdown` subsequent calls to `Export` are not allowed and should return a `Failure` \
             result.",
        )
        .read_as("an error of kind ExporterShutdown"),
        check: shutdown::export_after_the_shutdown_is_refused::<Spans>,
    },
    Case {
        id: "refused-export-delivers-nothing",
        citation: Citation::of(TRAIT, "and does nothing else"),
        check: shutdown::refused_export_delivers_nothing::<Spans>,
    },
    Case {
        id: "flush-after-the-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: shutdown::flush_after_the_shutdown_is_refused::<Spans>,
    },
    Case {
        id: "second-shutdown-is-refused",
        citation: Citation::of(TRAIT, EACH_CALL),
        check: shutdown::second_shutdown_is_refused::<Spans>,
    },
    Case {
        id: "shutdown-error-comes-before-the-contexts",
        citation: Citation::of(TRAIT, "and does nothing else, also if its context is over"),
        check: shutdown::shutdown_error_comes_before_the_contexts::<Spans>,
    },
];
