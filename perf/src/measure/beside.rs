//! What the library's own threads take for a span, and for nothing at all, beside so many idle threads, live
//! spans or flushes.

use crate::library::Library;
use crate::machine::{fenced_ticks, nanos_of_a_tick, process_time, thread_time};
use crate::measure::{BURST, Beside, Job, Produced};
use crate::row::Row;
use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// After that long without a span a library's threads are at rest, if they ever are.
const REST: Duration = Duration::from_millis(1500);

/// How long rest is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn measure<L: Library>(library: &L, job: &Job, row: &mut Row) -> Result<Produced, String> {
    let count = job.count;
    let mut produced = Produced::default();
    let idle = if job.beside == Beside::Idle { count } else { 0 };
    let (here, done) = (Barrier::new(idle + 1), Barrier::new(idle + 1));
    let sampled = AtomicU64::new(0);
    thread::scope(|scope| {
        for n in 0..idle {
            let (here, done, sampled) = (&here, &done, &sampled);
            let body = move || {
                let root = library.root();
                sampled.fetch_add(u64::from(library.is_sampled(&root)), Ordering::Relaxed);
                let inside = library.scope(&root);
                library.w1(&inside, n as u64);
                drop(inside);
                drop(root);
                here.wait();
                done.wait();
            };
            let thread = thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, body);
            // Those that are there wait for the others: there is no way on without one.
            assert!(thread.is_ok(), "thread {n} of {idle} cannot be started: {:?}", thread.err());
        }
        here.wait();
        look(library, job, &mut produced, row);
        done.wait();
    });
    // A root and a span of each.
    produced.spans += 2 * idle as u64;
    produced.roots += idle as u64;
    produced.sampled += sampled.into_inner();
    Ok(produced)
}

fn look<L: Library>(library: &L, job: &Job, produced: &mut Produced, row: &mut Row) {
    let root = library.root();
    produced.root(library.is_sampled(&root));
    let scope = library.scope(&root);
    let live = if job.beside == Beside::Live { job.count } else { 0 };
    let live: Vec<_> = (0..live as u64).map(|n| library.open(&scope, n)).collect();
    produced.spans += live.len() as u64;
    drop(scope);
    library.flush();
    thread::sleep(REST);
    let (began, process) = (Instant::now(), process_time());
    thread::sleep(LOOK);
    let at_rest = (process_time() - process).as_secs_f64() / began.elapsed().as_secs_f64();
    let (process, caller) = (process_time(), thread_time());
    pace(library, job, produced);
    library.flush();
    let others = (process_time() - process).saturating_sub(thread_time() - caller);
    row.put("beside", job.beside);
    row.put("count", job.count);
    row.put("rate", job.rate);
    row.put("others_ns", format!("{:.1}", others.as_nanos() as f64 / job.spans as f64));
    row.put("at_rest", format!("{:.2}", at_rest * 100.0));
    live.into_iter().for_each(|span| library.end(span));
}

/// Spans at a rate, and flushes among them.
fn pace<L: Library>(library: &L, job: &Job, produced: &mut Produced) {
    let interval = 1e9 / job.rate as f64 / nanos_of_a_tick();
    let flushes = if job.beside == Beside::Flushes { job.count as u64 } else { 0 };
    let began = fenced_ticks();
    let mut flushed = 0;
    let mut done = 0;
    while done < job.spans {
        let root = library.root();
        produced.root(library.is_sampled(&root));
        let scope = library.scope(&root);
        let end = job.spans.min(done + BURST);
        for n in done..end {
            let due = began + (n as f64 * interval) as u64;
            while fenced_ticks() < due {
                spin_loop();
            }
            library.w1(&scope, n);
            if flushed < flushes && n * flushes / job.spans > flushed {
                library.flush();
                flushed += 1;
            }
        }
        produced.spans += end - done;
        done = end;
    }
}
