//! The exporter that writes segment files, and how it is set up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use super::directory::Directory;
use super::recovery::{self, Recovery};
use super::writer::{Limits, Writer};
use crate::batch::Batch;
use crate::export::turns::{Close, Turn, Turns};
use crate::export::{Context, ExportError, ExportErrorKind, SpanExporter};

/// The default of [`SegmentExporterBuilder::max_segment_bytes`]: 64 MiB, which is about half a
/// million spans with three attributes each.
const DEFAULT_MAX_SEGMENT_BYTES: u64 = 64 << 20;

/// The default of [`SegmentExporterBuilder::max_segment_age`]: how long a reader that waits for
/// sealed segments may have to wait.
const DEFAULT_MAX_SEGMENT_AGE: Duration = Duration::from_secs(60);

/// The default of [`SegmentExporterBuilder::max_total_bytes`]: 4 GiB, which is 64 segments of the
/// default size, so that an unread directory does not fill the disk of a service.
const DEFAULT_MAX_TOTAL_BYTES: u64 = 4 << 30;

/// Sets up a [`SegmentExporter`]; made by [`SegmentExporter::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SegmentExporterBuilder {
    directory: PathBuf,
    limits: Limits,
}

impl SegmentExporterBuilder {
    /// Another directory, with the same limits.
    pub(crate) fn directory(mut self, directory: PathBuf) -> Self {
        self.directory = directory;
        self
    }

    /// The size in bytes that a segment does not exceed; 64 MiB by default.
    ///
    /// A batch larger than this is written all the same, into a segment of its own.
    pub fn max_segment_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// The age at which a segment is sealed and a new one begun; 60 seconds by default.
    ///
    /// It is looked at by every `export` and `force_flush`, so a segment can grow older while
    /// neither is called.
    pub fn max_segment_age(mut self, age: Duration) -> Self {
        self.limits.max_age = age;
        self
    }

    /// The size in bytes that the segments of the directory together do not exceed; 4 GiB by
    /// default.
    ///
    /// Once it is reached, exports fail with an error of kind [`Full`](ExportErrorKind::Full)
    /// until segments are deleted or moved away. The exporter itself deletes none: what was
    /// written first is kept.
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_total_bytes = bytes;
        self
    }

    /// Opens the directory, creating it if it is missing, and seals what a crash left open.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](ExportErrorKind::InvalidConfig) if one of the sizes is zero.
    /// - [`Insecure`](ExportErrorKind::Insecure) if the directory is a symbolic link, belongs to
    ///   another user, or lets its group or everybody write.
    /// - [`Locked`](ExportErrorKind::Locked) if the directory has a writer already.
    /// - [`Io`](ExportErrorKind::Io) if the system refuses something.
    pub fn build(self) -> Result<SegmentExporter, ExportError> {
        if self.limits.max_bytes == 0 || self.limits.max_total_bytes == 0 {
            let message = "a segment or a directory of at most zero bytes has room for no batch";
            return Err(ExportError::new(ExportErrorKind::InvalidConfig, message));
        }
        let directory = Directory::open(&self.directory)?;
        let listing = directory.list()?;
        let newest = listing.segments.last().map(|name| name.begun_unix_ns);
        let recovery = recovery::seal_leftovers(&directory, &listing);
        Ok(SegmentExporter {
            pid: process::id(),
            directory: directory.path().to_owned(),
            recovery,
            writer: Turns::new(Writer::new(directory, self.limits, newest)),
        })
    }
}

/// Writes batches to segment files in a directory of its own.
///
/// The [module documentation](super) says what is in the directory, what survives which kind of
/// failure and what a context can interrupt.
///
/// Dropping the exporter without a shutdown syncs and seals the active segment, and ignores
/// errors.
pub struct SegmentExporter {
    /// The process that may write: a forked child has this exporter too, but not its lock.
    pid: u32,
    directory: PathBuf,
    recovery: Recovery,
    writer: Turns<Writer>,
}

impl SegmentExporter {
    /// An exporter that writes to `directory`, which need not exist yet.
    pub fn builder(directory: impl Into<PathBuf>) -> SegmentExporterBuilder {
        SegmentExporterBuilder {
            directory: directory.into(),
            limits: Limits {
                max_bytes: DEFAULT_MAX_SEGMENT_BYTES,
                max_age: DEFAULT_MAX_SEGMENT_AGE,
                max_total_bytes: DEFAULT_MAX_TOTAL_BYTES,
            },
        }
    }

    /// The directory that the segments are in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What was found and done about segments that an earlier writer left open.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Waits for the writer to be free and takes it.
    pub(super) fn turn(&self, context: &Context) -> Result<Turn<'_, Writer>, ExportError> {
        self.refuse_in_child()?;
        self.writer.take(context, || self.shut_down_error())
    }

    /// Before the turns are asked for one: in a forked child, a thread that is gone may have it.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        let pid = process::id();
        if pid == self.pid {
            return Ok(());
        }
        let message = format!(
            "the segment directory {} belongs to process {}, of which process {pid} is a forked \
             child",
            self.directory.display(),
            self.pid
        );
        Err(ExportError::new(ExportErrorKind::Forked, message))
    }

    fn shut_down_error(&self) -> ExportError {
        ExportError::shutdown(&format!("segment exporter of {}", self.directory.display()))
    }
}

impl SpanExporter for SegmentExporter {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        let mut turn = self.turn(context)?;
        turn.writer().write(context, batch)
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.turn(context)?.writer().flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        self.writer.shut_down(context, || self.shut_down_error())
    }
}

impl Close for Writer {
    fn close(self, context: &Context) -> Result<(), ExportError> {
        Writer::close(self, context)
    }

    fn close_late(self) {
        // The shutdown has reported already that it could not finish.
        let _ = Writer::close(self, &Context::new());
    }
}

impl Drop for SegmentExporter {
    fn drop(&mut self) {
        // In a forked child, dropping the writer closes the child's descriptors and no more.
        if let (Some(writer), true) = (self.writer.take_writer(), self.pid == process::id()) {
            let _ = writer.close(&Context::new());
        }
    }
}

impl fmt::Debug for SegmentExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentExporter").field("directory", &self.directory).finish_non_exhaustive()
    }
}
