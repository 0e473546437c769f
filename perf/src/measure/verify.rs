//! Whether what arrives is what was recorded: in a process of its own, so that looking at it takes no
//! time from anything that is timed.

use crate::library::{Library, Setup};
use crate::machine::{self, WORKERS};
use crate::measure::burst::below_a_root;
use crate::measure::{Job, Produced};
use crate::row::Row;
use crate::workload::{Types, Workload, expected, expected_root};
use std::thread;

/// Repetitions; no queue drops any of so few.
const TIMES: u64 = 800;

pub(super) fn measure<L: Library>(
    library: &L,
    job: &Job,
    setup: &Setup,
    row: &mut Row,
) -> Result<Produced, String> {
    setup.sink.verify();
    let workload = job.workload;
    let mut produced = Produced::default();
    let times = TIMES / workload.spans();
    if workload.needs_values() {
        here_and_there(library, workload, times, &mut produced)?;
    } else {
        below_a_root(library, workload, times, &mut produced);
    }
    produced.spans += times * workload.spans();
    library.flush();
    let arrived = setup.arrived()?;
    match L::TYPES {
        Types::Nothing(reason) => {
            row.put("content", "n/a");
            row.put("reason", reason.replace(' ', "_"));
        }
        types => {
            let sum =
                (0..times).map(|n| expected(workload, types, n)).fold(expected_root(), u64::wrapping_add);
            let wanted = if workload == Workload::W5 { 0 } else { sum };
            row.put("content", format!("{:016x}", arrived.hash));
            row.put("expected", format!("{wanted:016x}"));
            row.put("types", if types == Types::Strings { "strings" } else { "kept" });
            row.put("extra_attributes", arrived.extra);
        }
    }
    Ok(produced)
}

/// Started here, ended on another thread, with attributes set where the workload sets them.
fn here_and_there<L: Library>(
    library: &L,
    workload: Workload,
    times: u64,
    produced: &mut Produced,
) -> Result<(), String> {
    let root = library.root();
    produced.root(library.is_sampled(&root));
    let scope = library.scope(&root);
    let moves = workload == Workload::Move;
    let open = |n| if moves { library.open_bare(&scope) } else { library.open(&scope, n) };
    let mut spans: Vec<L::Open> = (0..times).map(open).collect();
    let there = thread::scope(|threads| {
        let there = threads.spawn(|| {
            machine::pin(WORKERS)?;
            if moves {
                spans.iter_mut().enumerate().for_each(|(n, span)| library.add(span, n as u64));
            }
            spans.into_iter().for_each(|span| library.end(span));
            Ok(())
        });
        there.join()
    });
    there.map_err(|_| "the other thread panicked".to_owned())?
}
