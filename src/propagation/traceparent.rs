//! The `traceparent` header: version, trace id, span id and flags in 55 characters.

use std::fmt;

use crate::context::{hex, trim_ows};
use crate::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The length in bytes of a `traceparent` header of version 00.
pub const TRACEPARENT_LEN: usize = 55;

/// The dashes after version, trace id and span id.
const DASHES: [usize; 3] = [2, 35, 52];

/// Writes the value of a `traceparent` header, always of version 00. Nothing is allocated.
///
/// The ids are written as they are, also when they are not valid; such a header must not be sent.
///
/// ```
/// use nanospan::propagation::format_traceparent;
/// use nanospan::{SpanId, TraceFlags, TraceId};
///
/// let value = format_traceparent(TraceId::from_u128(1), SpanId::from_u64(2), TraceFlags::SAMPLED);
/// assert_eq!(&value, b"00-00000000000000000000000000000001-0000000000000002-01");
/// ```
#[must_use]
pub fn format_traceparent(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> [u8; TRACEPARENT_LEN] {
    let mut text = [b'-'; TRACEPARENT_LEN];
    hex::encode(&[0], &mut text[..2]);
    hex::encode(&trace_id.to_bytes(), &mut text[3..35]);
    hex::encode(&span_id.to_bytes(), &mut text[36..52]);
    hex::encode(&[flags.to_byte()], &mut text[53..]);
    text
}

/// Reads the value of a `traceparent` header as a remote context without trace state.
///
/// Spaces and tabs around the value are ignored. Version 00 is read strictly; of a higher version
/// the first 55 characters are read, if a dash or the end follows them (W3C Trace Context, section
/// "Versioning of traceparent"). Reserved flags are dropped.
///
/// # Errors
///
/// When the value is malformed, an id is all zeroes, or the version is the forbidden `ff`.
pub fn parse_traceparent(value: &[u8]) -> Result<SpanContext, TraceParentError> {
    let value = trim_ows(value);
    let Some((known, rest)) = value.split_at_checked(TRACEPARENT_LEN) else {
        return Err(Reason::Length { found: value.len() }.into());
    };
    if let Some(offset) = DASHES.into_iter().find(|dash| known[*dash] != b'-') {
        return Err(Reason::NoDash { offset }.into());
    }
    let [version] = field("version", &known[..2])?;
    let trace_id = TraceId::from_bytes(field("trace-id", &known[3..35])?);
    let span_id = SpanId::from_bytes(field("parent-id", &known[36..52])?);
    let [flags] = field("trace-flags", &known[53..])?;

    match (version, rest) {
        (0xff, _) => return Err(Reason::ForbiddenVersion.into()),
        (_, []) => {}
        (0x00, _) => return Err(Reason::Length { found: value.len() }.into()),
        (_, [b'-', ..]) => {}
        (_, _) => {
            return Err(Reason::NoDash { offset: TRACEPARENT_LEN }.into());
        }
    }
    if !trace_id.is_valid() {
        return Err(Reason::AllZeroes { field: "trace-id" }.into());
    }
    if !span_id.is_valid() {
        return Err(Reason::AllZeroes { field: "parent-id" }.into());
    }
    Ok(SpanContext::remote(trace_id, span_id, TraceFlags::from_byte(flags), TraceState::EMPTY))
}

fn field<const N: usize>(field: &'static str, text: &[u8]) -> Result<[u8; N], Reason> {
    hex::decode(text).map_err(|error| Reason::NotHex { field, error })
}

/// Why a text is not the value of a `traceparent` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParentError(Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Length { found: usize },
    NoDash { offset: usize },
    NotHex { field: &'static str, error: hex::DecodeError },
    ForbiddenVersion,
    AllZeroes { field: &'static str },
}

impl From<Reason> for TraceParentError {
    fn from(reason: Reason) -> Self {
        Self(reason)
    }
}

impl fmt::Display for TraceParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Length { found } => {
                write!(f, "traceparent: expected {TRACEPARENT_LEN} bytes, found {found}")
            }
            Reason::NoDash { offset } => {
                write!(f, "traceparent: expected a dash at offset {offset}")
            }
            Reason::NotHex { field, error } => write!(f, "traceparent {field}: {error}"),
            Reason::ForbiddenVersion => write!(f, "traceparent: version ff is forbidden"),
            Reason::AllZeroes { field } => write!(f, "traceparent {field}: all zeroes"),
        }
    }
}

impl std::error::Error for TraceParentError {}
