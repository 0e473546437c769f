//! Protobuf's wire format, written front to back (protobuf documentation, "Encoding").
//!
//! The length of a message stands in front of it and is known behind it. Room is left for a length
//! as wide as is expected, from what was written before; should it come out otherwise, the message is
//! moved by the difference. So nothing is gone through twice, and every length is as short as it can be,
//! as encoders are expected to write it.

use crate::batch::Column;

/// The texts of a batch, as bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) ends: Column<'a, u32>,
}

/// One of them; not a slice of its bytes alone, so that copying may reach beyond its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    /// From its beginning to the end of all texts.
    rest: &'a [u8],
    /// At most the length of `rest`, in bytes.
    length: usize,
}

impl<'a> Texts<'a> {
    /// The text `index`; empty if there is none, which a verified batch does not ask for.
    #[inline(always)]
    pub(super) fn get(&self, index: u32) -> Stored<'a> {
        // Text 0 is empty.
        let Some(previous) = (index as usize).checked_sub(1) else {
            return Stored { rest: &[], length: 0 };
        };
        let (start, end) = self.ends.get_two(previous).unwrap_or((0, 0));
        let rest = self.bytes.get(start as usize..).unwrap_or_default();
        Stored { rest, length: (end.saturating_sub(start) as usize).min(rest.len()) }
    }
}

impl<'a> Stored<'a> {
    /// All of `bytes`.
    #[inline(always)]
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// The length in bytes.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.length
    }
}

/// The bytes of `number` as a varint.
#[inline(always)]
pub(super) fn varint_len(number: u64) -> usize {
    // Seven bits a byte, and a byte for 0: bits / 7, rounded up, without a division.
    ((u64::BITS - (number | 1).leading_zeros()) as usize * 9 + 64) / 64
}

/// The bytes of a field that has a tag of one byte and `length` bytes behind its length.
#[inline(always)]
pub(super) fn field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

/// A message whose length is not yet written.
#[derive(Debug)]
#[must_use]
pub(super) struct Open {
    /// Where its length stands.
    at: usize,
    /// The room left for that.
    width: usize,
}

/// Appends fields to a vector.
#[derive(Debug)]
pub(super) struct Writer<'v> {
    pub(super) into: &'v mut Vec<u8>,
}

/// Texts up to this length, in bytes, are copied with two wide loads and stores instead of a call.
const SHORT: usize = 32;

impl Writer<'_> {
    /// Appends bytes of which there is a fixed number: a capacity check and a store or two.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.into.extend_from_slice(&bytes);
    }

    /// A number without a tag.
    #[inline(always)]
    pub(super) fn varint(&mut self, number: u64) {
        if number < 1 << 7 {
            self.put([number as u8]);
        } else if number < 1 << 14 {
            self.put([number as u8 | 0x80, (number >> 7) as u8]);
        } else {
            self.long_varint(number);
        }
    }

    fn long_varint(&mut self, mut number: u64) {
        while number >= 1 << 7 {
            self.into.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.into.push(number as u8);
    }

    /// Tag and length of a field whose length is known.
    #[inline(always)]
    pub(super) fn head(&mut self, tag: u8, length: usize) {
        if length < 1 << 7 {
            self.put([tag, length as u8]);
        } else {
            self.put([tag]);
            self.varint(length as u64);
        }
    }

    /// The bytes of a text.
    #[inline(always)]
    pub(super) fn copy(&mut self, text: Stored<'_>) {
        // What is copied beyond the text is cut off again.
        match text.rest.first_chunk::<SHORT>() {
            Some(chunk) if text.length <= SHORT => {
                let end = self.into.len() + text.length;
                self.into.extend_from_slice(chunk);
                self.into.truncate(end);
            }
            _ => self.into.extend_from_slice(text.rest.get(..text.length).unwrap_or_default()),
        }
    }

    /// A text, unless it is empty.
    #[inline(always)]
    pub(super) fn text(&mut self, tag: u8, text: Stored<'_>) {
        if text.length > 0 {
            self.head(tag, text.length);
            self.copy(text);
        }
    }

    /// A number as a varint, unless it is 0.
    #[inline(always)]
    pub(super) fn number(&mut self, tag: u8, number: u32) {
        if number != 0 {
            self.put([tag]);
            self.varint(number.into());
        }
    }

    /// Begins a message whose length will probably take `width` bytes: at most 8, which are enough for
    /// any address space.
    #[inline(always)]
    pub(super) fn open(&mut self, tag: u8, width: usize) -> Open {
        let at = self.into.len() + 1;
        self.put([tag, 0, 0, 0, 0, 0, 0, 0, 0]);
        self.into.truncate(at + width);
        Open { at, width }
    }

    /// Ends a message, and says how many bytes its length took.
    #[inline(always)]
    pub(super) fn close(&mut self, open: Open) -> usize {
        let Open { at, width } = open;
        let length = self.into.len() - at - width;
        let needed = varint_len(length as u64);
        if needed != width {
            self.shift(at + width, at + needed);
        }
        if let (2, Some(place)) = (needed, self.into.get_mut(at..at + 2)) {
            place.copy_from_slice(&[length as u8 | 0x80, (length >> 7) as u8]);
            return needed;
        }
        let mut rest = length;
        for (place, byte) in self.into[at..at + needed].iter_mut().enumerate() {
            let more = if place + 1 < needed { 0x80 } else { 0 };
            *byte = rest as u8 & 0x7f | more;
            rest >>= 7;
        }
        needed
    }

    /// Moves all from `from` on to `to`.
    #[cold]
    fn shift(&mut self, from: usize, to: usize) {
        let end = self.into.len();
        if to > from {
            self.into.resize(end + to - from, 0);
        }
        self.into.copy_within(from..end, to);
        self.into.truncate(end + to - from);
    }
}
