//! How soon it is said which temporality and which aggregation is wanted.

use std::hint::black_box;
use std::process;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nanospan::export::Context;
use nanospan::metrics::InstrumentKind;

use crate::subjects::{ALL, Asked, Subject, wanted};
use crate::{median, pace};

const ROUNDS: usize = 31;

/// Calls in a round that are timed together, and those that are timed one by one.
const TOGETHER: u64 = 20_000;
const SINGLE: usize = 5_000;

/// Nanoseconds that a call may take: of many the mean, and 999 of 1,000.
const MEAN_MAX: f64 = 1000.0;
const SINGLE_MAX: f64 = 1000.0;

/// Who has not answered all calls after this time never will.
const GIVE_UP: Duration = Duration::from_secs(120);

/// The states in which they are asked.
const STATES: [&str; 3] = ["idle", "hanging", "shut down"];

/// What was measured in one state.
#[derive(Default)]
struct Series {
    means: Vec<f64>,
    singles: Vec<f64>,
}

/// Prints the table; whether all answer in time. If it `is_bench` no more than once, nothing is timed.
pub(crate) fn measure(is_bench: bool) -> bool {
    let (rounds, together, single) = if is_bench { (ROUNDS, TOGETHER, SINGLE) } else { (1, 14, 14) };
    println!(
        "ns that `temporality` or `aggregation` takes to answer: medians of {rounds} rounds of the mean of"
    );
    println!(
        "{together} calls, of any kind of instrument, and of what 999 of 1,000 single calls stay below, in which"
    );
    println!("two reads of the clock are; at most {MEAN_MAX} and {SINGLE_MAX}\n");
    println!(
        "| implementation | idle | while an export hangs | ratio | shut down | 99.9 %: idle | hangs | shut down | |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let mut are_in_time = true;
    for (name, make) in ALL {
        let _answered = end_unless_dropped(name);
        // Their threads run on the other processor.
        pace::pin_to(pace::WORKERS);
        let subjects: [Subject; 3] = [make(), make(), make()];
        let hang = subjects[1].hang();
        subjects[2].asked.shutdown(&Context::new()).expect("nothing is in the way");
        pace::pin_to(pace::PRODUCER);

        for (subject, state) in subjects.iter().zip(STATES) {
            assert_answers(&*subject.asked, name, state);
        }
        let mut all = [(); 3].map(|()| Series::default());
        for _ in 0..rounds {
            for (subject, series) in subjects.iter().zip(&mut all) {
                series.means.push(mean(&*subject.asked, together));
                series.singles.push(stay_below(&*subject.asked, single));
            }
        }
        assert!(hang.lasts(), "{name}: the export has come to an end");
        drop(hang);

        let [idle, hanging, gone] = all.map(|series| (median(series.means), median(series.singles)));
        let is_in_time =
            [idle, hanging, gone].iter().all(|(mean, single)| *mean <= MEAN_MAX && *single <= SINGLE_MAX);
        let verdict = if is_in_time || !is_bench { "" } else { "EXCEEDED" };
        are_in_time &= is_in_time || !is_bench;
        println!(
            "| {name} | {:.1} | {:.1} | {:.2} | {:.1} | {:.0} | {:.0} | {:.0} | {verdict} |",
            idle.0,
            hanging.0,
            hanging.0 / idle.0,
            gone.0,
            idle.1,
            hanging.1,
            gone.1,
        );
    }
    are_in_time
}

/// Ends the process with an error if the value is not dropped in time: a call that waits for the export waits for
/// good, since nothing ends that before all calls are made.
fn end_unless_dropped(name: &'static str) -> Sender<()> {
    let (answered, waiting) = channel();
    thread::spawn(move || {
        if waiting.recv_timeout(GIVE_UP) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name}: no answer after {GIVE_UP:?}: EXCEEDED");
            process::exit(1);
        }
    });
    answered
}

fn assert_answers(asked: &dyn Asked, name: &str, state: &str) {
    for kind in InstrumentKind::ALL {
        let answers = (asked.temporality(kind), asked.aggregation(kind));
        assert_eq!(answers, wanted(kind), "{name}, {state}: {kind:?}");
    }
}

/// The call of this number: each method of each kind in turn.
#[inline(always)]
fn ask(asked: &dyn Asked, number: u64) {
    let kinds = InstrumentKind::ALL;
    let kind = kinds[(number / 2) as usize % kinds.len()];
    if number % 2 == 0 {
        black_box(asked.temporality(black_box(kind)));
    } else {
        drop(black_box(asked.aggregation(black_box(kind))));
    }
}

fn mean(asked: &dyn Asked, calls: u64) -> f64 {
    let start = Instant::now();
    for number in 0..calls {
        ask(black_box(asked), number);
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// What all but a thousandth of so many calls stay below.
fn stay_below(asked: &dyn Asked, calls: usize) -> f64 {
    let mut each = Vec::with_capacity(calls);
    for number in 0..calls as u64 {
        let start = Instant::now();
        ask(black_box(asked), number);
        each.push(start.elapsed().as_nanos() as f64);
    }
    each.sort_by(f64::total_cmp);
    each[(calls - 1) * 999 / 1000]
}
