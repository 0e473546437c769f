//! The account: where every span went.

use crate::drain::Pipeline;
use crate::drain::collect::{Collected, Fill};
use crate::export::timed::{End, Timed, Timings};
use crate::export::{Component, ExportErrorKind};
use crate::raw::engine::Gate;
use crate::raw::local::Local;
use crate::raw::tally::Count;
use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const KINDS: usize = ExportErrorKind::ALL.len();

/// The drain's and the export thread's counters. Each has one writer.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    consumed: AtomicU64,
    exported: AtomicU64,
    export_failed: AtomicU64,
    encode_failed: AtomicU64,
    queue_full: AtomicU64,
    panics: AtomicU64,
    stale: AtomicU64,
    lost: [AtomicU64; 3],
    memory: AtomicU64,
    blocks: AtomicU64,
    chunks: AtomicU64,
    passes: AtomicU64,
    pass_nanos: AtomicU64,
    /// Batches that the exporter has returned from, and the time that it took.
    exports: Timed,
    /// Spans in batches that were handed to the exporter, and in those that it has returned from.
    handed: AtomicU64,
    returned: AtomicU64,
    /// Spans that it lost, by the kind of its error.
    lost_by: [AtomicU64; KINDS],
}

/// What became of what the exporter was handed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handed {
    pub(crate) spans: u64,
    /// Spans that it lost, by the kind of its error.
    pub(crate) lost_by: [u64; KINDS],
    /// Batches that it has returned from, and the time that it took.
    pub(crate) exports: Timings,
}

/// Adds to a counter that one thread writes. Release pairs with the Acquire in `read`: who sees a
/// span exported has seen it consumed, so `buffered` is never negative.
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Release);
}

impl Ledger {
    pub(crate) fn consumed(&self) {
        add(&self.consumed, 1);
    }

    pub(crate) fn encode_failed(&self, spans: u64) {
        add(&self.encode_failed, spans);
    }

    pub(crate) fn queue_full(&self, spans: u64) {
        add(&self.queue_full, spans);
    }

    /// A panic in the exporter or the error handler was caught.
    pub(crate) fn panicked(&self) {
        add(&self.panics, 1);
    }

    /// The exporter failed on so many spans, which [`exported`](Ledger::exported) counts as lost.
    pub(crate) fn failed_by(&self, kind: ExportErrorKind, lost: u64) {
        add(&self.lost_by[kind as usize], lost);
    }

    pub(crate) fn exported(&self, arrived: u64, lost: u64) {
        add(&self.exported, arrived);
        self.export_failed(lost);
    }

    /// Both threads count here. Release: as in `add`.
    pub(crate) fn export_failed(&self, spans: u64) {
        self.export_failed.fetch_add(spans, Ordering::Release);
    }

    pub(crate) fn export_begins(&self, spans: u64) {
        add(&self.handed, spans);
    }

    pub(crate) fn export_took(&self, spans: u64, time: Duration, end: End) {
        add(&self.returned, spans);
        self.exports.add(time, end);
    }

    pub(crate) fn passed(&self, done: &Collected, fill: &Fill, time: Duration) {
        add(&self.pass_nanos, time.as_nanos() as u64);
        add(&self.passes, 1);
        add(&self.stale, done.stale);
        for (total, lost) in self.lost.iter().zip(done.lost) {
            add(total, lost);
        }
        self.memory.store(fill.bytes as u64, Ordering::Relaxed);
        self.blocks.store(fill.blocks as u64, Ordering::Relaxed);
        self.chunks.store(fill.chunks as u64, Ordering::Relaxed);
    }
}

/// Spans that did not arrive, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// Refused at the start: the memory budget was used up, or the thread's share of it, see
    /// [`TracerBuilder::memory_budget`](crate::TracerBuilder::memory_budget).
    pub overload: u64,
    /// Started after the shutdown, or not ended before it.
    pub shutdown: u64,
    /// In a batch, or part of one, that the exporter could not deliver.
    pub export_failed: u64,
    /// In a batch that could not be encoded.
    pub encode_failed: u64,
    /// In a batch for which the queue had no place left, see
    /// [`TracerBuilder::max_queue_size`](crate::TracerBuilder::max_queue_size).
    pub queue_full: u64,
    /// Started in a forked child, or taken over from the parent, which delivers it.
    pub fork: u64,
    /// Refused at the start: the thread was past its last destructor that may record.
    pub thread_exit: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { overload, shutdown, export_failed, encode_failed, queue_full, fork, thread_exit } = self;
        overload + shutdown + export_failed + encode_failed + queue_full + fork + thread_exit
    }
}

