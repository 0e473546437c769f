//! Trace and span ids: fixed numbers with a hexadecimal text form.

use std::fmt;
use std::str::FromStr;

use super::hex;

/// The id of a trace: 16 bytes, big-endian on the wire, 32 lowercase hexadecimal digits as text.
///
/// The id of all zeroes is [`TraceId::INVALID`] (W3C Trace Context, section "trace-id").
///
/// ```
/// use nanospan::TraceId;
///
/// let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
/// assert_eq!(id.to_u128(), 0x0af7651916cd43dd8448eb211c80319c);
/// assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
/// ```
// Two words rather than a `u128`, whose alignment of 16 would pad a handle from 24 bytes to 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId {
    high: u64,
    low: u64,
}

impl TraceId {
    /// The id of all zeroes, which names no trace.
    pub const INVALID: Self = Self { high: 0, low: 0 };

    /// The id whose wire form is `bytes`, in network (big-endian) order.
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The wire form of the id, in network (big-endian) order.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.to_u128().to_be_bytes()
    }

    /// The id whose value as a number is `id`.
    #[inline]
    #[must_use]
    pub const fn from_u128(id: u128) -> Self {
        Self { high: (id >> 64) as u64, low: id as u64 }
    }

    /// The value of the id as a number.
    #[inline]
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// The upper half of that number.
    #[inline(always)]
    pub(crate) const fn high(self) -> u64 {
        self.high
    }

    /// The lower half of that number.
    #[inline(always)]
    pub(crate) const fn low(self) -> u64 {
        self.low
    }

    /// Whether the id differs from [`TraceId::INVALID`].
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.high | self.low != 0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(hex::encode(&self.to_bytes(), &mut [0; 32]))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    /// Reads exactly 32 lowercase hexadecimal digits.
    ///
    /// The text of all zeroes is read as [`TraceId::INVALID`], the inverse of its `Display` form.
    ///
    /// # Errors
    ///
    /// When the text has another length or holds any other character; the error says which.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        hex::decode(text.as_bytes()).map(Self::from_bytes).map_err(ParseIdError)
    }
}

/// The id of a span: 8 bytes, big-endian on the wire, 16 lowercase hexadecimal digits as text.
///
/// The id of all zeroes is [`SpanId::INVALID`] (W3C Trace Context, section "parent-id").
///
/// ```
/// use nanospan::SpanId;
///
/// let id: SpanId = "b7ad6b7169203331".parse().unwrap();
/// assert_eq!(id.to_u64(), 0xb7ad6b7169203331);
/// assert_eq!(id.to_string(), "b7ad6b7169203331");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(u64);

impl SpanId {
    /// The id of all zeroes, which names no span.
    pub const INVALID: Self = Self(0);

    /// The id whose wire form is `bytes`, in network (big-endian) order.
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// The wire form of the id, in network (big-endian) order.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The id whose value as a number is `id`.
    #[inline]
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// The value of the id as a number.
    #[inline]
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Whether the id differs from [`SpanId::INVALID`].
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(hex::encode(&self.to_bytes(), &mut [0; 16]))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;

    /// Reads exactly 16 lowercase hexadecimal digits.
    ///
    /// The text of all zeroes is read as [`SpanId::INVALID`], the inverse of its `Display` form.
    ///
    /// # Errors
    ///
    /// When the text has another length or holds any other character; the error says which.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        hex::decode(text.as_bytes()).map(Self::from_bytes).map_err(ParseIdError)
    }
}

/// Why a text is not a [`TraceId`] or a [`SpanId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError(hex::DecodeError);

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for ParseIdError {}
