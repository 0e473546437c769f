//! The segment being written, and when the next one is begun.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::directory::Directory;
use super::log::FrameLog;
use super::name::{SegmentName, Signal};
use crate::batch::segment::{self, SEGMENT_HEADER_LEN};
use crate::export::{Context, ExportError, ExportErrorKind};

/// When a segment is complete, and when the directory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The bytes that a segment does not exceed, but for a single frame larger than that.
    pub(crate) max_bytes: u64,
    /// The age at which a segment is sealed.
    pub(crate) max_age: Duration,
    /// The bytes that all segments of the directory together do not exceed.
    pub(crate) max_total_bytes: u64,
}

impl Limits {
    /// Whether a segment of `length` bytes is complete before `incoming` more are added.
    fn complete(self, length: u64, age: Duration, incoming: u64) -> bool {
        // An empty segment is never sealed: a frame larger than the limit gets one to itself.
        length > 0 && (length.saturating_add(incoming) > self.max_bytes || age >= self.max_age)
    }
}

/// The one writer of a directory.
///
/// Whoever hands it a context has just checked it; the writer checks it again before each further
/// step.
#[derive(Debug)]
pub(crate) struct Writer {
    signal: Signal,
    directory: Directory,
    limits: Limits,
    active: Option<Active>,
    /// The bytes of the other segments when they were last counted, and of those sealed since.
    settled_bytes: u64,
    /// When the newest segment in the directory was begun.
    newest: Option<u64>,
    /// Whether files were created or renamed since the directory was last synced.
    names_unsynced: bool,
}

/// The segment that is being written.
#[derive(Debug)]
struct Active {
    name: SegmentName,
    log: FrameLog<File>,
    begun: Instant,
}

impl Writer {
    pub(super) fn new(signal: Signal, directory: Directory, limits: Limits, newest: Option<u64>) -> Self {
        Self {
            signal,
            directory,
            limits,
            active: None,
            // Counted by the first batch that seems to find no room.
            settled_bytes: u64::MAX,
            newest,
            // Recovery may have renamed.
            names_unsynced: true,
        }
    }

    /// Writes the batch `payload`, into a new segment if the active one is complete.
    ///
    /// An error that says that nothing was lost is about an earlier segment.
    pub(crate) fn write(&mut self, context: &Context, payload: &[u8]) -> Result<(), ExportError> {
        let header = match self.signal {
            Signal::Metrics => segment::metrics_frame_header(payload),
            Signal::Spans => segment::frame_header(payload),
        };
        let padding = segment::padding(payload.len());
        let frame = (header.len() + payload.len() + padding.len()) as u64;
        self.require_room(frame)?;
        let sealed = self.seal_if_complete(frame);
        if let Err(over) = context.check() {
            let over = ExportError::from(over);
            return Err(match sealed {
                Ok(()) => over,
                Err(unsealed) => over.with_source(unsealed),
            });
        }
        self.append([&header, payload, padding])?;
        // This batch is safe; what is wrong concerns those before it.
        sealed.map_err(|error| error.with_lost(0))
    }

    /// Waits until everything written is on the device, and seals the active segment if it is old
    /// enough.
    pub(super) fn flush(&mut self, context: &Context) -> Result<(), ExportError> {
        self.seal_if_complete(0)?;
        context.check()?;
        if let Some(active) = &mut self.active {
            if let Err(error) = active.log.sync() {
                let error = not_synced(&self.directory.path_of(active.name), error);
                self.active = None;
                return Err(error);
            }
        }
        context.check()?;
        self.sync_names()
    }

    /// Seals the active segment and gives up the directory.
    ///
    /// If the context is over, the segment stays open, for the next writer to seal.
    pub(super) fn close(mut self, context: &Context) -> Result<(), ExportError> {
        context.check()?;
        self.seal()?;
        context.check()?;
        self.sync_names()
    }

    /// Whether `frame` bytes more fit into what the directory may hold.
    ///
    /// Readers delete segments without telling, so the files are counted again before the answer
    /// is no.
    fn require_room(&mut self, frame: u64) -> Result<(), ExportError> {
        let budget = self.limits.max_total_bytes;
        let active = self.active.as_ref();
        let needed = frame + active.map_or(SEGMENT_HEADER_LEN as u64, |active| active.log.length());
        if self.settled_bytes.saturating_add(needed) <= budget {
            return Ok(());
        }
        self.settled_bytes = self.directory.bytes_without(active.map(|active| active.name))?;
        if self.settled_bytes.saturating_add(needed) <= budget {
            return Ok(());
        }
        let message = format!(
            "the segment directory {} is full: its segments take {} of {budget} bytes; they can \
             be deleted or moved away at any time",
            self.directory.path().display(),
            self.settled_bytes.saturating_add(needed - frame),
        );
        Err(ExportError::new(ExportErrorKind::Full, message))
    }

