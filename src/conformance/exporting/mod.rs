//! What the suites over exporters have in common: the checks, and what they are written with. An exporter of
//! metrics owes what one of spans does, and two calls more; and so does a client, up to its shutdown.

mod case;
pub(crate) mod checks;
mod probe;

use super::case::Verdict;
use super::runner;
use crate::export::Telemetry;
use crate::metrics::data::Temporality;
use crate::metrics::{Aggregation, InstrumentKind};
use std::sync::Arc;

pub use case::Case;
pub(crate) use probe::{Probe, ample, cancelled, cancelled_amid, late, refused, succeeded};

/// Where a check gets its subjects.
pub(crate) type Bench<E> = runner::Bench<(), Box<<E as Exported>::Subject>>;

/// What a suite knows of the telemetry that its subjects export.
pub(crate) trait Exported: Telemetry + Sized {
    /// The suite's trait of the subjects, as an object.
    type Subject: ?Sized + Send + Sync;
    /// What one back-end got.
    type Delivered;
    /// What a batch is filled in, and what may have the memory of an earlier one.
    type Memory: Default;

    fn exporter(subject: &Self::Subject) -> Arc<Self::Exporter>;
    fn delivered(subject: &Self::Subject) -> Vec<Self::Delivered>;
    fn set_unreachable(subject: &Self::Subject, unreachable: bool) -> bool;
    fn set_hanging(subject: &Self::Subject, hanging: bool) -> bool;
    fn flushes(subject: &Self::Subject) -> bool;
    fn is_released(subject: &Self::Subject) -> Option<bool>;

    /// A batch of so many items, in which no two items of any two batches of a case are equal. The first one
    /// has little more than it must have; among ten are all sorts.
    fn fill(memory: &mut Self::Memory, sequence: u64, items: u64) -> Self::Batch;

    /// Hands back the memory of a batch, for the next to be filled in it.
    fn recycle(memory: &mut Self::Memory, batch: Self::Batch);

    /// The same in memory of its own.
    fn batch(sequence: u64, items: u64) -> Self::Batch {
        Self::fill(&mut Self::Memory::default(), sequence, items)
    }

    /// A batch of what is seldom, and may be wrong.
    fn odd_batch() -> Self::Batch;

    /// How often each item of the batch was delivered.
    fn counts(delivered: &Self::Delivered, batch: &Self::Batch) -> Vec<usize>;

    /// Fails the case unless each item of the batch was delivered as it is.
    fn whole(delivered: &Self::Delivered, batch: &Self::Batch) -> Verdict;
}

/// Telemetry whose exporters say what they want of each kind of instrument.
pub(crate) trait Preferring: Exported {
    fn temporality(exporter: &Self::Exporter, kind: InstrumentKind) -> Temporality;
    fn aggregation(exporter: &Self::Exporter, kind: InstrumentKind) -> Aggregation;
}
