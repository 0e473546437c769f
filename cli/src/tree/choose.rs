//! Choosing the traces to draw.

use std::collections::HashMap;

use nanospan::StatusCode;

use crate::failure::Failure;
use crate::input::Input;
use crate::notices::Notices;

/// What traces to draw.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    Slowest(usize),
    Errors(usize),
}

/// What is known of a trace before it is chosen.
#[derive(Debug)]
struct Extent {
    start: u64,
    end: u64,
    failed: bool,
}

/// The ids of the traces of `choice`, in the order in which they are drawn, and whether the input holds
/// metrics only.
pub(super) fn choose(
    input: &Input,
    choice: Choice,
    notices: &mut Notices,
) -> Result<(Vec<[u8; 16]>, bool), Failure> {
    let mut traces: HashMap<[u8; 16], Extent> = HashMap::new();
    let only_metrics = input.each_span_batch(notices, |batch| {
        for span in batch.spans() {
            let (start, end) = (span.start_unix_nanos(), span.end_unix_nanos());
            let extent = traces.entry(span.trace_id()).or_insert(Extent { start, end, failed: false });
            extent.start = extent.start.min(start);
            extent.end = extent.end.max(end);
            extent.failed |= span.status().0 == StatusCode::Error;
        }
    })?;
    let (wanted, mut ranked): (_, Vec<_>) = match choice {
        Choice::Slowest(wanted) => {
            let rank = |extent: &Extent| extent.end.saturating_sub(extent.start);
            let all = traces.iter();
            (wanted, all.map(|(id, extent)| (rank(extent), *id)).collect())
        }
        Choice::Errors(wanted) => {
            let failed = traces.iter().filter(|(_, extent)| extent.failed);
            (wanted, failed.map(|(id, extent)| (extent.end, *id)).collect())
        }
    };
    // The largest first, and equal ones by their ids: the order of a hash map differs from run to
    // run.
    ranked.sort_unstable_by_key(|(rank, id)| (std::cmp::Reverse(*rank), *id));
    ranked.truncate(wanted);
    Ok((ranked.into_iter().map(|(_, id)| id).collect(), only_metrics))
}
