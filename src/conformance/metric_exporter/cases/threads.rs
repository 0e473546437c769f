//! Calls that come together.

use super::{GO_FORCE_FLUSH, GO_SHUTDOWN, SHUTDOWN};
use crate::conformance::case::Citation;
use crate::conformance::exporting::checks::threads;
use crate::conformance::metric_exporter::Case;
use crate::metrics::Metrics;

const SAFE: &str = "This method needs to be concurrent safe.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-beside-exports-is-safe",
        citation: Citation::of(GO_FORCE_FLUSH, SAFE).read_as("also while another thread exports"),
        check: threads::flush_beside_exports_is_safe::<Metrics>,
    },
    Case {
        id: "one-of-twenty-shutdowns-does-it",
        citation: Citation::of(GO_SHUTDOWN, SAFE)
            .read_as("one of them shuts the exporter down, and all others are refused as a second one is"),
        check: threads::one_of_twenty_shutdowns_does_it::<Metrics>,
    },
    Case {
        id: "shutdown-ends-beside-a-hang",
        citation: Citation::of(
            SHUTDOWN,
            "`Shutdown` SHOULD NOT block indefinitely (e.g. if it attempts to flush the data and the destination is \
             unavailable).",
        )
        .read_as("its deadline ends it, and then the export that hangs as well"),
        check: threads::shutdown_ends_beside_a_hang::<Metrics>,
    },
];
