//! One collection, from all producers of a reader.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use super::counters::Delivery;
use super::{Collection, MetricProducer};
use crate::export::turns::Close;
use crate::export::{Context, ExportError, ExportErrorKind};
use crate::metrics::data::{Resource, ResourceMetrics, Temporality};
use crate::metrics::{Aggregation, InstrumentKind};

/// What is wanted of each kind of instrument, as it was said once.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    of_kinds: [(Temporality, Aggregation); InstrumentKind::ALL.len()],
}

impl Wanted {
    pub(super) fn new(
        temporality: impl Fn(InstrumentKind) -> Temporality,
        aggregation: impl Fn(InstrumentKind) -> Aggregation,
    ) -> Self {
        Self { of_kinds: InstrumentKind::ALL.map(|kind| (temporality(kind), aggregation(kind))) }
    }

    pub(super) fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.of_kinds[kind as usize].0
    }

    pub(super) fn aggregation(&self, kind: InstrumentKind) -> &Aggregation {
        &self.of_kinds[kind as usize].1
    }
}

impl Default for Wanted {
    /// Cumulative points, and the aggregations that suit the kinds.
    fn default() -> Self {
        Self::new(|_| Temporality::Cumulative, |_| Aggregation::Default)
    }
}

/// The producers of a reader, and what they are asked for.
#[derive(Default)]
pub(super) struct Collector {
    pub(super) resource: Resource,
    pub(super) producers: Vec<Box<dyn MetricProducer>>,
    pub(super) wanted: Wanted,
    /// The reader itself, if that is to be told of.
    pub(super) delivery: Option<Delivery>,
}

impl Collector {
    /// Fills `into` with what the producers have now. `told` is given each producer's failure; what it and
    /// the others have produced is there all the same.
    ///
    /// # Errors
    ///
    /// The end of the context; what was produced until then is of no use.
    pub(super) fn collect(
        &mut self,
        context: &Context,
        into: &mut ResourceMetrics,
        mut told: impl FnMut(Failed),
    ) -> Result<(), ExportError> {
        into.scopes.clear();
        // Not copied each time: it would allocate.
        if into.resource != self.resource {
            into.resource.clone_from(&self.resource);
        }
        let collection = Collection {
            context,
            time: SystemTime::now().into(),
            wanted: &self.wanted,
            delivery: self.delivery.as_ref(),
            is_told: Cell::new(false),
        };
        for producer in &mut self.producers {
            context.check()?;
            let scopes = &mut into.scopes;
            match catch_unwind(AssertUnwindSafe(|| producer.produce(&collection, scopes))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => told(Failed {
                    error: ExportError::new(ExportErrorKind::Other, "a metric producer failed")
                        .with_source(error)
                        .with_lost_data_points(0),
                    is_panic: false,
                }),
                Err(_) => told(Failed {
                    error: ExportError::new(ExportErrorKind::Other, "a metric producer panicked")
                        .with_lost_data_points(0),
                    is_panic: true,
                }),
            }
        }
        Ok(context.check()?)
    }
}

/// What kept a producer from producing all.
pub(super) struct Failed {
    pub(super) error: ExportError,
    pub(super) is_panic: bool,
}

impl Close for Collector {
    fn close(self, context: &Context) -> Result<(), ExportError> {
        Ok(context.check()?)
    }

    fn close_late(self) {}
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("resource", &self.resource)
            .field("producers", &self.producers.len())
            .field("wanted", &self.wanted)
            .finish()
    }
}

/// The error of a call made after a reader was shut down.
pub(super) fn reader_shut_down() -> ExportError {
    ExportError::new(ExportErrorKind::ReaderShutdown, "the metric reader has been shut down")
}
