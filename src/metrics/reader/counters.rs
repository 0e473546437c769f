//! What a periodic reader counts, and how metrics about it call it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::export::ExportErrorKind;
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

/// How often something was done, and for how long in all.
#[derive(Debug, Default)]
struct Timer {
    count: AtomicU64,
    nanos: AtomicU64,
}

/// What takes time, by how it ended: well, then with each kind of error.
#[derive(Debug, Default)]
pub(super) struct Timed([Timer; 1 + KINDS]);

impl Timed {
    pub(super) fn add(&self, took: Duration, failure: Option<ExportErrorKind>) {
        let timer = &self.0[failure.map_or(0, |kind| 1 + kind as usize)];
        count(&timer.count, 1);
        count(&timer.nanos, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    fn read(&self) -> Timings {
        let mut timings = Timings::default();
        for (times, timer) in timings.0.iter_mut().zip(&self.0) {
            *times = Times { count: read(&timer.count), nanos: read(&timer.nanos) };
        }
        timings
    }
}

/// How often something was done until a moment, and for how long in all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) nanos: u64,
}

/// [`Timed`] at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timings([Times; 1 + KINDS]);

impl Timings {
    /// Of counts and nanoseconds in the same order.
    pub(crate) fn of(all: [(u64, u64); 1 + KINDS]) -> Self {
        Self(all.map(|(count, nanos)| Times { count, nanos }))
    }

    /// What ended well, and each way to fail that there was, with what it was `before`.
    pub(crate) fn beside(
        &self,
        before: &Self,
    ) -> impl Iterator<Item = (Option<ExportErrorKind>, Times, Times)> {
        let ends = std::iter::once(None).chain(ExportErrorKind::ALL.into_iter().map(Some));
        let all = ends.zip(self.0).zip(before.0).map(|((end, now), before)| (end, now, before));
        all.filter(|(end, now, _)| end.is_none() || now.count > 0)
    }
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
