//! Making a batch of metrics.

use std::borrow::Cow;
use std::fmt;

use flatbuffers::FlatBufferBuilder;

use super::schema::{self, DataKind, NumberType};
use super::{METRICS_FORMAT_MAJOR, METRICS_FORMAT_MINOR, present};
use crate::batch::BatchError;
use crate::batch::builder::{KEPT_BYTES, clear, push_attribute};
use crate::batch::encode::encode;
use crate::batch::generated::nanospan::Attribute;
use crate::batch::intern::TextStore;
use crate::batch::table::MAX_BATCH_BYTES;
use crate::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, Number,
    NumberPoint, ResourceMetrics, ScopeMetrics, SummaryPoint, Temporality,
};
use crate::{Text, Timestamp};

/// Upper bound of the bytes of a batch that do not depend on what is in it: the root offset and the
/// identifier, the table and its vtable, and for each vector its length and padding.
const FIXED_BYTES: usize = 512;

/// Makes batches of metrics, one after another, in memory that is used again.
///
/// ```
/// use nanospan::batch::{MetricsBatchBuilder, MetricsView};
/// use nanospan::metrics::data::ResourceMetrics;
///
/// let mut metrics = ResourceMetrics::default();
/// let metric = metrics.scopes.push().metrics.push();
/// metric.name = "shop.orders".into();
/// metric.data.sum().points.push().value = Some(7.into());
///
/// let mut builder = MetricsBatchBuilder::new(7);
/// let batch = builder.build(&metrics, 0, 1_700_000_000_000_000_000)?;
/// assert_eq!(MetricsView::parse(batch)?.to_metrics(1 << 20)?, metrics);
/// # Ok::<(), nanospan::batch::BatchError>(())
/// ```
pub struct MetricsBatchBuilder {
    instance_id: u64,
    columns: Columns,
    /// The last batch and, in front of it, room: FlatBuffers are built from the back.
    buffer: Vec<u8>,
    /// The size above which [`build`](Self::build) refuses, in bytes.
    pub(super) limit: usize,
}

/// What a batch is made of.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) texts: TextStore,
    pub(super) resource_schema_url: u32,
    resource_dropped_attributes: u32,
    pub(super) elements: Vec<u64>,
    pub(super) resource: Vec<Attribute>,
    pub(super) scopes: Vec<schema::MetricScope>,
    pub(super) scope_attributes: Vec<Attribute>,
    pub(super) metrics: Vec<schema::Metric>,
    pub(super) metadata: Vec<Attribute>,
    pub(super) points: Vec<schema::Point>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) exemplars: Vec<schema::Exemplar>,
    pub(super) exemplar_attributes: Vec<Attribute>,
    pub(super) histograms: Vec<schema::HistogramData>,
    bucket_counts: Vec<u64>,
    bounds: Vec<f64>,
    pub(super) exponential_histograms: Vec<schema::ExponentialHistogramData>,
    positive_counts: Vec<u64>,
    negative_counts: Vec<u64>,
    pub(super) summaries: Vec<schema::SummaryData>,
    quantiles: Vec<schema::Quantile>,
}

impl MetricsBatchBuilder {
    /// A builder for the batches of the exporter `instance_id`.
    #[must_use]
    pub fn new(instance_id: u64) -> Self {
        Self { instance_id, columns: Columns::default(), buffer: Vec::new(), limit: MAX_BATCH_BYTES }
    }

    /// Makes a batch of `metrics`, which the next call writes over.
    ///
    /// `sequence` is the batch's number among those of its exporter, `created_unix_nanos` when it is made, in
    /// nanoseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`BatchError::TooLarge`] if the batch does not fit into the 2 GiB that FlatBuffers can address.
    pub fn build(
        &mut self,
        metrics: &ResourceMetrics,
        sequence: u64,
        created_unix_nanos: u64,
    ) -> Result<&[u8], BatchError> {
        self.columns.clear();
        self.columns.fill(metrics);
        self.assemble(sequence, created_unix_nanos)
    }

