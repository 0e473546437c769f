//! The exporter over any client.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{MetricClient, OtlpMetricClient, OtlpMetricStats};
use crate::export::owner::Owner;
use crate::export::turns::{Close, Turns};
use crate::export::{Cancellation, Component, Context, ExportError};
use crate::metrics::data::{self, Temporality};
use crate::metrics::{Aggregation, InstrumentKind, MetricExporter, Preferences};
use crate::otlp::OtlpMetricExporterBuilder;
use crate::otlp::delivery::Counters;
use crate::otlp::proto::ResourceMetrics;

/// Exports metrics by a client that speaks OTLP; by default one over gRPC or HTTP.
///
/// It encodes, and leaves the rest to the client, whose calls it makes one at a time, whoever calls: one that
/// has to wait for another leaves when its context ends. It adds no attempt of its own to those of the client.
/// `temporality` and `aggregation` were asked when the exporter was made, so they are told at once.
///
/// The first shutdown waits for the call under way, calls it off when the context ends, and shuts the client
/// down, once. Then the client is dropped. If the call that was called off does not return in time, the client
/// is shut down, without any time, when it does.
///
/// A clone is the same exporter. Dropping the last without a shutdown drops the client.
///
/// In a forked child every call returns an error of kind [`Forked`](crate::export::ExportErrorKind::Forked).
///
/// ```
/// use nanospan::export::{Context, ExportError};
/// use nanospan::metrics::data::ResourceMetrics;
/// use nanospan::metrics::MetricExporter;
/// use nanospan::otlp::{MetricClient, OtlpMetricExporter, proto};
///
/// /// Tells how large the messages would be.
/// struct Scales;
///
/// impl MetricClient for Scales {
///     fn upload_metrics(&self, _: &Context, metrics: &proto::ResourceMetrics) -> Result<(), ExportError> {
///         println!("{} bytes", metrics.as_bytes().len());
///         Ok(())
///     }
///
///     fn force_flush(&self, _: &Context) -> Result<(), ExportError> {
///         Ok(())
///     }
///
///     fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
///         Ok(())
///     }
/// }
///
/// let exporter = OtlpMetricExporter::new(Scales);
/// exporter.export(&Context::new(), &ResourceMetrics::default())?;
/// exporter.shutdown(&Context::new())?;
/// # Ok::<(), ExportError>(())
/// ```
pub struct OtlpMetricExporter<C: MetricClient = OtlpMetricClient> {
    shared: Arc<Shared<C>>,
}

struct Shared<C: MetricClient> {
    owner: Owner,
    turns: Turns<Held<C>>,
    /// To call the client's call off that is under way. Locked for an instant only.
    under_way: Mutex<Option<Cancellation>>,
    preferences: Preferences,
    /// Those of a client of this crate's own.
    counters: Option<Arc<Counters>>,
    component: Component,
}

/// What one call at a time has.
struct Held<C> {
    client: C,
    message: ResourceMetrics,
}

impl<C: MetricClient> Close for Held<C> {
    fn close(self, context: &Context) -> Result<(), ExportError> {
        self.client.shutdown(context)
    }

    fn close_late(self) {
        // Nobody is left to hear of it: the shutdown has returned.
        let _ = self.client.shutdown(&Context::with_timeout(Duration::ZERO));
    }
}

impl<C: MetricClient + 'static> OtlpMetricExporter<C> {
    /// An exporter over this client, which nobody else should use from now on.
    pub fn new(client: C) -> Self {
        let mut preferences = Preferences::default();
        preferences.set_temporality(|kind| client.temporality(kind));
        preferences.set_aggregation(|kind| client.aggregation(kind));
        let own = (&client as &dyn Any).downcast_ref::<OtlpMetricClient>();
        let counters = own.map(|client| Arc::clone(client.counters()));
        let component = own.map(|client| client.component().clone());
        let component = component.unwrap_or_else(|| Component::new(type_name::<Self>()));
        let turns = Turns::new(Held { client, message: ResourceMetrics::default() });
        Self {
            shared: Arc::new(Shared {
                owner: Owner::this_process(),
                turns,
                under_way: Mutex::default(),
                preferences,
                counters,
                component,
            }),
        }
    }
}

