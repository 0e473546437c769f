//! The libraries, each used the way its users use it, behind one trait.

mod deliver;
pub(crate) mod fastrace;
pub(crate) mod floor;
pub(crate) mod nanospan;
pub(crate) mod otel;
pub(crate) mod plugin;
pub(crate) mod puffin;
pub(crate) mod tracing;
#[cfg(feature = "tracy")]
pub(crate) mod tracy;

use crate::collector::{self, Arrived, Collector};
use crate::content::Sink;
use crate::workload::Types;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// What the exporter does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exporter {
    /// Counts and discards it. Over OTLP: sends it to a collector that does so.
    Healthy,
    /// Does not come back before it is told to. Over OTLP: the collector never answers.
    Hanging,
    /// Fails at once. Over OTLP: nobody listens where the collector should be.
    Failing,
    /// Encodes and discards it. Only over OTLP.
    Encoding,
}

const EXPORTERS: [(&str, Exporter); 4] = [
    ("healthy", Exporter::Healthy),
    ("hanging", Exporter::Hanging),
    ("failing", Exporter::Failing),
    ("encoding", Exporter::Encoding),
];

impl Exporter {
    /// Whether batches come back from it in time for a flush.
    pub(crate) fn returns(self, library: &str) -> bool {
        match self {
            Self::Healthy | Self::Encoding => true,
            Self::Hanging => false,
            // Over OTLP it goes on trying.
            Self::Failing => !is_over_otlp(library),
        }
    }

    /// The collector that it wants.
    pub(crate) fn collector(self, verifies: bool) -> Option<collector::Kind> {
        match self {
            Self::Healthy if verifies => Some(collector::Kind::Verifying),
            Self::Healthy => Some(collector::Kind::Counting),
            Self::Hanging => Some(collector::Kind::Silent),
            Self::Failing => Some(collector::Kind::Closed),
            Self::Encoding => None,
        }
    }
}

impl FromStr for Exporter {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = EXPORTERS.into_iter().find(|(known, _)| *known == name);
        let names = EXPORTERS.map(|(name, _)| name).join(", ");
        found
            .map(|(_, exporter)| exporter)
            .ok_or_else(|| format!("an exporter is one of {names}, not {name:?}"))
    }
}

impl fmt::Display for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = EXPORTERS.into_iter().find(|(_, known)| known == self).expect("all have names");
        f.write_str(name)
    }
}

/// A directory that is removed with this.
#[derive(Debug)]
pub(crate) struct Directory(pub(crate) PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // The system's own cleaning finds what is left.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a library is set up.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) sink: Arc<Sink>,
    /// As in [`LIBRARIES`] and [`MORE`]; one module may stand for several.
    pub(crate) name: &'static str,
    pub(crate) exporter: Exporter,
    pub(crate) sampled: bool,
    /// Whether the producer waits for the library: collectors then run as often as they can, since
    /// what they leave lying is what the producer waits for.
    pub(crate) throttled: bool,
    /// Spans of a batch at most, if not as many as the library thinks best.
    pub(crate) batch: Option<usize>,
    /// Where what is sent over OTLP goes.
    pub(crate) collector: Option<Collector>,
    /// Where files go.
    pub(crate) directory: Option<Directory>,
}

impl Setup {
    fn url(&self) -> Result<&str, String> {
        self.collector.as_ref().map(Collector::url).ok_or_else(|| "there is no collector".to_owned())
    }

    fn directory(&self) -> Result<&Path, String> {
        self.directory.as_ref().map(|it| &*it.0).ok_or_else(|| "there is no directory".to_owned())
    }

    /// What has arrived: at the collector, or else at the sink.
    pub(crate) fn arrived(&self) -> Result<Arrived, String> {
        let Self { sink, .. } = self;
        let acknowledged = sink.spans();
        let Some(collector) = &self.collector else {
            let (hash, extra) = (sink.hash(), sink.extra());
            return Ok(Arrived { spans: acknowledged, hash, extra, ..Arrived::default() });
        };
        let arrived = collector.arrived()?;
        match arrived.spans == acknowledged {
            true => Ok(arrived),
            false => Err(format!(
                "the collector has {} spans, and {} of {acknowledged} are acknowledged",
                arrived.spans, self.name
            )),
        }
    }
}

