//! Makes a tracer.

use crate::drain::{ErrorHandler, Pipeline, Settings, StartError};
use crate::export::segment::{SegmentExporter, SegmentExporterBuilder};
use crate::export::{ExportError, ExportErrorKind, SpanExporter};
use crate::limits::SpanLimits;
use crate::metrics::PeriodicReaderBuilder;
use crate::metrics::data::{KeyValue, Resource};
use crate::raw::block::Block;
use crate::raw::clock::Clock;
use crate::raw::engine::{Engine, Sizes};
use crate::raw::log::Chunk;
use crate::raw::slab::MAX_BLOCKS;
use crate::sampling::{ParentSample, Sampler};
use crate::tracer::environment::LogLevel;
use crate::tracer::exporters::{Destinations, MetricDestinations};
use crate::tracer::{Core, Tracer};
use crate::value::OwnedValue;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// How many tracers there have been in the process.
static TRACERS: AtomicU64 = AtomicU64::new(0);

/// Where a tracer's time comes from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ClockSource {
    /// The processor's time stamp counter where the kernel itself keeps time by it (x86-64 Linux
    /// with the clock source `tsc`), the operating system's monotonic clock elsewhere.
    #[default]
    Best,
    /// The operating system's monotonic clock.
    System,
    /// A clock that a test sets.
    Manual(ManualClock),
}

/// A clock that stands still until it is set; clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that shows the given time, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn at(unix_nanos: u64) -> Self {
        Self { nanos: Arc::new(AtomicU64::new(unix_nanos)) }
    }

    /// Sets the time, in nanoseconds since the Unix epoch.
    pub fn set(&self, unix_nanos: u64) {
        self.nanos.store(unix_nanos, Ordering::Relaxed);
    }

    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.nanos.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// Why a tracer could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The memory budget does not hold two blocks and two chunks.
    MemoryBudget {
        /// What was asked for, in bytes.
        bytes: usize,
        /// The least that works, in bytes.
        minimum: usize,
    },
    /// The system does not give as much memory.
    Memory {
        /// What was asked for, in bytes.
        bytes: usize,
    },
    /// The exporter could not be made: the default one, or one that the environment asks for.
    Exporter(ExportError),
    /// The reader that is to export the account cannot be started.
    Metrics(ExportError),
    /// A worker thread could not be spawned.
    Thread(std::io::Error),
    /// `sharded-slab` has no thread id left: 4,096 threads of this process use it through other
    /// libraries.
    ThreadIds,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::MemoryBudget { bytes, minimum } => {
                write!(f, "memory budget: {bytes} bytes are too few, the least is {minimum}")
            }
            BuildError::Memory { bytes } => {
                write!(f, "memory budget: the system does not give {bytes} bytes")
            }
            BuildError::Exporter(error) => write!(f, "exporter: {error}"),
            BuildError::Metrics(error) => write!(f, "metrics: {error}"),
            BuildError::Thread(error) => write!(f, "cannot spawn a worker thread: {error}"),
            BuildError::ThreadIds => f.write_str("sharded-slab has no thread id left in this process"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Exporter(error) | BuildError::Metrics(error) => Some(error),
            BuildError::Thread(error) => Some(error),
            BuildError::MemoryBudget { .. } | BuildError::Memory { .. } | BuildError::ThreadIds => None,
        }
    }
}

/// How a memory budget is shared out.
///
/// A block costs its own size and what the drain keeps for it; a chunk costs twice its size, since a
/// pass notes where each record stands, at worst in as many bytes as the record has.
struct Shares {
    sizes: Sizes,
    side: usize,
    queue: usize,
}

/// The least that [`TracerBuilder::memory_budget`] takes, in bytes.
#[cfg(feature = "bext")]
pub(crate) const MEMORY_BUDGET_MIN: usize = Shares::MINIMUM;

const BLOCK_COST: usize = size_of::<Block>() + 2048;
const CHUNK_COST: usize = 2 * size_of::<Chunk>();

impl Shares {
    const MINIMUM: usize = {
        let blocks = 2 * BLOCK_COST * 100 / 28;
        let chunks = 2 * CHUNK_COST * 100 / 40;
        (if blocks > chunks { blocks } else { chunks }) + 100
    };

