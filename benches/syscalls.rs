//! Records every workload between two system calls that serve as markers, for `scripts/syscalls` to
//! look at with strace: `getppid` before, `getuid` after.
//!
//! Between the last two markers stands one `getegid` and nothing else, so that the script can tell
//! that it would have seen a call.

#[path = "workloads/pace.rs"]
mod pace;
mod workloads;

use nanospan::export::MemoryExporter;
use std::time::Duration;
use workloads::{ALL, Stage, Workload, check};

const BURSTS: usize = 20;
/// Some 60 changes of block and more of chunk.
const REPEATS: u64 = 4096;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        check::workloads();
        return;
    }
    pace::pin_to(pace::WORKERS);
    let stage = Stage::new(MemoryExporter::new(), Duration::from_millis(1));
    pace::pin_to(pace::PRODUCER);
    for workload in ALL {
        // The first call of a thread on a tracer registers the thread, which may make system calls.
        (workload.repeat)(&stage, 1);
        for _ in 0..BURSTS {
            pace::settle(&stage.tracers());
            between_markers(|| repeat(workload, &stage));
        }
    }
    stage.finish();
    between_markers(|| {
        getegid();
    });
}

fn repeat(workload: &Workload, stage: &Stage) {
    // A tree counts as the spans that it has.
    (workload.repeat)(stage, REPEATS / workload.arrives.spans().max(1));
}

#[allow(unsafe_code, reason = "the standard library has no call that is one system call for certain")]
fn between_markers(work: impl FnOnce()) {
    // SAFETY: the calls take nothing, cannot fail, and only return numbers.
    unsafe { libc::getppid() };
    work();
    // SAFETY: as above.
    unsafe { libc::getuid() };
}

#[allow(unsafe_code, reason = "as for the markers")]
fn getegid() {
    // SAFETY: as above.
    unsafe { libc::getegid() };
}
