//! `temporality` and `aggregation`.

use super::TRAIT;
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::preferences;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

const AT_ONCE: &str = "`temporality` and `aggregation` answer at once, whatever else is under way, and after the \
                       shutdown as before it.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "preferences-answer-beside-a-hang",
        citation: Citation::of(TRAIT, AT_ONCE)
            .read_as("also while an export hangs, for each kind of instrument as before"),
        check: preferences::preferences_answer_beside_a_hang::<Metrics>,
    },
    Case {
        id: "preferences-answer-to-many-threads",
        citation: Citation::of(
            "Go, sdk/metric, Exporter.Temporality and Exporter.Aggregation",
            "This method needs to be concurrent safe with itself and all the other Exporter methods.",
        )
        .read_as("the same to each thread, for each kind of instrument"),
        check: preferences::preferences_answer_to_many_threads::<Metrics>,
    },
    Case {
        id: "preferences-outlast-the-shutdown",
        citation: Citation::of(TRAIT, AT_ONCE).read_as("also after a shutdown whose context was over"),
        check: preferences::preferences_outlast_the_shutdown::<Metrics>,
    },
];
