//! Answers in protobuf.
//!
//! Read by hand: four small messages, of which six fields matter, do not justify a protobuf library among
//! the dependencies, and a generated reader would copy what nobody asks for.

use std::time::Duration;

use super::{Malformed, PartialSuccess, RESPONSE, RETRY_INFO, STATUS, Status, delay};

/// Reads an `ExportTraceServiceResponse`.
pub(crate) fn partial_success(protobuf: &[u8]) -> Result<PartialSuccess, Malformed> {
    let malformed = |problem: &'static str| Malformed { message: RESPONSE, problem: problem.into() };
    let mut answer = PartialSuccess::default();
    each_field(protobuf, |field| match field {
        (1, Value::Bytes(partial_success)) => each_field(partial_success, |field| {
            match field {
                (1, Value::Varint(rejected)) => answer.rejected = (rejected as i64).max(0) as u64,
                (2, Value::Bytes(message)) => answer.message = text(message),
                _ => {}
            }
            Ok(())
        }),
        _ => Ok(()),
    })
    .map_err(malformed)?;
    Ok(answer)
}

/// Reads a `google.rpc.Status`.
pub(crate) fn status(protobuf: &[u8]) -> Result<Status, Malformed> {
    let malformed = |problem: &'static str| Malformed { message: STATUS, problem: problem.into() };
    let mut answer = Status::default();
    each_field(protobuf, |field| {
        match field {
            // An int32 that is negative is sent with its sign extended to 64 bits.
            (1, Value::Varint(code)) => answer.code = code as i32,
            (2, Value::Bytes(message)) => answer.message = text(message),
            (3, Value::Bytes(detail)) => answer.retry_delay = retry_info(detail)?.or(answer.retry_delay),
            _ => {}
        }
        Ok(())
    })
    .map_err(malformed)?;
    Ok(answer)
}

/// The delay in a `google.protobuf.Any`, if it is a `google.rpc.RetryInfo`.
fn retry_info(any: &[u8]) -> Result<Option<Duration>, Problem> {
    let (mut is_retry_info, mut value): (_, &[u8]) = (false, &[]);
    each_field(any, |field| {
        match field {
            (1, Value::Bytes(url)) => is_retry_info = url.ends_with(RETRY_INFO.as_bytes()),
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
        Ok(())
    })?;
    if !is_retry_info {
        return Ok(None);
    }
    let (mut seconds, mut nanos) = (0, 0);
    each_field(value, |field| match field {
        (1, Value::Bytes(duration)) => each_field(duration, |field| {
            match field {
                (1, Value::Varint(number)) => seconds = number as i64,
                (2, Value::Varint(number)) => nanos = number as i32,
                _ => {}
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    Ok(Some(delay(seconds, nanos)))
}

/// A text for people. What is not UTF-8 in it is replaced: the rest of the answer matters more than how
/// the server spells its words.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

type Problem = &'static str;

/// What a field holds, as far as the wire format says.
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A number of fixed size, of which none is asked for.
    Fixed,
}

/// Calls `see` for each field of a message, in the order in which they stand there. The last one of a
/// number counts (protobuf documentation, "Encoding", section "Last One Wins").
fn each_field<'a>(
    message: &'a [u8],
    mut see: impl FnMut((u64, Value<'a>)) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut rest = message;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return Err("a field has a wire type that is not in use"),
        };
        let number = tag >> 3;
        if number == 0 || number > NUMBER_MAX {
            return Err("a field has a number that none can have");
        }
        see((number, value))?;
    }
    Ok(())
}

/// The largest number of a field.
const NUMBER_MAX: u64 = (1 << 29) - 1;

/// Takes `length` bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Problem> {
    let taken = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (taken, left) = taken.ok_or("a field ends behind the message that it is in")?;
    *rest = left;
    Ok(taken)
}

/// Takes a varint off the front of `rest`.
fn varint(rest: &mut &[u8]) -> Result<u64, Problem> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let Some((byte, left)) = rest.split_first() else {
            return Err("the message ends within a number");
        };
        *rest = left;
        // Of the tenth byte one bit is left; what does not fit is cut off, as elsewhere.
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number has more than ten bytes")
}
