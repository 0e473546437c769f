//! What the exporter of metrics to standard output writes, and what it makes of a writer that fails.
//!
//! That all of the data can be read back from the text is shown by the suite in
//! `tests/metric_exporter_conformance`.

use crate::common::metrics::metrics;
use crate::sink::Sink;
use nanospan::export::{Context, ExportErrorKind};
use nanospan::metrics::data::{DataPointFlags, QuantileValue, ResourceMetrics, Temporality};
use nanospan::metrics::{
    Aggregation, InstrumentKind, MetricExporter, StdoutMetricExporter, StdoutMetricFormat,
};
use nanospan::{SpanId, Timestamp, TraceId};

fn exporter(sink: &Sink) -> StdoutMetricExporter {
    let builder = StdoutMetricExporter::builder().format(StdoutMetricFormat::Human);
    builder.writer(sink.writer(), "the sink").build()
}

/// What is written of the metrics.
fn text_of(metrics: &ResourceMetrics) -> String {
    let sink = Sink::default();
    exporter(&sink).export(&Context::new(), metrics).expect("the sink takes everything");
    String::from_utf8(sink.written()).expect("text")
}

#[test]
fn for_the_eye_a_point_is_a_line_below_its_metric_scope_and_resource() {
    let time = |second: u64| Timestamp::from_unix_nanos((1_700_000_000 + second) * 1_000_000_000);
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "shop");
    metrics.resource.dropped_attributes_count = 3;
    let scope = metrics.scopes.push();
    (scope.scope.name, scope.scope.version) = ("shop.cart".into(), "1.4".into());
    let metric = scope.metrics.push();
    (metric.name, metric.unit) = ("shop.orders".into(), "{order}".into());
    metric.description = "Orders that were placed".into();
    let sum = metric.data.sum();
    sum.is_monotonic = true;
    let point = sum.points.push();
    point.attributes.add("shop.region", "eu-west-1");
    (point.start, point.time, point.value) = (time(0), time(60), Some(17.into()));
    let exemplar = point.exemplars.push();
    exemplar.filtered_attributes.add("app.user", 7);
    exemplar.time = Timestamp::from_unix_nanos(time(12).unix_nanos() + 500_000_000);
    exemplar.value = Some(1.into());
    exemplar.trace_id = Some(TraceId::from_bytes([0xab; 16]));
    exemplar.span_id = Some(SpanId::from_bytes([0xcd; 8]));
    let point = sum.points.push();
    (point.time, point.flags) = (time(60), DataPointFlags::NO_RECORDED_VALUE);
    let metric = scope.metrics.push();
    (metric.name, metric.unit) = ("shop.wait".into(), "s".into());
    metric.data.histogram().temporality = Temporality::Delta;
    let point = metric.data.histogram().points.push();
    (point.start, point.time, point.count) = (time(0), time(60), 3);
    (point.sum, point.min, point.max) = (Some(0.75), Some(0.1), Some(0.4));
    point.bounds.extend([0.2, 0.5]);
    point.bucket_counts.extend([1, 2, 0]);
    let metric = scope.metrics.push();
    metric.name = "shop.size".into();
    let point = metric.data.exponential_histogram().points.push();
    (point.time, point.count, point.scale, point.zero_count) = (time(60), 4, 2, 1);
    point.positive.offset = -1;
    point.positive.counts.extend([2, 1]);
    let metric = scope.metrics.push();
    metric.name = "shop.quantiles".into();
    let point = metric.data.summary().points.push();
    (point.time, point.count, point.sum) = (time(60), 4, 10.0);
    point.quantiles.push(QuantileValue { quantile: 0.5, value: 2.5 });
    let expected = "\
resource  service.name=\"shop\"  −3 attributes
scope shop.cart  version \"1.4\"
  shop.orders  in {order}  cumulative monotonic sum  \"Orders that were placed\"
    17  shop.region=\"eu-west-1\"  from 2023-11-14T22:13:20Z to 2023-11-14T22:14:20Z
      • 1  app.user=7  at 2023-11-14T22:13:32.5Z  trace abababababababababababababababab  span cdcdcdcdcdcdcdcd
    no value  at 2023-11-14T22:14:20Z  flags 0x1
  shop.wait  in s  delta histogram
    count 3 sum 0.75 min 0.1 max 0.4  from 2023-11-14T22:13:20Z to 2023-11-14T22:14:20Z
      buckets  ≤0.2: 1  ≤0.5: 2  >0.5: 0
  shop.size  cumulative exponential histogram
    count 4 scale 2 zero 1 within 0.0  at 2023-11-14T22:14:20Z
      positive  -1: 2  0: 1
  shop.quantiles  summary
    count 4 sum 10.0  at 2023-11-14T22:14:20Z
      quantiles  0.5: 2.5
