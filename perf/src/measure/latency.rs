//! How long each repetition takes at a fixed rate, and what the process takes meanwhile.

use crate::library::Library;
use crate::machine::{
    fenced_ticks, forget_highest, nanos_of_a_tick, process_time, resident_kib, thread_time,
};
use crate::measure::{BURST, Job, Produced};
use crate::row::Row;
use std::hint::spin_loop;
use std::time::Instant;

/// The part of a second that goes by before latencies are looked at, as a divisor.
const WARM_UP_PART: u64 = 10;

pub(super) fn measure<L: Library>(library: &L, job: &Job, row: &mut Row) -> Result<Produced, String> {
    let nanos = nanos_of_a_tick();
    let warm_up = (job.rate / WARM_UP_PART).max(1);
    let mut latencies = vec![0_u32; job.spans as usize];
    // All of it resident before the library is looked at.
    latencies.fill(1);
    let mut produced = Produced::default();
    pace(library, job.rate, nanos, warm_up, None, &mut produced);
    let before = resident_kib("VmRSS")?;
    forget_highest();
    let (wall, caller, process) = (Instant::now(), thread_time(), process_time());
    pace(library, job.rate, nanos, job.spans, Some(&mut latencies), &mut produced);
    let (wall, caller, process) = (wall.elapsed(), thread_time() - caller, process_time() - process);
    let grown = resident_kib("VmHWM")?.saturating_sub(before);
    latencies.sort_unstable();
    row.put("rate", job.rate);
    row.put("exporter", job.exporter);
    let last = latencies.len() - 1;
    let at = |share: f64| f64::from(latencies[(last as f64 * share) as usize]) * nanos;
    for (key, share) in
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)]
    {
        row.put(key, format!("{:.1}", at(share)));
    }
    row.put("wall_ns", format!("{:.1}", wall.as_nanos() as f64 / job.spans as f64));
    let others = process.saturating_sub(caller);
    row.put("others_ns", format!("{:.1}", others.as_nanos() as f64 / job.spans as f64));
    row.put("before_kib", before);
    row.put("grown_kib", grown);
    Ok(produced)
}

/// So many spans at a rate. Roots change between two spans, and are no part of a latency.
fn pace<L: Library>(
    library: &L,
    rate: u64,
    nanos: f64,
    spans: u64,
    mut latencies: Option<&mut [u32]>,
    produced: &mut Produced,
) {
    let interval = 1e9 / rate as f64 / nanos;
    let began = fenced_ticks();
    let mut done = 0;
    while done < spans {
        let root = library.root();
        produced.root(library.is_sampled(&root));
        let scope = library.scope(&root);
        let end = spans.min(done + BURST);
        for n in done..end {
            let due = began + (n as f64 * interval) as u64;
            while fenced_ticks() < due {
                spin_loop();
            }
            let start = fenced_ticks();
            library.w1(&scope, n);
            let taken = fenced_ticks() - start;
            if let Some(latencies) = &mut latencies {
                latencies[n as usize] = u32::try_from(taken).unwrap_or(u32::MAX);
            }
        }
        produced.spans += end - done;
        done = end;
    }
}