    /// Makes a batch of the columns as they are.
    pub(super) fn assemble(&mut self, sequence: u64, created_unix_nanos: u64) -> Result<&[u8], BatchError> {
        let bytes = self.columns.byte_len();
        if bytes > self.limit {
            return Err(BatchError::TooLarge { bytes, limit: self.limit });
        }
        // Large enough from the start, so that FlatBuffers never grows it, which would copy it and could
        // panic; and wiped, because padding is skipped and not written.
        let mut buffer = std::mem::take(&mut self.buffer);
        clear(&mut buffer);
        buffer.resize(bytes.next_multiple_of(8), 0);
        let mut fbb = FlatBufferBuilder::from_vec(buffer);
        let columns = &self.columns;
        let args = schema::MetricsBatchArgs {
            major: METRICS_FORMAT_MAJOR,
            minor: METRICS_FORMAT_MINOR,
            instance_id: self.instance_id,
            sequence,
            created_unix_nanos,
            resource_schema_url: columns.resource_schema_url,
            resource_dropped_attributes: columns.resource_dropped_attributes,
            text: Some(fbb.create_string(columns.texts.text())),
            text_ends: Some(fbb.create_vector(columns.texts.ends())),
            elements: Some(fbb.create_vector(&columns.elements)),
            resource: Some(fbb.create_vector(&columns.resource)),
            scopes: Some(fbb.create_vector(&columns.scopes)),
            scope_attributes: Some(fbb.create_vector(&columns.scope_attributes)),
            metrics: Some(fbb.create_vector(&columns.metrics)),
            metadata: Some(fbb.create_vector(&columns.metadata)),
            points: Some(fbb.create_vector(&columns.points)),
            attributes: Some(fbb.create_vector(&columns.attributes)),
            exemplars: Some(fbb.create_vector(&columns.exemplars)),
            exemplar_attributes: Some(fbb.create_vector(&columns.exemplar_attributes)),
            histograms: Some(fbb.create_vector(&columns.histograms)),
            bucket_counts: Some(fbb.create_vector(&columns.bucket_counts)),
            bounds: Some(fbb.create_vector(&columns.bounds)),
            exponential_histograms: Some(fbb.create_vector(&columns.exponential_histograms)),
            positive_counts: Some(fbb.create_vector(&columns.positive_counts)),
            negative_counts: Some(fbb.create_vector(&columns.negative_counts)),
            summaries: Some(fbb.create_vector(&columns.summaries)),
            quantiles: Some(fbb.create_vector(&columns.quantiles)),
        };
        let root = schema::MetricsBatch::create(&mut fbb, &args);
        schema::finish_metrics_batch_buffer(&mut fbb, root);
        let (buffer, start) = fbb.collapse();
        self.buffer = buffer;
        Ok(&self.buffer[start..])
    }

    /// The columns of the batch before, to be broken for a test.
    #[cfg(test)]
    pub(super) fn columns(&mut self) -> &mut Columns {
        &mut self.columns
    }
}

impl fmt::Debug for MetricsBatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsBatchBuilder").field("instance_id", &self.instance_id).finish_non_exhaustive()
    }
}

/// What is known of a point, whatever it is a point of.
struct PointHead<'a> {
    attributes: &'a Attributes,
    start: Timestamp,
    time: Timestamp,
    /// The value, or how many measurements there were.
    value: (NumberType, u64),
    exemplars: &'a [Exemplar],
    flags: DataPointFlags,
}

/// An index or end that does not fit is cut off: the batch is then over its size limit and is refused as a
/// whole.
impl Columns {
    fn fill(&mut self, metrics: &ResourceMetrics) {
        let resource = &metrics.resource;
        self.resource_schema_url = name(&mut self.texts, &resource.schema_url);
        self.resource_dropped_attributes = resource.dropped_attributes_count;
        add(&mut self.texts, &mut self.elements, &mut self.resource, &resource.attributes);
        metrics.scopes.iter().for_each(|scope| self.scope(scope));
    }

    fn scope(&mut self, metrics: &ScopeMetrics) {
        let scope = &metrics.scope;
        let texts = [&scope.name, &scope.version, &scope.schema_url].map(|text| name(&mut self.texts, text));
        add(&mut self.texts, &mut self.elements, &mut self.scope_attributes, &scope.attributes);
        metrics.metrics.iter().for_each(|metric| self.metric(metric));
        let [name, version, schema_url] = texts;
        self.scopes.push(schema::MetricScope::new(
            name,
            version,
            schema_url,
            self.scope_attributes.len() as u32,
            scope.dropped_attributes_count,
            self.metrics.len() as u32,
        ));
    }

