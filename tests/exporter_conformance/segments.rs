//! Segment files, as the suite gets to see them.

use crate::scratch::Scratch;
use nanospan::conformance::exporter::Subject;
use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
use nanospan::export::{ExportErrorKind, FinishedSpan, SpanExporter};
use std::sync::Arc;

pub(crate) struct Segments {
    exporter: Arc<SegmentExporter>,
    /// Removed after the exporter is done with it.
    _scratch: Scratch,
}

impl Default for Segments {
    fn default() -> Self {
        let scratch = Scratch::new("exporter-conformance");
        let exporter = SegmentExporter::builder(scratch.path("spans")).build().unwrap();
        Self { exporter: Arc::new(exporter), _scratch: scratch }
    }
}

impl Subject for Segments {
    fn exporter(&self) -> Arc<dyn SpanExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<FinishedSpan>> {
        let mut spans = Vec::new();
        for path in segments_in(self.exporter.directory()).unwrap() {
            // One that was just sealed has another name.
            let Ok(file) = SegmentFile::open(path) else { return self.delivered() };
            for frame in file.reader().unwrap() {
                spans.extend(frame.unwrap().view().spans().map(FinishedSpan::from));
            }
        }
        vec![spans]
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
        match SegmentExporter::builder(self.exporter.directory()).build() {
            Ok(_) => Some(true),
            Err(error) if error.kind() == ExportErrorKind::Locked => Some(false),
            Err(error) => panic!("{error}"),
        }
    }
}
