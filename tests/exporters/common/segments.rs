//! Writing and reading segment directories in tests, where any error is a failure.

use std::fs;
use std::path::{Path, PathBuf};

use nanospan::batch::Batch;
use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
use nanospan::export::{Context, SpanExporter};

pub(crate) fn open(directory: &Path) -> SegmentExporter {
    SegmentExporter::builder(directory).build().expect("the directory is free")
}

pub(crate) fn export(exporter: &SegmentExporter, batch: &Batch) {
    exporter.export(&Context::new(), batch).expect("there is room");
}

pub(crate) fn shut_down(exporter: &SegmentExporter) {
    exporter.shutdown(&Context::new()).expect("nothing is in the way");
}

/// The bytes of every batch in the segments at `paths`.
pub(crate) fn batches_in(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    for path in paths {
        let file = SegmentFile::open(path).expect("a listed segment can be read");
        for frame in file.reader().expect("it begins as a segment does") {
            let frame = frame.expect("a whole batch reads back");
            batches.push(frame.view().as_bytes().to_vec());
        }
    }
    batches
}

/// The bytes of every batch in the directory.
pub(crate) fn batches(directory: &Path) -> Vec<Vec<u8>> {
    batches_in(&segments_in(directory).expect("the directory holds segments only"))
}

pub(crate) fn bytes(batches: &[Batch]) -> Vec<Vec<u8>> {
    batches.iter().map(|batch| batch.as_bytes().to_vec()).collect()
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory exists");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| name.into_string().expect("names are ASCII"))
        .collect();
    names.sort();
    names
}

pub(crate) fn open_segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths = segments_in(directory).expect("the directory holds segments only");
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "open"));
    paths
}
