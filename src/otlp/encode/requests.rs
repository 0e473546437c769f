//! Requests around a message of metrics that is encoded already, or around some of its metrics.

use std::ops::Range;

use super::fields::metrics::{RESOURCE_METRICS, resource_metrics, scope_metrics};
use super::wire::Writer;
use crate::otlp::read::{Value, fields};

/// Bytes that the lengths of what has metrics in it are expected to take.
const WIDTH: usize = 3;

/// Appends a request with an encoded message as it is.
pub(in crate::otlp) fn request(message: &[u8], into: &mut Vec<u8>) {
    let mut out = Writer { into };
    out.head(RESOURCE_METRICS, message.len());
    out.into.extend_from_slice(message);
}

/// Appends a request with those metrics of an encoded message, counted over all scopes, that are in
/// `chosen`. A scope of which none is chosen is left out. Nothing is known to be wrong with the message; where
/// something is, the part ends.
pub(in crate::otlp) fn part(message: &[u8], chosen: Range<usize>, into: &mut Vec<u8>) {
    let mut out = Writer { into };
    let mut index = 0;
    let request = out.open(RESOURCE_METRICS, WIDTH);
    for field in fields(message).map_while(Result::ok) {
        let (resource_metrics::SCOPE_METRICS, Value::Bytes(scope)) = (field.tag(), field.value) else {
            out.into.extend_from_slice(field.raw);
            continue;
        };
        let before = out.into.len();
        let mut is_chosen = false;
        let open = out.open(resource_metrics::SCOPE_METRICS, WIDTH);
        for field in fields(scope).map_while(Result::ok) {
            if field.tag() == scope_metrics::METRICS {
                let is_in = chosen.contains(&index);
                index += 1;
                is_chosen |= is_in;
                if !is_in {
                    continue;
                }
            }
            out.into.extend_from_slice(field.raw);
        }
        if is_chosen {
            out.close(open);
        } else {
            out.into.truncate(before);
        }
    }
    out.close(request);
}
