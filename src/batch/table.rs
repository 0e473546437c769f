//! Finding the fields of a FlatBuffers table in bytes that nobody vouches for.
//!
//! A batch, of spans or of metrics, is one table whose fields are numbers, one string and vectors of fixed-size elements, so
//! the part of FlatBuffers that a reader needs is small. It is written out here in safe code
//! instead of calling the verifier of the `flatbuffers` crate for three reasons: that verifier
//! wants the bytes aligned *in memory*, which a slice of a file read into a `Vec` need not be; it
//! calls itself experimental; and the accessors behind it are unsafe code that trusts it. Nothing
//! here does: each read is checked against the slice it reads from. A test holds that both readers
//! agree.

use std::marker::PhantomData;
use std::ops::Range;

use super::BatchError;
use super::generated::nanospan as schema;
use super::metrics::schema as metrics;

/// The largest buffer that FlatBuffers' 32-bit signed offsets address, rounded down to the
/// alignment of a batch.
pub(crate) const MAX_BATCH_BYTES: usize = 0x7FFF_FFF8;

/// A number or struct of fixed size that the table holds or a vector repeats.
pub(crate) trait Fixed: Copy {
    /// Size on the wire, in bytes.
    const SIZE: usize;
    /// Alignment on the wire, relative to the start of the buffer, in bytes.
    const ALIGN: usize;
    /// The value that the first [`Self::SIZE`] bytes hold; `None` if there are fewer.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! fixed_number {
    ($($number:ty),+) => {$(
        impl Fixed for $number {
            const SIZE: usize = size_of::<$number>();
            const ALIGN: usize = size_of::<$number>();
            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.first_chunk().map(|bytes| <$number>::from_le_bytes(*bytes))
            }
        }
    )+};
}

macro_rules! fixed_struct {
    ($module:ident: $($name:ident align $align:literal),+) => {$(
        impl Fixed for $module::$name {
            const SIZE: usize = size_of::<$module::$name>();
            const ALIGN: usize = $align;
            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.first_chunk().map(|bytes| $module::$name(*bytes))
            }
        }
    )+};
}

fixed_number!(u8, u16, u32, u64, f64);
fixed_struct!(schema: Attribute align 8, Span align 8, Event align 8, Link align 4);
fixed_struct!(
    metrics: MetricScope align 4, Metric align 4, Point align 8, HistogramData align 8,
    ExponentialHistogramData align 8, SummaryData align 8, Quantile align 8, Exemplar align 8
);

/// A vector of fixed-size elements, still in the bytes it was found in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a, T> {
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<'a, T: Fixed> Column<'a, T> {
    /// `bytes` as elements; a rest that is too short for one is left out.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, element: PhantomData }
    }

    /// Number of elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// The element `index`, if there is one.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<T> {
        T::read(self.bytes.get(index.checked_mul(T::SIZE)?..)?)
    }

    /// The elements `index` and `index + 1`, if there are both.
    #[cfg(feature = "otlp")]
    #[inline(always)]
    pub(crate) fn get_two(&self, index: usize) -> Option<(T, T)> {
        let both = self.bytes.get(index.checked_mul(T::SIZE)?..)?.get(..2 * T::SIZE)?;
        Some((T::read(both)?, T::read(both.get(T::SIZE..)?)?))
    }

    /// The elements of `range`; none of them if one is missing.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let bytes = range.start.saturating_mul(T::SIZE)..range.end.saturating_mul(T::SIZE);
        Self::new(self.bytes.get(bytes).unwrap_or_default())
    }

    /// The first element and those behind it.
    #[inline]
    pub(crate) fn split_first(&self) -> Option<(T, Self)> {
        let (first, rest) = self.bytes.split_at_checked(T::SIZE)?;
        Some((T::read(first)?, Self::new(rest)))
    }

    /// All elements in order.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        self.bytes.chunks_exact(T::SIZE).filter_map(T::read)
    }
}

/// The root table of a buffer, with the extent of its vtable and of itself checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    buffer: &'a [u8],
    /// Where the table starts in the buffer.
    start: usize,
    /// Size of the table's inline part, in bytes.
    size: usize,
    vtable: &'a [u8],
}

