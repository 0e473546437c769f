//! One exporter over several: each destination has a thread and a queue of its own. The [`core`] is the same
//! for spans and for metrics.
//!
//! One mutex guards everything that the threads tell each other ([`state`]); it is held for moments, never
//! while an exporter is called. A batch is copied once, and the queues share the copy. A call puts a job
//! into each queue and waits for what comes of it, as long as its context lets it; what is done in the
//! threads is in [`worker`].

mod builder;
mod core;
mod outcome;
mod setup;
mod state;
mod stats;
mod worker;

use std::fmt;

use super::telemetry::Spans;
use super::{Component, Context, ExportError, SpanExporter};
use crate::batch::Batch;

pub use builder::FanOutExporterBuilder;
pub(crate) use core::FanOut;
pub(crate) use setup::Setup;
pub use stats::DestinationStats;

/// Exports to several destinations: every batch goes to each of them, and none waits for another.
///
/// ```
/// use std::sync::Arc;
/// use nanospan::Tracer;
/// use nanospan::export::{FanOutExporter, MemoryExporter, StdoutExporter};
///
/// let exporter = Arc::new(
///     FanOutExporter::builder()
///         .destination("memory", MemoryExporter::new())
///         .destination("console", StdoutExporter::new())
///         .build()?,
/// );
/// let tracer = Tracer::builder("shop").memory_budget(8 << 20).exporter(Arc::clone(&exporter)).build()?;
/// tracer.span("GET /cart").start().end();
/// tracer.shutdown(std::time::Duration::from_secs(5))?;
/// for destination in exporter.stats() {
///     println!("{}: {} delivered, {} failed", destination.name, destination.delivered, destination.failed);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The way of a batch
///
/// Each destination has a thread, and a queue that is bounded
/// [in bytes](FanOutExporterBuilder::max_queue_bytes). `export` copies the batch once for all queues and
/// returns as soon as **one** destination has delivered all of it; the others go on behind. So the fastest
/// one sets the pace, and one that is slow or hangs holds up nobody:
///
/// - Where a queue is full, its destination is refused the batch: that is counted, and reported as an error
///   of kind [`Full`](super::ExportErrorKind::Full). Only while all queues are full does `export` wait for
///   room, since there is nobody then to be held up.
/// - When the context ends before any destination has delivered the batch, it is taken out of all queues,
///   exports of it that are under way are cancelled, and the whole is an error.
///
/// Each destination's own exports end after the [export timeout](FanOutExporterBuilder::export_timeout); how
/// often it tries again within it is its exporter's matter.
///
/// # What an error says
///
/// [`lost_spans`](ExportError::lost_spans) counts the spans that **no** destination delivered, as the
/// tracer's [`export_failed`](crate::Dropped::export_failed) does: what it counts as exported has reached at
/// least one. Where several delivered a part, the one that got the most counts. What a single destination
/// lost is in its [`DestinationStats`]. It is reported as well, with the destination's name: by the export
/// of that batch if it is known by then, or else by the next call, as an error that has lost no span.
///
/// # Flush, shutdown
///
/// `force_flush` waits until every destination has exported what was in its queue and has flushed.
/// `shutdown` does so too, and shuts every destination down. When its context ends first, it empties the
/// queues, cancels what is under way, and the destinations are shut down behind it, each as soon as it
/// returns from what it is doing. Dropping the exporter without a shutdown is a shutdown without time.
///
/// A destination that panics has lost the batch, which is counted; it goes on with the next one. The threads
/// [start no spans](crate::suppress_tracing). In a forked child every call returns an error of kind
/// [`Forked`](super::ExportErrorKind::Forked).
pub struct FanOutExporter {
    fan_out: FanOut<Spans>,
}

impl FanOutExporter {
    /// Begins to make an exporter.
    pub fn builder() -> FanOutExporterBuilder {
        FanOutExporterBuilder::new()
    }

    /// The account of each destination, in the order in which they were added. In a forked child, which
    /// may not look, all numbers are zero.
    #[must_use]
    pub fn stats(&self) -> Vec<DestinationStats> {
        self.fan_out.stats()
    }
}

impl SpanExporter for FanOutExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.fan_out.export(context, batch)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.fan_out.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.fan_out.shutdown(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::export::FanOutExporter")
    }
}

impl fmt::Debug for FanOutExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutExporter").field("destinations", &self.stats()).finish_non_exhaustive()
    }
}
