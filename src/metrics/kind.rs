//! What measures, and what becomes of it.

use std::borrow::Cow;

/// The kinds of instruments (Metrics API, section "Instrument").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// Adds what is not negative.
    Counter,
    /// Adds what may be negative.
    UpDownCounter,
    /// Records measurements whose distribution is of interest.
    Histogram,
    /// Is asked for a sum that only grows.
    ObservableCounter,
    /// Is asked for a sum that may shrink.
    ObservableUpDownCounter,
    /// Is asked for a value of the moment.
    ObservableGauge,
    /// Records values of the moment.
    Gauge,
}

impl InstrumentKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Counter,
        Self::UpDownCounter,
        Self::Histogram,
        Self::ObservableCounter,
        Self::ObservableUpDownCounter,
        Self::ObservableGauge,
        Self::Gauge,
    ];
}

/// What becomes of the measurements of an instrument (Metrics SDK, section "Aggregation").
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Aggregation {
    /// As suits the kind: sums for counters, the last value for gauges, buckets for histograms.
    #[default]
    Default,
    /// Nothing: they are not kept.
    Drop,
    /// Their sum.
    Sum,
    /// The last one.
    LastValue,
    /// Counts in buckets with given bounds.
    ExplicitBucketHistogram {
        /// The upper bounds of all buckets but the last, ascending; each belongs to its bucket.
        bounds: Cow<'static, [f64]>,
        /// Whether the least and the greatest are kept as well.
        record_min_max: bool,
    },
    /// Counts in buckets that widen exponentially.
    Base2ExponentialHistogram {
        /// The most buckets on either side of zero.
        max_size: u32,
        /// The finest scale, which the buckets begin with.
        max_scale: i32,
        /// Whether the least and the greatest are kept as well.
        record_min_max: bool,
    },
}

/// The bounds that a histogram has by default (Metrics SDK, section "Explicit Bucket Histogram
/// Aggregation").
const DEFAULT_BOUNDS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];

impl Aggregation {
    /// Buckets with the bounds that the Metrics SDK has by default, from 0 to 10,000.
    #[must_use]
    pub const fn explicit_bucket_histogram() -> Self {
        Self::ExplicitBucketHistogram { bounds: Cow::Borrowed(&DEFAULT_BOUNDS), record_min_max: true }
    }

    /// What this means for a kind of instrument: itself, and for [`Default`](Self::Default) what suits the kind
    /// (Metrics SDK, section "Default Aggregation").
    #[must_use]
    pub fn resolved(self, kind: InstrumentKind) -> Self {
        match (&self, kind) {
            (
                Self::Default,
                InstrumentKind::Counter
                | InstrumentKind::UpDownCounter
                | InstrumentKind::ObservableCounter
                | InstrumentKind::ObservableUpDownCounter,
            ) => Self::Sum,
            (Self::Default, InstrumentKind::ObservableGauge | InstrumentKind::Gauge) => Self::LastValue,
            (Self::Default, InstrumentKind::Histogram) => Self::explicit_bucket_histogram(),
            _ => self,
        }
    }

    /// At most 160 buckets on either side, of scale 20 at first, which the Metrics SDK has by default.
    #[must_use]
    pub const fn base2_exponential_histogram() -> Self {
        Self::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_the_specification_says_for_the_kind_and_all_else_stays() {
        for kind in InstrumentKind::ALL {
            let expected = match kind {
                InstrumentKind::Histogram => Aggregation::explicit_bucket_histogram(),
                InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Aggregation::LastValue,
                _ => Aggregation::Sum,
            };
            assert_eq!(Aggregation::Default.resolved(kind), expected, "{kind:?}");
            assert_eq!(Aggregation::Drop.resolved(kind), Aggregation::Drop);
        }
    }
}
