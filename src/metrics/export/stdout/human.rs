//! Metrics for the eye: one line for each point, below what it belongs to. The layout is described in the
//! documentation of [`StdoutMetricFormat::Human`](super::StdoutMetricFormat::Human).

use std::fmt::Write as _;

use crate::Timestamp;
use crate::export::stdout::text::{self, Page, name, put, quoted};
use crate::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogramPoint,
    HistogramPoint, Metric, Number, NumberPoint, Resource, ResourceMetrics, Scope, SummaryPoint, Temporality,
};

/// The text of all points. Lines above a point that tell what it belongs to are part of its text.
pub(super) fn render(metrics: &ResourceMetrics) -> Page {
    let mut page = Page::default();
    if metrics.data_point_count() == 0 {
        return page;
    }
    resource_line(&mut page.text, &metrics.resource);
    for scope in &metrics.scopes {
        if scope.metrics.iter().all(|metric| metric.data.point_count() == 0) {
            continue;
        }
        scope_line(&mut page.text, &scope.scope);
        for metric in scope.metrics.iter().filter(|metric| metric.data.point_count() > 0) {
            metric_line(&mut page.text, metric);
            points(&mut page, &metric.data);
        }
    }
    page
}

fn resource_line(out: &mut String, resource: &Resource) {
    out.push_str("resource");
    attributes(out, &resource.attributes);
    described(out, &resource.schema_url, resource.dropped_attributes_count);
}

fn scope_line(out: &mut String, scope: &Scope) {
    out.push_str("scope ");
    name(out, &scope.name);
    if !scope.version.is_empty() {
        out.push_str("  version ");
        quoted(out, &scope.version);
    }
    attributes(out, &scope.attributes);
    described(out, &scope.schema_url, scope.dropped_attributes_count);
}

/// The end of a line about a resource or a scope.
fn described(out: &mut String, schema_url: &str, dropped_attributes: u32) {
    if !schema_url.is_empty() {
        out.push_str("  schema ");
        quoted(out, schema_url);
    }
    if dropped_attributes > 0 {
        put!(out, "  −{dropped_attributes} attributes");
    }
    out.push('\n');
}

fn metric_line(out: &mut String, metric: &Metric) {
    out.push_str("  ");
    name(out, &metric.name);
    if !metric.unit.is_empty() {
        out.push_str("  in ");
        name(out, &metric.unit);
    }
    let over = |temporality| match temporality {
        Temporality::Cumulative => "cumulative",
        Temporality::Delta => "delta",
    };
    match &metric.data {
        Data::Gauge(_) => out.push_str("  gauge"),
        Data::Sum(data) => {
            let monotonic = if data.is_monotonic { "monotonic " } else { "" };
            put!(out, "  {} {monotonic}sum", over(data.temporality));
        }
        Data::Histogram(data) => put!(out, "  {} histogram", over(data.temporality)),
        Data::ExponentialHistogram(data) => {
            put!(out, "  {} exponential histogram", over(data.temporality));
        }
        Data::Summary(_) => out.push_str("  summary"),
    }
    if !metric.description.is_empty() {
        out.push_str("  ");
        quoted(out, &metric.description);
    }
    attributes(out, &metric.metadata);
    out.push('\n');
}

fn points(page: &mut Page, data: &Data) {
    fn each<P>(page: &mut Page, points: &[P], write: impl Fn(&mut String, &P)) {
        for point in points {
            page.text.push_str("    ");
            write(&mut page.text, point);
            page.end_item();
        }
    }
    match data {
        Data::Gauge(data) => each(page, &data.points, number_point),
        Data::Sum(data) => each(page, &data.points, number_point),
        Data::Histogram(data) => each(page, &data.points, histogram_point),
        Data::ExponentialHistogram(data) => each(page, &data.points, exponential_histogram_point),
        Data::Summary(data) => each(page, &data.points, summary_point),
    }
}

fn number_point(out: &mut String, point: &NumberPoint) {
    number(out, point.value);
    end_of_point(out, &point.attributes, point.start, point.time, point.flags);
    exemplars(out, &point.exemplars);
}

