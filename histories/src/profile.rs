//! What a session's tracer is like, and what is known of this build.

use crate::random::Random;
use nanospan::{ClockSource, SpanLimits, Tracer, TracerBuilder};
use std::time::Duration;

/// What a text or a value is cut to when it is recorded, in bytes: the crate's documentation, section
/// "What happens under load"; smaller with `nanospan_tiny`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) key: usize,
    pub(crate) name: usize,
    pub(crate) message: usize,
    pub(crate) value: usize,
    /// Spans of a block, and words of a chunk, to tell which rare things happened.
    pub(crate) block: usize,
    pub(crate) chunk_words: usize,
}

pub(crate) const SIZES: Sizes = if cfg!(nanospan_tiny) {
    Sizes { key: 64, name: 64, message: 64, value: 64 * 1024, block: 4, chunk_words: 24 }
} else {
    Sizes { key: 1024, name: 1024, message: 2048, value: 64 * 1024, block: 64, chunk_words: 504 }
};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// The session's number, from which all else follows.
    pub(crate) seed: u64,
    pub(crate) sizes: Sizes,
    /// So little memory that spans are refused and records shed.
    pub(crate) tight: bool,
    pub(crate) limits: SpanLimits,
    pub(crate) system_clock: bool,
    batch_spans: usize,
    drain_interval: Duration,
    memory: usize,
    /// The exporter fails at every so manieth batch.
    pub(crate) fail_every: Option<u64>,
}

impl Profile {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::of(seed, u64::MAX);
        let mut limits = SpanLimits::default();
        if random.once_in(2) {
            limits.attributes = 1 + random.below(6) as u32;
            limits.events = 1 + random.below(3) as u32;
            limits.links = random.below(3) as u32;
            limits.attributes_per_event = random.below(3) as u32;
            limits.attributes_per_link = random.below(3) as u32;
            limits.attribute_value_length = random.once_in(2).then(|| random.below(30) as u32);
        }
        let tight = seed % 4 == 3;
        let memory = match (tight, cfg!(nanospan_tiny)) {
            (true, true) => (120 << 10) + random.below(200 << 10),
            (true, false) => (60 << 10) + random.below(190 << 10),
            (false, _) => 48 << 20,
        };
        Self {
            seed,
            sizes: SIZES,
            tight,
            limits,
            system_clock: random.once_in(4),
            batch_spans: random.pick(&[1, 3, 64, 4096]),
            drain_interval: Duration::from_micros(50 + random.below(400) as u64),
            memory,
            fail_every: (seed % 6 == 4).then(|| 2 + random.below(30) as u64),
        }
    }

    pub(crate) fn builder(&self) -> TracerBuilder {
        Tracer::builder("histories")
            .span_limits(self.limits)
            .memory_budget(self.memory)
            .clock(if self.system_clock { ClockSource::System } else { ClockSource::Best })
            .max_batch_spans(self.batch_spans)
            .drain_interval(self.drain_interval)
            .export_interval(Duration::from_millis(5))
            .error_handler(|_| {})
    }
}