impl OtlpMetricExporter {
    /// An exporter with the defaults, to be changed: HTTP with protobuf to `http://localhost:4318`.
    pub fn builder() -> OtlpMetricExporterBuilder {
        OtlpMetricExporterBuilder::new()
    }

    /// An exporter as the environment's variables `OTEL_EXPORTER_OTLP_*` say. A value that is ignored is
    /// told on standard error; [`environment`](crate::otlp::OtlpBuilder::environment) tells it elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`build`](crate::otlp::OtlpMetricExporterBuilder::build).
    pub fn from_env() -> Result<Self, ExportError> {
        Self::builder().environment(|warning| eprintln!("nanospan: {warning}")).build()
    }

    /// What the exporter has done so far. It may be asked at any time, also after the shutdown.
    #[must_use]
    pub fn stats(&self) -> OtlpMetricStats {
        self.shared.counters.as_ref().map_or_else(OtlpMetricStats::default, |counters| counters.read().into())
    }
}

impl<C: MetricClient> Shared<C> {
    /// Makes a call of the client's when no other is under way.
    fn call(
        &self,
        context: &Context,
        call: impl FnOnce(&mut Held<C>, &Context) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        let mut turn = self.turns.take(context, shut_down)?;
        let context = context.child();
        let _under_way = UnderWay::begin(&self.under_way, &context);
        if self.turns.is_abandoned() {
            // The shutdown may have looked for something to call off before there was any.
            context.cancellation().cancel();
        }
        call(turn.writer(), &context)
    }

    /// Before a turn is waited for: the call that has it may be one of the parent's, which never comes to an end
    /// here.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        self.owner.refuse_in_child("OTLP metric exporter")
    }
}

fn shut_down() -> ExportError {
    ExportError::shutdown("OTLP metric exporter")
}

/// A call of the client's that can be called off, for as long as it takes.
struct UnderWay<'a>(&'a Mutex<Option<Cancellation>>);

impl<'a> UnderWay<'a> {
    fn begin(place: &'a Mutex<Option<Cancellation>>, context: &Context) -> Self {
        *lock(place) = Some(context.cancellation());
        Self(place)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

fn lock(place: &Mutex<Option<Cancellation>>) -> MutexGuard<'_, Option<Cancellation>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: MetricClient> MetricExporter for OtlpMetricExporter<C> {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.shared.preferences.temporality(kind)
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.shared.preferences.aggregation(kind)
    }

    /// Encodes the metrics and has the client send them. Without points, the client is not called.
    ///
    /// # Errors
    ///
    /// Those of the client's [`upload_metrics`](MetricClient::upload_metrics).
    fn export(&self, context: &Context, metrics: &data::ResourceMetrics) -> Result<(), ExportError> {
        self.shared.call(context, |held, context| {
            if metrics.data_point_count() == 0 {
                return Ok(());
            }
            held.message.encode(metrics);
            held.client.upload_metrics(context, &held.message)
        })
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.call(context, |held, context| held.client.force_flush(context))
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.shared.refuse_in_child()?;
        let result = self.shared.turns.shut_down(context, shut_down);
        if self.shared.turns.is_abandoned() {
            if let Some(under_way) = &*lock(&self.shared.under_way) {
                under_way.cancel();
            }
        }
        result
    }

    /// With a client of this crate's own, that of OpenTelemetry's conventions for its protocol, and the server that it
    /// sends to.
    fn component(&self) -> Component {
        self.shared.component.clone()
    }
}

impl<C: MetricClient> Clone for OtlpMetricExporter<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C: MetricClient> fmt::Debug for OtlpMetricExporter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpMetricExporter").finish_non_exhaustive()
    }
}
