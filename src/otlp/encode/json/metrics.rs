//! Metrics and their points.

use std::ops::Range;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::append;
use super::value::{Double, Fixed64, Id, Int64, Sequence, list, number, one, owned_attributes, text};
use crate::Timestamp;
use crate::metrics::data::{
    Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Metric, Number,
    NumberPoint, Resource, ResourceMetrics, Scope, ScopeMetrics, SummaryPoint, Temporality,
};
use crate::otlp::encode::fields::metrics::{CUMULATIVE, DELTA};

/// Appends a request with those of all metrics, counted over all scopes, that are in `chosen`. A scope of
/// which none is chosen is left out, unless all are.
pub(crate) fn request(metrics: &ResourceMetrics, chosen: Range<usize>, into: &mut Vec<u8>) {
    append(into, &Request(All { metrics, chosen }));
}

/// The metrics of a request.
#[derive(Clone)]
struct All<'a> {
    metrics: &'a ResourceMetrics,
    chosen: Range<usize>,
}

impl<'a> All<'a> {
    /// The scopes, each with its chosen metrics.
    fn scopes(&self) -> impl Iterator<Item = Chosen<'a>> + use<'a> {
        let Range { start, end } = self.chosen;
        let mut before = 0;
        let is_all = start == 0 && end == usize::MAX;
        let scopes = self.metrics.scopes.iter().map(move |scope| {
            let count = scope.metrics.len();
            let within = start.saturating_sub(before).min(count)..end.saturating_sub(before).min(count);
            before += count;
            Chosen { scope, metrics: &scope.metrics[within] }
        });
        scopes.filter(move |chosen| is_all || !chosen.metrics.is_empty())
    }
}

/// Metrics as OTLP's `MetricsData`, which has the fields of an `ExportMetricsServiceRequest`, for any serializer
/// that makes JSON.
///
/// [`encode_metrics_json`](crate::otlp::encode_metrics_json) writes the same into a vector; this is for streaming.
///
/// ```
/// use nanospan::metrics::data::ResourceMetrics;
/// use nanospan::otlp::MetricsData;
///
/// let mut metrics = ResourceMetrics::default();
/// assert_eq!(serde_json::to_string(&MetricsData::new(&metrics))?, "{}");
/// metrics.scopes.push().metrics.push().data.gauge().points.push().value = Some(17.into());
/// assert!(serde_json::to_string(&MetricsData::new(&metrics))?.contains(r#"{"timeUnixNano":"0","asInt":"17"}"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MetricsData<'a>(&'a ResourceMetrics);

impl<'a> MetricsData<'a> {
    /// All of `metrics`; without any point, the empty message.
    #[must_use]
    pub fn new(metrics: &'a ResourceMetrics) -> Self {
        Self(metrics)
    }
}

impl Serialize for MetricsData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.data_point_count() == 0 {
            // OTLP wants no envelope without data.
            return serializer.serialize_map(Some(0))?.end();
        }
        Request(All { metrics: self.0, chosen: 0..usize::MAX }).serialize(serializer)
    }
}

struct Request<'a>(All<'a>);

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one(serializer, "resourceMetrics", &[ResourceOf(&self.0)])
    }
}

struct ResourceOf<'a>(&'a All<'a>);

impl Serialize for ResourceOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        let resource = &self.0.metrics.resource;
        fields.serialize_entry("resource", &Described(resource))?;
        fields.serialize_entry("scopeMetrics", &Sequence(|| self.0.scopes()))?;
        text(&mut fields, "schemaUrl", &resource.schema_url)?;
        fields.end()
    }
}

/// What is described: a resource or a scope.
struct Described<'a, T>(&'a T);

impl Serialize for Described<'_, Resource> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "attributes", &self.0.attributes)?;
        number(&mut fields, "droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.end()
    }
}

