//! Segment files, as the suite gets to see them.

use crate::scratch::Scratch;
use nanospan::conformance::metric_exporter::Subject;
use nanospan::export::ExportErrorKind;
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::metrics::data::ResourceMetrics;
use nanospan::metrics::{MetricExporter, SegmentMetricExporter};
use std::sync::Arc;

pub(crate) struct Segments {
    exporter: Arc<SegmentMetricExporter>,
    /// Removed after the exporter is done with it.
    _scratch: Scratch,
}

impl Default for Segments {
    fn default() -> Self {
        let scratch = Scratch::new("metric-exporter-conformance");
        let exporter = SegmentMetricExporter::builder(scratch.path("metrics")).build().unwrap();
        Self { exporter: Arc::new(exporter), _scratch: scratch }
    }
}

impl Subject for Segments {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        let mut metrics = Vec::new();
        for path in segments_in(self.exporter.directory()).unwrap() {
            // One that was just sealed has another name.
            let Ok(file) = SegmentFile::open(path) else { return self.delivered() };
            for frame in file.reader().unwrap().metrics() {
                metrics.push(frame.unwrap().view().to_metrics(1 << 20).unwrap());
            }
        }
        vec![metrics]
    }

    /// A file system that refuses is the matter of other tests: there is none to be had here.
    fn set_unreachable(&self, _: bool) -> bool {
        false
    }

    /// A write to a disk cannot be interrupted.
    fn set_hanging(&self, _: bool) -> bool {
        false
    }

    /// Another writer may have the directory.
    fn is_released(&self) -> Option<bool> {
        match SegmentMetricExporter::builder(self.exporter.directory()).build() {
            Ok(_) => Some(true),
            Err(error) if error.kind() == ExportErrorKind::Locked => Some(false),
            Err(error) => panic!("{error}"),
        }
    }
}
