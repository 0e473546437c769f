//! The processor, its clocks, and the process's memory.

use std::arch::x86_64::{_mm_lfence, _rdtsc};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The processor of the thread that records.
pub(crate) const PRODUCER: usize = 0;
/// The processor of the library's threads, of the second producer, and of whoever ends spans elsewhere.
pub(crate) const WORKERS: usize = 1;

/// Keeps the calling thread, and those that it spawns from now on, on one processor.
pub(crate) fn pin(processor: usize) -> Result<(), String> {
    // SAFETY: an all-zero `cpu_set_t` is an empty set; `CPU_SET` checks its index against the set's
    // size; the call reads the set, which outlives it, and 0 names the calling thread.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    };
    match result {
        0 => Ok(()),
        _ => Err(format!("cannot run on processor {processor}: {}", std::io::Error::last_os_error())),
    }
}

/// Processor time that the calling thread has used.
pub(crate) fn thread_time() -> Duration {
    processor_time(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time that all threads of the process have used.
pub(crate) fn process_time() -> Duration {
    processor_time(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn processor_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable and outlives the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time stamp counter, read whenever the processor likes: what a tracer does.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe { _rdtsc() }
}

/// The time stamp counter after all that comes before in the program and before all that comes after.
#[inline(always)]
pub(crate) fn fenced_ticks() -> u64 {
    // SAFETY: every x86-64 processor has the three instructions, and they touch no memory.
    unsafe {
        _mm_lfence();
        let ticks = _rdtsc();
        _mm_lfence();
        ticks
    }
}

/// Nanoseconds of one tick, measured over 50 ms.
pub(crate) fn nanos_of_a_tick() -> f64 {
    let (start, first) = (Instant::now(), fenced_ticks());
    while start.elapsed() < Duration::from_millis(50) {
        std::hint::spin_loop();
    }
    let (taken, last) = (start.elapsed(), fenced_ticks());
    taken.as_nanos() as f64 / (last - first) as f64
}

/// Turns of the empty loop that go with each sample: some 20 µs.
const CONTROL_TURNS: u64 = 65_536;

/// Nanoseconds that a turn of an empty loop takes now: higher where the processor is shared.
pub(crate) fn control() -> f64 {
    let start = Instant::now();
    for turn in 0..CONTROL_TURNS {
        black_box(turn);
    }
    start.elapsed().as_nanos() as f64 / CONTROL_TURNS as f64
}

/// The time of so many ticks in which the system counts processor time.
pub(crate) fn of_ticks(ticks: u64) -> Duration {
    // SAFETY: the call reads a constant of the system.
    let a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / a_second.max(1) as f64)
}

/// What all of the machine's processors did so far beside idling: our work, that of others, and what the
/// host took away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Busy {
    machine: Duration,
    process: Duration,
    at: Instant,
}

impl Busy {
    /// `collector` is the processor time of the collector's process, which is no other's.
    pub(crate) fn now(collector: Duration) -> Result<Self, String> {
        let path = "/proc/stat";
        let stat = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        // user, nice, system, idle, iowait, irq, softirq, steal: proc_stat(5).
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|it| it.parse().ok()).collect();
        let [user, nice, system, _, _, irq, softirq, steal] = ticks[..] else {
            return Err(format!("{path} has no line of all processors with eight numbers"));
        };
        let machine = of_ticks(user + nice + system + irq + softirq + steal);
        Ok(Self { machine, process: process_time() + collector, at: Instant::now() })
    }

    /// How much of one processor others have used since, in per cent.
    pub(crate) fn foreign_since(&self, collector: Duration) -> Result<f64, String> {
        let now = Self::now(collector)?;
        let others = (now.machine.saturating_sub(self.machine)).saturating_sub(now.process - self.process);
        Ok(100.0 * others.as_secs_f64() / (now.at - self.at).as_secs_f64())
    }
}

/// Resident memory in KiB: now (`VmRSS`) or at its highest (`VmHWM`).
pub(crate) fn resident_kib(field: &str) -> Result<u64, String> {
    let path = "/proc/self/status";
    let status = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find(|line| line.strip_prefix(field).is_some_and(|rest| rest.starts_with(':')));
    let number = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok());
    number.ok_or_else(|| format!("{path} has no line {field} with a number"))
}

/// Sets the highest resident memory back to what is resident now, where the kernel lets us.
pub(crate) fn forget_highest() {
    // 5 is "reset the peak resident set size", proc_pid_clear_refs(5). Without it the figure also has
    // what was resident only before the measurement, and is too high.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
