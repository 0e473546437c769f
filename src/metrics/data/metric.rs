//! Metrics, and what they are gathered in.

use std::borrow::Cow;

use super::point::{ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint};
use super::{Attributes, Clear, List};

/// Whether a point tells of all that was counted since the start, or of what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Temporality {
    /// Since a start that stays the same.
    #[default]
    Cumulative,
    /// Since the point before.
    Delta,
}

/// All metrics of one collection, with what they are about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceMetrics {
    /// What was measured.
    pub resource: Resource,
    /// The metrics, by who measured them.
    pub scopes: List<ScopeMetrics>,
}

impl ResourceMetrics {
    /// How many points there are in all.
    #[must_use]
    pub fn data_point_count(&self) -> usize {
        let metrics = self.scopes.iter().flat_map(|scope| &scope.metrics);
        metrics.map(|metric| metric.data.point_count()).sum()
    }
}

impl Clear for ResourceMetrics {
    fn clear(&mut self) {
        let Self { resource, scopes } = self;
        resource.clear();
        scopes.clear();
    }
}

/// What produces telemetry: a service, on a machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// What describes it.
    pub attributes: Attributes,
    /// How many more there were.
    pub dropped_attributes_count: u32,
    /// Where the conventions are described by which the attributes are named; may be empty.
    pub schema_url: Cow<'static, str>,
}

impl Clear for Resource {
    fn clear(&mut self) {
        let Self { attributes, dropped_attributes_count, schema_url } = self;
        attributes.clear();
        (*dropped_attributes_count, *schema_url) = Default::default();
    }
}

/// The part of a program that measures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Its name, such as that of a library.
    pub name: Cow<'static, str>,
    /// Its version; may be empty.
    pub version: Cow<'static, str>,
    /// What describes it.
    pub attributes: Attributes,
    /// How many more there were.
    pub dropped_attributes_count: u32,
    /// Where the conventions are described by which metrics and attributes are named; may be empty.
    pub schema_url: Cow<'static, str>,
}

impl Clear for Scope {
    fn clear(&mut self) {
        let Self { name, version, attributes, dropped_attributes_count, schema_url } = self;
        attributes.clear();
        (*name, *version, *dropped_attributes_count, *schema_url) = Default::default();
    }
}

/// The metrics of one scope.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScopeMetrics {
    /// Who measured.
    pub scope: Scope,
    /// What was measured.
    pub metrics: List<Metric>,
}

impl Clear for ScopeMetrics {
    fn clear(&mut self) {
        let Self { scope, metrics } = self;
        scope.clear();
        metrics.clear();
    }
}

/// A metric: a name and its points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metric {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is, for people; may be empty.
    pub description: Cow<'static, str>,
    /// Its unit by the Unified Code for Units of Measure, such as `s` or `{span}`; may be empty.
    pub unit: Cow<'static, str>,
    /// Its points.
    pub data: Data,
    /// What else is known about the metric itself, such as how another system calls its type.
    pub metadata: Attributes,
}

impl Clear for Metric {
    fn clear(&mut self) {
        let Self { name, description, unit, data, metadata } = self;
        metadata.clear();
        (*name, *description, *unit) = Default::default();
        data.clear();
    }
}

/// The points of a metric.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// Values of the moment.
    Gauge(Gauge),
    /// Sums of increments.
    Sum(Sum),
    /// Counts in buckets with given bounds.
    Histogram(Histogram),
    /// Counts in buckets that widen exponentially.
    ExponentialHistogram(ExponentialHistogram),
    /// Quantiles that another system has computed; passed through.
    Summary(Summary),
}

/// Values of the moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gauge {
    /// One for each set of attributes.
    pub points: List<NumberPoint>,
}

/// Sums of increments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sum {
    /// One for each set of attributes.
    pub points: List<NumberPoint>,
    /// Over which time.
    pub temporality: Temporality,
    /// Whether no increment is negative.
    pub is_monotonic: bool,
}

/// Counts in buckets with given bounds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// One for each set of attributes.
    pub points: List<HistogramPoint>,
    /// Over which time.
    pub temporality: Temporality,
}

/// Counts in buckets that widen exponentially.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExponentialHistogram {
    /// One for each set of attributes.
    pub points: List<ExponentialHistogramPoint>,
    /// Over which time.
    pub temporality: Temporality,
}

/// Quantiles that another system has computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// One for each set of attributes.
    pub points: List<SummaryPoint>,
}

/// An accessor that makes the data of a kind and keeps buffers where it is of that kind already.
macro_rules! filled_as {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        pub fn $name(&mut self) -> &mut $kind {
            if !matches!(self, Self::$kind(_)) {
                *self = Self::$kind($kind::default());
            }
            let Self::$kind(data) = self else { unreachable!("it was made this kind above") };
            data
        }
    };
}

impl Data {
    filled_as!(
        /// The gauge that this is, or is made, to be filled.
        gauge, Gauge
    );
    filled_as!(
        /// The sum that this is, or is made, to be filled.
        sum, Sum
    );
    filled_as!(
        /// The histogram that this is, or is made, to be filled.
        histogram, Histogram
    );
    filled_as!(
        /// The exponential histogram that this is, or is made, to be filled.
        exponential_histogram, ExponentialHistogram
    );
    filled_as!(
        /// The summary that this is, or is made, to be filled.
        summary, Summary
    );

    /// How many points there are.
    #[must_use]
    pub fn point_count(&self) -> usize {
        match self {
            Self::Gauge(data) => data.points.len(),
            Self::Sum(data) => data.points.len(),
            Self::Histogram(data) => data.points.len(),
            Self::ExponentialHistogram(data) => data.points.len(),
            Self::Summary(data) => data.points.len(),
        }
    }

    /// Keeps the first `len` points, and all if there are no more.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Gauge(data) => data.points.truncate(len),
            Self::Sum(data) => data.points.truncate(len),
            Self::Histogram(data) => data.points.truncate(len),
            Self::ExponentialHistogram(data) => data.points.truncate(len),
            Self::Summary(data) => data.points.truncate(len),
        }
    }
}

impl Clear for Data {
    /// It stays of its kind.
    fn clear(&mut self) {
        match self {
            Self::Gauge(Gauge { points }) => points.clear(),
            Self::Sum(Sum { points, temporality, is_monotonic }) => {
                points.clear();
                (*temporality, *is_monotonic) = Default::default();
            }
            Self::Histogram(Histogram { points, temporality }) => {
                points.clear();
                *temporality = Temporality::default();
            }
            Self::ExponentialHistogram(ExponentialHistogram { points, temporality }) => {
                points.clear();
                *temporality = Temporality::default();
            }
            Self::Summary(Summary { points }) => points.clear(),
        }
    }
}

impl Default for Data {
    /// A gauge without points.
    fn default() -> Self {
        Self::Gauge(Gauge::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_each_kind_keep_no_more_points_than_they_are_cut_to() {
        let fill: [fn(&mut Data); 5] = [
            |data| _ = data.gauge().points.push(),
            |data| _ = data.sum().points.push(),
            |data| _ = data.histogram().points.push(),
            |data| _ = data.exponential_histogram().points.push(),
            |data| _ = data.summary().points.push(),
        ];
        for add in fill {
            let mut data = Data::default();
            (0..3).for_each(|_| add(&mut data));
            for (len, left) in [(4, 3), (2, 2), (0, 0)] {
                data.truncate(len);
                assert_eq!(data.point_count(), left, "{data:?}");
            }
        }
    }
}