    fn metric(&mut self, metric: &Metric) {
        let texts = [&metric.name, &metric.description, &metric.unit];
        let [name, description, unit] = texts.map(|text| name(&mut self.texts, text));
        add(&mut self.texts, &mut self.elements, &mut self.metadata, &metric.metadata);
        let over = |temporality| match temporality {
            Temporality::Cumulative => schema::Temporality::Cumulative,
            Temporality::Delta => schema::Temporality::Delta,
        };
        let (kind, temporality, is_monotonic) = match &metric.data {
            Data::Gauge(data) => {
                data.points.iter().for_each(|point| self.number_point(point));
                (DataKind::Gauge, schema::Temporality::Unspecified, false)
            }
            Data::Sum(data) => {
                data.points.iter().for_each(|point| self.number_point(point));
                (DataKind::Sum, over(data.temporality), data.is_monotonic)
            }
            Data::Histogram(data) => {
                data.points.iter().for_each(|point| self.histogram_point(point));
                (DataKind::Histogram, over(data.temporality), false)
            }
            Data::ExponentialHistogram(data) => {
                data.points.iter().for_each(|point| self.exponential_histogram_point(point));
                (DataKind::ExponentialHistogram, over(data.temporality), false)
            }
            Data::Summary(data) => {
                data.points.iter().for_each(|point| self.summary_point(point));
                (DataKind::Summary, schema::Temporality::Unspecified, false)
            }
        };
        self.metrics.push(schema::Metric::new(
            name,
            description,
            unit,
            self.metadata.len() as u32,
            self.points.len() as u32,
            kind,
            temporality,
            is_monotonic,
        ));
    }

    fn point(&mut self, point: &PointHead<'_>) {
        add(&mut self.texts, &mut self.elements, &mut self.attributes, point.attributes);
        for exemplar in point.exemplars {
            let attributes = &mut self.exemplar_attributes;
            add(&mut self.texts, &mut self.elements, attributes, &exemplar.filtered_attributes);
            let (value_type, value) = number(exemplar.value);
            self.exemplars.push(schema::Exemplar::new(
                exemplar.time.unix_nanos(),
                value,
                &exemplar.trace_id.map_or([0; 16], |id| id.to_bytes()),
                &exemplar.span_id.map_or([0; 8], |id| id.to_bytes()),
                self.exemplar_attributes.len() as u32,
                value_type,
            ));
        }
        let (value_type, value) = point.value;
        self.points.push(schema::Point::new(
            point.start.unix_nanos(),
            point.time.unix_nanos(),
            value,
            self.attributes.len() as u32,
            self.exemplars.len() as u32,
            point.flags.bits(),
            value_type,
        ));
    }

    fn number_point(&mut self, point: &NumberPoint) {
        let NumberPoint { attributes, start, time, value, exemplars, flags } = point;
        let (start, time, flags, value) = (*start, *time, *flags, number(*value));
        self.point(&PointHead { attributes, start, time, value, exemplars, flags });
    }

    fn histogram_point(&mut self, point: &HistogramPoint) {
        let HistogramPoint { attributes, start, time, exemplars, flags, .. } = point;
        let (start, time, flags, value) = (*start, *time, *flags, (NumberType::None, point.count));
        self.point(&PointHead { attributes, start, time, value, exemplars, flags });
        self.bucket_counts.extend(&point.bucket_counts);
        self.bounds.extend(&point.bounds);
        let ([sum, min, max], present) = statistics(point.sum, point.min, point.max);
        let (counts_end, bounds_end) = (self.bucket_counts.len() as u32, self.bounds.len() as u32);
        self.histograms.push(schema::HistogramData::new(sum, min, max, counts_end, bounds_end, present));
    }

    fn exponential_histogram_point(&mut self, point: &ExponentialHistogramPoint) {
        let ExponentialHistogramPoint { attributes, start, time, exemplars, flags, .. } = point;
        let (start, time, flags, value) = (*start, *time, *flags, (NumberType::None, point.count));
        self.point(&PointHead { attributes, start, time, value, exemplars, flags });
        self.positive_counts.extend(&point.positive.counts);
        self.negative_counts.extend(&point.negative.counts);
        let ([sum, min, max], present) = statistics(point.sum, point.min, point.max);
        self.exponential_histograms.push(schema::ExponentialHistogramData::new(
            sum,
            min,
            max,
            point.zero_threshold,
            point.zero_count,
            point.scale,
            point.positive.offset,
            point.negative.offset,
            self.positive_counts.len() as u32,
            self.negative_counts.len() as u32,
            present,
        ));
    }

