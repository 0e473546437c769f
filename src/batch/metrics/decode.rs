//! From a batch back to the metrics that it was made of.

use std::ops::Range;

use super::schema::{self, DataKind, NumberType};
use super::{MetricsView, present};
use crate::batch::attributes::{Attributes, ValueView};
use crate::batch::generated::nanospan::Attribute;
use crate::batch::span::range_of;
use crate::batch::table::Column;
use crate::batch::{BatchError, StrArray};
use crate::metrics::data::{
    self, Data, DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint,
    KeyValue, List, Metric, Number, NumberPoint, QuantileValue, Resource, ResourceMetrics, Scope,
    ScopeMetrics, SummaryPoint, Temporality,
};
use crate::{OwnedValue, SpanId, Timestamp, TraceId};

impl MetricsView<'_> {
    /// The metrics of the batch.
    ///
    /// One text of a batch may be named many times, and each time it is copied here, so that a small batch
    /// that somebody made on purpose could need any amount of memory: no more than `max_text_bytes` of text
    /// are copied. All else takes a small multiple of the size of the batch.
    ///
    /// Left out are attributes of a type, and metrics of a kind, that this version of the library does not
    /// know; the dropped attributes of a resource or scope include those.
    ///
    /// # Errors
    ///
    /// [`BatchError::TooMuchText`] if `max_text_bytes` are not enough.
    pub fn to_metrics(&self, max_text_bytes: usize) -> Result<ResourceMetrics, BatchError> {
        let mut decoder = Decoder {
            view: *self,
            max_text_bytes,
            text_left: max_text_bytes,
            histograms: 0,
            exponential_histograms: 0,
            summaries: 0,
        };
        let (attributes, unknown) = decoder.attributes(self.resource)?;
        let resource = Resource {
            attributes,
            dropped_attributes_count: self.resource_dropped_attributes.saturating_add(unknown),
            schema_url: decoder.text(self.resource_schema_url)?.into(),
        };
        let scopes = (0..self.scopes.len()).map(|index| decoder.scope(index)).collect::<Result<_, _>>()?;
        Ok(ResourceMetrics { resource, scopes })
    }
}

struct Decoder<'a> {
    view: MetricsView<'a>,
    max_text_bytes: usize,
    text_left: usize,
    /// How many points of each of these kinds there were so far.
    histograms: usize,
    exponential_histograms: usize,
    summaries: usize,
}

/// What a batch has for points of all kinds.
struct PointHead {
    attributes: data::Attributes,
    start: Timestamp,
    time: Timestamp,
    value_type: NumberType,
    value: u64,
    exemplars: List<Exemplar>,
    flags: DataPointFlags,
}

impl<'a> Decoder<'a> {
    fn scope(&mut self, index: usize) -> Result<ScopeMetrics, BatchError> {
        let view = self.view;
        // The lists were checked, so none of these is missing.
        let scope = view.scopes.get(index).unwrap_or_default();
        let own = range_of(view.scopes, index, schema::MetricScope::attributes_end);
        let (attributes, unknown) = self.attributes(view.scope_attributes.slice(own))?;
        let scope = Scope {
            name: self.text(scope.name())?.into(),
            version: self.text(scope.version())?.into(),
            attributes,
            dropped_attributes_count: scope.dropped_attributes().saturating_add(unknown),
            schema_url: self.text(scope.schema_url())?.into(),
        };
        let mut metrics = List::new();
        for index in range_of(view.scopes, index, schema::MetricScope::metrics_end) {
            metrics.extend(self.metric(index)?);
        }
        Ok(ScopeMetrics { scope, metrics })
    }

