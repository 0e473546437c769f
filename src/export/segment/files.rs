//! The segment files of one directory, as exporters of spans and of metrics write them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::Directory;
use super::name::Signal;
use super::recovery::{self, Recovery};
use super::writer::{Limits, Writer};
use crate::export::owner::Owner;
use crate::export::turns::{Close, Turn, Turns};
use crate::export::{Context, ExportError, ExportErrorKind};

/// The default of `max_segment_bytes`: 64 MiB, which is about half a million spans with three attributes
/// each.
const DEFAULT_MAX_SEGMENT_BYTES: u64 = 64 << 20;

/// The default of `max_segment_age`: how long a reader that waits for sealed segments may have to wait.
const DEFAULT_MAX_SEGMENT_AGE: Duration = Duration::from_secs(60);

/// The default of `max_total_bytes`: 4 GiB, which is 64 segments of the default size, so that an unread
/// directory does not fill the disk of a service.
const DEFAULT_MAX_TOTAL_BYTES: u64 = 4 << 30;

/// Makes the batches that are written of what is exported.
pub(crate) trait Encode {
    /// What is exported.
    type Batch: ?Sized;

    /// What the segments hold.
    const SIGNAL: Signal;

    /// What errors call the exporter.
    const EXPORTER: &'static str;

    /// The bytes of a batch, in memory that the next call uses again; `None` if there is nothing to write.
    fn encode<'a>(&'a mut self, batch: &'a Self::Batch) -> Result<Option<&'a [u8]>, ExportError>;
}

/// Where segments are written, and when a segment is complete and the directory full.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) directory: PathBuf,
    pub(crate) limits: Limits,
}

impl Setup {
    /// The defaults, for `directory`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        let limits = Limits {
            max_bytes: DEFAULT_MAX_SEGMENT_BYTES,
            max_age: DEFAULT_MAX_SEGMENT_AGE,
            max_total_bytes: DEFAULT_MAX_TOTAL_BYTES,
        };
        Self { directory, limits }
    }

    /// Opens the directory, creating it if it is missing, and seals what a crash left open.
    pub(crate) fn build<E: Encode>(self, encoder: E) -> Result<SegmentFiles<E>, ExportError> {
        if self.limits.max_bytes == 0 || self.limits.max_total_bytes == 0 {
            let message = "a segment or a directory of at most zero bytes has room for no batch";
            return Err(ExportError::new(ExportErrorKind::InvalidConfig, message));
        }
        let directory = Directory::open(&self.directory)?;
        let listing = directory.list()?;
        let newest = listing.segments.last().map(|name| name.begun_unix_ns);
        let recovery = recovery::seal_leftovers(&directory, &listing);
        Ok(SegmentFiles {
            owner: Owner::this_process(),
            directory: directory.path().to_owned(),
            recovery,
            desk: Turns::new(Desk {
                encoder,
                writer: Writer::new(E::SIGNAL, directory, self.limits, newest),
            }),
        })
    }
}

/// The one writer of a directory, for any threads.
///
/// Dropped without a shutdown, it syncs and seals the active segment, and ignores errors.
pub(crate) struct SegmentFiles<E: Encode> {
    /// The process that may write: a forked child has this too, but not its lock.
    owner: Owner,
    directory: PathBuf,
    recovery: Recovery,
    desk: Turns<Desk<E>>,
}

/// What one call at a time has.
pub(super) struct Desk<E> {
    encoder: E,
    writer: Writer,
}

impl<E: Encode> SegmentFiles<E> {
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    pub(crate) fn export(&self, context: &Context, batch: &E::Batch) -> Result<(), ExportError> {
        let mut turn = self.turn(context)?;
        let Desk { encoder, writer } = turn.writer();
        match encoder.encode(batch)? {
            Some(payload) => writer.write(context, payload),
            None => Ok(()),
        }
    }

    pub(crate) fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.turn(context)?.writer().writer.flush(context)
    }

    pub(crate) fn shut_down(&self, context: &Context) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        self.desk.shut_down(context, || self.shut_down_error())
    }

    /// Waits for the writer to be free and takes it.
    pub(super) fn turn(&self, context: &Context) -> Result<Turn<'_, Desk<E>>, ExportError> {
        self.refuse_in_child()?;
        self.desk.take(context, || self.shut_down_error())
    }

    /// Before the turns are asked for one: in a forked child, a thread that is gone may have it.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        self.owner.refuse_in_child(format_args!("segment directory {}", self.directory.display()))
    }

    fn shut_down_error(&self) -> ExportError {
        ExportError::shutdown(&format!("{} of {}", E::EXPORTER, self.directory.display()))
    }
}

impl<E> Close for Desk<E> {
    fn close(self, context: &Context) -> Result<(), ExportError> {
        self.writer.close(context)
    }

    fn close_late(self) {
        // The shutdown has reported already that it could not finish.
        let _ = self.writer.close(&Context::new());
    }
}

impl<E: Encode> Drop for SegmentFiles<E> {
    fn drop(&mut self) {
        // In a forked child, dropping the writer closes the child's descriptors and no more.
        if let (Some(desk), true) = (self.desk.take_writer(), self.owner.is_here()) {
            let _ = desk.close(&Context::new());
        }
    }
}

impl<E: Encode> fmt::Debug for SegmentFiles<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentFiles").field("directory", &self.directory).finish_non_exhaustive()
    }
}
