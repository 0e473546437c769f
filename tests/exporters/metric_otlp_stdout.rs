//! Metrics as lines of OTLP on standard output.
//!
//! That nothing of the data is missing is shown by the suite in `tests/metric_exporter_conformance`.

use crate::common::metrics::metrics;
use crate::metric_lines::parse;
use crate::sink::Sink;
use nanospan::export::{Context, ExportErrorKind};
use nanospan::metrics::data::ResourceMetrics;
use nanospan::metrics::{MetricExporter, StdoutMetricExporter, StdoutMetricFormat};

/// The bytes of a line, with its line feed.
const LINE_MAX: usize = 16 << 10;

fn exporter(sink: &Sink) -> StdoutMetricExporter {
    let builder = StdoutMetricExporter::builder().format(StdoutMetricFormat::OtlpJson);
    builder.writer(sink.writer(), "the sink").build()
}

fn written(metrics: &ResourceMetrics) -> Vec<u8> {
    let sink = Sink::default();
    exporter(&sink).export(&Context::new(), metrics).expect("the sink takes everything");
    sink.written()
}

/// Several metrics of ten points each, in two scopes.
fn many(count: usize) -> ResourceMetrics {
    let of_one = metrics(0, 10);
    let mut all = metrics(0, 0);
    all.scopes.clear();
    for name in ["shop.cart", "shop.till"] {
        let scope = all.scopes.push();
        scope.scope.name = name.into();
        for number in 0..count / 2 {
            let metric = scope.metrics.push();
            metric.clone_from(&of_one.scopes[0].metrics[0]);
            metric.name = format!("{name}.{number}").into();
        }
    }
    all
}

fn names(all: &[ResourceMetrics]) -> Vec<String> {
    let scopes = all.iter().flat_map(|metrics| metrics.scopes.iter());
    scopes.flat_map(|scope| scope.metrics.iter()).map(|metric| metric.name.to_string()).collect()
}

#[test]
fn a_collection_that_fits_is_one_line_that_reads_back_equal() {
    let metrics = metrics(3, 5);
    assert_eq!(parse(&written(&metrics)).expect("lines of OTLP"), [metrics]);
}

#[test]
fn what_has_no_points_is_no_line() {
    assert!(written(&ResourceMetrics::default()).is_empty());
    assert!(written(&metrics(0, 0)).is_empty());
}

#[test]
fn a_large_collection_takes_lines_of_whole_metrics_that_container_runtimes_leave_whole() {
    let all = many(100);
    let text = written(&all);
    let lines = parse(&text).expect("lines of OTLP");
    assert!(text.split_inclusive(|byte| *byte == b'\n').all(|line| line.len() <= LINE_MAX));
    assert!(lines.len() > 1 && lines.iter().all(|line| line.resource == all.resource));
    assert_eq!(names(&lines), names(std::slice::from_ref(&all)));
    let points: usize = lines.iter().map(ResourceMetrics::data_point_count).sum();
    assert_eq!(points, all.data_point_count());
}

#[test]
fn a_line_is_longer_only_for_a_single_metric_that_is() {
    let mut all = many(4);
    let long = "x".repeat(2 * LINE_MAX);
    all.scopes[0].metrics[1].description = long.into();
    let lines = parse(&written(&all)).expect("lines of OTLP");
    let long: Vec<_> =
        lines.iter().filter(|line| names(std::slice::from_ref(line)) == ["shop.cart.1"]).collect();
    assert_eq!(long.len(), 1, "it stands alone");
    assert_eq!(names(&lines), names(&[all]));
}

#[test]
fn what_a_terminal_might_obey_is_escaped() {
    let mut all = metrics(0, 1);
    let hostile = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}b";
    all.scopes[0].metrics[0].description = hostile.into();
    let text = written(&all);
    let shown = String::from_utf8(text.clone()).expect("it is text");
    assert!(shown.contains("a\\u001b[2J\\u007f\\u009b\\u202eb"), "{shown}");
    assert!(!shown.trim_end().contains(char::is_control), "{shown:?}");
    assert_eq!(parse(&text).expect("lines of OTLP"), [all]);
}

#[test]
fn a_torn_line_has_lost_all_of_its_points_and_the_next_begins_anew() {
    let sink = Sink::default();
    let exporter = exporter(&sink);
    let all = many(100);
    let whole = written(&all);
    let first = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    let arrived = parse(&whole[..first]).expect("a line")[0].data_point_count();
    sink.break_after(first + 100);
    let error = exporter.export(&Context::new(), &all).expect_err("the pipe is closed");
    let lost = u32::try_from(all.data_point_count() - arrived).expect("a small number");
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Io, Some(lost)));
    sink.set_broken(false);
    exporter.export(&Context::new(), &metrics(1, 2)).expect("the sink takes everything");
    let written = sink.written();
    assert_eq!(written[first + 100], b'\n');
    assert_eq!(parse(&written[first + 101..]).expect("whole lines"), [metrics(1, 2)]);
}
