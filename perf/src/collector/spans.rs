//! The spans of a request over OTLP: how many there are, and what is in them.

use crate::content::{Content, Field, Sink};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

/// The field in which each message on the way to the spans has the next one: `resource_spans` of the
/// request, `scope_spans` of that, `spans` of that (opentelemetry/proto/trace/v1/trace.proto).
const WAY: [u64; 3] = [1, 2, 2];

/// How many spans are in a request, without a look into any: the other processes want the processor.
pub(super) fn count(request: &[u8]) -> Result<u64, String> {
    count_below(request, &WAY)
}

fn count_below(message: &[u8], way: &[u64]) -> Result<u64, String> {
    let [field, rest @ ..] = way else { return Ok(1) };
    let (mut bytes, mut spans) = (message, 0);
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        // The types of the wire (Protocol Buffers, "Encoding").
        let content = match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                continue;
            }
            1 => take(&mut bytes, 8)?,
            2 => {
                let length = varint(&mut bytes)?;
                take(&mut bytes, usize::try_from(length).map_err(|error| error.to_string())?)?
            }
            5 => take(&mut bytes, 4)?,
            kind => return Err(format!("a field of the type {kind}")),
        };
        if tag >> 3 == *field {
            spans += count_below(content, rest)?;
        }
    }
    Ok(spans)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    bytes.split_off(..count).ok_or_else(|| format!("{count} bytes are wanted, {} are left", bytes.len()))
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first().unwrap_or(&0);
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number of more than ten bytes".to_owned())
}

/// Adds the spans of a request to `sink`.
pub(super) fn verify(request: &[u8], sink: &Sink) -> Result<(), String> {
    let request = ExportTraceServiceRequest::decode(request).map_err(|error| error.to_string())?;
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans).for_each(|span| sink.add(content(span)));
    Ok(())
}

fn content(span: &Span) -> Content {
    let mut content = Content::new(&span.name, !span.parent_span_id.is_empty());
    fields(&span.attributes).for_each(|(key, value)| content.attribute(key, value));
    for event in &span.events {
        content.event(&event.name, fields(&event.attributes));
    }
    if span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Ok) {
        content.status_ok();
    }
    content
}

fn fields(attributes: &[KeyValue]) -> impl Iterator<Item = (&str, Field<'_>)> {
    attributes.iter().map(|attribute| {
        let field = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => Field::Text(text),
            Some(Value::IntValue(number)) => Field::Integer(*number),
            Some(Value::BoolValue(flag)) => Field::Flag(*flag),
            _ => Field::Other,
        };
        (attribute.key.as_str(), field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

    fn request(scopes: &[usize]) -> Vec<u8> {
        let span = Span { name: "w1".repeat(100), parent_span_id: vec![1; 8], ..Span::default() };
        let scope_spans = scopes.iter().map(|spans| ScopeSpans {
            spans: vec![span.clone(); *spans],
            schema_url: "https://schema.example".to_owned(),
            ..ScopeSpans::default()
        });
        let resource = ResourceSpans { scope_spans: scope_spans.collect(), ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
    }

    #[test]
    fn every_span_of_every_scope_is_counted() {
        assert_eq!(count(&request(&[3, 0, 400])), Ok(403));
        assert_eq!(count(&[]), Ok(0));
    }

    #[test]
    fn a_request_that_is_cut_short_is_no_request() {
        let whole = request(&[2]);
        (1..whole.len()).for_each(|length| assert!(count(&whole[..length]).is_err(), "{length}"));
    }

    #[test]
    fn a_span_that_is_decoded_has_the_content_that_was_encoded() {
        let sink = Sink::default();
        verify(&request(&[1]), &sink).expect("it is a request");
        assert_eq!(sink.hash(), Content::new(&"w1".repeat(100), true).finish());
    }
}