    fn of(bytes: usize) -> Self {
        let percent = |n: usize| bytes / 100 * n;
        Self {
            sizes: Sizes {
                blocks: (percent(28) / BLOCK_COST).min(MAX_BLOCKS),
                chunks: percent(40) / CHUNK_COST,
                max_payload: MAX_PAYLOAD,
            },
            side: percent(24),
            queue: percent(8),
        }
    }

    /// Whether the system gives the memory that is reserved at once. A refusal while that is done
    /// would end the process.
    fn can_reserve(&self) -> bool {
        let blocks = self.sizes.blocks.checked_mul(size_of::<Block>());
        let chunks = self.sizes.chunks.checked_mul(size_of::<Chunk>());
        let largest = blocks.zip(chunks).map(|(blocks, chunks)| blocks.max(chunks));
        // Given back untouched.
        largest.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
    }
}

/// Writes to standard error what the level asks for.
fn default_handler(level: LogLevel) -> ErrorHandler {
    Arc::new(move |error| {
        let is_warning = error.kind() == ExportErrorKind::InvalidConfig;
        if level >= (if is_warning { LogLevel::Warnings } else { LogLevel::Errors }) {
            eprintln!("nanospan: {error}");
        }
    })
}

/// Bytes of one attribute value.
const MAX_PAYLOAD: usize = 64 * 1024;

/// Makes a [`Tracer`]; see [`Tracer::builder`].
#[must_use = "a tracer builder does nothing before `build`"]
pub struct TracerBuilder {
    resource: Vec<(String, OwnedValue)>,
    pub(super) sampler: Sampler,
    pub(super) limits: SpanLimits,
    memory: usize,
    clock: ClockSource,
    seed: Option<u64>,
    drain_interval: Duration,
    export_interval: Duration,
    export_on_flush: bool,
    export_timeout: Duration,
    batch_spans: usize,
    batch_bytes: usize,
    queue_spans: usize,
    segments: SegmentExporterBuilder,
    exporter: Option<Arc<dyn SpanExporter>>,
    /// Where the environment says that spans go; without effect beside an exporter.
    pub(super) destinations: Option<Destinations>,
    error_handler: Option<ErrorHandler>,
    /// What the program says about metrics, `None` within for none at all.
    metrics: Option<Option<PeriodicReaderBuilder>>,
    /// Where the environment says that metrics go; without effect if the program says something.
    pub(super) metric_destinations: Option<MetricDestinations>,
    pub(super) log_level: LogLevel,
    /// What the environment says that is of no use; told to the error handler.
    pub(super) warnings: Vec<String>,
    pub(super) is_disabled: bool,
}

impl TracerBuilder {
    pub(crate) fn new(service: String) -> Self {
        let text = |text: &str| OwnedValue::Str(text.to_owned());
        Self {
            resource: vec![
                ("service.name".to_owned(), OwnedValue::Str(service)),
                ("telemetry.sdk.name".to_owned(), text("nanospan")),
                ("telemetry.sdk.language".to_owned(), text("rust")),
                ("telemetry.sdk.version".to_owned(), text(env!("CARGO_PKG_VERSION"))),
            ],
            sampler: Sampler::default(),
            limits: SpanLimits::default(),
            memory: 320 << 20,
            clock: ClockSource::Best,
            seed: None,
            drain_interval: Duration::from_millis(1),
            export_interval: Duration::from_secs(1),
            export_on_flush: false,
            export_timeout: Duration::from_secs(30),
            batch_spans: 4096,
            batch_bytes: 512 << 10,
            queue_spans: usize::MAX,
            segments: SegmentExporter::builder("nanospan-segments"),
            exporter: None,
            destinations: None,
            error_handler: None,
            metrics: None,
            metric_destinations: None,
            log_level: LogLevel::default(),
            warnings: Vec::new(),
            is_disabled: false,
        }
    }