    fn summary_point(&mut self, point: &SummaryPoint) {
        let SummaryPoint { attributes, start, time, flags, .. } = point;
        let (start, time, flags, value) = (*start, *time, *flags, (NumberType::None, point.count));
        self.point(&PointHead { attributes, start, time, value, exemplars: &[], flags });
        let quantiles = point.quantiles.iter();
        self.quantiles.extend(quantiles.map(|one| schema::Quantile::new(one.quantile, one.value)));
        self.summaries.push(schema::SummaryData::new(point.sum, self.quantiles.len() as u32));
    }

    /// The size of the batch, in bytes: never smaller, and at most a few hundred bytes larger.
    fn byte_len(&self) -> usize {
        FIXED_BYTES
            + self.texts.text().len()
            + size_of_val(self.texts.ends())
            + size_of_val(&*self.elements)
            + size_of_val(&*self.resource)
            + size_of_val(&*self.scopes)
            + size_of_val(&*self.scope_attributes)
            + size_of_val(&*self.metrics)
            + size_of_val(&*self.metadata)
            + size_of_val(&*self.points)
            + size_of_val(&*self.attributes)
            + size_of_val(&*self.exemplars)
            + size_of_val(&*self.exemplar_attributes)
            + size_of_val(&*self.histograms)
            + size_of_val(&*self.bucket_counts)
            + size_of_val(&*self.bounds)
            + size_of_val(&*self.exponential_histograms)
            + size_of_val(&*self.positive_counts)
            + size_of_val(&*self.negative_counts)
            + size_of_val(&*self.summaries)
            + size_of_val(&*self.quantiles)
    }

    fn clear(&mut self) {
        let Self {
            texts,
            resource_schema_url,
            resource_dropped_attributes,
            elements,
            resource,
            scopes,
            scope_attributes,
            metrics,
            metadata,
            points,
            attributes,
            exemplars,
            exemplar_attributes,
            histograms,
            bucket_counts,
            bounds,
            exponential_histograms,
            positive_counts,
            negative_counts,
            summaries,
            quantiles,
        } = self;
        texts.reset(KEPT_BYTES);
        (*resource_schema_url, *resource_dropped_attributes) = (0, 0);
        [resource, scope_attributes, metadata, attributes, exemplar_attributes].into_iter().for_each(clear);
        [elements, bucket_counts, positive_counts, negative_counts].into_iter().for_each(clear);
        clear(scopes);
        clear(metrics);
        clear(points);
        clear(exemplars);
        clear(histograms);
        clear(bounds);
        clear(exponential_histograms);
        clear(summaries);
        clear(quantiles);
    }
}

/// The index of a name or key, of which the same occur again and again.
#[expect(clippy::ptr_arg, reason = "whether the text is a literal is the question")]
fn name(texts: &mut TextStore, text: &Cow<'static, str>) -> u32 {
    texts.intern(match text {
        Cow::Borrowed(text) => Text::Static(text),
        Cow::Owned(text) => Text::Copied(text),
    })
}

/// Adds `attributes` to `column`.
fn add(texts: &mut TextStore, elements: &mut Vec<u64>, column: &mut Vec<Attribute>, attributes: &Attributes) {
    for attribute in attributes {
        let key = name(texts, &attribute.key);
        push_attribute(column, key, encode(texts, elements, &attribute.value.as_value()));
    }
}

fn number(value: Option<Number>) -> (NumberType, u64) {
    match value {
        None => (NumberType::None, 0),
        Some(Number::I64(value)) => (NumberType::Int64, value as u64),
        Some(Number::F64(value)) => (NumberType::Float64, value.to_bits()),
    }
}

/// Sum, minimum and maximum, and which of them there are.
fn statistics(sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> ([f64; 3], u8) {
    let bit = |value: Option<f64>, bit| if value.is_some() { bit } else { 0 };
    let present = bit(sum, present::SUM) | bit(min, present::MIN) | bit(max, present::MAX);
    ([sum, min, max].map(Option::unwrap_or_default), present)
}