";
    assert_eq!(text_of(&metrics), expected);
}

#[test]
fn no_recorded_text_fakes_a_line_or_commands_a_terminal() {
    let mut hostile = metrics(0, 1);
    let text = "a\n    17  at \u{1b}[31m\u{202e}";
    hostile.resource.attributes.add(text, text);
    let scope = &mut hostile.scopes[0];
    scope.scope.name = text.into();
    scope.scope.version = text.into();
    let metric = &mut scope.metrics[0];
    (metric.name, metric.unit, metric.description) = (text.into(), text.into(), text.into());
    let written = text_of(&hostile);
    assert_eq!(written.lines().count(), text_of(&metrics(0, 1)).lines().count(), "{written}");
    assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written}");
}

#[test]
fn what_has_no_points_is_not_written() {
    let mut empty = metrics(0, 0);
    assert_eq!(text_of(&empty), "");
    empty.scopes.push().scope.name = "nothing".into();
    assert_eq!(text_of(&empty), "");
    let mut mixed = metrics(0, 1);
    mixed.scopes.push().metrics.push().name = "nothing".into();
    mixed.scopes[0].metrics.push().name = "nothing".into();
    assert_eq!(text_of(&mixed), text_of(&metrics(0, 1)));
}

#[test]
fn buckets_that_do_not_fit_their_bounds_are_shown_as_they_are() {
    let mut metrics = metrics(0, 0);
    let point = metrics.scopes[0].metrics[0].data.histogram().points.push();
    point.bounds.push(1.0);
    point.bucket_counts.push(7);
    assert!(text_of(&metrics).contains("      buckets  counts [7]  bounds [1.0]\n"), "{}", text_of(&metrics));
}

#[test]
fn a_summary_without_quantiles_is_one_line() {
    let mut metrics = metrics(0, 0);
    let point = metrics.scopes[0].metrics[0].data.summary().points.push();
    (point.count, point.sum) = (3, 4.5);
    let text = text_of(&metrics);
    assert!(text.trim_end().lines().last().expect("a line").contains("count 3 sum 4.5"), "{text}");
}

#[test]
fn a_closed_pipe_is_an_error_and_the_points_that_went_through_are_not_lost() {
    let sink = Sink::default();
    let exporter = exporter(&sink);
    let text = text_of(&metrics(0, 5));
    // Within the line of the fourth point.
    let fourth = text.find("number=3").expect("the line");
    sink.break_after(fourth);
    let error = exporter.export(&Context::new(), &metrics(0, 5)).expect_err("the pipe is closed");
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Io, Some(2)));
    assert!(error.to_string().starts_with("cannot write to the sink: "), "{error}");
    sink.set_broken(false);
    exporter.export(&Context::new(), &metrics(0, 5)).expect("it is open again");
    let written = String::from_utf8(sink.written()).expect("text");
    assert_eq!(written, format!("{}\n{text}", &text[..fourth]));
}

#[test]
fn a_flush_and_a_shutdown_flush_the_writer_and_the_shutdown_drops_it() {
    let sink = Sink::default();
    let exporter = exporter(&sink);
    exporter.export(&Context::new(), &metrics(0, 1)).expect("the sink takes everything");
    assert_eq!(sink.flushes(), 0);
    exporter.force_flush(&Context::new()).expect("the sink takes everything");
    assert_eq!(sink.flushes(), 1);
    exporter.shutdown(&Context::new()).expect("the sink takes everything");
    assert_eq!(sink.flushes(), 2);
    assert!(sink.is_released());
}

#[test]
fn what_is_wanted_of_each_kind_is_what_was_set() {
    let set = StdoutMetricExporter::builder()
        .temporality(|kind| match kind {
            InstrumentKind::Counter => Temporality::Delta,
            _ => Temporality::Cumulative,
        })
        .aggregation(|kind| match kind {
            InstrumentKind::Gauge => Aggregation::Drop,
            _ => Aggregation::Default,
        })
        .build();
    for kind in InstrumentKind::ALL {
        assert_eq!(set.temporality(kind) == Temporality::Delta, kind == InstrumentKind::Counter);
        assert_eq!(set.aggregation(kind) == Aggregation::Drop, kind == InstrumentKind::Gauge);
    }
}

#[test]
fn the_exporter_to_standard_output_itself_writes_and_succeeds() {
    let exporter = StdoutMetricExporter::new();
    exporter.export(&Context::new(), &metrics(0, 1)).expect("standard output is there");
    exporter.shutdown(&Context::new()).expect("standard output is there");
}