impl Serialize for Described<'_, Scope> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        text(&mut fields, "name", &self.0.name)?;
        text(&mut fields, "version", &self.0.version)?;
        owned_attributes(&mut fields, "attributes", &self.0.attributes)?;
        number(&mut fields, "droppedAttributesCount", self.0.dropped_attributes_count)?;
        fields.end()
    }
}

/// A scope, and those of its metrics that are chosen.
struct Chosen<'a> {
    scope: &'a ScopeMetrics,
    metrics: &'a [Metric],
}

impl Serialize for Chosen<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("scope", &Described(&self.scope.scope))?;
        list(&mut fields, "metrics", self.metrics, Named)?;
        text(&mut fields, "schemaUrl", &self.scope.scope.schema_url)?;
        fields.end()
    }
}

struct Named<'a>(&'a Metric);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metric = self.0;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("name", &metric.name)?;
        text(&mut fields, "description", &metric.description)?;
        text(&mut fields, "unit", &metric.unit)?;
        let kind = match &metric.data {
            Data::Gauge(_) => "gauge",
            Data::Sum(_) => "sum",
            Data::Histogram(_) => "histogram",
            Data::ExponentialHistogram(_) => "exponentialHistogram",
            Data::Summary(_) => "summary",
        };
        fields.serialize_entry(kind, &Points(&metric.data))?;
        owned_attributes(&mut fields, "metadata", &metric.metadata)?;
        fields.end()
    }
}

struct Points<'a>(&'a Data);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAME: &str = "dataPoints";
        let mut fields = serializer.serialize_map(None)?;
        let temporality = match self.0 {
            Data::Gauge(gauge) => {
                list(&mut fields, NAME, &gauge.points, Point)?;
                None
            }
            Data::Sum(sum) => {
                list(&mut fields, NAME, &sum.points, Point)?;
                Some(sum.temporality)
            }
            Data::Histogram(histogram) => {
                list(&mut fields, NAME, &histogram.points, Point)?;
                Some(histogram.temporality)
            }
            Data::ExponentialHistogram(histogram) => {
                list(&mut fields, NAME, &histogram.points, Point)?;
                Some(histogram.temporality)
            }
            Data::Summary(summary) => {
                list(&mut fields, NAME, &summary.points, Point)?;
                None
            }
        };
        if let Some(temporality) = temporality {
            let temporality = match temporality {
                Temporality::Delta => DELTA,
                Temporality::Cumulative => CUMULATIVE,
            };
            fields.serialize_entry("aggregationTemporality", &temporality)?;
        }
        if let Data::Sum(sum) = self.0 {
            fields.serialize_entry("isMonotonic", &sum.is_monotonic)?;
        }
        fields.end()
    }
}

struct Point<'a, T>(&'a T);

impl Serialize for Point<'_, NumberPoint> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let point = self.0;
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "attributes", &point.attributes)?;
        times(&mut fields, point.start, point.time)?;
        value(&mut fields, point.value)?;
        list(&mut fields, "exemplars", &point.exemplars, Point)?;
        number(&mut fields, "flags", point.flags.bits())?;
        fields.end()
    }
}

impl Serialize for Point<'_, HistogramPoint> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let point = self.0;
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "attributes", &point.attributes)?;
        times(&mut fields, point.start, point.time)?;
        fields.serialize_entry("count", &Fixed64(point.count))?;
        optional(&mut fields, "sum", point.sum)?;
        list(&mut fields, "bucketCounts", &point.bucket_counts, |&count| Fixed64(count))?;
        list(&mut fields, "explicitBounds", &point.bounds, |&bound| Double(bound))?;
        list(&mut fields, "exemplars", &point.exemplars, Point)?;
        number(&mut fields, "flags", point.flags.bits())?;
        optional(&mut fields, "min", point.min)?;
        optional(&mut fields, "max", point.max)?;
        fields.end()
    }
}