impl<'a> Table<'a> {
    /// Finds the root table of `buffer`, which is called `name` in the schema.
    ///
    /// # Errors
    ///
    /// If `buffer` is longer than [`MAX_BATCH_BYTES`], does not have the file `identifier`, or if
    /// the table or its vtable does not lie inside of it.
    pub(crate) fn root(buffer: &'a [u8], identifier: &str, name: &'static str) -> Result<Self, BatchError> {
        if buffer.len() > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge { bytes: buffer.len(), limit: MAX_BATCH_BYTES });
        }
        if buffer.get(4..8) != Some(identifier.as_bytes()) {
            return Err(BatchError::NotABatch);
        }
        Self::find(buffer).ok_or(BatchError::malformed(
            name,
            0,
            "the table or its vtable lies outside of the buffer",
        ))
    }

    fn find(buffer: &'a [u8]) -> Option<Self> {
        let start = read::<u32>(buffer, 0)? as usize;
        // The vtable lies this far *before* the table; the distance is signed.
        let distance = read::<u32>(buffer, start)? as i32;
        let vtable_start = usize::try_from(start as i64 - i64::from(distance)).ok()?;
        let vtable_size = usize::from(read::<u16>(buffer, vtable_start)?);
        let size = usize::from(read::<u16>(buffer, vtable_start + 2)?);
        let vtable = buffer.get(vtable_start..vtable_start + vtable_size)?;
        let aligned = start % 4 == 0 && vtable_start % 2 == 0 && vtable_size % 2 == 0;
        let fits = buffer.len() - start >= size;
        (aligned && fits).then_some(Self { buffer, start, size, vtable })
    }

    /// Where the field `slot` of type `T` lies in the buffer; `None` if it is absent.
    fn field<T: Fixed>(&self, name: &'static str, slot: u16) -> Result<Option<usize>, BatchError> {
        let offset = read::<u16>(self.vtable, usize::from(slot)).map_or(0, usize::from);
        if offset == 0 {
            return Ok(None);
        }
        let position = self.start + offset;
        if offset + T::SIZE > self.size {
            return Err(BatchError::malformed(name, 0, "the field lies outside of its table"));
        }
        if position % T::ALIGN != 0 {
            return Err(BatchError::malformed(name, 0, "the field is not aligned"));
        }
        Ok(Some(position))
    }

    /// The number in the field `slot`; 0 if it is absent.
    pub(crate) fn number<T: Fixed + Default>(&self, name: &'static str, slot: u16) -> Result<T, BatchError> {
        let position = self.field::<T>(name, slot)?;
        Ok(position.and_then(|position| read(self.buffer, position)).unwrap_or_default())
    }

    /// Where in the buffer the elements of the vector in the field `slot` lie; `None` if the field
    /// is absent.
    fn vector<T: Fixed>(&self, name: &'static str, slot: u16) -> Result<Option<Range<usize>>, BatchError> {
        let Some(position) = self.field::<u32>(name, slot)? else {
            return Ok(None);
        };
        // No sum overflows: a position is below 2^31, an offset or a length times a size below
        // 2^39, and `usize` has 64 bits.
        let extent = read::<u32>(self.buffer, position).and_then(|offset| {
            let start = position + offset as usize;
            let length = read::<u32>(self.buffer, start)? as usize;
            let elements = start + 4..start + 4 + length * T::SIZE;
            (elements.end <= self.buffer.len()).then_some(elements)
        });
        match extent {
            None => Err(BatchError::malformed(name, 0, "the vector lies outside of the buffer")),
            // The length in front of the elements is aligned to its own four bytes.
            Some(extent) if extent.start % T::ALIGN.max(4) != 0 => {
                Err(BatchError::malformed(name, 0, "the vector is not aligned"))
            }
            extent => Ok(extent),
        }
    }

    /// The vector in the field `slot`; empty if it is absent.
    pub(crate) fn column<T: Fixed>(
        &self,
        name: &'static str,
        slot: u16,
    ) -> Result<Column<'a, T>, BatchError> {
        let extent = self.vector::<T>(name, slot)?.unwrap_or_default();
        Ok(Column::new(self.buffer.get(extent).unwrap_or_default()))
    }

    /// The string in the field `slot`, with its UTF-8 and its closing zero checked.
    ///
    /// # Errors
    ///
    /// If the field is absent, or is not such a string.
    pub(crate) fn string(&self, name: &'static str, slot: u16) -> Result<&'a str, BatchError> {
        let extent =
            self.vector::<u8>(name, slot)?.ok_or(BatchError::malformed(name, 0, "the field is required"))?;
        if self.buffer.get(extent.end) != Some(&0) {
            return Err(BatchError::malformed(name, 0, "the closing zero byte is missing"));
        }
        let bytes = self.buffer.get(extent).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| BatchError::malformed(name, 0, "the text is not UTF-8"))
    }
}

/// The number at `position` of `bytes`, if it lies inside of them.
fn read<T: Fixed>(bytes: &[u8], position: usize) -> Option<T> {
    T::read(bytes.get(position..)?)
}
