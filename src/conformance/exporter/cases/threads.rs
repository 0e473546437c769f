//! Calls that come together.

use super::{CONCURRENCY, SHUTDOWN};
use crate::conformance::case::Citation;
use crate::conformance::exporter::Case;
use crate::conformance::exporting::checks::threads;
use crate::export::Spans;

const SAFE: &str = "`ForceFlush` and `Shutdown` MUST be safe to be called concurrently.";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "flush-beside-exports-is-safe",
        citation: Citation::of(CONCURRENCY, SAFE).read_as("also while another thread exports"),
        check: threads::flush_beside_exports_is_safe::<Spans>,
    },
    Case {
        id: "one-of-twenty-shutdowns-does-it",
        citation: Citation::of(CONCURRENCY, SAFE)
            .read_as("one of them shuts the exporter down, and all others are refused as a second one is"),
        check: threads::one_of_twenty_shutdowns_does_it::<Spans>,
    },
    Case {
        id: "shutdown-ends-beside-a-hang",
        citation: Citation::of(
            SHUTDOWN,
            "`Shutdown` should not block indefinitely (e.g. if it attempts to flush the data and the destination is \
             unavailable).",
        )
        .read_as("its deadline ends it, and then the export that hangs as well"),
        check: threads::shutdown_ends_beside_a_hang::<Spans>,
    },
];
