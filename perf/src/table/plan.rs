//! What is measured for the tables, and in which order.

use crate::library::{LIBRARIES, MORE, is_over_otlp};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// How much is measured, and by what.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// A short pass, to see that everything works.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// Only what goes over OTLP, and what it is compared with.
    pub(crate) otlp: bool,
    /// This program, built with cargo's own release settings.
    pub(crate) plain: Option<PathBuf>,
    /// This program with tracy in it, for tracy alone: its client has a thread and memory of its own in
    /// every process that it is linked into, from the start.
    pub(crate) tracy: Option<PathBuf>,
    /// The directory for records.
    pub(crate) records: PathBuf,
}

static SELF: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| std::env::current_exe().map_err(|error| format!("where this program is: {error}")));

impl Options {
    pub(crate) fn binary(&self, step: &Step) -> Result<&Path, String> {
        match (&self.plain, &self.tracy, step.profile) {
            (_, Some(tracy), _) if step.is_of("tracy") => Ok(tracy),
            (Some(plain), _, "plain") => Ok(plain),
            _ => SELF.as_deref().map_err(Clone::clone),
        }
    }
}

/// One process of each round.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) profile: &'static str,
    pub(crate) arguments: Vec<String>,
    /// In the first round only.
    pub(crate) once: bool,
}

impl Step {
    fn is_of(&self, library: &str) -> bool {
        self.arguments.first().is_some_and(|first| first == library)
    }

    /// Whether it is over OTLP, or what such a figure is compared with.
    fn is_about_otlp(&self) -> bool {
        let has = |what: &str| self.arguments.iter().any(|argument| argument == what);
        match self.arguments.first().map(String::as_str) {
            Some("nanospan" | "empty") => has("rate=400000") || has("sustained"),
            Some("otel-bsp64k") => has("sustained"),
            Some(library) => MORE.contains(&library),
            None => false,
        }
    }
}

/// What the caller pays: the main table.
pub(crate) const MAIN: [&str; 5] = ["W0", "W1", "W1d", "W2", "W3"];

const ALL: &[&str] = &["W0", "W1", "W1d", "W2", "W3", "W4", "W5", "a10", "a30", "long", "open", "move"];

/// Those whose backlog can be seen, or that never have one.
pub(crate) const SUSTAINED: [&str; 8] = [
    "nanospan",
    "nanospan-plugin",
    "fastrace",
    "otel-bsp",
    "otel-bsp64k",
    "tracing-otel-bsp",
    "tracing-otel-bsp64k",
    "puffin",
];

/// Those over OTLP, each with those of its exporters that a stream is measured with.
pub(crate) const SENT: [(&str, &[&str]); 4] = [
    ("nanospan-otlp", &["healthy", "encoding"]),
    ("nanospan-otlp-grpc", &["healthy"]),
    ("otel-otlp", &["healthy", "encoding"]),
    ("otel-otlp-grpc", &["healthy"]),
];

/// How much there is of what a library's work must not grow with.
pub(crate) const BESIDE: [&str; 4] = ["1", "100", "1000", "10000"];

/// Whether a library can record a workload at all.
pub(crate) fn can(library: &str, workload: &str) -> bool {
    match workload {
        "W4" | "open" | "move" | "a10" | "a30" => !["puffin", "tracy"].contains(&library),
        "W5" => library != "tracy",
        _ => true,
    }
}

pub(crate) fn is_floor(library: &str) -> bool {
    ["empty", "clock-reads", "record-128"].contains(&library)
}

/// All processes of one round; a workload's libraries come one after the other.
pub(crate) fn steps(options: &Options) -> Vec<Step> {
    let samples = format!("samples={}", if options.quick { 11 } else { 21 });
    let spans = |full: u64, quick: u64| format!("spans={}", if options.quick { quick } else { full });
    let mut steps = Vec::new();
    let mut add = |profile, once, library: &str, rest: &[&str]| {
        let arguments = [&[library], rest].concat().into_iter().map(str::to_owned).collect();
        steps.push(Step { profile, arguments, once });
    };
    let tracers = || LIBRARIES.into_iter().filter(|library| !is_floor(library));
    for workload in ALL {
        for library in tracers().filter(|library| can(library, workload)) {
            add("fat", true, library, &["verify", workload]);
        }
    }
    for workload in ["W1", "W2", "W3"] {
        for library in MORE.into_iter().filter(|library| is_over_otlp(library)) {
            add("fat", true, library, &["verify", workload]);
        }
    }
    for workload in MAIN {
        for library in LIBRARIES {
            add("fat", false, library, &["burst", workload, &samples]);
            if options.plain.is_some() {
                add("plain", false, library, &["burst", workload, &samples]);
            }
        }
    }
    for workload in ["W5", "a10", "a30", "long"] {
        for library in LIBRARIES.into_iter().filter(|library| can(library, workload)) {
            if !is_floor(library) || workload == "W5" {
                add("fat", false, library, &["burst", workload, &samples]);
            }
        }
    }
    for workload in ["W1", "W3"] {
        for library in LIBRARIES {
            add("fat", false, library, &["burst", workload, &samples, "producers=2"]);
        }
    }
    for workload in ["W4", "move", "open"] {
        for library in tracers().filter(|library| can(library, workload)) {
            add("fat", false, library, &["elsewhere", workload, &samples]);
        }
    }
    for library in SUSTAINED {
        add("fat", false, library, &["sustained", "W1", &spans(3_000_000, 1_000_000)]);
    }
    for (library, exporters) in SENT {
        for exporter in exporters {
            let exporter = format!("exporter={exporter}");
            add("fat", false, library, &["sustained", "W1", &spans(3_000_000, 1_000_000), &exporter]);
        }
    }
    for library in tracers() {
        add("fat", false, library, &["full", "W1", &spans(5_000_000, 1_000_000)]);
    }
    let paced = spans(2_000_000, 400_000);
    for library in LIBRARIES.into_iter().chain(["nanospan-segments", "nanospan-otlp"]) {
        add("fat", false, library, &["paced", "W1", &paced, "rate=400000"]);
        if ["nanospan", "nanospan-otlp"].contains(&library) {
            for exporter in ["exporter=hanging", "exporter=failing"] {
                add("fat", false, library, &["paced", "W1", &paced, "rate=400000", exporter]);
            }
        }
        if library == "nanospan" {
            let fast = spans(8_000_000, 2_000_000);
            add("fat", false, library, &["paced", "W1", &fast, "rate=4000000"]);
        }
    }
    for what in ["idle", "live", "flushes"] {
        for count in BESIDE {
            let count = format!("{what}={count}");
            add(
                "fat",
                false,
                "nanospan",
                &["beside", "W1", &spans(1_000_000, 300_000), "rate=1000000", &count],
            );
        }
    }
    steps.retain(|step| !options.otlp || step.is_about_otlp());
    // In cargo's own profile there is no program with it.
    steps.retain(|step| !step.is_of("tracy") || options.tracy.is_some() && step.profile == "fat");
    steps
}
