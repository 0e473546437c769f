//! Each workload beside the floor, measured in turns.

use crate::floor::{clock_reads, empty_loop};
use crate::segments::Segments;
use crate::workloads::{ALL, Stage};
use crate::{BURST, PARTS, burst, is_compared_with_fan_out, pace, quiet, timed, timed_floor};
use nanospan::Span;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Rounds; each measures the floor, every workload, and both halves of W4 once.
const ROUNDS: usize = 101;

/// What a workload may cost, in pairs of clock reads.
fn limit(name: &str) -> Option<f64> {
    match name {
        "W0" => Some(1.8),
        "W1 in three calls" | "W1 in one call" => Some(2.5),
        "W1d" => Some(3.0),
        "W5 child" | "W5 root" => Some(0.2),
        _ => None,
    }
}

/// Repetitions of the empty loop that go with each figure: some 20 µs.
const CONTROL: u64 = 65_536;

/// A figure in nanoseconds per repetition, and what a turn of the empty loop took right before.
#[derive(Debug, Clone, Copy)]
struct Sample {
    nanos: f64,
    control: f64,
}

/// One sample a round.
#[derive(Debug)]
struct Series {
    name: &'static str,
    samples: Vec<Sample>,
}

impl Series {
    fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::with_capacity(ROUNDS) }
    }

    fn add(&mut self, times: u64, measure: impl FnOnce() -> Duration) {
        let control = per_turn(timed_floor(empty_loop, CONTROL), CONTROL);
        self.samples.push(Sample { nanos: per_turn(measure(), times), control });
    }

    /// Figures in order; with a bound, only those whose control stayed below it.
    fn sorted(&self, bound: f64) -> Vec<f64> {
        let kept = self.samples.iter().filter(|sample| sample.control <= bound);
        let mut nanos: Vec<f64> = kept.map(|sample| sample.nanos).collect();
        nanos.sort_by(f64::total_cmp);
        nanos
    }

    fn fastest_control(&self) -> f64 {
        self.samples.iter().map(|sample| sample.control).fold(f64::INFINITY, f64::min)
    }
}

fn per_turn(taken: Duration, times: u64) -> f64 {
    taken.as_nanos() as f64 / times as f64
}

/// The figure that so many hundredths of all stay below; not a number when there are none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN)
}

/// How much slower than its fastest the empty loop may be for the processor to count as undisturbed.
const UNDISTURBED: f64 = 1.1;

/// Prints the table.
pub(crate) fn measure(stage: &Stage, segments: &Segments) {
    let mut floor = Series::new("two clock reads");
    let mut all: Vec<Series> = ALL.iter().map(|workload| Series::new(workload.name)).collect();
    let mut starts = Series::new("W4 start, on A");
    let mut ends = Series::new("W4 end, on B");
    let elsewhere = Elsewhere::new();

    for _ in 0..ROUNDS {
        floor.add(BURST, || timed_floor(clock_reads, BURST));
        for (workload, series) in ALL.iter().zip(&mut all) {
            // As many repetitions as for the others, in several bursts where those are short.
            let parts = if is_compared_with_fan_out(workload) { PARTS } else { 1 };
            let times = burst(workload) * parts;
            quiet(workload, stage);
            series.add(times, || timed(workload, stage, times));
        }
        pace::settle(&stage.tracers());
        let mut on_b = Duration::ZERO;
        starts.add(HANDED_OVER, || {
            let on_a;
            (on_a, on_b) = elsewhere.measure(stage);
            on_a
        });
        ends.add(HANDED_OVER, || on_b);
        pace::settle(&stage.tracers());
        stage.assert_nothing_lost();
        segments.discard_sealed();
    }
    let series: Vec<&Series> = [&floor].into_iter().chain(&all).chain([&starts, &ends]).collect();
    print(&series);
    print_plugin(&all);
}

/// What the host's trait adds to the same calls made directly, in nanoseconds.
const TRAIT_MAX: f64 = 15.0;
/// What a fan-out over two may cost, in costs of one.
const FAN_OUT_MAX: f64 = 2.3;

