//! What an exporter wants of each kind of instrument, looked up without asking it.

use super::data::Temporality;
use super::{Aggregation, InstrumentKind, MetricExporter};

/// A temporality and an aggregation for each kind. They are known from the start, so that they are told at
/// once whatever the exporter does meanwhile.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Preferences {
    /// In the order of [`InstrumentKind::ALL`].
    temporalities: [Temporality; InstrumentKind::ALL.len()],
    aggregations: [Aggregation; InstrumentKind::ALL.len()],
}

impl Preferences {
    /// What `exporter` wants.
    pub(crate) fn of(exporter: &(impl MetricExporter + ?Sized)) -> Self {
        let mut preferences = Self::default();
        preferences.set_temporality(|kind| exporter.temporality(kind));
        preferences.set_aggregation(|kind| exporter.aggregation(kind));
        preferences
    }

    pub(crate) fn set_temporality(&mut self, wanted: impl Fn(InstrumentKind) -> Temporality) {
        self.temporalities = InstrumentKind::ALL.map(wanted);
    }

    pub(crate) fn set_aggregation(&mut self, wanted: impl Fn(InstrumentKind) -> Aggregation) {
        self.aggregations = InstrumentKind::ALL.map(wanted);
    }

    pub(crate) fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.temporalities[kind as usize]
    }

    pub(crate) fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        self.aggregations[kind as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_place() {
        for (place, kind) in InstrumentKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
