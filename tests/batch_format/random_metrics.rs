//! Metrics that are made up.

use nanospan::Timestamp;
use nanospan::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogram,
    ExponentialHistogramPoint, Gauge, Histogram, HistogramPoint, KeyValue, List, Metric, Number, NumberPoint,
    QuantileValue, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum, Summary, SummaryPoint, Temporality,
};
use nanospan::{SpanId, TraceId};

use crate::random::Random;

impl Random {
    pub(crate) fn metrics(&mut self) -> ResourceMetrics {
        ResourceMetrics {
            resource: Resource {
                attributes: self.attributes(),
                dropped_attributes_count: self.number() as u32,
                schema_url: self.text().into(),
            },
            scopes: self.list(Self::scope).into(),
        }
    }

    fn scope(&mut self) -> ScopeMetrics {
        ScopeMetrics {
            scope: Scope {
                name: self.text().into(),
                version: self.text().into(),
                attributes: self.attributes(),
                dropped_attributes_count: self.number() as u32,
                schema_url: self.text().into(),
            },
            metrics: self.list(Self::metric).into(),
        }
    }

    fn metric(&mut self) -> Metric {
        let temporality = [Temporality::Cumulative, Temporality::Delta][self.below(2)];
        let data = match self.below(5) {
            0 => Data::Gauge(Gauge { points: self.list(Self::number_point).into() }),
            1 => Data::Sum(Sum {
                points: self.list(Self::number_point).into(),
                temporality,
                is_monotonic: self.below(2) == 1,
            }),
            2 => Data::Histogram(Histogram { points: self.list(Self::histogram_point).into(), temporality }),
            3 => Data::ExponentialHistogram(ExponentialHistogram {
                points: self.list(Self::exponential_histogram_point).into(),
                temporality,
            }),
            _ => Data::Summary(Summary { points: self.list(Self::summary_point).into() }),
        };
        Metric {
            name: self.text().into(),
            description: self.text().into(),
            unit: self.text().into(),
            data,
            metadata: self.attributes(),
        }
    }

    fn number_point(&mut self) -> NumberPoint {
        NumberPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            value: self.value_of_point(),
            exemplars: self.exemplars(),
            flags: self.flags(),
        }
    }

    fn histogram_point(&mut self) -> HistogramPoint {
        HistogramPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.statistic(),
            bucket_counts: self.list(Self::number),
            bounds: self.list(Self::float),
            min: self.statistic(),
            max: self.statistic(),
            exemplars: self.exemplars(),
            flags: self.flags(),
        }
    }

    fn exponential_histogram_point(&mut self) -> ExponentialHistogramPoint {
        ExponentialHistogramPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.statistic(),
            scale: self.number() as i32,
            zero_count: self.number(),
            positive: self.buckets(),
            negative: self.buckets(),
            zero_threshold: self.float(),
            min: self.statistic(),
            max: self.statistic(),
            exemplars: self.exemplars(),
            flags: self.flags(),
        }
    }

    fn summary_point(&mut self) -> SummaryPoint {
        SummaryPoint {
            attributes: self.attributes(),
            start: self.time(),
            time: self.time(),
            count: self.number(),
            sum: self.float(),
            quantiles: self.list(|random| QuantileValue { quantile: random.float(), value: random.float() }),
            flags: self.flags(),
        }
    }

    fn exemplars(&mut self) -> List<Exemplar> {
        let exemplars = self.list(|random| Exemplar {
            filtered_attributes: random.attributes(),
            time: random.time(),
            value: random.value_of_point(),
            // The ids of all zeros are none.
            trace_id: (random.below(2) == 1).then(|| TraceId::from_u128(u128::from(random.next()) << 64 | 1)),
            span_id: (random.below(2) == 1).then(|| SpanId::from_u64(random.next() | 1)),
        });
        exemplars.into()
    }

    fn buckets(&mut self) -> ExponentialBuckets {
        ExponentialBuckets { offset: self.number() as i32, counts: self.list(Self::number) }
    }

    fn attributes(&mut self) -> Attributes {
        self.list(|random| KeyValue { key: random.text().into(), value: random.value() }).into()
    }

    fn value_of_point(&mut self) -> Option<Number> {
        match self.below(3) {
            0 => None,
            1 => Some(Number::I64(self.number() as i64)),
            _ => Some(Number::F64(self.float())),
        }
    }

    fn statistic(&mut self) -> Option<f64> {
        (self.below(2) == 1).then(|| self.float())
    }

    fn float(&mut self) -> f64 {
        f64::from_bits(self.number())
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_unix_nanos(self.number())
    }

    fn flags(&mut self) -> DataPointFlags {
        DataPointFlags::from_bits(self.number() as u32)
    }
}