    /// Sets an attribute of the resource, the thing that all spans are about.
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<OwnedValue>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.resource.retain(|(present, _)| *present != key);
        self.resource.push((key, value));
        self
    }

    /// Sets which spans are recorded. By default those whose parent is, and every root.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// Sets how much a span may hold.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how much memory the tracer may use, in bytes, for everything that grows with load:
    /// span slots, logs, what was recorded on live spans, and finished batches. 320 MiB by default,
    /// enough for 5,000 threads to record 100 spans with three attributes each before the first is
    /// collected. It is reserved at once, and memory that load never asks for is never touched; see
    /// [`Stats::memory_bytes`](crate::Stats::memory_bytes).
    ///
    /// Every thread that records keeps a block of 64 spans and a chunk of 4 KiB, idle or not, and a
    /// thread that comes takes over those of one that went: a budget for fewer threads than are alive
    /// at once leaves some of them without. One thread gets a sixteenth of the span slots at most before
    /// they are collected, by default 65,536: what it starts beyond that is refused and counted as
    /// [`overload`](crate::Dropped::overload).
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets where the time comes from.
    pub fn clock(mut self, clock: ClockSource) -> Self {
        self.clock = clock;
        self
    }

    /// Makes all ids follow from `seed`, for tests: the n-th thread that records draws the same
    /// trace ids in each run. Two tracers with one seed mint equal span ids.
    pub fn id_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets how long the drain thread sleeps between two passes while little is recorded. One
    /// millisecond by default, 50 microseconds at least. It sleeps less under load, and up to ten
    /// milliseconds when nothing was recorded for a second.
    pub fn drain_interval(mut self, interval: Duration) -> Self {
        self.drain_interval = interval.max(Duration::from_micros(50));
        self
    }

    /// Sets how long a finished span may wait until its batch is sealed. One second by default.
    pub fn export_interval(mut self, interval: Duration) -> Self {
        self.export_interval = interval;
        self
    }

    /// Leaves exporting to whoever calls [`flush`](Tracer::flush): between two flushes finished spans
    /// are gathered and kept. Only when their batches fill half of what the memory budget has for
    /// them (4 % of it) are they exported without a flush. Off by default; with it, the export
    /// interval has no effect.
    pub fn export_on_flush(mut self, on: bool) -> Self {
        self.export_on_flush = on;
        self
    }

    /// Sets how long one export may take; zero means without limit. 30 seconds by default.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// Sets how many spans a batch holds at most. 4,096 by default.
    pub fn max_batch_spans(mut self, spans: usize) -> Self {
        self.batch_spans = spans.max(1);
        self
    }

    /// Sets how many finished spans wait for the exporter at most, beside those that it has in hand: a batch
    /// for which there is no room is dropped, and its spans are counted as
    /// [`queue_full`](crate::Dropped::queue_full), unless a flush or the shutdown waits for them. Without
    /// limit by default; what bounds the queue then is its share of the
    /// [memory budget](Self::memory_budget), at which the drain waits and nothing is dropped until the whole
    /// budget is used up. A batch holds no more spans than the queue.
    pub fn max_queue_size(mut self, spans: usize) -> Self {
        self.queue_spans = spans.max(1);
        self
    }

    /// Sets the directory in which the default exporter keeps its segment files; made when it is not
    /// there. `nanospan-segments` in the working directory by default. Has no effect beside
    /// [`exporter`](TracerBuilder::exporter); and where the builder was made
    /// [from the environment](Self::from_env), only if that names `nanospan/segments`; metrics are then in its
    /// subdirectory `metrics`.
    pub fn segments(mut self, directory: impl Into<PathBuf>) -> Self {
        self.segments = self.segments.directory(directory.into());
        self
    }

    /// Changes how the default exporter keeps its segment files.
    #[cfg(feature = "bext")]
    pub(crate) fn segment_settings(
        mut self,
        change: impl FnOnce(SegmentExporterBuilder) -> SegmentExporterBuilder,
    ) -> Self {
        self.segments = change(self.segments);
        self
    }

    /// Sets where spans go, instead of segment files and of what the environment says.
    pub fn exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        self.exporter = Some(Arc::new(exporter));
        self
    }

    /// Sets what is done with errors of the exporter. By default they are written to standard error.
    /// It is called on the export thread, once for each error; where [variables](Self::from_env) say that metrics are
    /// exported, on the threads that do; and by [`build`](Self::build) for each
    /// environment variable that is of no use, where the builder was made
    /// [from the environment](Self::from_env). A warning is an error of kind
    /// [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) with which nothing is lost.
    pub fn error_handler(mut self, handler: impl Fn(&ExportError) + Send + Sync + 'static) -> Self {
        self.error_handler = Some(Arc::new(handler));
        self
    }

    /// Has `reader` export the account as metrics, under the tracer's resource if the reader has none; it is shut down
    /// with the tracer. Not at all by default, and as the variables say [by these](TracerBuilder::from_env): `None` is
    /// no metrics there, either.
    ///
    /// ```
    /// # use nanospan::{Tracer, export::MemoryExporter};
    /// # use nanospan::metrics::{MetricExporter, PeriodicReader};
    /// # fn with(exporter: impl MetricExporter + 'static) -> Result<(), nanospan::BuildError> {
    /// let tracer = Tracer::builder("shop").metrics(PeriodicReader::builder(exporter)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(mut self, reader: impl Into<Option<PeriodicReaderBuilder>>) -> Self {
        self.metrics = Some(reader.into());
        self
    }

    /// Makes the tracer and starts its two threads.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    pub fn build(self) -> Result<Tracer, BuildError> {
        let error_handler = self.error_handler.unwrap_or_else(|| default_handler(self.log_level));
        for warning in self.warnings {
            error_handler(&ExportError::new(ExportErrorKind::InvalidConfig, warning).with_lost_spans(0));
        }
        if self.is_disabled {
            return Ok(Tracer::noop());
        }
        if self.memory < Shares::MINIMUM {
            return Err(BuildError::MemoryBudget { bytes: self.memory, minimum: Shares::MINIMUM });
        }
        let shares = Shares::of(self.memory);
        if !shares.can_reserve() {
            return Err(BuildError::Memory { bytes: self.memory });
        }
        let exporter = match (self.exporter, self.destinations) {
            (Some(exporter), _) => exporter,
            (None, Some(destinations)) => {
                destinations.build(&self.segments, self.export_timeout).map_err(BuildError::Exporter)?
            }
            (None, None) => Arc::new(self.segments.clone().build().map_err(BuildError::Exporter)?),
        };
        let readers = match (self.metrics, self.metric_destinations) {
            (Some(reader), _) => reader.into_iter().collect(),
            (None, Some(destinations)) => {
                destinations.readers(&self.segments, &error_handler).map_err(BuildError::Metrics)?
            }
            (None, None) => Vec::new(),
        };
        let clock = match self.clock {
            ClockSource::Best => Clock::best(),
            ClockSource::System => Clock::system(),
            ClockSource::Manual(clock) => Clock::Manual(clock.nanos),
        };
        let engine = Engine::leak(clock, self.seed, shares.sizes);
        let resource = Resource {
            attributes: self
                .resource
                .iter()
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
                .collect(),
            ..Resource::default()
        };
        let settings = Settings {
            resource: self.resource,
            limits: self.limits,
            side_bytes: shares.side,
            queue_bytes: shares.queue,
            queue_spans: self.queue_spans,
            batch_bytes: self.batch_bytes.min(shares.queue / 4),
            batch_spans: self.batch_spans.min(self.queue_spans),
            drain_interval: self.drain_interval,
            export_interval: self.export_interval,
            export_on_flush: self.export_on_flush,
            export_timeout: self.export_timeout,
            exporter,
            error_handler,
        };
        let pipeline = Pipeline::start(engine, settings).map_err(|error| match error {
            StartError::Thread(error) => BuildError::Thread(error),
            StartError::NoShard => BuildError::ThreadIds,
        })?;
        if !self.sampler.always(ParentSample::LocalSampled) {
            engine.detour();
        }
        let core = Core {
            engine,
            pipeline,
            sampler: self.sampler,
            // Relaxed: only that each gets another.
            number: TRACERS.fetch_add(1, Ordering::Relaxed),
            built: SystemTime::now().into(),
            readers: OnceLock::new(),
            #[cfg(feature = "bext")]
            remotes: OnceLock::new(),
        };
        let tracer = Tracer::of(Box::leak(Box::new(core)));
        // Last of all: their producers need the tracer, which ends if there are not all of them.
        tracer.export_account(readers, &resource).map_err(|error| {
            let _ = tracer.shutdown(Duration::ZERO);
            BuildError::Metrics(error)
        })?;
        Ok(tracer)
    }
}

impl fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerBuilder")
            .field("resource", &self.resource)
            .field("sampler", &self.sampler)
            .field("limits", &self.limits)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}
