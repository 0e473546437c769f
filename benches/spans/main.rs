//! What recording costs the caller, in nanoseconds and in pairs of clock reads.
//!
//! The tracer is whole: its drain runs, and batches go to segment files. The thread that records
//! has a processor of its own, the tracer's threads have another. Spans are recorded in bursts, and
//! between bursts the drain catches up while no clock runs: a single thread that does nothing but
//! record outruns the drain, and a span that is refused is cheap. After each group nothing may have
//! been lost, or the benchmark fails.
//!
//! Criterion's figures come first, then a table in which workloads and floor were measured in turns,
//! so that a change of the machine's speed meets all of them.

mod floor;
#[path = "../workloads/pace.rs"]
mod pace;
mod ratios;
mod segments;
#[path = "../workloads/mod.rs"]
mod workloads;

use criterion::Criterion;
use floor::{clock_reads, empty_loop};
use segments::Segments;
use std::time::{Duration, Instant};
use workloads::{ALL, Arrives, Stage, Workload, check};

/// Spans in a burst: 80 blocks, and 122 chunks for W1. The tracer keeps 128 of each at hand in its
/// warm supply, so a burst of W1 does without what lies longer and colder in reserve also when the
/// drain does not get its turn meanwhile, and nothing is lost.
const BURST: u64 = 5120;

/// A fan-out over two fills twice the memory. So it and what it is compared with are measured by bursts
/// that stay in a core's cache in either case.
const COMPARED_WITH_FAN_OUT: [&str; 4] = ["W1 by handle", "W1 by plugin", "W1 by fan-out", "host types"];

/// Into so many parts a burst of those is divided.
const PARTS: u64 = 8;

fn is_compared_with_fan_out(workload: &Workload) -> bool {
    COMPARED_WITH_FAN_OUT.contains(&workload.name)
}

/// How often a burst repeats a workload. What is not sampled does not wait for the drain, and a
/// burst of it may be as long in time as the others.
fn burst(workload: &Workload) -> u64 {
    let burst = match workload.arrives {
        Arrives::Nothing => 8 * BURST,
        Arrives::InFan => BURST,
        arrives => BURST / arrives.spans(),
    };
    if is_compared_with_fan_out(workload) { burst / PARTS } else { burst }
}

/// Before a workload that records nothing: lets the export of what came before end, so that the
/// figure is that of a tracer that rests.
fn quiet(workload: &Workload, stage: &Stage) {
    if workload.arrives == Arrives::Nothing {
        stage.finish();
    } else {
        pace::settle(&stage.tracers());
    }
}

/// Times `times` repetitions without the pauses that the drain needs.
fn timed(workload: &Workload, stage: &Stage, times: u64) -> Duration {
    let burst = burst(workload);
    let mut left = times;
    let mut taken = Duration::ZERO;
    while left > 0 {
        let now = left.min(burst);
        pace::settle(&stage.tracers());
        let start = Instant::now();
        (workload.repeat)(stage, now);
        taken += start.elapsed();
        left -= now;
    }
    taken
}

fn timed_floor(work: fn(u64), times: u64) -> Duration {
    let start = Instant::now();
    work(times);
    start.elapsed()
}

fn with_criterion(stage: &Stage, segments: &Segments) {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        // Of the whole, pauses included; most of it is pauses.
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    let mut group = criterion.benchmark_group("caller");
    group.bench_function("empty loop", |bench| bench.iter_custom(|times| timed_floor(empty_loop, times)));
    group.bench_function("two clock reads", |bench| {
        bench.iter_custom(|times| timed_floor(clock_reads, times));
    });
    for workload in ALL {
        group.bench_function(workload.name, |bench| {
            quiet(workload, stage);
            bench.iter_custom(|times| timed(workload, stage, times));
        });
        segments.discard_sealed();
        stage.assert_nothing_lost();
    }
    group.finish();
    criterion.final_summary();
}

fn main() {
    check::workloads();
    let segments = Segments::new();
    pace::pin_to(pace::WORKERS);
    let stage = Stage::new(segments.exporter(), Duration::from_millis(1));
    pace::pin_to(pace::PRODUCER);
    with_criterion(&stage, &segments);
    // Without `--bench`, as under `cargo test --benches`, everything ran once and that is all.
    if std::env::args().any(|argument| argument == "--bench") {
        ratios::measure(&stage, &segments);
    }
    stage.finish();
    stage.tracer.shutdown(Duration::from_secs(10)).expect("the exporter shuts down");
}
