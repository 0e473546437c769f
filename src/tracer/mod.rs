//! The safe face of the engine: [`Tracer`], its builder, and [`Span`].

mod builder;
mod environment;
mod exporters;
mod handle;
mod position;
#[cfg(feature = "bext")]
mod remote;
mod span;
mod start;
mod timestamp;

#[cfg(feature = "bext")]
pub(crate) use builder::MEMORY_BUDGET_MIN;
pub use builder::{BuildError, ClockSource, ManualClock, TracerBuilder};
pub use span::{Span, Status};
pub use start::SpanBuilder;
pub use timestamp::Timestamp;

use crate::drain::{FlushError, Pipeline, Stats};
use crate::export::{Context, ExportError};
use crate::metrics::data::Resource;
use crate::metrics::{AccountProducer, PeriodicReader, PeriodicReaderBuilder};
use crate::raw::engine::Engine;
#[cfg(feature = "bext")]
use crate::raw::engine::Gate;
#[cfg(feature = "bext")]
use crate::raw::table::Table;
use crate::sampling::Sampler;
use crate::value::Text;
use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What a tracer is made of; leaked, so a tracer can be copied and a span need not count references.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) engine: &'static Engine,
    pub(crate) pipeline: &'static Pipeline,
    pub(crate) sampler: Sampler,
    /// Which of the process's tracers it is, from 0 on.
    pub(crate) number: u64,
    pub(crate) built: Timestamp,
    /// They collect and export the account.
    pub(crate) readers: OnceLock<Vec<PeriodicReader>>,
    /// Remote parents that a handle names; made when there is one.
    #[cfg(feature = "bext")]
    pub(crate) remotes: OnceLock<&'static Table>,
}

/// Calls leave what they change whole at every step: records are committed as one, locks of the
/// pipeline are taken over from whoever panicked. So a tracer or a span may cross `catch_unwind`.
impl RefUnwindSafe for Core {}

/// Records spans and has them exported.
///
/// A tracer is a pointer: copy it wherever it is needed. What it points to lives as long as the
/// process, so make tracers per service, not per request. After [`shutdown`](Tracer::shutdown) about
/// the memory that was in use stays allocated ([`Stats::memory_bytes`]).
///
/// # What recording promises
///
/// Starting a span, recording on it and ending it never blocks, never allocates in steady state,
/// makes no system call and does not panic: not on the 5,000th thread, not in a destructor of a
/// thread-local, not after the shutdown, not in a panic hook, not in a forked child. Where there is
/// no memory left in the budget the call does less and counts what it left out; see [`Stats`].
///
/// The first call on a thread registers the thread, which allocates once and takes a mutex for a
/// moment. Recording from a signal handler is not supported.
///
/// # What order means
///
/// The last value set for a key wins, and whatever happens before a span's end is in the span, also
/// when the calls are made by different threads. A call that races with the end may or may not be.
///
/// # At the end of the process
///
/// Nothing is flushed when the process exits without [`shutdown`](Tracer::shutdown): what was
/// recorded in the last export interval is lost. Keep a [`ShutdownGuard`] in `main`.
#[derive(Clone, Copy)]
pub struct Tracer {
    core: Option<&'static Core>,
}

impl Tracer {
    /// Begins to make a tracer for the service with this name (`service.name` in its resource).
    pub fn builder(service: impl Into<String>) -> TracerBuilder {
        TracerBuilder::new(service.into())
    }

    /// A tracer that records nothing: every span it starts is invalid.
    #[must_use]
    pub const fn noop() -> Self {
        Self { core: None }
    }

    pub(crate) fn of(core: &'static Core) -> Self {
        Self { core: Some(core) }
    }

    /// What the exporter said at the last flush for which it had failed. Not to be asked in a forked child.
    #[cfg(feature = "bext")]
    pub(crate) fn last_export_error(self) -> Option<String> {
        self.core?.pipeline.last_export_error()
    }

    /// Whether this is a child forked from the process that built the tracer.
    #[cfg(feature = "bext")]
    pub(crate) fn is_forked(self) -> bool {
        self.core.is_some_and(|core| core.engine.gate() == Gate::Forked)
    }

