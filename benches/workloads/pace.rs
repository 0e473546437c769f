//! Where a benchmark's threads run, and how it waits for the drain.

use nanospan::Tracer;
use std::thread;
use std::time::Duration;

/// The processor of the thread that records.
pub(crate) const PRODUCER: usize = 0;
/// The processor of all other threads.
pub(crate) const WORKERS: usize = 1;

/// Keeps the calling thread, and threads that it spawns from now on, on one processor. Does nothing
/// where there is no such processor or the system has no such call: the figures are then noisier.
pub(crate) fn pin_to(processor: usize) {
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code, reason = "the standard library does not set a thread's processors")]
    // SAFETY: an all-zero `cpu_set_t` is an empty set; `CPU_SET` checks its index against the set's
    // size; the call reads the set, which outlives it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
}

/// Waits until the drains have collected every span but the one that a stage keeps live in each tracer.
pub(crate) fn settle(tracers: &[Tracer]) {
    while tracers.iter().any(|tracer| tracer.stats().live > 1) {
        thread::sleep(Duration::from_micros(200));
    }
}
