//! A reader that collects when it is told to.

use std::fmt;

use super::MetricProducer;
use super::collector::{Collector, Wanted, reader_shut_down};
use crate::export::turns::Turns;
use crate::export::{Context, ExportError};
use crate::metrics::data::{Resource, ResourceMetrics, Temporality};
use crate::metrics::{Aggregation, InstrumentKind};

/// Collects when it is told to, for tests and for exporters that are asked, such as an endpoint that is
/// scraped.
///
/// Any thread may call, at any time; collections take turns.
///
/// ```
/// use nanospan::export::{Context, ExportErrorKind, MemoryExporter};
/// use nanospan::metrics::{ManualReader, data::ResourceMetrics};
///
/// let reader = ManualReader::builder().build();
/// let mut metrics = ResourceMetrics::default();
/// reader.collect(&Context::new(), &mut metrics)?;
/// assert_eq!(metrics.data_point_count(), 0);
///
/// reader.shutdown(&Context::new())?;
/// let late = reader.collect(&Context::new(), &mut metrics).unwrap_err();
/// assert_eq!(late.kind(), ExportErrorKind::ReaderShutdown);
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
pub struct ManualReader {
    collector: Turns<Collector>,
}

impl ManualReader {
    /// A reader without producers, which asks for cumulative points, to be changed.
    pub fn builder() -> ManualReaderBuilder {
        ManualReaderBuilder { collector: Collector::default() }
    }

    /// Replaces what is in `into` by what the producers have now. Its memory is used again: the same value,
    /// handed over again and again, soon needs no more.
    ///
    /// # Errors
    ///
    /// - [`ReaderShutdown`](crate::export::ExportErrorKind::ReaderShutdown) after the shutdown.
    /// - [`DeadlineExceeded`](crate::export::ExportErrorKind::DeadlineExceeded) and
    ///   [`Cancelled`](crate::export::ExportErrorKind::Cancelled), if the context ended while the collection
    ///   waited for another, or for a producer.
    /// - [`Other`](crate::export::ExportErrorKind::Other), with no data point lost, if a producer failed or panicked:
    ///   the first one's error. What it and the others have produced is in `into`.
    pub fn collect(&self, context: &Context, into: &mut ResourceMetrics) -> Result<(), ExportError> {
        let mut turn = self.collector.take(context, reader_shut_down)?;
        let mut failure = None;
        turn.writer().collect(context, into, |failed| {
            failure.get_or_insert(failed.error);
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Lets go of the producers, once a collection under way is done.
    ///
    /// # Errors
    ///
    /// - [`ReaderShutdown`](crate::export::ExportErrorKind::ReaderShutdown) if it was shut down before.
    /// - The context's end, if it comes first; the reader is shut down all the same.
    pub fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.collector.shut_down(context, reader_shut_down)
    }
}

impl fmt::Debug for ManualReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualReader").finish_non_exhaustive()
    }
}

/// Sets up a [`ManualReader`]; made by [`ManualReader::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ManualReaderBuilder {
    collector: Collector,
}

impl ManualReaderBuilder {
    /// What the metrics are about; nothing by default.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.collector.resource = resource;
        self
    }

    /// Adds a producer. They are asked in the order in which they were added.
    pub fn producer(mut self, producer: impl MetricProducer + 'static) -> Self {
        self.collector.producers.push(Box::new(producer));
        self
    }

    /// Over which time points are wanted, and what of the measurements, by kind of instrument. Each is asked
    /// once for each kind, now. By default all are cumulative, and aggregated as suits the kind.
    pub fn select(
        mut self,
        temporality: impl Fn(InstrumentKind) -> Temporality,
        aggregation: impl Fn(InstrumentKind) -> Aggregation,
    ) -> Self {
        self.collector.wanted = Wanted::new(temporality, aggregation);
        self
    }

    /// Makes the reader.
    #[must_use]
    pub fn build(self) -> ManualReader {
        ManualReader { collector: Turns::new(self.collector) }
    }
}