    #[cfg(feature = "bext")]
    pub(crate) fn core(self) -> Option<&'static Core> {
        self.core
    }

    /// Has `readers` export the account, until the tracer is shut down, which it is to be on an error.
    fn export_account(
        self,
        readers: Vec<PeriodicReaderBuilder>,
        resource: &Resource,
    ) -> Result<(), ExportError> {
        let Some(core) = self.core else { return Ok(()) };
        let mut started = Vec::with_capacity(readers.len());
        let mut start = |reader: PeriodicReaderBuilder| {
            started.push(reader.of(resource).producer(self.metric_producer()).start()?);
            Ok(())
        };
        let result = readers.into_iter().try_for_each(&mut start);
        let _ = core.readers.set(started);
        result
    }

    /// Begins to make a span; [`SpanBuilder::start`] starts it. Without a parent it is a root.
    #[inline]
    pub fn span<'a>(&self, name: impl Into<Text<'a>>) -> SpanBuilder<'a> {
        SpanBuilder::new(self.core, name.into())
    }

    /// Exports every span that ended before the call, and waits for it.
    ///
    /// May be called from any thread, inside any async runtime (it blocks the calling thread) or
    /// none, during recording and during other flushes, which share one pass and one export.
    ///
    /// # Errors
    ///
    /// [`FlushError::DeadlineExceeded`] after `timeout`, while the flush goes on in the background;
    /// [`FlushError::Export`] when spans recorded since the last flush were lost, with the first
    /// error of the exporter; [`FlushError::Shutdown`], [`FlushError::Forked`] and
    /// [`FlushError::WorkerGone`] as their names say.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let Some(core) = self.core else { return Ok(()) };
        core.pipeline.flush(Instant::now().checked_add(timeout))
    }

    /// Refuses new spans, exports what there is, and shuts the exporter down.
    ///
    /// Where the account is [exported as metrics](TracerBuilder::metrics), it is exported for the last time then, within
    /// the same time; a failure of that goes to the error handler of its reader.
    ///
    /// Spans that are live then will not arrive; they are counted in [`Dropped::shutdown`]. Every
    /// later call, and one made meanwhile on another thread, waits for the first one's result.
    ///
    /// [`Dropped::shutdown`]: crate::Dropped::shutdown
    ///
    /// # Errors
    ///
    /// As for [`flush`](Tracer::flush). After [`FlushError::DeadlineExceeded`] the export under way
    /// is cancelled and what is left counts as [`Dropped::export_failed`](crate::Dropped); a later call
    /// tells what the exporter met.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        let Some(core) = self.core else { return Ok(()) };
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + FAR);
        let result = core.pipeline.shutdown(deadline);
        if let Some(readers) = core.readers.get() {
            // After the spans, so that the account is complete. What a later shutdown or a forked child is told says
            // nothing new; everything else goes to the readers' error handlers.
            PeriodicReader::shut_all_down(readers, &Context::with_deadline(deadline));
        }
        result
    }

    /// A guard that shuts the tracer down when it is dropped, within five seconds.
    #[must_use = "dropping the guard shuts the tracer down: bind it to a name, not to `_`"]
    pub fn guard(&self) -> ShutdownGuard {
        ShutdownGuard { tracer: *self }
    }

    /// The account as metrics, for a [reader](crate::metrics::MetricProducer). Each has its own.
    #[must_use]
    pub fn metric_producer(&self) -> AccountProducer {
        AccountProducer::new(self.core)
    }

    /// The account: where every span went.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.map(|core| core.pipeline.stats()).unwrap_or_default()
    }
}

/// How long a dropped guard waits.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Longer than any deadline: a hundred years.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.core {
            Some(_) => f.debug_struct("Tracer").field("stats", &self.stats()).finish(),
            None => f.write_str("Tracer::noop()"),
        }
    }
}

/// Shuts a tracer down when it is dropped.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tracer = nanospan::Tracer::builder("shop").build()?;
/// let _guard = tracer.guard(); // not `let _ = ...`, which drops it at once
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard shuts the tracer down: bind it to a name, not to `_`"]
pub struct ShutdownGuard {
    tracer: Tracer,
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        // Whatever it says has been counted and handed to the error handler.
        let _ = self.tracer.shutdown(SHUTDOWN);
    }
}
