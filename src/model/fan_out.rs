//! A fan-out over two tracers of this crate, each with a drain of its own.

use crate::Timestamp;
use crate::model::tracer::{Drain, Tracer};
use crate::plugin::fan_out_bench::over;
use crate::plugin::{FanOut as Real, bext_plugin_api};
use crate::sampling::Sampler;
use crate::tracer::Core;
use bext_plugin_api::tracer::{SpanHandle, SpanStart, TracerPlugin};
use std::sync::OnceLock;

/// See the module.
#[derive(Clone, Copy)]
pub struct FanOut(&'static Real);

/// A span of the fan-out as its host names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(SpanHandle);

impl Handle {
    /// Its two ids as numbers, to be passed on.
    #[must_use]
    pub fn ids(self) -> [u64; 3] {
        let trace = u128::from_le_bytes(self.0.trace_id);
        [(trace >> 64) as u64, trace as u64, u64::from_le_bytes(self.0.span_id)]
    }

    /// The handle that these are.
    #[must_use]
    pub fn of([high, low, span]: [u64; 3]) -> Self {
        let trace = u128::from(high) << 64 | u128::from(low);
        Self(SpanHandle { trace_id: trace.to_le_bytes(), span_id: span.to_le_bytes() })
    }
}

impl FanOut {
    /// A fan-out over two tracers with so many blocks and chunks each, and their drains.
    #[must_use]
    pub fn new(blocks: usize, chunks: usize) -> (Self, [Drain; 2]) {
        let benches = [(); 2].map(|()| Tracer::new(blocks, chunks));
        let tracers = benches.each_ref().map(|(tracer, drain)| {
            let core = Core {
                engine: tracer.0,
                pipeline: drain.pipeline(),
                sampler: Sampler::default(),
                number: 0,
                built: Timestamp::from_unix_nanos(0),
                readers: OnceLock::new(),
                remotes: OnceLock::new(),
            };
            crate::Tracer::of(Box::leak(Box::new(core)))
        });
        let fan_out = Self(Box::leak(Box::new(over(tracers, 2))));
        (fan_out, benches.map(|(_, drain)| drain))
    }

    /// Starts a root.
    ///
    /// # Panics
    ///
    /// When no child records it.
    #[must_use]
    pub fn start(self) -> Handle {
        let handle = self.0.start_span(SpanStart { name: "span", ..SpanStart::default() });
        assert!(!handle.is_invalid(), "a span was refused");
        Handle(handle)
    }

    /// Sets an attribute.
    pub fn attribute(self, span: Handle, key: &str, value: i64) {
        self.0.set_attribute(span.0, key, value.into());
    }

    /// Ends a span.
    pub fn end(self, span: Handle) {
        self.0.end_span(span.0, None);
    }

    /// Spans that have not ended.
    #[must_use]
    pub fn live(self) -> u64 {
        self.0.stats().live_spans
    }

    /// Calls that were made for a span that had ended.
    #[must_use]
    pub fn stale(self) -> u64 {
        self.0.stats().stale_calls
    }
}

impl std::fmt::Debug for FanOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FanOut(..)")
    }
}