    fn append(&mut self, [header, payload, padding]: [&[u8]; 3]) -> Result<(), ExportError> {
        let mut active = match self.active.take() {
            Some(active) if !is_deleted(active.log.storage()) => active,
            _ => self.begin()?,
        };
        // The segment's own header goes with its first frame: it is not there without one.
        let segment_header = segment::segment_header(active.name.begun_unix_ns);
        let mut parts = [&segment_header, header, payload, padding].map(IoSlice::new);
        let already_there = usize::from(active.log.length() > 0);
        let appended = active.log.append(&mut parts[already_there..]).map_err(|error| {
            let path = self.directory.path_of(active.name);
            let message = format!("cannot write a batch to {}", path.display());
            ExportError::new(ExportErrorKind::Io, message).with_source(error)
        });
        // A damaged segment is left to the next writer of the directory, which cuts it.
        self.active = Some(active).filter(|active| !active.log.is_damaged());
        appended
    }

    /// Creates the next segment.
    fn begin(&mut self) -> Result<Active, ExportError> {
        // Before 1970 and after 2554 the clock is wrong; the names still have to be in order.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
        let name = SegmentName::next(self.signal, now, self.newest);
        let file = self.directory.create(name).map_err(|error| {
            let path = self.directory.path_of(name);
            let message = format!("cannot create {}", path.display());
            ExportError::new(ExportErrorKind::Io, message).with_source(error)
        })?;
        self.newest = Some(name.begun_unix_ns);
        self.names_unsynced = true;
        Ok(Active { name, log: FrameLog::new(file), begun: Instant::now() })
    }

    fn seal_if_complete(&mut self, incoming: u64) -> Result<(), ExportError> {
        match &self.active {
            Some(active) if self.limits.complete(active.log.length(), active.begun.elapsed(), incoming) => {
                self.seal()
            }
            _ => Ok(()),
        }
    }

    /// Syncs and seals the active segment; whatever happens, there is none afterwards.
    fn seal(&mut self) -> Result<(), ExportError> {
        let Some(mut active) = self.active.take() else {
            return Ok(());
        };
        let path = self.directory.path_of(active.name);
        if active.log.length() == 0 {
            // Its first batch could not be written, so there is nothing in it to be read.
            return self.directory.remove(active.name).map_err(|error| {
                let message = format!("cannot remove the empty segment {}", path.display());
                ExportError::new(ExportErrorKind::Io, message).with_source(error)
            });
        }
        self.settled_bytes = self.settled_bytes.saturating_add(active.log.length());
        active.log.sync().map_err(|error| not_synced(&path, error))?;
        if is_deleted(active.log.storage()) {
            return Ok(());
        }
        self.directory.seal(active.name).map_err(|error| {
            let message = format!("cannot seal {}", path.display());
            ExportError::new(ExportErrorKind::Io, message).with_source(error)
        })?;
        self.names_unsynced = true;
        Ok(())
    }

    fn sync_names(&mut self) -> Result<(), ExportError> {
        if self.names_unsynced {
            self.directory.sync().map_err(|error| {
                let path = self.directory.path().display();
                let message = format!("cannot sync the segment directory {path}");
                ExportError::new(ExportErrorKind::Io, message).with_source(error)
            })?;
            self.names_unsynced = false;
        }
        Ok(())
    }
}

/// Whether somebody deleted the file, so that what is written to it can never be read.
fn is_deleted(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

fn not_synced(path: &Path, error: io::Error) -> ExportError {
    let message = format!(
        "cannot sync {}: its batches can be read now but may not survive a loss of power",
        path.display()
    );
    ExportError::new(ExportErrorKind::Io, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { max_bytes: 1_000, max_age: Duration::from_secs(60), max_total_bytes: 10_000 };
    const YOUNG: Duration = Duration::from_nanos(59_999_999_999);
    const OLD: Duration = Duration::from_secs(60);

    #[test]
    fn a_segment_is_complete_when_the_next_frame_would_exceed_its_size() {
        assert!(!LIMITS.complete(600, YOUNG, 400));
        assert!(LIMITS.complete(601, YOUNG, 400));
        assert!(LIMITS.complete(1, YOUNG, u64::MAX));
    }

    #[test]
    fn a_segment_is_complete_when_it_is_old_enough() {
        assert!(!LIMITS.complete(1, YOUNG, 0));
        assert!(LIMITS.complete(1, OLD, 0));
    }

    #[test]
    fn an_empty_segment_is_never_complete() {
        assert!(!LIMITS.complete(0, OLD, 0));
        assert!(!LIMITS.complete(0, YOUNG, 1_001));
    }
}
