//! The clock: raw ticks on the caller's thread, nanoseconds since the Unix epoch in the drain.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where ticks come from.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The processor's time stamp counter; chosen when the kernel itself keeps time by it.
    Counter,
    /// The operating system's monotonic clock, in nanoseconds since the given moment.
    System(Instant),
    /// Set by a test: nanoseconds since the Unix epoch.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The counter if the kernel trusts it, else the system's clock.
    pub(crate) fn best() -> Self {
        if counter_is_trusted() { Clock::Counter } else { Clock::system() }
    }

    pub(crate) fn system() -> Self {
        Clock::System(Instant::now())
    }

    /// Now, in ticks. No fence: a read may move by the length of the processor's reorder window,
    /// some tens of nanoseconds.
    #[inline(always)]
    pub(crate) fn ticks(&self) -> u64 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Clock::Counter => {
                // SAFETY: every x86-64 processor has the instruction, and Linux lets user code run it
                // (a process that forbade it to itself by prctl(PR_SET_TSC) would fault in libc's
                // clock_gettime just the same).
                unsafe { core::arch::x86_64::_rdtsc() }
            }
            _ => self.slow_ticks(),
        }
    }

    #[inline(never)]
    fn slow_ticks(&self) -> u64 {
        match self {
            Clock::System(origin) => origin.elapsed().as_nanos() as u64,
            Clock::Manual(now) => now.load(Ordering::Relaxed),
            Clock::Counter => 0,
        }
    }
}

/// Whether the kernel keeps its own time by the time stamp counter, which it does only where the
/// counter runs at a constant rate, never stops, and agrees between cores.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn counter_is_trusted() -> bool {
    std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource")
        .is_ok_and(|source| source.trim() == "tsc")
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn counter_is_trusted() -> bool {
    false
}

/// Turns ticks into Unix time by an anchor that is renewed as time goes on.
///
/// The rate is measured over the whole life of the tracer, so it gets better with time; the offset
/// is taken from the last anchor, so a step of the system's clock shows in spans that are drained
/// after it.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    first: Anchor,
    last: Anchor,
    nanos_per_tick: f64,
}

/// One moment on all clocks.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    ticks: u64,
    monotonic: Instant,
    unix_nanos: u64,
}

/// How long the first measurement of the rate takes.
const FIRST_BASE: Duration = Duration::from_micros(500);

impl Timeline {
    pub(crate) fn new(clock: Clock) -> Self {
        let first = Anchor::take(&clock);
        let mut timeline = Self { clock, first, last: first, nanos_per_tick: 1.0 };
        if matches!(timeline.clock, Clock::Counter) {
            while first.monotonic.elapsed() < FIRST_BASE {
                std::hint::spin_loop();
            }
            timeline.renew();
        }
        timeline
    }

    /// Takes a new anchor.
    pub(crate) fn renew(&mut self) {
        if matches!(self.clock, Clock::Manual(_)) {
            return;
        }
        self.last = Anchor::take(&self.clock);
        let ticks = self.last.ticks.saturating_sub(self.first.ticks);
        let nanos = self.last.monotonic.duration_since(self.first.monotonic).as_nanos();
        if matches!(self.clock, Clock::Counter) && ticks > 0 {
            self.nanos_per_tick = nanos as f64 / ticks as f64;
        }
    }

    /// The Unix time, in nanoseconds, at which the clock showed `ticks`.
    #[inline]
    pub(crate) fn unix_nanos(&self, ticks: u64) -> u64 {
        if matches!(self.clock, Clock::Manual(_)) {
            return ticks;
        }
        let since = ticks.wrapping_sub(self.last.ticks) as i64;
        self.last.unix_nanos.wrapping_add_signed((since as f64 * self.nanos_per_tick) as i64)
    }

    /// The Unix time now, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        match &self.clock {
            Clock::Manual(now) => now.load(Ordering::Relaxed),
            _ => unix_now(),
        }
    }
}

impl Anchor {
    /// Of a few tries the one with the shortest time between its two readings of the ticks, so that
    /// being scheduled away in the middle does no harm.
    fn take(clock: &Clock) -> Self {
        let mut best = (u64::MAX, Self { ticks: 0, monotonic: Instant::now(), unix_nanos: 0 });
        for _ in 0..3 {
            let before = clock.ticks();
            let monotonic = Instant::now();
            let unix_nanos = unix_now();
            let after = clock.ticks();
            let width = after.saturating_sub(before);
            if width < best.0 {
                best = (width, Self { ticks: before + width / 2, monotonic, unix_nanos });
            }
        }
        best.1
    }
}

/// The system's wall clock; a clock set before 1970 counts as 1970.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn agrees_with_the_system(clock: Clock) {
        let mut timeline = Timeline::new(clock.clone());
        for _ in 0..3 {
            let before = unix_now();
            let ticks = clock.ticks();
            let after = unix_now();
            timeline.renew();
            let converted = timeline.unix_nanos(ticks);
            // The wall clock itself may be slewed meanwhile; a millisecond is far beyond that and
            // far below what a wrong rate or offset would give.
            assert!(converted + 1_000_000 > before && converted < after + 1_000_000);
        }
    }

    #[test]
    fn ticks_of_the_chosen_clock_convert_to_wall_time() {
        agrees_with_the_system(Clock::best());
    }

    #[test]
    fn ticks_of_the_fallback_convert_to_wall_time() {
        agrees_with_the_system(Clock::system());
    }

    #[test]
    fn ticks_do_not_go_back_on_one_thread() {
        for clock in [Clock::best(), Clock::system()] {
            let mut last = 0;
            for _ in 0..10_000 {
                let now = clock.ticks();
                assert!(now >= last, "{clock:?} went from {last} to {now}");
                last = now;
            }
        }
    }
}
