//! Over which time points are wanted, in one word for all kinds of instruments.

use super::InstrumentKind;
use super::data::Temporality;

/// A choice of temporalities (Metrics Exporter - OTLP, section "Additional Environment Variable
/// Configuration").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TemporalityPreference {
    /// Cumulative for all kinds.
    #[default]
    Cumulative,
    /// Delta for counters, observable counters and histograms; cumulative for what may shrink, and for
    /// gauges, for which it means nothing.
    Delta,
    /// Delta for counters and histograms, cumulative for all else: what takes the least memory, since nothing
    /// has to be remembered to turn one into the other.
    LowMemory,
}

impl TemporalityPreference {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cumulative, Self::Delta, Self::LowMemory];

    /// What is chosen for this kind.
    #[must_use]
    pub fn of(self, kind: InstrumentKind) -> Temporality {
        use InstrumentKind::{Counter, Histogram, ObservableCounter};
        match (self, kind) {
            (Self::Delta, Counter | Histogram | ObservableCounter)
            | (Self::LowMemory, Counter | Histogram) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }

    /// The name in variables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cumulative => "cumulative",
            Self::Delta => "delta",
            Self::LowMemory => "lowmemory",
        }
    }
}
