//! What becomes of the segments that a writer left open because it was killed.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use super::directory::Directory;
use super::name::{Listing, SegmentName};
use crate::batch::segment::{self, AnyBatch, Damage, DamageKind, SegmentReader};

/// What a writer found in its directory when it opened it, and did about it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// The segments that were left open and are sealed now, oldest first.
    pub sealed: Vec<SealedLeftover>,
    /// The files named like a segment that were not touched.
    pub left_alone: Vec<LeftAlone>,
}

impl Recovery {
    /// Whether there was nothing to do and nothing to report.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.sealed.is_empty() && self.left_alone.is_empty()
    }

    /// The bytes that were cut off, in all segments together.
    #[must_use]
    pub fn bytes_cut(&self) -> u64 {
        self.sealed.iter().map(|segment| segment.bytes_cut).sum()
    }
}

/// A segment that a killed writer had left open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedLeftover {
    /// Where it is, now that it is sealed.
    pub path: PathBuf,
    /// The number of its whole batches.
    pub batches: u64,
    /// The number of spans in these batches.
    pub spans: u64,
    /// The number of points of metrics in these batches.
    pub data_points: u64,
    /// The bytes that were cut off behind the last whole batch: part of one that was being
    /// written.
    pub bytes_cut: u64,
    /// Damage that is not the end of an unfinished batch. It is still in the file, and readers go
    /// around it.
    pub damage: Vec<Damage>,
}

impl fmt::Display for SealedLeftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed {} with {} batches of ", self.path.display(), self.batches)?;
        match (self.spans, self.data_points) {
            (spans, 0) => write!(f, "{spans} spans")?,
            (0, points) => write!(f, "{points} data points")?,
            (spans, points) => write!(f, "{spans} spans and {points} data points")?,
        }
        if self.bytes_cut > 0 {
            write!(f, "; cut {} bytes of an unfinished batch", self.bytes_cut)?;
        }
        self.damage.iter().try_for_each(|damage| write!(f, "; {damage}"))
    }
}

/// A file named like a segment that was not touched.
#[derive(Debug)]
#[non_exhaustive]
pub struct LeftAlone {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was not touched.
    pub reason: io::Error,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left {} alone: {}", self.path.display(), self.reason)
    }
}

/// Seals what an earlier writer left open, without what follows the last whole batch.
///
/// A file that resists does not keep the new writer from its work.
pub(super) fn seal_leftovers(directory: &Directory, listing: &Listing) -> Recovery {
    let mut recovery = Recovery::default();
    for (path, why) in &listing.strangers {
        recovery.left_alone.push(LeftAlone {
            path: path.clone(),
            reason: io::Error::new(io::ErrorKind::InvalidInput, *why),
        });
    }
    for &name in listing.segments.iter().filter(|name| name.open) {
        match seal(directory, name) {
            Ok(leftover) => recovery.sealed.push(leftover),
            Err(reason) => recovery.left_alone.push(LeftAlone { path: directory.path_of(name), reason }),
        }
    }
    recovery
}

fn seal(directory: &Directory, name: SegmentName) -> io::Result<SealedLeftover> {
    let mut file = directory.open_segment(name)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let contents = Contents::of(&bytes)?;
    if contents.whole_len < bytes.len() as u64 {
        file.set_len(contents.whole_len)?;
    }
    if contents.whole_len == 0 {
        // A segment without batches, so that readers take it for what its name says.
        let header = segment::segment_header(name.begun_unix_ns);
        file.rewind()?;
        file.write_all(&header)?;
    }
    // The writer that was killed may not have synced either.
    file.sync_all()?;
    let sealed = directory.seal(name)?;
    Ok(SealedLeftover {
        path: directory.path_of(sealed),
        batches: contents.batches,
        spans: contents.spans,
        data_points: contents.data_points,
        bytes_cut: bytes.len() as u64 - contents.whole_len,
        damage: contents.damage,
    })
}

/// What is in a segment that was left open.
struct Contents {
    /// The bytes up to the end of the last whole frame, or all if what follows it is to be kept.
    whole_len: u64,
    batches: u64,
    spans: u64,
    data_points: u64,
    /// What cannot be read within `whole_len`.
    damage: Vec<Damage>,
}

impl Contents {
    /// Reads the segment `bytes`; an error if they are not a segment that this version may touch.
    fn of(bytes: &[u8]) -> io::Result<Self> {
        let whole_len = bytes.len() as u64;
        let mut contents = Self { whole_len, batches: 0, spans: 0, data_points: 0, damage: Vec::new() };
        let reader = match SegmentReader::new(bytes) {
            Ok(reader) => reader,
            // Its writer did not get beyond the header.
            Err(damage) if damage.kind == DamageKind::Torn => {
                contents.whole_len = 0;
                return Ok(contents);
            }
            Err(damage) => return Err(io::Error::new(io::ErrorKind::InvalidData, damage)),
        };
        for frame in reader.all() {
            match frame {
                Ok(frame) => {
                    contents.batches += 1;
                    match frame.view() {
                        AnyBatch::Spans(batch) => contents.spans += batch.span_count() as u64,
                        AnyBatch::Metrics(batch) => {
                            contents.data_points += batch.data_point_count() as u64;
                        }
                    }
                }
                Err(damage) if is_unfinished(&damage, bytes.len()) => {
                    contents.whole_len = damage.offset;
                }
                Err(damage) => contents.damage.push(damage),
            }
        }
        Ok(contents)
    }
}

/// Whether `damage` is what is left of a frame that was being written: it is incomplete, and
/// nothing follows it. What is complete but not understood was written by another version of this
/// crate, which may want it back.
fn is_unfinished(damage: &Damage, len: usize) -> bool {
    let incomplete =
        matches!(damage.kind, DamageKind::Torn | DamageKind::BadFrameHeader | DamageKind::BadChecksum { .. });
    incomplete && damage.offset + damage.skipped == len as u64
}
