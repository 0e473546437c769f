//! One thread records spans without a pause, the drain and the export thread do what they can, and
//! the process is looked at as a whole: what arrived, what a span cost in wall and processor time,
//! how much memory it took.
//!
//! ```text
//! nanospan-perf saturate SPANS      without any pause: more than the drain can take
//! nanospan-perf paced SPANS RATE    RATE spans a second
//! ```
//!
//! A span has an integer, a static string of 16 bytes and a boolean (W1). Batches are built and
//! discarded. The recording thread runs on processor 0, the tracer's threads on processor 1.

use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, SpanExporter};
use nanospan::{Tracer, Value};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Takes batches and discards them.
struct Discard;

impl SpanExporter for Discard {
    fn export(&self, _: &Context, batch: &Batch) -> Result<(), ExportError> {
        black_box(batch.as_bytes());
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Keeps the calling thread, and those that it spawns, on one processor.
fn pin(processor: usize) {
    // SAFETY: a zeroed set is an empty one; the set outlives the call; 0 names the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Processor time used so far, of the process or of the calling thread.
fn processor_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable and outlives the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory in MiB: now (`VmRSS`) or at its highest (`VmHWM`).
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

fn run(spans: u64, rate: Option<u64>) -> Result<(), Box<dyn std::error::Error>> {
    pin(1);
    let tracer = Tracer::builder("perf").exporter(Discard).build()?;
    pin(0);
    let root = tracer.span("root").start();
    let before = resident("VmRSS:");
    let began = Instant::now();
    let process = processor_time(libc::CLOCK_PROCESS_CPUTIME_ID);
    let caller = processor_time(libc::CLOCK_THREAD_CPUTIME_ID);
    for n in 0..spans {
        if let Some(rate) = rate {
            let due = Duration::from_nanos(n.saturating_mul(1_000_000_000) / rate);
            while began.elapsed() < due {
                std::hint::spin_loop();
            }
        }
        let span = root.child("work").start();
        span.set_attribute("http.response.status_code", black_box(200_i64));
        span.set_attribute("server.address", Value::StaticStr("0123456789abcdef"));
        span.set_attribute("cache.hit", black_box(true));
    }
    let wall = began.elapsed();
    let caller = processor_time(libc::CLOCK_THREAD_CPUTIME_ID) - caller;
    drop(root);
    tracer.flush(Duration::from_secs(60))?;
    let process = processor_time(libc::CLOCK_PROCESS_CPUTIME_ID) - process;
    let stats = tracer.stats();
    let per_span = |time: Duration| time.as_nanos() as f64 / spans as f64;
    println!("spans               {spans}");
    println!("delivered           {:.2} %", 100.0 * stats.exported as f64 / stats.started as f64);
    println!("attributes lost     {:.2} %", 100.0 * stats.lost_attributes as f64 / (3 * spans) as f64);
    println!("account balanced    {}", stats.is_balanced());
    println!("wall a span         {:.1} ns", per_span(wall));
    println!("caller's CPU a span {:.1} ns", per_span(caller));
    println!("others' CPU a span  {:.1} ns", per_span(process.saturating_sub(caller)));
    println!("resident before     {before:.1} MiB");
    println!("resident at most    {:.1} MiB", resident("VmHWM:"));
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (spans, rate) = match arguments[..] {
        ["saturate", spans] => (spans.parse(), None),
        ["paced", spans, rate] => (spans.parse(), Some(rate.parse::<u64>())),
        _ => {
            eprintln!("usage: nanospan-perf saturate SPANS | paced SPANS RATE");
            return ExitCode::from(2);
        }
    };
    let result = match (spans, rate.transpose()) {
        (Ok(spans), Ok(rate)) if spans > 0 && rate != Some(0) => run(spans, rate),
        _ => {
            eprintln!("nanospan-perf: SPANS and RATE are whole numbers above 0");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nanospan-perf: {error}");
            ExitCode::FAILURE
        }
    }
}
