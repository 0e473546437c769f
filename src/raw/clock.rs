//! The clock: raw ticks on the caller's thread, nanoseconds since the Unix epoch in the drain.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

    #[inline(always)]
    pub(crate) fn is_counter(&self) -> bool {
        matches!(self, Clock::Counter)
    }

    /// Now, in ticks.
    #[inline(always)]
    pub(crate) fn ticks(&self) -> u64 {
        if self.is_counter() { counter() } else { self.slow_ticks() }
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

/// The processor's time stamp counter; 0 where there is none, and no clock is [`Clock::Counter`]. No
/// fence: a read may move by the length of the processor's reorder window, some tens of nanoseconds.
#[inline(always)]
pub(crate) fn counter() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: every x86-64 processor has the instruction, and Linux lets user code run it (a
        // process that forbade it to itself by prctl(PR_SET_TSC) would fault in libc's clock_gettime
        // just the same).
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        0
    }
}

/// Whether the kernel keeps its own time by the time stamp counter, which it does only where the
/// counter runs at a constant rate, never stops, and agrees between cores.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn counter_is_trusted() -> bool {
    // Miri has no such counter, whatever the machine has.
    !cfg!(miri)
        && std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .is_ok_and(|source| source.trim() == "tsc")
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn counter_is_trusted() -> bool {
    false
}

/// Turns ticks into Unix time: a continuous line of straight pieces that only ever grows at its end.
///
/// Whenever a tick is converted, the same piece is used, so times of parent and child compare as
/// their ticks do although they are converted in different passes. A new piece begins where the last
/// one is by now, and leans towards the system's wall clock. Only when the wall clock was set (it is
/// more than [`STEP`] away) the line jumps.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    first: Anchor,
    /// Oldest first, never empty.
    pieces: VecDeque<Piece>,
    /// The last of them.
    newest: Piece,
}

/// One moment on all clocks.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    ticks: u64,
    monotonic: Instant,
    unix_nanos: u64,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    ticks: u64,
    unix_nanos: u64,
    nanos_per_tick: f64,
    /// The same times 2^[`SCALE_BITS`]: nanoseconds are counted in whole numbers.
    scale: u64,
}

/// Room for a rate of up to 2^16 nanoseconds a tick, and a fraction that is off by less than a
/// nanosecond in a day.
const SCALE_BITS: u32 = 48;

impl Piece {
    fn new(ticks: u64, unix_nanos: u64, nanos_per_tick: f64) -> Self {
        let scale = (nanos_per_tick * (1_u64 << SCALE_BITS) as f64) as u64;
        Self { ticks, unix_nanos, nanos_per_tick, scale }
    }

    #[inline(always)]
    fn nanos(&self, ticks: u64) -> u64 {
        ((u128::from(ticks) * u128::from(self.scale)) >> SCALE_BITS) as u64
    }
}

/// How long the first measurement of the rate takes.
const FIRST_BASE: Duration = Duration::from_micros(500);
/// How long a piece is, once the rate has been measured over as long a time.
const PIECE: Duration = Duration::from_secs(1);
/// How many pieces are kept: what began longer ago is converted by the oldest one.
const PIECES: usize = 256;
/// How far the wall clock may be away before the line follows it at once.
const STEP: Duration = Duration::from_millis(10);

impl Timeline {
    pub(crate) fn new(clock: Clock) -> Self {
        let first = Anchor::take(&clock);
        let piece = Piece::new(first.ticks, first.unix_nanos, 1.0);
        let mut timeline = Self { clock, first, pieces: VecDeque::from([piece]), newest: piece };
        if matches!(timeline.clock, Clock::Counter) {
            while first.monotonic.elapsed() < FIRST_BASE {
                std::hint::spin_loop();
            }
            let now = Anchor::take(&timeline.clock);
            timeline.newest = Piece::new(first.ticks, first.unix_nanos, timeline.rate(&now));
            timeline.pieces[0] = timeline.newest;
        }
        timeline
    }

    /// Begins a new piece when the last one is long enough.
    pub(crate) fn renew(&mut self) {
        if matches!(self.clock, Clock::Manual(_)) {
            return;
        }
        let last = self.newest;
        let ticks = self.clock.ticks().saturating_sub(last.ticks);
        let length = (ticks as f64 * last.nanos_per_tick) as u64;
        let age = self.first.monotonic.elapsed();
        // At first a piece is as long as all before it together: the error of a rate measured over
        // some time must not be carried much longer than that time.
        if u128::from(length) < (age / 2).min(PIECE).as_nanos() {
            return;
        }
        let now = Anchor::take(&self.clock);
        let line = self.unix_nanos(now.ticks);
        let off = now.unix_nanos as i64 - line as i64;
        let rate = self.rate(&now);
        let piece = if off.unsigned_abs() > STEP.as_nanos() as u64 {
            Piece::new(now.ticks, now.unix_nanos, rate)
        } else {
            let horizon = age.min(PIECE).as_nanos() as f64;
            let lean = (off as f64 / horizon).clamp(-0.01, 0.01);
            Piece::new(now.ticks, line, rate * (1.0 + lean))
        };
        if self.pieces.len() == PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(piece);
        self.newest = piece;
    }

    /// Nanoseconds a tick, over the whole life of the timeline.
    fn rate(&self, now: &Anchor) -> f64 {
        let ticks = now.ticks.saturating_sub(self.first.ticks);
        if !matches!(self.clock, Clock::Counter) || ticks == 0 {
            return 1.0;
        }
        now.monotonic.duration_since(self.first.monotonic).as_nanos() as f64 / ticks as f64
    }

    /// The Unix time, in nanoseconds, at which the clock showed `ticks`.
    #[inline]
    pub(crate) fn unix_nanos(&self, ticks: u64) -> u64 {
        if matches!(self.clock, Clock::Manual(_)) {
            return ticks;
        }
        if ticks >= self.newest.ticks {
            return self.newest.unix_nanos.wrapping_add(self.newest.nanos(ticks - self.newest.ticks));
        }
        self.older_nanos(ticks)
    }

    /// The same for a tick before the last piece.
    #[cold]
    fn older_nanos(&self, ticks: u64) -> u64 {
        let older = self.pieces.iter().rev().find(|piece| piece.ticks <= ticks);
        let piece = older.or(self.pieces.front()).unwrap_or(&self.newest);
        match ticks.checked_sub(piece.ticks) {
            Some(since) => piece.unix_nanos.wrapping_add(piece.nanos(since)),
            None => piece.unix_nanos.wrapping_sub(piece.nanos(piece.ticks - ticks)),
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
pub(crate) fn unix_now() -> u64 {
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
    fn a_tick_converts_to_the_same_time_whenever_it_is_asked_and_later_ticks_to_later_times() {
        for clock in [Clock::best(), Clock::system()] {
            let mut timeline = Timeline::new(clock.clone());
            let mut seen: Vec<(u64, u64)> = Vec::new();
            for _ in 0..200_000 {
                timeline.renew();
                let ticks = clock.ticks();
                seen.push((ticks, timeline.unix_nanos(ticks)));
            }
            assert!(timeline.pieces.len() > 3, "{} pieces", timeline.pieces.len());
            assert!(seen.iter().all(|&(ticks, nanos)| timeline.unix_nanos(ticks) == nanos));
            assert!(seen.is_sorted_by_key(|&(_, nanos)| nanos));
        }
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
