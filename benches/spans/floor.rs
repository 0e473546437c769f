//! What the workloads are compared with.

use std::hint::black_box;

/// The floor: two clock reads, which is what a span cannot do without.
pub(crate) fn clock_reads(times: u64) {
    for _ in 0..times {
        black_box(ticks());
        black_box(ticks());
    }
}

/// What is left of a repetition when it does nothing.
pub(crate) fn empty_loop(times: u64) {
    for n in 0..times {
        black_box(n);
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the instruction has no safe wrapper")]
#[inline(always)]
fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ticks() -> std::time::Instant {
    std::time::Instant::now()
}
