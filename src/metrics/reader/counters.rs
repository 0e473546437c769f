//! What a periodic reader counts, and how metrics about it call it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::export::ExportErrorKind;
use crate::export::timed::{Timed, Timings};
use crate::metrics::named::Named;

const KINDS: usize = ExportErrorKind::ALL.len();

/// What a reader counts. Each is a sum of its own, in order with no other.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) collections: AtomicU64,
    pub(super) failed_collections: AtomicU64,
    /// Data points of those, which the exporter was not given.
    pub(super) abandoned_data_points: AtomicU64,
    /// Data points that the exporter was given.
    pub(super) handed: AtomicU64,
    pub(super) exported_data_points: AtomicU64,
    pub(super) lost_data_points: AtomicU64,
    /// The same, by the kind of the exporter's error.
    pub(super) lost_by: [AtomicU64; KINDS],
    pub(super) panics: AtomicU64,
    pub(super) collected: Timed,
    pub(super) exports: Timed,
}

/// Relaxed: sums of their own.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Relaxed: sums of their own.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A reader and its exporter, for metrics about them.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) reader: Named,
    pub(crate) exporter: Named,
    pub(super) counters: Arc<Counters>,
}

/// What became of metrics until a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delivered {
    handed: u64,
    pub(crate) exported: u64,
    pub(crate) lost_by: [u64; KINDS],
    pub(crate) collections: Timings,
    pub(crate) exports: Timings,
}

impl Delivery {
    pub(crate) fn read(&self) -> Delivered {
        let counters = &*self.counters;
        let mut lost_by = [0; KINDS];
        for (lost, counter) in lost_by.iter_mut().zip(&counters.lost_by) {
            *lost = read(counter);
        }
        Delivered {
            handed: read(&counters.handed),
            exported: read(&counters.exported_data_points),
            lost_by,
            collections: counters.collected.read(),
            exports: counters.exports.read(),
        }
    }
}

impl Delivered {
    /// Data points that the exporter has and that nothing has become of yet.
    pub(crate) fn in_flight(&self) -> u64 {
        self.handed.saturating_sub(self.exported + self.lost_by.iter().sum::<u64>())
    }
}
