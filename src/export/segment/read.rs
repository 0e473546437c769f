//! Reading segments back.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::name;
use crate::batch::segment::{Damage, SegmentReader};
use crate::export::{ExportError, ExportErrorKind};

/// A segment file's contents, as they were when it was opened.
#[derive(Debug)]
pub struct SegmentFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl SegmentFile {
    /// Reads the segment at `path` into memory.
    ///
    /// If `path` names an open segment that has been sealed meanwhile, the sealed one is read. A
    /// symbolic link is followed: whoever names a file to read may name it through a link.
    ///
    /// # Errors
    ///
    /// Of kind [`Io`](ExportErrorKind::Io) if there is no such file, it cannot be read, or it is
    /// not a regular file. What the file contains is not looked at: the
    /// [reader](SegmentFile::reader) does that, batch by batch.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ExportError> {
        let mut path = path.into();
        let mut bytes = read(&path);
        if matches!(&bytes, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            if let Some(sealed) = name::sealed_path(&path) {
                let sealed_bytes = read(&sealed);
                if sealed_bytes.is_ok() {
                    (path, bytes) = (sealed, sealed_bytes);
                }
            }
        }
        match bytes {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) => {
                let message = format!("cannot read the segment {}", path.display());
                Err(ExportError::new(ExportErrorKind::Io, message).with_source(error))
            }
        }
    }

    /// Where the file was when it was read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the segment is complete: nothing will be added to it.
    ///
    /// The last batch of a segment that is not may be there in part.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        name::is_sealed(&self.path)
    }

    /// Every byte of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the batches of spans one after another, around whatever is damaged;
    /// [`SegmentReader::metrics`] and [`SegmentReader::all`] make of it a reader of the others.
    ///
    /// # Errors
    ///
    /// If the file does not begin as a segment does, or is empty, as an open segment is for a
    /// moment. [`SegmentReader::salvage`] reads what is left of the first sort.
    pub fn reader(&self) -> Result<SegmentReader<'_>, Damage> {
        SegmentReader::new(&self.bytes)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Not to wait for the other end, should it be a pipe.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let mut file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let message = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // The file may grow while it is read, so its size is only where to start from.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(metadata.len()).unwrap_or(usize::MAX))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
