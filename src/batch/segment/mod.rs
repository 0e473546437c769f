//! Segment files: batches one behind the other, each in a frame with checksums.
//!
//! ```text
//! segment header, 32 bytes                    frame, a multiple of 8 bytes
//!  0  magic                       8 bytes      0  marker                     4 bytes
//!  8  major version               u16          4  length of the payload      u32
//! 10  minor version               u16          8  kind of the payload        u16
//! 12  reserved, 0                 u32         10  reserved, 0                u16
//! 16  created, Unix nanoseconds   u64         12  CRC-32 of the payload      u32
//! 24  reserved, 0                 u32         16  reserved, 0                u32
//! 28  CRC-32 of bytes 0 to 27     u32         20  CRC-32 of bytes 0 to 19    u32
//!                                             24  payload, padded with zeros to 8 bytes
//! ```
//!
//! All numbers are little-endian. `docs/batch-format.md` is the specification.
//!
//! A file is written by appending: [`segment_header`] once, then for each batch [`frame_header`], or
//! [`metrics_frame_header`], the batch and [`padding`]. After a crash [`valid_prefix`] tells where to cut.
//! [`SegmentReader`] reads the spans that are there, around whatever is damaged, [`SegmentReader::metrics`] the metrics, and
//! [`SegmentReader::all`] both.
//!
//! ```
//! use nanospan::batch::BatchBuilder;
//! use nanospan::batch::segment::{SegmentReader, frame_header, padding, segment_header};
//!
//! let batch = BatchBuilder::new(&[], 7).finish(0, 0)?;
//! let mut file = segment_header(1_700_000_000_000_000_000).to_vec();
//! file.extend(frame_header(batch.as_bytes()));
//! file.extend(batch.as_bytes());
//! file.extend(padding(batch.as_bytes().len()));
//!
//! for frame in SegmentReader::new(&file)? {
//!     assert_eq!(frame?.view().instance_id(), 7);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod damage;
mod payload;
mod reader;

use crc32fast::hash as crc32;

pub use damage::{Damage, DamageKind};
pub use payload::{AnyBatch, Payload};
pub use reader::{Frame, SegmentReader};

/// Length of the header at the start of a segment, in bytes.
pub const SEGMENT_HEADER_LEN: usize = 32;

/// Length of the header in front of each payload, in bytes.
pub const FRAME_HEADER_LEN: usize = 24;

/// What frames and payloads are aligned to, counted from the start of the segment, in bytes.
const ALIGN: usize = 8;

/// The first bytes of a segment. The first one is no text in any encoding, and the line ends tell
/// that the file was copied as if it were text.
const MAGIC: [u8; 8] = *b"\x89NSP\r\n\x1a\n";

/// The first bytes of a frame. The first one occurs in no UTF-8 text, so that no string that an
/// application records can look like a frame.
const MARKER: [u8; 4] = *b"\xF5NSF";

/// The kind of a frame whose payload is a batch of spans.
const KIND_SPAN_BATCH: u16 = 1;

/// The kind of a frame whose payload is a batch of metrics. Since version 1.1 of the framing.
const KIND_METRICS_BATCH: u16 = 2;

/// The major version of the framing that this library writes and reads.
const FRAMING_MAJOR: u16 = 1;

/// The minor version of the framing that this library writes. It reads every minor version.
const FRAMING_MINOR: u16 = 1;

/// The bytes that a segment begins with.
#[must_use]
pub fn segment_header(created_unix_nanos: u64) -> [u8; SEGMENT_HEADER_LEN] {
    let mut header = [0; SEGMENT_HEADER_LEN];
    header[0..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&FRAMING_MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&FRAMING_MINOR.to_le_bytes());
    header[16..24].copy_from_slice(&created_unix_nanos.to_le_bytes());
    let checksum = crc32(&header[..28]);
    header[28..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The bytes that stand in front of a batch of spans in a segment.
///
/// A `payload` of 4 GiB or more does not fit into a frame, and a reader reports such a frame as
/// damaged. No [`Batch`](super::Batch) is that large.
#[must_use]
pub fn frame_header(payload: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    header_of(KIND_SPAN_BATCH, payload)
}

/// The bytes that stand in front of a batch of metrics in a segment: [`frame_header`] for these.
#[must_use]
pub fn metrics_frame_header(payload: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    header_of(KIND_METRICS_BATCH, payload)
}

fn header_of(kind: u16, payload: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut header = [0; FRAME_HEADER_LEN];
    header[0..4].copy_from_slice(&MARKER);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..10].copy_from_slice(&kind.to_le_bytes());
    header[12..16].copy_from_slice(&crc32(payload).to_le_bytes());
    let checksum = crc32(&header[..20]);
    header[20..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The bytes that stand behind a payload of `payload_len` bytes in a segment: none to seven zeros.
#[must_use]
pub fn padding(payload_len: usize) -> &'static [u8] {
    const ZEROS: [u8; ALIGN] = [0; ALIGN];
    &ZEROS[..payload_len.wrapping_neg() % ALIGN]
}

/// How much of a segment can be kept and appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValidPrefix {
    /// Length in bytes up to the first damage: 0 if the segment header itself is damaged.
    pub len: u64,
    /// Number of batches in it.
    pub frames: u64,
    /// Number of spans in these batches.
    pub spans: u64,
    /// Number of points of metrics in these batches.
    pub data_points: u64,
    /// What ends it; `None` if the whole segment is valid.
    pub damage: Option<Damage>,
}

/// How much of the segment `bytes` is valid from its start on.
///
/// A file whose writer died is cut to this length before anything is appended. Batches behind the
/// first damage would be lost by that: unless the damage is [`DamageKind::Torn`] and what it skips
/// reaches to the end of the segment, keep the file for [`SegmentReader`] and begin a new one.
#[must_use]
pub fn valid_prefix(bytes: &[u8]) -> ValidPrefix {
    let mut prefix = ValidPrefix { len: 0, frames: 0, spans: 0, data_points: 0, damage: None };
    let mut reader = match SegmentReader::new(bytes) {
        Ok(reader) => reader.all(),
        Err(damage) => {
            prefix.damage = Some(damage);
            return prefix;
        }
    };
    for frame in &mut reader {
        match frame {
            Ok(frame) => {
                prefix.frames += 1;
                match frame.view() {
                    AnyBatch::Spans(batch) => prefix.spans += batch.span_count() as u64,
                    AnyBatch::Metrics(batch) => prefix.data_points += batch.data_point_count() as u64,
                }
            }
            Err(damage) => {
                prefix.len = damage.offset;
                prefix.damage = Some(damage);
                return prefix;
            }
        }
    }
    prefix.len = bytes.len() as u64;
    prefix
}