/// A tracer's whole account.
///
/// At every moment at which nobody records and no pass is under way,
/// `started == exported + dropped.total() + live + buffered`, exactly; [`Stats::is_balanced`] says
/// so. Otherwise the numbers are a moment apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Spans started: every sampled start, also one that was refused.
    pub started: u64,
    /// Spans that the exporter took.
    pub exported: u64,
    /// Spans that did not arrive.
    pub dropped: Dropped,
    /// Spans started and not collected by the drain yet: live ones, and such as ended a moment ago.
    pub live: u64,
    /// Spans in batches that are not exported yet.
    pub buffered: u64,
    /// Starts that the sampler rejected, every span below an unsampled one included. Not in
    /// `started`.
    pub not_sampled: u64,
    /// Starts on a thread whose spans are [suppressed](crate::suppress_tracing), such as the tracer's own.
    /// Not in `started`.
    pub suppressed: u64,
    /// Starts under an invalid parent, which give invalid spans. Not in `started`.
    pub invalid_parent: u64,
    /// Calls on an invalid handle: no-ops.
    pub invalid_calls: u64,
    /// Calls on a span of this tracer that had ended: no-ops.
    pub stale_calls: u64,
    /// Calls on a handle that this tracer did not make: no-ops.
    pub forged_calls: u64,
    /// Attributes lost to limits or for want of memory, those of events and links included; a
    /// status, name, time or trace state that found no memory counts here too.
    pub lost_attributes: u64,
    /// Events lost to limits or for want of memory.
    pub lost_events: u64,
    /// Links lost to limits or for want of memory.
    pub lost_links: u64,
    /// Remote parents for which there was no room, so that what is below them became a root; see
    /// `Plugin::remote_parent`.
    pub lost_parents: u64,
    /// Texts and values cut because they were longer than a record takes.
    pub truncated: u64,
    /// Bytes of blocks, chunks and side table that exist, as of the last pass.
    pub memory_bytes: u64,
    /// Blocks, each with the slots of 64 spans, as of the last pass.
    pub blocks: Pool,
    /// Chunks, each with 4 KiB of a thread's log, as of the last pass.
    pub chunks: Pool,
    /// Bytes of log chunks that hold records the drain has not read yet, to the nearest chunk.
    pub log_bytes: u64,
    /// Passes of the drain over what the threads have recorded.
    pub drain_passes: u64,
    /// Time that they took, in nanoseconds.
    pub drain_nanos: u64,
    /// Spans that the exporter is at work on.
    pub exporting: u64,
    /// Batches that the exporter was handed and is done with, delivered or not.
    pub exports: u64,
    /// Time spent in the exporter on them, in nanoseconds.
    pub export_nanos: u64,
    /// Panics in the exporter or the error handler that were caught; the export thread went on.
    pub exporter_panics: u64,
}

/// How much is out of what a tracer has of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pool {
    /// How many there are: what the [budget](crate::TracerBuilder::memory_budget) gave. When all are out, spans are
    /// refused, or what is recorded on them.
    pub size: u64,
    /// How many of them a thread has, or the drain has not taken back yet.
    pub in_use: u64,
}

impl Stats {
    /// Whether every span is accounted for. True at every quiet moment.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.started == self.exported + self.dropped.total() + self.live + self.buffered
    }
}

/// How many spans have come how far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Whether the last pass is done, so that no more are collected.
    pub(crate) drained: bool,
    pub(crate) exported: u64,
    pub(crate) export_failed: u64,
    pub(crate) encode_failed: u64,
    pub(crate) queue_full: u64,
    pub(crate) consumed: u64,
    pub(crate) issued: u64,
}

impl Way {
    /// Spans that were collected and are in no batch that is still to be exported.
    pub(crate) fn gone(&self) -> u64 {
        self.exported + self.export_failed + self.encode_failed + self.queue_full
    }
}

/// Acquire pairs with the Release in `add` and in `export_failed`.
fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

impl Pipeline {
    /// What became of what the exporter was handed. Asked after [`counts`](Pipeline::counts), it knows of each loss
    /// that is counted there: a loss is counted by its kind first.
    pub(crate) fn handed(&self) -> Handed {
        let ledger = &self.ledger;
        let lost_by = ledger.lost_by.each_ref().map(read);
        Handed { spans: read(&ledger.handed), lost_by, exports: ledger.exports.read() }
    }

