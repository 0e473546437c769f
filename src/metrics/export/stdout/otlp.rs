//! Metrics as lines of OTLP's file format, which [`StdoutMetricFormat::OtlpJson`](super::StdoutMetricFormat::OtlpJson)
//! describes.

use crate::export::stdout::{LINE_MAX, Page, push_json};
use crate::metrics::data::{Metric, ResourceMetrics};
use crate::otlp::metrics_json_request;

/// Lines of as many metrics as fit. A line's points end with it.
pub(super) fn render(metrics: &ResourceMetrics) -> Page {
    let mut page = Page::default();
    let all: Vec<&Metric> = metrics.scopes.iter().flat_map(|scope| &scope.metrics).collect();
    let (mut next, mut json) = (0, Vec::new());
    // Lines are about as long as each other: what fitted into the last one bounds what is tried for the next, so that
    // each metric is encoded a few times however many there are.
    let mut most = all.len();
    while next < all.len() {
        let mut count = most.min(all.len() - next);
        loop {
            json.clear();
            metrics_json_request(metrics, next..next + count, &mut json);
            if json.len() <= LINE_MAX || count == 1 {
                break;
            }
            count /= 2;
        }
        let points: usize = all[next..next + count].iter().map(|metric| metric.data.point_count()).sum();
        next += count;
        most = count * 2;
        if points > 0 {
            push_json(&mut page, &json, points);
        }
    }
    page
}
