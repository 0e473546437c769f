//! Who collects metrics, when, and from whom.

mod collector;
mod counters;
mod manual;
mod periodic;
mod worker;

pub(super) use counters::{Delivered, Delivery};
pub use manual::{ManualReader, ManualReaderBuilder};
pub use periodic::{PeriodicReader, PeriodicReaderBuilder, PeriodicReaderStats};

use std::cell::Cell;
use std::error::Error;

use self::collector::Wanted;
use super::data::{List, ScopeMetrics, Temporality};
use super::{Aggregation, InstrumentKind};
use crate::Timestamp;
use crate::export::Context;

/// Produces metrics for one reader.
///
/// A reader calls it from one thread at a time. What it remembers between two collections, to tell what is new,
/// is its own: for two readers, make two producers.
///
/// ```
/// use std::error::Error;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicI64, Ordering};
/// use nanospan::Timestamp;
/// use nanospan::export::Context;
/// use nanospan::metrics::data::{List, ResourceMetrics, ScopeMetrics, Temporality};
/// use nanospan::metrics::{Collection, InstrumentKind, ManualReader, MetricProducer};
///
/// /// Tells of a counter of the program's own.
/// struct Orders {
///     placed: Arc<AtomicI64>,
///     /// Of what the point before told, and until when, where points are to tell of what is new.
///     told: i64,
///     since: Timestamp,
/// }
///
/// impl MetricProducer for Orders {
///     fn produce(
///         &mut self,
///         collection: &Collection<'_>,
///         into: &mut List<ScopeMetrics>,
///     ) -> Result<(), Box<dyn Error + Send + Sync>> {
///         let scope = into.push();
///         scope.scope.name = "shop".into();
///         let metric = scope.metrics.push();
///         (metric.name, metric.unit) = ("shop.orders".into(), "{order}".into());
///         let sum = metric.data.sum();
///         (sum.is_monotonic, sum.temporality) = (true, collection.temporality(InstrumentKind::Counter));
///         let placed = self.placed.load(Ordering::Relaxed);
///         let point = sum.points.push();
///         (point.start, point.time) = (self.since, collection.time());
///         point.value = Some((placed - self.told).into());
///         if sum.temporality == Temporality::Delta {
///             (self.told, self.since) = (placed, collection.time());
///         }
///         Ok(())
///     }
/// }
///
/// let placed = Arc::new(AtomicI64::new(0));
/// let since = std::time::SystemTime::now().into();
/// let reader = ManualReader::builder().producer(Orders { placed: Arc::clone(&placed), told: 0, since }).build();
/// placed.fetch_add(3, Ordering::Relaxed);
/// let mut metrics = ResourceMetrics::default();
/// reader.collect(&Context::new(), &mut metrics)?;
/// assert_eq!(metrics.scopes[0].metrics[0].data.sum().points[0].value, Some(3.into()));
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
pub trait MetricProducer: Send {
    /// Adds the metrics of its scopes, all points with the same time, over the time that
    /// [`collection`](Collection) asks for. What others have added is left as it is.
    ///
    /// # Errors
    ///
    /// Whatever kept it from producing all; what it has added all the same is exported.
    fn produce(
        &mut self,
        collection: &Collection<'_>,
        into: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What a producer is asked for.
#[derive(Debug)]
pub struct Collection<'a> {
    context: &'a Context,
    time: Timestamp,
    wanted: &'a Wanted,
    /// The reader, if it tells of itself.
    delivery: Option<&'a Delivery>,
    /// Whether somebody told of it already.
    is_told: Cell<bool>,
}

impl<'a> Collection<'a> {
    /// One of nobody's, which wants the same of all kinds, for tests of producers.
    #[cfg(test)]
    pub(super) fn at(context: &'a Context, time: Timestamp, temporality: Temporality) -> Self {
        let wanted = Box::leak(Box::new(Wanted::new(|_| temporality, |_| Aggregation::Default)));
        Self { context, time, wanted, delivery: None, is_told: Cell::new(false) }
    }

    /// How long it may take; to be looked at before anything that waits.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.context
    }

    /// The reader that collects, for the first who asks: it is told of once.
    pub(super) fn take_delivery(&self) -> Option<&'a Delivery> {
        self.delivery.filter(|_| !self.is_told.replace(true))
    }

    /// The time of all points.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Over which time points of this kind of instrument are wanted.
    #[must_use]
    pub fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.wanted.temporality(kind)
    }

    /// What is wanted of the measurements of this kind of instrument.
    #[must_use]
    pub fn aggregation(&self, kind: InstrumentKind) -> &Aggregation {
        self.wanted.aggregation(kind)
    }
}
