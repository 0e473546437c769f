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
#[expect(clippy::ptr_arg, reason = "whether the text is owned is the question")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn each_text_attribute_bucket_and_exemplar_counts() {
        let mut metrics = ResourceMetrics::default();
        let mut before = Metrics::bytes(&metrics);
        let mut grows_by = |metrics: &ResourceMetrics, least: usize| {
            let now = Metrics::bytes(metrics);
            assert!(now >= before + least, "{now} after {before}, expected {least} more");
            before = now;
        };
        let long = "x".repeat(1_000);
        metrics.resource.attributes.add("text", &*long);
        grows_by(&metrics, 1_000);
        metrics.resource.attributes.add("texts", Value::StrArray(&[&long, &long]));
        grows_by(&metrics, 2_000);
        metrics.resource.attributes.add("numbers", Value::I64Array(&[7; 100]));
        grows_by(&metrics, 800);
        metrics.scopes.push().scope.name = long.clone().into();
        grows_by(&metrics, 1_000);
        metrics.scopes[0].metrics.push().name = long.clone().into();
        grows_by(&metrics, 1_000);
        let point = metrics.scopes[0].metrics[0].data.histogram().points.push();
        (point.bounds, point.bucket_counts) = (vec![0.0; 99], vec![0; 100]);
        grows_by(&metrics, 1_592);
        let histogram = metrics.scopes[0].metrics[0].data.histogram();
        histogram.points[0].exemplars.push().filtered_attributes.add("text", &*long);
        grows_by(&metrics, 1_000);
        let point = metrics.scopes[0].metrics.push().data.exponential_histogram().points.push();
        (point.positive.counts, point.negative.counts) = (vec![0; 100], vec![0; 100]);
        grows_by(&metrics, 1_600);
        metrics.scopes[0].metrics.push().data.summary().points.push().attributes.add("text", &*long);
        grows_by(&metrics, 1_000);
    }

    #[test]
    fn literals_are_not_copied_and_do_not_count() {
        let mut metrics = ResourceMetrics::default();
        let before = Metrics::bytes(&metrics);
        metrics.resource.schema_url = "https://opentelemetry.io/schemas/1.44.0".into();
        assert_eq!(Metrics::bytes(&metrics), before);
    }
}