impl Serialize for Point<'_, ExponentialHistogramPoint> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let point = self.0;
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "attributes", &point.attributes)?;
        times(&mut fields, point.start, point.time)?;
        fields.serialize_entry("count", &Fixed64(point.count))?;
        optional(&mut fields, "sum", point.sum)?;
        fields.serialize_entry("scale", &point.scale)?;
        fields.serialize_entry("zeroCount", &Fixed64(point.zero_count))?;
        buckets(&mut fields, "positive", &point.positive)?;
        buckets(&mut fields, "negative", &point.negative)?;
        number(&mut fields, "flags", point.flags.bits())?;
        list(&mut fields, "exemplars", &point.exemplars, Point)?;
        optional(&mut fields, "min", point.min)?;
        optional(&mut fields, "max", point.max)?;
        if point.zero_threshold.to_bits() != 0 {
            fields.serialize_entry("zeroThreshold", &Double(point.zero_threshold))?;
        }
        fields.end()
    }
}

impl Serialize for Point<'_, SummaryPoint> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Quantile {
            quantile: f64,
            value: f64,
        }

        impl Serialize for Quantile {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_map(Some(2))?;
                fields.serialize_entry("quantile", &Double(self.quantile))?;
                fields.serialize_entry("value", &Double(self.value))?;
                fields.end()
            }
        }

        let point = self.0;
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "attributes", &point.attributes)?;
        times(&mut fields, point.start, point.time)?;
        fields.serialize_entry("count", &Fixed64(point.count))?;
        fields.serialize_entry("sum", &Double(point.sum))?;
        list(&mut fields, "quantileValues", &point.quantiles, |each| Quantile {
            quantile: each.quantile,
            value: each.value,
        })?;
        number(&mut fields, "flags", point.flags.bits())?;
        fields.end()
    }
}

impl Serialize for Point<'_, Exemplar> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let exemplar = self.0;
        let mut fields = serializer.serialize_map(None)?;
        owned_attributes(&mut fields, "filteredAttributes", &exemplar.filtered_attributes)?;
        fields.serialize_entry("timeUnixNano", &Fixed64(exemplar.time.unix_nanos()))?;
        value(&mut fields, exemplar.value)?;
        if let Some(id) = exemplar.span_id {
            fields.serialize_entry("spanId", &Id(id.to_bytes()))?;
        }
        if let Some(id) = exemplar.trace_id {
            fields.serialize_entry("traceId", &Id(id.to_bytes()))?;
        }
        fields.end()
    }
}

/// The two moments of a point; the first only if it is known.
fn times<M: SerializeMap>(fields: &mut M, start: Timestamp, time: Timestamp) -> Result<(), M::Error> {
    if start != Timestamp::default() {
        fields.serialize_entry("startTimeUnixNano", &Fixed64(start.unix_nanos()))?;
    }
    fields.serialize_entry("timeUnixNano", &Fixed64(time.unix_nanos()))
}

fn value<M: SerializeMap>(fields: &mut M, value: Option<Number>) -> Result<(), M::Error> {
    match value {
        Some(Number::F64(value)) => fields.serialize_entry("asDouble", &Double(value)),
        Some(Number::I64(value)) => fields.serialize_entry("asInt", &Int64(value)),
        None => Ok(()),
    }
}

fn optional<M: SerializeMap>(fields: &mut M, name: &'static str, value: Option<f64>) -> Result<(), M::Error> {
    match value {
        Some(value) => fields.serialize_entry(name, &Double(value)),
        None => Ok(()),
    }
}

/// Buckets, unless they are as they would be without a word.
fn buckets<M: SerializeMap>(
    fields: &mut M,
    name: &'static str,
    buckets: &ExponentialBuckets,
) -> Result<(), M::Error> {
    struct Buckets<'a>(&'a ExponentialBuckets);

    impl Serialize for Buckets<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_map(None)?;
            fields.serialize_entry("offset", &self.0.offset)?;
            list(&mut fields, "bucketCounts", &self.0.counts, |&count| Fixed64(count))?;
            fields.end()
        }
    }

    if *buckets == ExponentialBuckets::default() {
        return Ok(());
    }
    fields.serialize_entry(name, &Buckets(buckets))
}
