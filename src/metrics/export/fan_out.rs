//! One metric exporter over several.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Metrics;
use crate::export::fan_out::{FanOut, Setup};
use crate::export::{Component, Context, DestinationStats, ExportError, ExportErrorKind};
use crate::metrics::data::{ResourceMetrics, Temporality};
use crate::metrics::preferences::Preferences;
use crate::metrics::{Aggregation, InstrumentKind, MetricExporter};

/// Exports metrics to several destinations: every collection goes to each of them, and none waits for
/// another. It is the [`FanOutExporter`](crate::export::FanOutExporter) of metrics: what that page says of
/// batches and spans holds here of collections and data points, about the queues, the errors, the flush, the
/// shutdown, panics and forked children.
///
/// ```
/// use nanospan::export::Context;
/// use nanospan::metrics::{FanOutMetricExporter, MemoryMetricExporter, MetricExporter, StdoutMetricExporter};
///
/// let exporter = FanOutMetricExporter::builder()
///     .destination("memory", MemoryMetricExporter::new())
///     .destination("console", StdoutMetricExporter::new())
///     .build()?;
/// exporter.shutdown(&Context::new())?;
/// # Ok::<(), nanospan::export::ExportError>(())
/// ```
///
/// # What the destinations want
///
/// All destinations get the same points, so they must want the same: one [temporality](MetricExporter::temporality)
/// and one [aggregation](MetricExporter::aggregation) for each kind of instrument. Destinations that differ
/// are refused when the exporter is made, for whatever it answered, one of them would get points that it did
/// not ask for and may not understand. Set them alike, or give each a reader of its own.
///
/// The destinations are asked when the exporter is made, and not again. So what it answers does not change,
/// and comes at once.
pub struct FanOutMetricExporter {
    fan_out: FanOut<Metrics>,
    preferences: Preferences,
}

impl FanOutMetricExporter {
    /// Begins to make an exporter.
    pub fn builder() -> FanOutMetricExporterBuilder {
        FanOutMetricExporterBuilder { setup: Setup::default() }
    }

    /// The account of each destination, in data points and in the order in which they were added. In a
    /// forked child, which may not look, all numbers are zero.
    #[must_use]
    pub fn stats(&self) -> Vec<DestinationStats> {
        self.fan_out.stats()
    }
}

impl MetricExporter for FanOutMetricExporter {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.preferences.aggregation(kind)
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.fan_out.export(context, metrics)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.fan_out.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.fan_out.shutdown(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::metrics::FanOutMetricExporter")
    }
}

impl fmt::Debug for FanOutMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutMetricExporter").field("destinations", &self.stats()).finish_non_exhaustive()
    }
}

/// Makes a [`FanOutMetricExporter`]; see [`FanOutMetricExporter::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct FanOutMetricExporterBuilder {
    setup: Setup<Metrics>,
}

impl FanOutMetricExporterBuilder {
    /// Adds a destination. `name` tells it from the others, in errors and in the account.
    pub fn destination(mut self, name: impl Into<String>, exporter: impl MetricExporter + 'static) -> Self {
        self.setup.add(name.into(), Arc::new(exporter));
        self
    }

    /// Sets how many bytes of collections may wait for one destination, the one that it is exporting
    /// included; 16 MiB by default. A collection larger than that is taken when it is alone.
    ///
    /// It is the memory that a copy takes that counts. The queues share the copies.
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.setup.max_queue_bytes = bytes;
        self
    }

    /// Sets how long one export of one destination may take; 30 seconds by default, and zero is no limit.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.setup.export_timeout = timeout;
        self
    }

    /// Makes the exporter, and starts a thread for each destination.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](ExportErrorKind::InvalidConfig) if there is no destination, a name is empty or
    ///   there twice, the queues are of zero bytes, or two destinations want different temporalities or
    ///   aggregations of a kind of instrument; the text says which, and what each of them wants.
    /// - [`Io`](ExportErrorKind::Io) if the system refuses a thread.
    pub fn build(self) -> Result<FanOutMetricExporter, ExportError> {
        let preferences =
            self.agreed().map_err(|message| ExportError::new(ExportErrorKind::InvalidConfig, message))?;
        Ok(FanOutMetricExporter { fan_out: self.setup.build()?, preferences })
    }

    /// What all destinations want, or where two of them differ.
    fn agreed(&self) -> Result<Preferences, String> {
        let mut destinations = self.setup.destinations.iter();
        // Without a destination nothing is made, and the settings say why.
        let Some(first) = destinations.next() else { return Ok(Preferences::default()) };
        let agreed = Preferences::of(&*first.exporter);
        for other in destinations {
            let wanted = Preferences::of(&*other.exporter);
            for kind in InstrumentKind::ALL {
                let differ = |what: &str, one: String, two: String| {
                    format!(
                        "the destinations of a fan-out get the same points, but of the instrument kind {kind:?} \
                         `{}` wants the {what} {one} and `{}` {two}",
                        first.name, other.name
                    )
                };
                let (one, two) = (agreed.temporality(kind), wanted.temporality(kind));
                if one != two {
                    return Err(differ("temporality", format!("{one:?}"), format!("{two:?}")));
                }
                let (one, two) = (agreed.aggregation(kind), wanted.aggregation(kind));
                // One that names what the other has by default wants the same.
                if one.clone().resolved(kind) != two.clone().resolved(kind) {
                    return Err(differ("aggregation", format!("{one:?}"), format!("{two:?}")));
                }
            }
        }
        Ok(agreed)
    }
}

impl fmt::Debug for FanOutMetricExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setup.debug("FanOutMetricExporterBuilder", f)
    }
}