    /// The metric `index`; `None` if it is of a kind that is not known.
    fn metric(&mut self, index: usize) -> Result<Option<Metric>, BatchError> {
        let view = self.view;
        let metric = view.metrics.get(index).unwrap_or_default();
        let points = range_of(view.metrics, index, schema::Metric::points_end);
        let temporality = match metric.temporality() {
            schema::Temporality::Delta => Temporality::Delta,
            _ => Temporality::Cumulative,
        };
        let data = match metric.kind() {
            DataKind::Gauge => Data::Gauge(data::Gauge { points: self.all(points, Self::number_point)? }),
            DataKind::Sum => Data::Sum(data::Sum {
                points: self.all(points, Self::number_point)?,
                temporality,
                is_monotonic: metric.is_monotonic(),
            }),
            DataKind::Histogram => Data::Histogram(data::Histogram {
                points: self.all(points, Self::histogram_point)?,
                temporality,
            }),
            DataKind::ExponentialHistogram => Data::ExponentialHistogram(data::ExponentialHistogram {
                points: self.all(points, Self::exponential_histogram_point)?,
                temporality,
            }),
            DataKind::Summary => {
                Data::Summary(data::Summary { points: self.all(points, Self::summary_point)? })
            }
            _ => return Ok(None),
        };
        let own = range_of(view.metrics, index, schema::Metric::metadata_end);
        Ok(Some(Metric {
            name: self.text(metric.name())?.into(),
            description: self.text(metric.description())?.into(),
            unit: self.text(metric.unit())?.into(),
            data,
            metadata: self.attributes(view.metadata.slice(own))?.0,
        }))
    }

    fn all<P>(
        &mut self,
        points: Range<usize>,
        read: impl Fn(&mut Self, PointHead) -> P,
    ) -> Result<List<P>, BatchError> {
        let mut list = Vec::with_capacity(points.len());
        for index in points {
            let point = self.point(index)?;
            list.push(read(self, point));
        }
        Ok(list.into())
    }

    fn point(&mut self, index: usize) -> Result<PointHead, BatchError> {
        let view = self.view;
        let point = view.points.get(index).unwrap_or_default();
        let own = range_of(view.points, index, schema::Point::attributes_end);
        let exemplars = range_of(view.points, index, schema::Point::exemplars_end);
        Ok(PointHead {
            attributes: self.attributes(view.attributes.slice(own))?.0,
            start: Timestamp::from_unix_nanos(point.start_unix_nanos()),
            time: Timestamp::from_unix_nanos(point.time_unix_nanos()),
            value_type: point.type_(),
            value: point.value(),
            exemplars: exemplars.map(|index| self.exemplar(index)).collect::<Result<_, _>>()?,
            flags: DataPointFlags::from_bits(point.flags()),
        })
    }

    fn exemplar(&mut self, index: usize) -> Result<Exemplar, BatchError> {
        let view = self.view;
        let exemplar = view.exemplars.get(index).unwrap_or_default();
        let own = range_of(view.exemplars, index, schema::Exemplar::attributes_end);
        let trace_id = TraceId::from_bytes(exemplar.trace_id().into());
        let span_id = SpanId::from_bytes(exemplar.span_id().into());
        Ok(Exemplar {
            filtered_attributes: self.attributes(view.exemplar_attributes.slice(own))?.0,
            time: Timestamp::from_unix_nanos(exemplar.time_unix_nanos()),
            value: number(exemplar.type_(), exemplar.value()),
            trace_id: trace_id.is_valid().then_some(trace_id),
            span_id: span_id.is_valid().then_some(span_id),
        })
    }

    fn number_point(&mut self, head: PointHead) -> NumberPoint {
        let PointHead { attributes, start, time, value_type, value, exemplars, flags } = head;
        NumberPoint { attributes, start, time, value: number(value_type, value), exemplars, flags }
    }

    fn histogram_point(&mut self, head: PointHead) -> HistogramPoint {
        let PointHead { attributes, start, time, value: count, exemplars, flags, .. } = head;
        let column = self.view.histograms;
        let index = next(&mut self.histograms);
        let histogram = column.get(index).unwrap_or_default();
        let counts = range_of(column, index, schema::HistogramData::counts_end);
        let bounds = range_of(column, index, schema::HistogramData::bounds_end);
        let there = |bit, value| (histogram.present() & bit != 0).then_some(value);
        HistogramPoint {
            attributes,
            start,
            time,
            count,
            sum: there(present::SUM, histogram.sum()),
            bucket_counts: self.view.bucket_counts.slice(counts).iter().collect(),
            bounds: self.view.bounds.slice(bounds).iter().collect(),
            min: there(present::MIN, histogram.min()),
            max: there(present::MAX, histogram.max()),
            exemplars,
            flags,
        }
    }

