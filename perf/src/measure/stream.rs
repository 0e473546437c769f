//! Spans without a pause: what they cost the whole process, how much memory it takes, what is lost.

use crate::library::Library;
use crate::machine::{forget_highest, process_time, resident_kib, thread_time};
use crate::measure::burst::repeat;
use crate::measure::{Job, Produced, burst_of};
use crate::row::Row;
use std::thread;
use std::time::{Duration, Instant};

/// Repetitions between two looks at whether the producer has to wait.
const LOOK: u64 = 256;

/// How long a producer that has to wait sleeps before it looks again.
const WAIT: Duration = Duration::from_micros(50);

/// A throttled producer waits where spans would be dropped.
pub(super) fn measure<L: Library>(
    library: &L,
    job: &Job,
    throttled: bool,
    row: &mut Row,
) -> Result<Produced, String> {
    let throttle = throttled.then(|| job.backlog.unwrap_or(library.backlog()));
    let mut warm = Produced::default();
    for _ in 0..4 {
        stream(library, job, burst_of(job.workload) * job.workload.spans(), throttle, &mut warm);
        library.settle();
    }
    let before = resident_kib("VmRSS")?;
    forget_highest();
    // The library's counts go on from what it has had.
    let mut produced = warm;
    let (wall, caller, process) = (Instant::now(), thread_time(), process_time());
    stream(library, job, job.spans, throttle, &mut produced);
    let (wall, caller) = (wall.elapsed(), thread_time() - caller);
    // What is still to be done belongs to these spans, too.
    library.flush();
    let process = process_time() - process;
    let highest = resident_kib("VmHWM")?;
    let spans = produced.spans - warm.spans;
    let a_span = |time: Duration| time.as_nanos() as f64 / spans as f64;
    row.put("exporter", job.exporter);
    row.put("wall_ns", format!("{:.2}", a_span(wall)));
    row.put("caller_ns", format!("{:.2}", a_span(caller)));
    row.put("process_ns", format!("{:.2}", a_span(process)));
    if let Some(most) = throttle {
        row.put("backlog", most);
    }
    row.put("before_kib", before);
    row.put("grown_kib", highest.saturating_sub(before));
    Ok(produced)
}

fn stream<L: Library>(library: &L, job: &Job, spans: u64, throttle: Option<u64>, produced: &mut Produced) {
    let workload = job.workload;
    let times = burst_of(workload);
    for _ in 0..spans.div_ceil(times * workload.spans()) {
        let root = library.root();
        produced.root(library.is_sampled(&root));
        let scope = library.scope(&root);
        if let Some(most) = throttle {
            let mut left = times;
            while left > 0 {
                let now = left.min(LOOK);
                repeat(library, workload, &scope, now);
                left -= now;
                produced.spans += now * workload.spans();
                while library.waiting(produced.spans) > most && left > 0 {
                    thread::sleep(WAIT);
                }
            }
        } else {
            repeat(library, workload, &scope, times);
            produced.spans += times * workload.spans();
        }
        drop(scope);
        drop(root);
        while throttle.is_some_and(|most| library.waiting(produced.spans) > most) {
            thread::sleep(WAIT);
        }
    }
}
