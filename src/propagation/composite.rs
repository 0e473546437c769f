//! Several propagators as one, as a site is set up to use.

use super::{Baggage, BaggagePropagator, Getter, Setter, TraceContextPropagator};
use crate::SpanContext;
use crate::env::Environment;
use std::ffi::OsString;
use std::fmt::Display;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    TraceContext,
    Baggage,
    None,
}

const NAMES: [(&str, Named); 3] =
    [("tracecontext", Named::TraceContext), ("baggage", Named::Baggage), ("none", Named::None)];

/// The propagators of a site: W3C Trace Context and Baggage, either, or none.
///
/// The default is both, as OpenTelemetry's is.
///
/// ```
/// use nanospan::propagation::Propagators;
///
/// let propagators = Propagators::default();
/// let received = [
///     ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
///     ("baggage", "tenant=blue"),
/// ];
/// let caller = propagators.extract(&received);
/// assert!(caller.span.is_some());
/// assert_eq!(caller.baggage.get("tenant"), Some("blue"));
///
/// let mut sent: Vec<(String, String)> = Vec::new();
/// propagators.inject(caller.span.as_ref(), &caller.baggage, &mut sent);
/// assert_eq!(sent.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagators {
    trace_context: Option<TraceContextPropagator>,
    baggage: Option<BaggagePropagator>,
}

/// What a caller sent along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Extracted {
    /// The caller's span, if there was one that is well-formed.
    pub span: Option<SpanContext>,
    /// The baggage; empty if none was sent that can be used.
    pub baggage: Baggage,
}

impl Propagators {
    /// None: nothing is read and nothing sent.
    #[must_use]
    pub const fn none() -> Self {
        Self { trace_context: None, baggage: None }
    }

    /// As the variable `OTEL_PROPAGATORS` says: `tracecontext`, `baggage`, both with a comma between them, or
    /// `none`; both when it is unset. Any other name, one that is there again, and `none` beside others are
    /// ignored, and told on standard error. It holds also with `OTEL_SDK_DISABLED=true`.
    #[must_use]
    pub fn from_env() -> Self {
        let tell = |warning: &dyn Display| eprintln!("nanospan: {warning}");
        Self::from_variables(|name| std::env::var_os(name), tell)
    }

    /// As [`from_env`](Self::from_env), with variables that `lookup` finds by name, and names that are
    /// ignored told to `warn`.
    #[must_use]
    pub fn from_variables(
        lookup: impl Fn(&str) -> Option<OsString>,
        mut warn: impl FnMut(&dyn Display),
    ) -> Self {
        let mut warn = |warning| warn(&warning);
        let mut environment = Environment::new(&lookup, &mut warn);
        match environment.choices("OTEL_PROPAGATORS", &NAMES) {
            None => Self::default(),
            Some(names) => names.into_iter().fold(Self::none(), |propagators, name| match name {
                Named::TraceContext => propagators.with_trace_context(TraceContextPropagator::new()),
                Named::Baggage => propagators.with_baggage(BaggagePropagator::new()),
                Named::None => propagators,
            }),
        }
    }

    /// Takes part in traces by W3C Trace Context.
    #[must_use]
    pub fn with_trace_context(self, propagator: TraceContextPropagator) -> Self {
        Self { trace_context: Some(propagator), ..self }
    }

    /// Hands baggage on.
    #[must_use]
    pub fn with_baggage(self, propagator: BaggagePropagator) -> Self {
        Self { baggage: Some(propagator), ..self }
    }

    /// The headers that [`inject`](Self::inject) may write. A carrier that is used again must be cleared of
    /// them.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        let of_trace = self.trace_context.iter().flat_map(|_| TraceContextPropagator::FIELDS);
        let of_baggage = self.baggage.iter().flat_map(|_| BaggagePropagator::FIELDS);
        of_trace.chain(of_baggage)
    }

    /// What the caller sent along; each propagator reads its own headers, whatever is in the others.
    #[must_use]
    pub fn extract(&self, carrier: &(impl Getter + ?Sized)) -> Extracted {
        Extracted {
            span: self.trace_context.as_ref().and_then(|propagator| propagator.extract(carrier)),
            baggage: self
                .baggage
                .as_ref()
                .and_then(|propagator| propagator.extract(carrier))
                .unwrap_or_default(),
        }
    }

    /// Writes what a callee needs: nothing for a span that is not there or not valid, and nothing for empty
    /// baggage.
    pub fn inject(
        &self,
        span: Option<&SpanContext>,
        baggage: &Baggage,
        carrier: &mut (impl Setter + ?Sized),
    ) {
        if let (Some(propagator), Some(span)) = (&self.trace_context, span) {
            propagator.inject(span, carrier);
        }
        if let Some(propagator) = &self.baggage {
            propagator.inject(baggage, carrier);
        }
    }
}

impl Default for Propagators {
    fn default() -> Self {
        Self::none().with_trace_context(TraceContextPropagator::new()).with_baggage(BaggagePropagator::new())
    }
}
