//! One measurement: one library, one way to measure, one workload, in this process.

mod beside;
mod burst;
mod elsewhere;
mod latency;
mod stream;
mod verify;

use crate::collector::{Arrived, Collector};
use crate::content::Sink;
use crate::library::{self, Directory, Exporter, Library, Setup, Visitor};
use crate::machine::{self, Busy, PRODUCER, WORKERS};
use crate::row::Row;
use crate::workload::{Types, Workload};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How a workload is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In bursts below one root each; the library catches up between them while no clock runs.
    Burst,
    /// Without a pause, whatever the library drops.
    Full,
    /// Without a pause, but the producer waits where something would be dropped.
    Sustained,
    /// At a fixed rate; the latency of each repetition.
    Paced,
    /// At a fixed rate, beside idle threads, live spans or flushes; what the library's threads take.
    Beside,
    /// On several threads in turns, or as many spans open at once.
    Elsewhere,
    /// No times: what arrives, compared with what was recorded.
    Verify,
}

const MODES: [(&str, Mode); 7] = [
    ("burst", Mode::Burst),
    ("full", Mode::Full),
    ("sustained", Mode::Sustained),
    ("paced", Mode::Paced),
    ("beside", Mode::Beside),
    ("elsewhere", Mode::Elsewhere),
    ("verify", Mode::Verify),
];

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = MODES.into_iter().find(|(known, _)| *known == name);
        let names = MODES.map(|(name, _)| name).join(", ");
        found.map(|(_, mode)| mode).ok_or_else(|| format!("no mode is called {name:?}; there are {names}"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = MODES.into_iter().find(|(_, mode)| mode == self).expect("all modes have names");
        f.write_str(name)
    }
}

/// What there is so much of in [`Mode::Beside`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Threads that have recorded, and do nothing.
    Idle,
    /// Spans that are open.
    Live,
    /// Flushes in the course of the measurement.
    Flushes,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Live => "live",
            Self::Flushes => "flushes",
        })
    }
}

/// What is to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) library: &'static str,
    pub(crate) mode: Mode,
    pub(crate) workload: Workload,
    /// Samples of the modes that take some.
    pub(crate) samples: usize,
    /// Spans of the modes that go on without samples.
    pub(crate) spans: u64,
    /// What there is beside the spans, and how many.
    pub(crate) beside: Beside,
    pub(crate) count: usize,
    /// Spans a second, at a fixed rate.
    pub(crate) rate: u64,
    /// Threads that record at once, in bursts.
    pub(crate) producers: usize,
    pub(crate) exporter: Exporter,
    /// Spans that may wait while the producer is throttled; what suits the library without it.
    pub(crate) backlog: Option<u64>,
    /// Spans of a batch; what the library has by default without it.
    pub(crate) batch: Option<usize>,
}

impl Job {
    /// `LIBRARY MODE WORKLOAD` and any number of `key=value`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let [library, mode, workload, options @ ..] = arguments else {
            return Err("measure wants a library, a mode and a workload".to_owned());
        };
        let mut job = Self {
            library: library::find(library)?,
            mode: mode.parse()?,
            workload: workload.parse()?,
            samples: 21,
            spans: 2_000_000,
            beside: Beside::Idle,
            count: 0,
            rate: 400_000,
            producers: 1,
            exporter: Exporter::Healthy,
            backlog: None,
            batch: None,
        };
        for option in options {
            let Some((key, value)) = option.split_once('=') else {
                return Err(format!("{option:?} is not of the form key=value"));
            };
            match key {
                "samples" => job.samples = at_least_one(key, value)? as usize,
                "spans" => job.spans = at_least_one(key, value)?,
                "rate" => job.rate = at_least_one(key, value)?,
                "producers" => job.producers = at_least_one(key, value)? as usize,
                "idle" | "live" | "flushes" => {
                    job.count = at_least_one(key, value)? as usize;
                    job.beside = match key {
                        "idle" => Beside::Idle,
                        "live" => Beside::Live,
                        _ => Beside::Flushes,
                    };
                }
                "backlog" => job.backlog = Some(at_least_one(key, value)?),
                "batch" => job.batch = Some(at_least_one(key, value)? as usize),
                "exporter" => job.exporter = value.parse()?,
                _ => return Err(format!("no option is called {key:?}")),
            }
        }
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<(), String> {
        if self.producers > 2 {
            return Err("two producers at most".to_owned());
        }
        if self.producers > 1 && self.mode != Mode::Burst {
            return Err("several producers record in bursts only".to_owned());
        }
        let elsewhere = self.workload.needs_values();
        if self.mode != Mode::Verify && elsewhere != (self.mode == Mode::Elsewhere) {
            return Err(format!("{} is not measured in the mode {}", self.workload, self.mode));
        }
        if [Mode::Paced, Mode::Beside].contains(&self.mode) && self.workload != Workload::W1 {
            return Err("only W1 is paced".to_owned());
        }
        if (self.mode == Mode::Beside) != (self.count > 0) {
            return Err("the mode beside, and no other, wants idle=N, live=N or flushes=N".to_owned());
        }
        if self.exporter == Exporter::Encoding && !library::is_over_otlp(self.library) {
            return Err("only libraries over OTLP encode and do no more".to_owned());
        }
        Ok(())
    }

    /// Does it, and prints the row.
    pub(crate) fn run(&self) -> Result<Row, String> {
        // Like the library's threads.
        machine::pin(WORKERS)?;
        let verifies = self.mode == Mode::Verify;
        let collector = self.exporter.collector(verifies).filter(|_| library::is_over_otlp(self.library));
        let directory = std::env::temp_dir().join(format!("nanospan-perf-{}", std::process::id()));
        let setup = Setup {
            sink: Arc::new(Sink::default()),
            name: self.library,
            exporter: self.exporter,
            sampled: self.workload != Workload::W5,
            throttled: self.mode == Mode::Sustained,
            batch: self.batch,
            collector: collector.map(Collector::start).transpose()?,
            directory: (self.library == "nanospan-segments").then_some(Directory(directory)),
        };
        library::with(&setup, Run(self))
    }
}