    pub(crate) fn exporter_component(&self) -> Component {
        self.settings.exporter.component()
    }

    /// The most spans in batches that wait for the exporter, where that is limited.
    pub(crate) fn queue_capacity(&self) -> Option<u64> {
        let spans = self.settings.queue_spans;
        (spans != usize::MAX).then_some(spans as u64)
    }

    /// Reads from the end of a span's way to its beginning, so that none is seen further than it can be: each
    /// Acquire makes the earlier counters at least as new as the later ones.
    pub(crate) fn way(&self) -> Way {
        let ledger = &self.ledger;
        // Fields are read in this order.
        Way {
            drained: self.has_drained(),
            exported: read(&ledger.exported),
            export_failed: read(&ledger.export_failed),
            encode_failed: read(&ledger.encode_failed),
            queue_full: read(&ledger.queue_full),
            consumed: read(&ledger.consumed),
            issued: self.engine.registry.iter().map(Local::issued).sum(),
        }
    }

    /// Reads the account. Takes no lock; may be called from anywhere, a forked child included.
    pub(crate) fn stats(&self) -> Stats {
        // The walk over the logs takes part in the collector's epochs, which a child must not enter.
        let guard = (self.engine.gate() != Gate::Forked).then(|| self.epochs.register().pin());
        let mut stats = self.counts();
        if let Some(guard) = &guard {
            let words = self.engine.registry.iter().map(|local| local.log.backlog(guard)).sum::<usize>();
            stats.log_bytes = 8 * words as u64;
        }
        stats
    }

    /// The account but for what the logs hold, which cannot be told without an allocation.
    pub(crate) fn counts(&self) -> Stats {
        let ledger = &self.ledger;
        let way = self.way();
        let Way { drained, exported, export_failed, encode_failed, queue_full, consumed, issued } = way;
        let gate = self.engine.gate();
        let counts = |what: Count| {
            let own = self.engine.registry.iter().map(|local| local.tally.get(what)).sum::<u64>();
            own + self.engine.strays.get(what)
        };
        let refused = Dropped {
            overload: counts(Count::Overload),
            shutdown: counts(Count::Shutdown),
            fork: counts(Count::Fork),
            thread_exit: counts(Count::ThreadExit),
            ..Dropped::default()
        };
        // In this order: none is returned that was not handed before.
        let returned = read(&ledger.returned);
        let exporting = read(&ledger.handed).saturating_sub(returned);
        let exports = ledger.exports.read().total();
        let mut stats = Stats {
            started: issued + refused.total(),
            exported,
            dropped: Dropped { export_failed, encode_failed, queue_full, ..refused },
            live: issued.saturating_sub(consumed),
            buffered: consumed.saturating_sub(way.gone()),
            not_sampled: counts(Count::NotSampled),
            suppressed: counts(Count::Suppressed),
            invalid_parent: counts(Count::InvalidParent),
            invalid_calls: counts(Count::InvalidCall),
            stale_calls: counts(Count::Stale) + read(&ledger.stale),
            forged_calls: counts(Count::Forged),
            lost_attributes: counts(Count::ShedAttributes) + read(&ledger.lost[0]),
            lost_events: counts(Count::ShedEvents) + read(&ledger.lost[1]),
            lost_links: counts(Count::ShedLinks) + read(&ledger.lost[2]),
            lost_parents: counts(Count::LostParent),
            truncated: counts(Count::Truncated),
            memory_bytes: read(&ledger.memory),
            blocks: Pool { size: self.engine.memory.blocks.len() as u64, in_use: read(&ledger.blocks) },
            chunks: Pool { size: self.engine.memory.chunks.len() as u64, in_use: read(&ledger.chunks) },
            log_bytes: 0,
            drain_passes: read(&ledger.passes),
            drain_nanos: read(&ledger.pass_nanos),
            exporting,
            exports: exports.count,
            export_nanos: exports.nanos,
            exporter_panics: read(&ledger.panics),
        };
        match gate {
            Gate::Open => {}
            // Nothing takes them any more: what the last pass left live never arrives.
            Gate::Closed if drained => {
                stats.dropped.shutdown += std::mem::take(&mut stats.live);
            }
            Gate::Closed => {}
            Gate::Forked => {
                stats.dropped.fork += std::mem::take(&mut stats.live);
                stats.dropped.fork += std::mem::take(&mut stats.buffered);
                stats.exporting = 0;
            }
        }
        stats
    }
}