/// The calls through the host's trait, compared with each other. Each comparison is made in the same
/// round, and the median of those is printed.
fn print_plugin(all: &[Series]) {
    let find = |name: &str| all.iter().find(|series| series.name == name).expect("a workload's name");
    let [plugin, types, handle, native, fan_out] =
        ["W1 by plugin", "host types", "W1 by handle", "W1 in three calls", "W1 by fan-out"].map(find);
    let median = |figure: &dyn Fn(usize) -> f64| {
        let mut figures: Vec<f64> = (0..ROUNDS).map(figure).collect();
        figures.sort_by(f64::total_cmp);
        percentile(&figures, 50)
    };
    let nanos = |series: &Series, round: usize| series.samples[round].nanos;
    let beyond = |of: &Series| median(&|round| nanos(plugin, round) - nanos(types, round) - nanos(of, round));
    let verdict = |exceeded: bool| if exceeded { " EXCEEDED" } else { "" };
    let (by_handle, by_span) = (beyond(handle), beyond(native));
    let times = median(&|round| nanos(fan_out, round) / nanos(plugin, round));
    println!("\nthrough the host's trait, medians of the differences and ratios within each round");
    println!("what its types make the caller allocate: {:.2} ns", median(&|round| nanos(types, round)));
    println!(
        "beyond that, above the same calls made directly: {by_handle:.2} ns, at most {TRAIT_MAX}{}",
        verdict(by_handle > TRAIT_MAX)
    );
    println!("beyond that, above W1 on a span with static keys: {by_span:.2} ns");
    println!(
        "a fan-out over two, in costs of one: {times:.2}, at most {FAN_OUT_MAX}{}",
        verdict(times > FAN_OUT_MAX)
    );
}

/// The first series is the floor.
fn print(series: &[&Series]) {
    let fastest = series.iter().map(|series| series.fastest_control()).fold(f64::INFINITY, f64::min);
    let bound = fastest * UNDISTURBED;
    println!("\nns per repetition in {ROUNDS} rounds; undisturbed: where a turn of the empty loop, right");
    println!("before, took at most {bound:.2} ns ({UNDISTURBED} times its fastest)\n");
    println!(
        "| workload           |  median | quartiles         |  ratio | undisturbed | ns      |  ratio | at most |"
    );
    println!(
        "| ------------------ | ------: | ----------------: | -----: | ----------: | ------: | -----: | ------: |"
    );
    let floor = series[0];
    let [floor_all, floor_kept] = [f64::INFINITY, bound].map(|bound| percentile(&floor.sorted(bound), 50));
    for series in series {
        let [every, kept] = [f64::INFINITY, bound].map(|bound| series.sorted(bound));
        let [low, median, high] = [25, 50, 75].map(|percent| percentile(&every, percent));
        let nanos = percentile(&kept, 50);
        let ratio = nanos / floor_kept;
        let verdict = match limit(series.name) {
            None => String::new(),
            Some(limit) if ratio > limit => format!("{limit:.1} EXCEEDED"),
            // The floor or the workload has no undisturbed sample.
            Some(limit) if ratio.is_nan() => format!("{limit:.1} UNDECIDED"),
            Some(limit) => format!("{limit:.1}"),
        };
        println!(
            "| {:<18} | {median:7.2} | {low:7.2} - {high:7.2} | {:6.2} | {:11} | {nanos:7.2} | {ratio:6.2} | {verdict:>7} |",
            series.name,
            median / floor_all,
            kept.len(),
        );
    }
}

/// Spans that go to the other thread together.
const HANDED_OVER: u64 = 4096;

/// The thread that ends W4's spans, on the processor of the tracer's threads. Each half runs while
/// the other waits, and the spans travel in one vector: what the channels cost is not measured.
#[derive(Debug)]
struct Elsewhere {
    there: SyncSender<Vec<Span>>,
    back: Receiver<(Vec<Span>, Duration)>,
}

impl Elsewhere {
    fn new() -> Self {
        let (there, spans) = sync_channel::<Vec<Span>>(1);
        let (done, back) = sync_channel(1);
        thread::spawn(move || {
            pace::pin_to(pace::WORKERS);
            for mut batch in spans {
                let start = Instant::now();
                batch.clear();
                if done.send((batch, start.elapsed())).is_err() {
                    return;
                }
            }
        });
        there.send(Vec::with_capacity(HANDED_OVER as usize)).expect("the other thread waits");
        Self { there, back }
    }

    /// The time that all starts took here, and that all ends took there.
    fn measure(&self, stage: &Stage) -> (Duration, Duration) {
        let (mut batch, _) = self.back.recv().expect("the other thread answers");
        let start = Instant::now();
        for _ in 0..HANDED_OVER {
            batch.push(stage.started());
        }
        let on_a = start.elapsed();
        self.there.send(batch).expect("the other thread waits");
        let (batch, on_b) = self.back.recv().expect("the other thread answers");
        self.there.send(batch).expect("the other thread waits");
        (on_a, on_b)
    }
}
