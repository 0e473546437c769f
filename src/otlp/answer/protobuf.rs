//! Answers in protobuf.
//!
//! Read by hand: four small messages, of which six fields matter, do not justify a protobuf library among
//! the dependencies, and a generated reader would copy what nobody asks for.

use std::time::Duration;

use super::{Malformed, PartialSuccess, RETRY_INFO, STATUS, Status, delay};
use crate::otlp::read::{Problem, Value, fields};
use crate::otlp::signal::Signal;

/// Reads the response to an export: an `ExportTraceServiceResponse`, or its sibling of another signal, in
/// which the fields have the same numbers.
pub(crate) fn partial_success(signal: Signal, protobuf: &[u8]) -> Result<PartialSuccess, Malformed> {
    let read = || {
        let mut answer = PartialSuccess::default();
        for field in fields(protobuf) {
            let field = field?;
            if let (1, Value::Bytes(partial_success)) = (field.number, field.value) {
                for field in fields(partial_success) {
                    let field = field?;
                    match (field.number, field.value) {
                        (1, Value::Varint(rejected)) => answer.rejected = (rejected as i64).max(0) as u64,
                        (2, Value::Bytes(message)) => answer.message = text(message),
                        _ => {}
                    }
                }
            }
        }
        Ok(answer)
    };
    read().map_err(|problem: Problem| Malformed { message: signal.response(), problem: problem.into() })
}

/// Reads a `google.rpc.Status`.
pub(crate) fn status(protobuf: &[u8]) -> Result<Status, Malformed> {
    let read = || {
        let mut answer = Status::default();
        for field in fields(protobuf) {
            let field = field?;
            match (field.number, field.value) {
                // An int32 that is negative is sent with its sign extended to 64 bits.
                (1, Value::Varint(code)) => answer.code = code as i32,
                (2, Value::Bytes(message)) => answer.message = text(message),
                (3, Value::Bytes(detail)) => {
                    answer.retry_delay = retry_info(detail)?.or(answer.retry_delay);
                }
                _ => {}
            }
        }
        Ok(answer)
    };
    read().map_err(|problem: Problem| Malformed { message: STATUS, problem: problem.into() })
}

/// The delay in a `google.protobuf.Any`, if it is a `google.rpc.RetryInfo`.
fn retry_info(any: &[u8]) -> Result<Option<Duration>, Problem> {
    let (mut is_retry_info, mut value): (_, &[u8]) = (false, &[]);
    for field in fields(any) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Bytes(url)) => is_retry_info = url.ends_with(RETRY_INFO.as_bytes()),
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    if !is_retry_info {
        return Ok(None);
    }
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields(value) {
        let field = field?;
        if let (1, Value::Bytes(duration)) = (field.number, field.value) {
            for field in fields(duration) {
                let field = field?;
                match (field.number, field.value) {
                    (1, Value::Varint(number)) => seconds = number as i64,
                    (2, Value::Varint(number)) => nanos = number as i32,
                    _ => {}
                }
            }
        }
    }
    Ok(Some(delay(seconds, nanos)))
}

/// A text for people. What is not UTF-8 in it is replaced: the rest of the answer matters more than how
/// the server spells its words.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
