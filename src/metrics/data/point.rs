//! What was measured: one point for each set of attributes.

use super::{Attributes, Clear, List};
use crate::{SpanId, Timestamp, TraceId};

/// An integer or a float; it stays what it is up to the back-end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A signed 64-bit integer.
    I64(i64),
    /// A double-precision float.
    F64(f64),
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

/// What else is to be known about a point: the bits of OTLP's `DataPointFlags`. Bits without a name are
/// kept and passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DataPointFlags(u32);

impl DataPointFlags {
    /// Nothing else.
    pub const NONE: Self = Self(0);
    /// There is no value for this time: the series has ended, or was interrupted (Metrics Data Model,
    /// section "No recorded value").
    pub const NO_RECORDED_VALUE: Self = Self(1);

    /// The flags with these bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether [`NO_RECORDED_VALUE`](Self::NO_RECORDED_VALUE) is set, whatever else is.
    #[must_use]
    pub const fn has_no_recorded_value(self) -> bool {
        self.0 & Self::NO_RECORDED_VALUE.0 != 0
    }
}

/// A measurement that stands for others, with the span that it was made in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exemplar {
    /// Attributes of the measurement that the point does not have.
    pub filtered_attributes: Attributes,
    /// When it was made.
    pub time: Timestamp,
    /// What was measured.
    pub value: Option<Number>,
    /// The trace that it was made in.
    pub trace_id: Option<TraceId>,
    /// The span that it was made in.
    pub span_id: Option<SpanId>,
}

impl Clear for Exemplar {
    fn clear(&mut self) {
        let Self { filtered_attributes, time, value, trace_id, span_id } = self;
        filtered_attributes.clear();
        (*time, *value, *trace_id, *span_id) = Default::default();
    }
}

/// A point of a [`Gauge`](super::Gauge) or a [`Sum`](super::Sum).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NumberPoint {
    /// What the point is about.
    pub attributes: Attributes,
    /// Since when has been counted; the epoch if it is not known, or of no meaning, as for a gauge.
    pub start: Timestamp,
    /// Until when has been counted, or when the value was looked at.
    pub time: Timestamp,
    /// The value; `None` only together with [`DataPointFlags::NO_RECORDED_VALUE`].
    pub value: Option<Number>,
    /// Measurements that went into it.
    pub exemplars: List<Exemplar>,
    /// What else is to be known.
    pub flags: DataPointFlags,
}

impl Clear for NumberPoint {
    fn clear(&mut self) {
        let Self { attributes, start, time, value, exemplars, flags } = self;
        attributes.clear();
        exemplars.clear();
        (*start, *time, *value, *flags) = Default::default();
    }
}

/// A point of a [`Histogram`](super::Histogram).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramPoint {
    /// What the point is about.
    pub attributes: Attributes,
    /// Since when has been counted; the epoch if it is not known.
    pub start: Timestamp,
    /// Until when has been counted.
    pub time: Timestamp,
    /// How many measurements there were.
    pub count: u64,
    /// Their sum; `None` where there may be negative ones.
    pub sum: Option<f64>,
    /// How many were in each bucket: one more than there are bounds, or none at all.
    pub bucket_counts: Vec<u64>,
    /// The upper bounds of all buckets but the last, ascending; each belongs to its bucket.
    pub bounds: Vec<f64>,
    /// The least measurement.
    pub min: Option<f64>,
    /// The greatest measurement.
    pub max: Option<f64>,
    /// Measurements that went into it.
    pub exemplars: List<Exemplar>,
    /// What else is to be known.
    pub flags: DataPointFlags,
}

impl Clear for HistogramPoint {
    fn clear(&mut self) {
        let Self { attributes, start, time, count, sum, bucket_counts, bounds, min, max, exemplars, flags } =
            self;
        attributes.clear();
        bucket_counts.clear();
        bounds.clear();
        exemplars.clear();
        (*start, *time, *count, *sum, *min, *max, *flags) = Default::default();
    }
}

/// Counts of buckets that follow each other, each wider than the one before by the same factor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExponentialBuckets {
    /// The index of the first count.
    pub offset: i32,
    /// The count at index `offset + i`: of measurements in `(base^(offset+i), base^(offset+i+1)]`, where
    /// `base` is `2^(2^-scale)`.
    pub counts: Vec<u64>,
}

impl Clear for ExponentialBuckets {
    fn clear(&mut self) {
        self.offset = 0;
        self.counts.clear();
    }
}

/// A point of an [`ExponentialHistogram`](super::ExponentialHistogram).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExponentialHistogramPoint {
    /// What the point is about.
    pub attributes: Attributes,
    /// Since when has been counted; the epoch if it is not known.
    pub start: Timestamp,
    /// Until when has been counted.
    pub time: Timestamp,
    /// How many measurements there were.
    pub count: u64,
    /// Their sum; `None` where there may be negative ones.
    pub sum: Option<f64>,
    /// How fine the buckets are: one more halves their ratio's logarithm.
    pub scale: i32,
    /// Measurements whose magnitude is at most `zero_threshold`.
    pub zero_count: u64,
    /// The measurements above zero.
    pub positive: ExponentialBuckets,
    /// The measurements below zero, by their magnitude.
    pub negative: ExponentialBuckets,
    /// The greatest magnitude that counts as zero.
    pub zero_threshold: f64,
    /// The least measurement.
    pub min: Option<f64>,
    /// The greatest measurement.
    pub max: Option<f64>,
    /// Measurements that went into it.
    pub exemplars: List<Exemplar>,
    /// What else is to be known.
    pub flags: DataPointFlags,
}

impl Clear for ExponentialHistogramPoint {
    fn clear(&mut self) {
        let Self {
            attributes,
            start,
            time,
            count,
            sum,
            scale,
            zero_count,
            positive,
            negative,
            zero_threshold,
            min,
            max,
            exemplars,
            flags,
        } = self;
        attributes.clear();
        positive.clear();
        negative.clear();
        exemplars.clear();
        (*start, *time, *count, *sum, *scale, *zero_count) = Default::default();
        (*zero_threshold, *min, *max, *flags) = Default::default();
    }
}

/// A quantile and the value at it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuantileValue {
    /// Between 0, the least value, and 1, the greatest.
    pub quantile: f64,
    /// The value at it, which is not negative.
    pub value: f64,
}

/// A point of a [`Summary`](super::Summary).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SummaryPoint {
    /// What the point is about.
    pub attributes: Attributes,
    /// Since when has been counted; the epoch if it is not known.
    pub start: Timestamp,
    /// Until when has been counted.
    pub time: Timestamp,
    /// How many measurements there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Values at quantiles, over a time that whoever measured knows.
    pub quantiles: Vec<QuantileValue>,
    /// What else is to be known.
    pub flags: DataPointFlags,
}

impl Clear for SummaryPoint {
    fn clear(&mut self) {
        let Self { attributes, start, time, count, sum, quantiles, flags } = self;
        attributes.clear();
        quantiles.clear();
        (*start, *time, *count, *sum, *flags) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_recorded_is_known_by_its_bit_alone() {
        for (bits, expected) in [(0, false), (1, true), (2, false), (3, true), (u32::MAX, true)] {
            let flags = DataPointFlags::from_bits(bits);
            assert_eq!((flags.has_no_recorded_value(), flags.bits()), (expected, bits));
        }
    }
}
