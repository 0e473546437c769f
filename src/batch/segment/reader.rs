//! Reading a segment around whatever is damaged.

use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::payload::sealed::Parse;
use super::{
    ALIGN, AnyBatch, Damage, DamageKind, FRAME_HEADER_LEN, FRAMING_MAJOR, MAGIC, MARKER, Payload,
    SEGMENT_HEADER_LEN, crc32,
};
use crate::batch::{BatchError, BatchView, MetricsView};

/// Goes over the batches of a segment, and reports what it cannot read.
///
/// It hands out the batches of spans. [`metrics`](Self::metrics) and [`all`](Self::all) make of it a reader
/// that hands out those of metrics, or of both.
///
/// The segment may be damaged in any way, or be nothing of the kind: there is no panic, nothing is
/// allocated, and the time is linear in its length. After damage the reader looks for the next
/// intact frame.
///
/// A segment that is still being written can be read; it may end in a frame that is reported as
/// [`DamageKind::Torn`] and is whole later. A new reader then goes on at the offset of that damage:
/// see [`resume_at`](Self::resume_at).
#[derive(Debug)]
pub struct SegmentReader<'a, P = BatchView<'a>> {
    bytes: &'a [u8],
    position: usize,
    created_unix_nanos: u64,
    foreign_frames: u64,
    /// How many bytes may still be gone over twice. See [`Self::behind_bad_payload`].
    rescan_budget: usize,
    payload: PhantomData<fn() -> P>,
}

/// A batch in a segment.
#[derive(Debug, Clone, Copy)]
pub struct Frame<P> {
    offset: u64,
    end: u64,
    view: P,
}

/// What lies at a position of a segment.
enum Found<P> {
    Batch(Frame<P>),
    /// An intact frame of a kind that is not handed out, up to `end`.
    Foreign {
        end: usize,
    },
    /// Something else. The next frame may begin at `resume` or behind it.
    Damage {
        kind: DamageKind,
        resume: usize,
    },
}

impl<'a> SegmentReader<'a> {
    /// A reader of the segment `bytes`.
    ///
    /// # Errors
    ///
    /// If the segment's header is cut short or damaged, or is of a major version that is not known.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Damage> {
        let whole = |kind| Damage { offset: 0, skipped: bytes.len() as u64, kind };
        let Some(header) = bytes.first_chunk::<SEGMENT_HEADER_LEN>() else {
            let known = bytes.len().min(MAGIC.len());
            return Err(whole(if bytes[..known] == MAGIC[..known] {
                DamageKind::Torn
            } else {
                DamageKind::UnknownMagic
            }));
        };
        if header[..8] != MAGIC {
            return Err(whole(DamageKind::UnknownMagic));
        }
        if crc32(&header[..28]) != u32_at(header, 28) {
            return Err(whole(DamageKind::BadSegmentHeader));
        }
        let (major, minor) = (u16_at(header, 8), u16_at(header, 10));
        if major != FRAMING_MAJOR {
            return Err(whole(DamageKind::UnknownVersion { major, minor }));
        }
        let created = u64::from(u32_at(header, 16)) | u64::from(u32_at(header, 20)) << 32;
        Ok(Self { position: SEGMENT_HEADER_LEN, created_unix_nanos: created, ..Self::salvage(bytes) })
    }

    /// A reader of what is left of a segment whose header is damaged or missing.
    ///
    /// Frames are looked for from the first byte on; what lies in front of the first one is reported
    /// as damage.
    #[must_use]
    pub fn salvage(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            created_unix_nanos: 0,
            foreign_frames: 0,
            rescan_budget: bytes.len(),
            payload: PhantomData,
        }
    }
}