fn at_least_one(key: &str, value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{key} is a whole number above 0, not {value:?}")),
    }
}

/// Spans below one root: fewer than fastrace keeps below a local parent, and as many as the main
/// crate's benchmarks record in a burst.
const BURST: u64 = 5_120;

/// Repetitions below one root; of spans with many attributes fewer, so that as much is recorded.
fn burst_of(workload: Workload) -> u64 {
    match workload {
        Workload::A10 => BURST / 4,
        Workload::A30 => BURST / 10,
        _ => BURST / workload.spans(),
    }
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// What was asked of a library.
#[derive(Debug, Clone, Copy, Default)]
struct Produced {
    /// Roots included, W3's too.
    spans: u64,
    roots: u64,
    /// Roots that the library says it records.
    sampled: u64,
}

impl Produced {
    fn root(&mut self, sampled: bool) {
        self.spans += 1;
        self.roots += 1;
        self.sampled += u64::from(sampled);
    }
}

struct Run<'a>(&'a Job);

impl Visitor for Run<'_> {
    type Output = Row;

    fn visit<L: Library>(self, setup: &Setup) -> Result<Row, String> {
        let job = self.0;
        if job.workload.needs_values() && !L::HAS_VALUES {
            return Err(format!("{} has no spans that move: no {}", job.library, job.workload));
        }
        machine::pin(WORKERS)?;
        let library = L::build(setup)?;
        machine::pin(PRODUCER)?;
        let mut row = Row::default();
        row.put("library", job.library);
        row.put("mode", job.mode);
        row.put("workload", job.workload);
        let collector = || setup.collector.as_ref().map_or(Ok(Duration::ZERO), Collector::processor_time);
        let busy = Busy::now(collector()?)?;
        let produced = match job.mode {
            Mode::Burst => burst::measure(&library, job, &mut row)?,
            Mode::Full => stream::measure(&library, job, false, &mut row)?,
            Mode::Sustained => stream::measure(&library, job, true, &mut row)?,
            Mode::Paced => latency::measure(&library, job, &mut row)?,
            Mode::Beside => beside::measure(&library, job, &mut row)?,
            Mode::Elsewhere => elsewhere::measure(&library, job, &mut row)?,
            Mode::Verify => verify::measure(&library, job, setup, &mut row)?,
        };
        row.put("foreign", format!("{:.0}", busy.foreign_since(collector()?)?));
        // One that hangs never gives its batch back; only what comes before it settles.
        if job.exporter.returns(job.library) {
            library.flush();
        } else {
            thread::sleep(HALF_A_SECOND);
        }
        account(&library, setup, produced, &mut row)?;
        Ok(row)
    }
}

/// What arrived of what was produced.
fn account<L: Library>(library: &L, setup: &Setup, produced: Produced, row: &mut Row) -> Result<(), String> {
    let Arrived { spans: arrived, requests, bytes, .. } = setup.arrived()?;
    row.put("produced", produced.spans);
    row.put("sampling", percent(produced.sampled, produced.roots));
    match L::TYPES {
        Types::Nothing(_) if arrived == 0 => row.put("delivered", "n/a"),
        _ if !setup.sampled => row.put("delivered", "n/a"),
        _ => row.put("delivered", percent(arrived, produced.spans)),
    }
    row.put("arrived", arrived);
    if setup.collector.is_some() {
        let mean = |sum: u64, count: u64| format!("{:.1}", sum as f64 / count.max(1) as f64);
        row.put("requests", requests);
        row.put("request_spans", mean(arrived, requests));
        row.put("span_bytes", mean(bytes, arrived));
    }
    if setup.exporter == Exporter::Encoding {
        let nanos = setup.sink.encoding_nanos() as f64 / arrived.max(1) as f64;
        row.put("encode_ns", format!("{nanos:.2}"));
    }
    library.account().iter().for_each(|(key, value)| row.put(key, value));
    Ok(())
}

/// In per cent, never rounded up to 100.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = (u128::from(part) * 10_000) / u128::from(whole.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        Job::parse(arguments).expect_err("it is refused")
    }

    #[test]
    fn wrong_arguments_are_refused_with_what_is_wrong() {
        assert!(refusal(&["nanospan"]).contains("a mode and a workload"));
        assert!(refusal(&["nanspan", "burst", "W1"]).contains("nanspan"));
        assert!(refusal(&["nanospan", "bursts", "W1"]).contains("bursts"));
        assert!(refusal(&["nanospan", "burst", "W9"]).contains("W9"));
        assert!(refusal(&["nanospan", "burst", "W1", "samples"]).contains("key=value"));
        assert!(refusal(&["nanospan", "burst", "W1", "samples=0"]).contains("above 0"));
        assert!(refusal(&["nanospan", "burst", "W1", "speed=1"]).contains("speed"));
        assert!(refusal(&["nanospan", "burst", "W4"]).contains("W4"));
        assert!(refusal(&["nanospan", "paced", "W2"]).contains("W1"));
        assert!(refusal(&["nanospan", "beside", "W1"]).contains("idle=N"));
        assert!(refusal(&["nanospan", "burst", "W1", "live=3"]).contains("idle=N"));
    }

    #[test]
    fn a_single_lost_span_shows_in_the_percentage() {
        assert_eq!(percent(9_999_999, 10_000_000), "99.99");
        assert_eq!(percent(10, 10), "100.00");
    }
}
