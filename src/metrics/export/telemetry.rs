//! Metrics, as what exporters of any telemetry share sees them.

use std::borrow::Cow;
use std::mem::size_of_val;

use crate::OwnedValue;
use crate::export::{Context, ExportError, Telemetry};
use crate::metrics::MetricExporter;
use crate::metrics::data::{Attributes, Data, Exemplar, Metric, ResourceMetrics};

/// Collections of metrics, counted by their data points.
#[derive(Debug)]
pub(crate) enum Metrics {}

impl Telemetry for Metrics {
    type Batch = ResourceMetrics;
    type Exporter = dyn MetricExporter;

    const ITEMS: &'static str = "data points";
    const EXPORTER: &'static str = "metric exporter";

    fn count(metrics: &ResourceMetrics) -> usize {
        metrics.data_point_count()
    }

    fn bytes(metrics: &ResourceMetrics) -> usize {
        let scope_bytes = metrics.scopes.iter().map(|scope| {
            let texts = [&scope.scope.name, &scope.scope.version, &scope.scope.schema_url];
            size_of_val(scope)
                + texts.map(text).iter().sum::<usize>()
                + attributes(&scope.scope.attributes)
                + scope.metrics.iter().map(metric).sum::<usize>()
        });
        size_of_val(metrics)
            + text(&metrics.resource.schema_url)
            + attributes(&metrics.resource.attributes)
            + scope_bytes.sum::<usize>()
    }

    fn export(
        exporter: &dyn MetricExporter,
        context: &Context,
        metrics: &ResourceMetrics,
    ) -> Result<(), ExportError> {
        exporter.export(context, metrics)
    }

    fn force_flush(exporter: &dyn MetricExporter, context: &Context) -> Result<(), ExportError> {
        exporter.force_flush(context)
    }

    fn shutdown(exporter: &dyn MetricExporter, context: &Context) -> Result<(), ExportError> {
        exporter.shutdown(context)
    }
}

/// What a copy of the text takes beside itself.
fn text(text: &Cow<'static, str>) -> usize {
    match text {
        Cow::Borrowed(_) => 0,
        Cow::Owned(text) => text.len(),
    }
}

fn metric(metric: &Metric) -> usize {
    let texts = [&metric.name, &metric.description, &metric.unit];
    let points = match &metric.data {
        Data::Gauge(data) => {
            sum(&data.points, |point| attributes(&point.attributes) + exemplars(&point.exemplars))
        }
        Data::Sum(data) => {
            sum(&data.points, |point| attributes(&point.attributes) + exemplars(&point.exemplars))
        }
        Data::Histogram(data) => sum(&data.points, |point| {
            let buckets = size_of_val(&*point.bucket_counts) + size_of_val(&*point.bounds);
            buckets + attributes(&point.attributes) + exemplars(&point.exemplars)
        }),
        Data::ExponentialHistogram(data) => sum(&data.points, |point| {
            let buckets = size_of_val(&*point.positive.counts) + size_of_val(&*point.negative.counts);
            buckets + attributes(&point.attributes) + exemplars(&point.exemplars)
        }),
        Data::Summary(data) => {
            sum(&data.points, |point| size_of_val(&*point.quantiles) + attributes(&point.attributes))
        }
    };
    size_of_val(metric) + texts.map(text).iter().sum::<usize>() + attributes(&metric.metadata) + points
}

fn exemplars(exemplars: &[Exemplar]) -> usize {
    sum(exemplars, |exemplar| attributes(&exemplar.filtered_attributes))
}

fn attributes(attributes: &Attributes) -> usize {
    sum(attributes, |attribute| {
        let value = match &attribute.value {
            OwnedValue::Bool(_) | OwnedValue::I64(_) | OwnedValue::F64(_) => 0,
            OwnedValue::Str(value) => value.len(),
            OwnedValue::StrArray(values) => sum(values, String::len),
            OwnedValue::BoolArray(values) => size_of_val(&**values),
            OwnedValue::I64Array(values) => size_of_val(&**values),
            OwnedValue::F64Array(values) => size_of_val(&**values),
        };
        text(&attribute.key) + value
    })
}

/// The items themselves, and what each has beside itself.
fn sum<T>(items: &[T], beside: impl Fn(&T) -> usize) -> usize {
    size_of_val(items) + items.iter().map(beside).sum::<usize>()
}