impl<'a, P: Payload<'a>> SegmentReader<'a, P> {
    /// The same reader, but of batches of metrics.
    #[must_use]
    pub fn metrics(self) -> SegmentReader<'a, MetricsView<'a>> {
        self.of()
    }

    /// The same reader, but of all batches, whatever they hold.
    #[must_use]
    pub fn all(self) -> SegmentReader<'a, AnyBatch<'a>> {
        self.of()
    }

    fn of<Q>(self) -> SegmentReader<'a, Q> {
        SegmentReader {
            bytes: self.bytes,
            position: self.position,
            created_unix_nanos: self.created_unix_nanos,
            foreign_frames: self.foreign_frames,
            rescan_budget: self.rescan_budget,
            payload: PhantomData,
        }
    }

    /// When the segment was created, in nanoseconds since the Unix epoch; 0 for a reader made by
    /// [`salvage`](Self::salvage).
    #[must_use]
    pub fn created_unix_nanos(&self) -> u64 {
        self.created_unix_nanos
    }

    /// Where the reader will look next, in bytes from the start of the segment.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position as u64
    }

    /// The same reader, but what lies in front of `position` is passed over unread.
    ///
    /// `position` is where a frame may begin, in bytes from the start of the segment: a
    /// [`Frame::end`], or the offset of a [`Damage`]. It is rounded up to a multiple of 8. The
    /// reader never goes back.
    #[must_use]
    pub fn resume_at(mut self, position: u64) -> Self {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        self.position = position.checked_next_multiple_of(ALIGN).unwrap_or(usize::MAX).max(self.position);
        self
    }

    /// How many intact frames were passed over so far because they are of a kind that the reader does not
    /// hand out. A reader of [all](Self::all) passes over what this version of the library does not know.
    #[must_use]
    pub fn foreign_frames(&self) -> u64 {
        self.foreign_frames
    }

    /// Looks at what lies at `start`, which is inside of the segment.
    fn look_at(&mut self, start: usize) -> Found<P> {
        let rest = &self.bytes[start..];
        let Some(header) = intact_header(rest) else {
            // A file system may give a file its length before its content, so that it ends in
            // zeros after a crash.
            let torn = rest.len() < FRAME_HEADER_LEN || rest.iter().all(|&byte| byte == 0);
            return Found::Damage {
                kind: if torn { DamageKind::Torn } else { DamageKind::BadFrameHeader },
                resume: start + ALIGN,
            };
        };
        let length = u32_at(header, 4) as usize;
        let payload_start = start + FRAME_HEADER_LEN;
        let end = (payload_start + length).next_multiple_of(ALIGN);
        let payload = self.bytes.get(payload_start..payload_start + length);
        let Some(payload) = payload.filter(|_| end <= self.bytes.len()) else {
            return Found::Damage { kind: DamageKind::Torn, resume: payload_start };
        };
        let (stated, found) = (u32_at(header, 12), crc32(payload));
        if stated != found {
            return Found::Damage {
                kind: DamageKind::BadChecksum { stated, found },
                resume: self.behind_bad_payload(payload_start, end),
            };
        }
        match <P as Parse>::parse(u16_at(header, 8), payload) {
            None => Found::Foreign { end },
            Some(Ok(view)) => Found::Batch(Frame { offset: start as u64, end: end as u64, view }),
            Some(Err(error)) => Found::Damage {
                kind: match error {
                    BatchError::UnknownVersion { major, minor } => {
                        DamageKind::UnknownVersion { major, minor }
                    }
                    error => DamageKind::BadBatch(error),
                },
                resume: end,
            },
        }
    }

    /// Where to look on after a payload that does not match its checksum.
    ///
    /// If bytes are missing from the payload, the next frame begins inside of what passes for the
    /// payload: so that is searched too. Its bytes are then looked at twice, and a segment made on
    /// purpose could have them looked at over and over; so the bytes that may be searched again are
    /// limited to the length of the segment, and beyond that the whole payload is skipped.
    fn behind_bad_payload(&mut self, payload_start: usize, end: usize) -> usize {
        match self.rescan_budget.checked_sub(end - payload_start) {
            Some(left) => {
                self.rescan_budget = left;
                payload_start
            }
            None => end,
        }
    }

    /// The first intact frame header at `from` or behind it, or the end of the segment.
    fn next_header(&self, from: usize) -> usize {
        (from..self.bytes.len())
            .step_by(ALIGN)
            .find(|&start| intact_header(&self.bytes[start..]).is_some())
            .unwrap_or(self.bytes.len())
    }
}

impl<P> Clone for SegmentReader<'_, P> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, P: Payload<'a>> Iterator for SegmentReader<'a, P> {
    type Item = Result<Frame<P>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.position < self.bytes.len() {
            let start = self.position;
            match self.look_at(start) {
                Found::Batch(frame) => {
                    self.position = frame.end as usize;
                    return Some(Ok(frame));
                }
                Found::Foreign { end } => {
                    self.position = end;
                    self.foreign_frames += 1;
                }
                Found::Damage { kind, resume } => {
                    self.position = self.next_header(resume);
                    return Some(Err(Damage {
                        offset: start as u64,
                        skipped: (self.position - start) as u64,
                        kind,
                    }));
                }
            }
        }
        None
    }
}

impl<'a, P: Payload<'a>> FusedIterator for SegmentReader<'a, P> {}

impl<P: Copy> Frame<P> {
    /// Where the frame begins, in bytes from the start of the segment.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the frame ends and the next one begins, in bytes from the start of the segment.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The batch in the frame.
    #[must_use]
    pub fn view(&self) -> P {
        self.view
    }
}

/// The frame header that `bytes` begin with, if it is intact.
fn intact_header(bytes: &[u8]) -> Option<&[u8; FRAME_HEADER_LEN]> {
    let header = bytes.first_chunk::<FRAME_HEADER_LEN>()?;
    let intact = header[..4] == MARKER && crc32(&header[..20]) == u32_at(header, 20);
    intact.then_some(header)
}

/// The number at `position` of a header.
fn u16_at<const N: usize>(header: &[u8; N], position: usize) -> u16 {
    u16::from_le_bytes([header[position], header[position + 1]])
}

/// The number at `position` of a header.
fn u32_at<const N: usize>(header: &[u8; N], position: usize) -> u32 {
    u32::from(u16_at(header, position)) | u32::from(u16_at(header, position + 2)) << 16
}
