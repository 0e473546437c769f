//! A directory of segment files that goes away with the benchmark.

use nanospan::export::segment::{SegmentExporter, segments_in};
use std::path::PathBuf;

/// See the module.
#[derive(Debug)]
pub(crate) struct Segments {
    directory: PathBuf,
}

impl Segments {
    pub(crate) fn new() -> Self {
        let name = format!("nanospan-bench-{}", std::process::id());
        Self { directory: std::env::temp_dir().join(name) }
    }

    pub(crate) fn exporter(&self) -> SegmentExporter {
        SegmentExporter::builder(&self.directory).build().expect("the directory can be written to")
    }

    /// Deletes the segments that are complete, so that they do not fill the disk.
    pub(crate) fn discard_sealed(&self) {
        for segment in segments_in(&self.directory).expect("the directory can be read") {
            if segment.extension().is_some_and(|extension| extension == "nsp") {
                std::fs::remove_file(segment).expect("a sealed segment can be deleted");
            }
        }
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        // What cannot be removed stays in the directory for temporary files, where it belongs.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
