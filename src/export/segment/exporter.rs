//! The exporter that writes spans to segment files, and how it is set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{Encode, SegmentFiles, Setup};
use super::name::Signal;
use super::recovery::Recovery;
use crate::batch::Batch;
use crate::export::{Component, Context, ExportError, SpanExporter};

/// Batches of spans come as they are written.
#[derive(Debug)]
pub(super) struct SpanBatches;

impl Encode for SpanBatches {
    type Batch = Batch;

    const SIGNAL: Signal = Signal::Spans;
    const EXPORTER: &'static str = "segment exporter";

    fn encode<'a>(&'a mut self, batch: &'a Batch) -> Result<Option<&'a [u8]>, ExportError> {
        Ok(Some(batch.as_bytes()))
    }
}

/// Sets up a [`SegmentExporter`]; made by [`SegmentExporter::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SegmentExporterBuilder {
    setup: Setup,
}

impl SegmentExporterBuilder {
    /// Another directory, with the same limits.
    pub(crate) fn directory(mut self, directory: PathBuf) -> Self {
        self.setup.directory = directory;
        self
    }

    /// The directory that segments are to be in.
    pub(crate) fn path(&self) -> &Path {
        &self.setup.directory
    }

    /// The size in bytes that a segment does not exceed; 64 MiB by default.
    ///
    /// A batch larger than this is written all the same, into a segment of its own.
    pub fn max_segment_bytes(mut self, bytes: u64) -> Self {
        self.setup.limits.max_bytes = bytes;
        self
    }

    /// The age at which a segment is sealed and a new one begun; 60 seconds by default.
    ///
    /// It is looked at by every `export` and `force_flush`, so a segment can grow older while
    /// neither is called.
    pub fn max_segment_age(mut self, age: Duration) -> Self {
        self.setup.limits.max_age = age;
        self
    }

    /// The size in bytes that the segments of the directory together do not exceed; 4 GiB by
    /// default.
    ///
    /// Once it is reached, exports fail with an error of kind [`Full`](crate::export::ExportErrorKind::Full)
    /// until segments are deleted or moved away. The exporter itself deletes none: what was
    /// written first is kept.
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.setup.limits.max_total_bytes = bytes;
        self
    }

    /// Opens the directory, creating it if it is missing, and seals what a crash left open.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) if one of the sizes is zero.
    /// - [`Insecure`](crate::export::ExportErrorKind::Insecure) if the directory is a symbolic link, belongs to
    ///   another user, or lets its group or everybody write.
    /// - [`Locked`](crate::export::ExportErrorKind::Locked) if the directory has a writer already.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if the system refuses something.
    pub fn build(self) -> Result<SegmentExporter, ExportError> {
        Ok(SegmentExporter { files: self.setup.build(SpanBatches)? })
    }
}

/// Writes batches of spans to segment files in a directory of its own.
///
/// The [module documentation](super) says what is in the directory, what survives which kind of
/// failure and what a context can interrupt.
///
/// Dropping the exporter without a shutdown syncs and seals the active segment, and ignores
/// errors.
#[derive(Debug)]
pub struct SegmentExporter {
    pub(super) files: SegmentFiles<SpanBatches>,
}

impl SegmentExporter {
    /// An exporter that writes to `directory`, which need not exist yet.
    pub fn builder(directory: impl Into<PathBuf>) -> SegmentExporterBuilder {
        SegmentExporterBuilder { setup: Setup::new(directory.into()) }
    }

    /// The directory that the segments are in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.files.directory()
    }

    /// What was found and done about segments that an earlier writer left open.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        self.files.recovery()
    }
}

impl SpanExporter for SegmentExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.files.export(context, batch)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.files.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.files.shut_down(context)
    }

    fn component(&self) -> Component {
        Component::new("nanospan::export::segment::SegmentExporter")
    }
}