/// A library that is measured. Built by a thread on the processor for workers, so that threads that it
/// starts run there.
///
/// Spans are made below a root. A scope is whatever a thread holds while it makes them: the parent at
/// hand, or a guard that makes the parent current.
pub(crate) trait Library: Sync + Sized + 'static {
    const TYPES: Types;
    /// Whether a span is a value that can go to another thread, and be ended in any order.
    const HAS_VALUES: bool = true;
    type Root: Sync;
    type Scope<'a>;
    type Open: Send + 'static;

    fn build(setup: &Setup) -> Result<Self, String>;
    /// A root with the name "root".
    fn root(&self) -> Self::Root;
    fn scope<'a>(&self, root: &'a Self::Root) -> Self::Scope<'a>;
    /// Whether the library says that it records this root.
    fn is_sampled(&self, root: &Self::Root) -> bool;

    fn w0(&self, scope: &Self::Scope<'_>);
    fn w1(&self, scope: &Self::Scope<'_>, n: u64);
    fn w1d(&self, scope: &Self::Scope<'_>, n: u64, text: &str);
    fn w2(&self, scope: &Self::Scope<'_>, n: u64);
    fn w3(&self, n: u64);
    fn a10(&self, scope: &Self::Scope<'_>, n: u64);
    fn a30(&self, scope: &Self::Scope<'_>, n: u64);
    /// A span with W1's attributes that is not ended.
    fn open(&self, scope: &Self::Scope<'_>, n: u64) -> Self::Open;
    /// The same without attributes.
    fn open_bare(&self, scope: &Self::Scope<'_>) -> Self::Open;
    /// Sets W1's attributes on it.
    fn add(&self, span: &mut Self::Open, n: u64);
    fn end(&self, span: Self::Open) {
        drop(span);
    }

    /// Waits until what the caller left behind has been collected: between two bursts, while no clock
    /// runs.
    fn settle(&self);
    /// Waits until the sink has everything that it will get.
    fn flush(&self);
    /// Of so many spans made by one producer, those that the library has not worked off: what its
    /// queue, or memory, is full of. 0 where nothing is ever dropped and nothing kept.
    fn waiting(&self, produced: u64) -> u64;
    /// How many may wait without any being dropped, when a producer is throttled.
    fn backlog(&self) -> u64 {
        u64::MAX
    }
    /// What the library itself says it lost, and whatever else belongs into the row.
    fn account(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Names of all libraries, in the order of the tables.
pub(crate) const LIBRARIES: [&str; 14] = [
    "empty",
    "clock-reads",
    "record-128",
    "nanospan",
    "nanospan-plugin",
    "fastrace",
    "otel-direct",
    "otel-bsp",
    "otel-bsp64k",
    "tracing-otel-direct",
    "tracing-otel-bsp",
    "tracing-otel-bsp64k",
    "puffin",
    "tracy",
];

/// More of them, which differ in where spans go and not in what recording costs: in some tables only.
pub(crate) const MORE: [&str; 5] =
    ["nanospan-segments", "nanospan-otlp", "nanospan-otlp-grpc", "otel-otlp", "otel-otlp-grpc"];

/// Whether a library sends spans to a collector.
pub(crate) fn is_over_otlp(name: &str) -> bool {
    name.contains("-otlp")
}

/// Something to do with a library, whichever it is.
pub(crate) trait Visitor {
    type Output;
    fn visit<L: Library>(self, setup: &Setup) -> Result<Self::Output, String>;
}

/// Does it with the library of the setup's name.
pub(crate) fn with<V: Visitor>(setup: &Setup, visitor: V) -> Result<V::Output, String> {
    match setup.name {
        "empty" => visitor.visit::<floor::Empty>(setup),
        "clock-reads" => visitor.visit::<floor::ClockReads>(setup),
        "record-128" => visitor.visit::<floor::Record128>(setup),
        "nanospan" | "nanospan-segments" | "nanospan-otlp" | "nanospan-otlp-grpc" => {
            visitor.visit::<nanospan::Native>(setup)
        }
        "nanospan-plugin" => visitor.visit::<plugin::Hosted>(setup),
        "fastrace" => visitor.visit::<fastrace::Fastrace>(setup),
        "puffin" => visitor.visit::<puffin::Puffin>(setup),
        #[cfg(feature = "tracy")]
        "tracy" => visitor.visit::<tracy::Tracy>(setup),
        #[cfg(not(feature = "tracy"))]
        "tracy" => Err("this build is without tracy, which needs a C++ compiler".to_owned()),
        name if name.starts_with("otel-") => visitor.visit::<otel::Otel>(setup),
        name if name.starts_with("tracing-otel-") => visitor.visit::<tracing::Tracing>(setup),
        name => Err(format!("no library is called {name:?}")),
    }
}

/// All names.
pub(crate) fn names() -> String {
    [&LIBRARIES[..], &MORE].concat().join(", ")
}

/// The name as it stands in [`LIBRARIES`] or [`MORE`].
pub(crate) fn find(name: &str) -> Result<&'static str, String> {
    let found = LIBRARIES.into_iter().chain(MORE).find(|known| *known == name);
    found.ok_or_else(|| format!("no library is called {name:?}; there are {}", names()))
}