fn histogram_point(out: &mut String, point: &HistogramPoint) {
    put!(out, "count {}", point.count);
    statistics(out, [("sum", point.sum), ("min", point.min), ("max", point.max)]);
    end_of_point(out, &point.attributes, point.start, point.time, point.flags);
    let (counts, bounds) = (&point.bucket_counts, &point.bounds);
    match counts.split_last() {
        Some((above, [])) if bounds.is_empty() => put!(out, "      buckets  all: {above}\n"),
        Some((above, counts)) if counts.len() == bounds.len() => {
            out.push_str("      buckets");
            for (count, bound) in counts.iter().zip(bounds) {
                put!(out, "  ≤{bound:?}: {count}");
            }
            put!(out, "  >{:?}: {above}\n", bounds[bounds.len() - 1]);
        }
        None if bounds.is_empty() => {}
        // Whoever made it has made a mistake, which should be seen.
        _ => put!(out, "      buckets  counts {counts:?}  bounds {bounds:?}\n"),
    }
    exemplars(out, &point.exemplars);
}

fn exponential_histogram_point(out: &mut String, point: &ExponentialHistogramPoint) {
    put!(out, "count {}", point.count);
    statistics(out, [("sum", point.sum), ("min", point.min), ("max", point.max)]);
    put!(out, " scale {} zero {} within {:?}", point.scale, point.zero_count, point.zero_threshold);
    end_of_point(out, &point.attributes, point.start, point.time, point.flags);
    buckets(out, "positive", &point.positive);
    buckets(out, "negative", &point.negative);
    exemplars(out, &point.exemplars);
}

fn buckets(out: &mut String, side: &str, buckets: &ExponentialBuckets) {
    if buckets.counts.is_empty() {
        return;
    }
    put!(out, "      {side}");
    for (index, count) in (i64::from(buckets.offset)..).zip(&buckets.counts) {
        put!(out, "  {index}: {count}");
    }
    out.push('\n');
}

fn summary_point(out: &mut String, point: &SummaryPoint) {
    put!(out, "count {} sum {:?}", point.count, point.sum);
    end_of_point(out, &point.attributes, point.start, point.time, point.flags);
    if !point.quantiles.is_empty() {
        out.push_str("      quantiles");
        for quantile in &point.quantiles {
            put!(out, "  {:?}: {:?}", quantile.quantile, quantile.value);
        }
        out.push('\n');
    }
}

fn statistics(out: &mut String, statistics: [(&str, Option<f64>); 3]) {
    for (what, value) in statistics {
        if let Some(value) = value {
            put!(out, " {what} {value:?}");
        }
    }
}

fn end_of_point(
    out: &mut String,
    point_attributes: &Attributes,
    start: Timestamp,
    time: Timestamp,
    flags: DataPointFlags,
) {
    attributes(out, point_attributes);
    if start == Timestamp::default() {
        put!(out, "  at {}", moment(time));
    } else {
        put!(out, "  from {} to {}", moment(start), moment(time));
    }
    if flags != DataPointFlags::NONE {
        put!(out, "  flags {:#x}", flags.bits());
    }
    out.push('\n');
}

fn exemplars(out: &mut String, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        out.push_str("      • ");
        number(out, exemplar.value);
        attributes(out, &exemplar.filtered_attributes);
        put!(out, "  at {}", moment(exemplar.time));
        if let Some(trace_id) = exemplar.trace_id {
            put!(out, "  trace {trace_id}");
        }
        if let Some(span_id) = exemplar.span_id {
            put!(out, "  span {span_id}");
        }
        out.push('\n');
    }
}

fn number(out: &mut String, value: Option<Number>) {
    match value {
        Some(Number::I64(value)) => put!(out, "{value}"),
        // `Debug` keeps the fraction or the exponent, so that it is seen to be a float.
        Some(Number::F64(value)) => put!(out, "{value:?}"),
        None => out.push_str("no value"),
    }
}

fn attributes(out: &mut String, attributes: &Attributes) {
    text::attributes(out, attributes.iter().map(|attribute| (&*attribute.key, &attribute.value)));
}

/// The moment, without zeros at the end of its fraction.
fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    // The fraction has all of its digits, so no zero before the point goes.
    format!("{}Z", text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.'))
}