    fn exponential_histogram_point(&mut self, head: PointHead) -> ExponentialHistogramPoint {
        let PointHead { attributes, start, time, value: count, exemplars, flags, .. } = head;
        let column = self.view.exponential_histograms;
        let index = next(&mut self.exponential_histograms);
        let histogram = column.get(index).unwrap_or_default();
        let positive = range_of(column, index, schema::ExponentialHistogramData::positive_end);
        let negative = range_of(column, index, schema::ExponentialHistogramData::negative_end);
        let there = |bit, value| (histogram.present() & bit != 0).then_some(value);
        ExponentialHistogramPoint {
            attributes,
            start,
            time,
            count,
            sum: there(present::SUM, histogram.sum()),
            scale: histogram.scale(),
            zero_count: histogram.zero_count(),
            positive: ExponentialBuckets {
                offset: histogram.positive_offset(),
                counts: self.view.positive_counts.slice(positive).iter().collect(),
            },
            negative: ExponentialBuckets {
                offset: histogram.negative_offset(),
                counts: self.view.negative_counts.slice(negative).iter().collect(),
            },
            zero_threshold: histogram.zero_threshold(),
            min: there(present::MIN, histogram.min()),
            max: there(present::MAX, histogram.max()),
            exemplars,
            flags,
        }
    }

    fn summary_point(&mut self, head: PointHead) -> SummaryPoint {
        // OTLP has no exemplars for summaries.
        let PointHead { attributes, start, time, value: count, flags, .. } = head;
        let column = self.view.summaries;
        let index = next(&mut self.summaries);
        let quantiles = range_of(column, index, schema::SummaryData::quantiles_end);
        let quantiles = self.view.quantiles.slice(quantiles);
        SummaryPoint {
            attributes,
            start,
            time,
            count,
            sum: column.get(index).unwrap_or_default().sum(),
            quantiles: quantiles
                .iter()
                .map(|one| QuantileValue { quantile: one.quantile(), value: one.value() })
                .collect(),
            flags,
        }
    }

    /// The attributes, and how many were left out.
    fn attributes(&mut self, entries: Column<'a, Attribute>) -> Result<(data::Attributes, u32), BatchError> {
        let entries = Attributes::new(self.view.store, entries);
        let unknown = entries.unknown();
        let mut attributes = List::new();
        for (key, value) in entries {
            let key = self.copied(key)?.into();
            attributes.extend([KeyValue { key, value: self.value(&value)? }]);
        }
        Ok((attributes, unknown))
    }

    fn value(&mut self, value: &ValueView<'a>) -> Result<OwnedValue, BatchError> {
        match value {
            ValueView::Str(text) => Ok(OwnedValue::Str(self.copied(text)?)),
            ValueView::StrArray(texts) => {
                let texts: StrArray<'a> = texts.clone();
                let texts = texts.map(|text| self.copied(text)).collect::<Result<_, _>>()?;
                Ok(OwnedValue::StrArray(texts))
            }
            // All else is as large as it is in the batch.
            value => Ok(value.to_owned()),
        }
    }

    fn text(&mut self, index: u32) -> Result<String, BatchError> {
        self.copied(self.view.store.texts.get(index))
    }

    fn copied(&mut self, text: &str) -> Result<String, BatchError> {
        let left = self.text_left.checked_sub(text.len());
        self.text_left = left.ok_or(BatchError::TooMuchText { limit: self.max_text_bytes })?;
        Ok(text.to_owned())
    }
}

/// The number of the next one, which is counted.
fn next(count: &mut usize) -> usize {
    *count += 1;
    *count - 1
}

fn number(value_type: NumberType, word: u64) -> Option<Number> {
    match value_type {
        NumberType::Int64 => Some(Number::I64(word as i64)),
        NumberType::Float64 => Some(Number::F64(f64::from_bits(word))),
        _ => None,
    }
}
