//! What can be wrong with a segment.

use std::error::Error;
use std::fmt;

use crate::batch::BatchError;

/// A part of a segment that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Where the damaged frame begins, in bytes from the start of the segment.
    pub offset: u64,
    /// How many bytes are skipped because of it, from `offset` to the next frame or to the end.
    pub skipped: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a part of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The bytes are not a segment: they do not begin with its magic number.
    UnknownMagic,
    /// The segment or the batch is of a version of the format that this reader does not know.
    UnknownVersion {
        /// The major version that it states.
        major: u16,
        /// The minor version that it states.
        minor: u16,
    },
    /// The segment's header does not match its checksum.
    BadSegmentHeader,
    /// The segment ends before the header or frame does: its writer was interrupted, or is still at
    /// it.
    Torn,
    /// Where a frame should begin there is no intact frame header.
    BadFrameHeader,
    /// The payload does not match its checksum.
    BadChecksum {
        /// The CRC-32 that the frame header states.
        stated: u32,
        /// The CRC-32 of the payload.
        found: u32,
    },
    /// The payload is intact but is not a valid batch.
    BadBatch(BatchError),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged segment at byte {}: ", self.offset)?;
        match &self.kind {
            DamageKind::UnknownMagic => f.write_str("this is not a segment file")?,
            DamageKind::UnknownVersion { major, minor } => {
                write!(f, "format version {major}.{minor} is not known")?;
            }
            DamageKind::BadSegmentHeader => {
                f.write_str("the segment header does not match its checksum")?;
            }
            DamageKind::Torn => f.write_str("the segment ends inside of a header or frame")?,
            DamageKind::BadFrameHeader => f.write_str("there is no intact frame header")?,
            DamageKind::BadChecksum { stated, found } => write!(
                f,
                "the payload has the checksum {found:08x} and should have {stated:08x}"
            )?,
            DamageKind::BadBatch(error) => error.fmt(f)?,
        }
        write!(f, " ({} bytes skipped)", self.skipped)
    }
}

impl Error for Damage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            DamageKind::BadBatch(error) => Some(error),
            _ => None,
        }
    }
}
