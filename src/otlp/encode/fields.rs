//! The tags of OTLP's messages for traces: `trace.proto`, `common.proto`, `resource.proto` and
//! `trace_service.proto` of opentelemetry-proto 1.11. A tag is a field's number and its wire type.

/// Wire types (protobuf documentation, "Encoding", section "Message Structure").
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

const fn tag(number: u8, wire_type: u8) -> u8 {
    assert!(number < 16, "the tag takes two bytes");
    number << 3 | wire_type
}

/// The tag of a field whose number takes two bytes, the low seven bits first.
const fn long_tag(number: u16, wire_type: u8) -> [u8; 2] {
    let tag = number << 3 | wire_type as u16;
    assert!(tag >= 1 << 7 && tag < 1 << 14, "the tag does not take two bytes");
    [tag as u8 | 0x80, (tag >> 7) as u8]
}

pub(super) mod request {
    use super::*;
    pub(crate) const RESOURCE_SPANS: u8 = tag(1, LENGTH);
}

pub(super) mod resource_spans {
    use super::*;
    pub(crate) const RESOURCE: u8 = tag(1, LENGTH);
    pub(crate) const SCOPE_SPANS: u8 = tag(2, LENGTH);
}

pub(super) mod resource {
    use super::*;
    pub(crate) const ATTRIBUTES: u8 = tag(1, LENGTH);
    pub(crate) const DROPPED_ATTRIBUTES_COUNT: u8 = tag(2, VARINT);
}

pub(super) mod scope_spans {
    use super::*;
    pub(crate) const SCOPE: u8 = tag(1, LENGTH);
    pub(crate) const SPANS: u8 = tag(2, LENGTH);
}

pub(super) mod scope {
    use super::*;
    pub(crate) const NAME: u8 = tag(1, LENGTH);
    pub(crate) const VERSION: u8 = tag(2, LENGTH);
}

pub(super) mod span {
    use super::*;
    pub(crate) const TRACE_ID: u8 = tag(1, LENGTH);
    pub(crate) const SPAN_ID: u8 = tag(2, LENGTH);
    pub(crate) const TRACE_STATE: u8 = tag(3, LENGTH);
    pub(crate) const PARENT_SPAN_ID: u8 = tag(4, LENGTH);
    pub(crate) const NAME: u8 = tag(5, LENGTH);
    pub(crate) const KIND: u8 = tag(6, VARINT);
    pub(crate) const START_TIME_UNIX_NANO: u8 = tag(7, FIXED64);
    pub(crate) const END_TIME_UNIX_NANO: u8 = tag(8, FIXED64);
    pub(crate) const ATTRIBUTES: u8 = tag(9, LENGTH);
    pub(crate) const DROPPED_ATTRIBUTES_COUNT: u8 = tag(10, VARINT);
    pub(crate) const EVENTS: u8 = tag(11, LENGTH);
    pub(crate) const DROPPED_EVENTS_COUNT: u8 = tag(12, VARINT);
    pub(crate) const LINKS: u8 = tag(13, LENGTH);
    pub(crate) const DROPPED_LINKS_COUNT: u8 = tag(14, VARINT);
    pub(crate) const STATUS: u8 = tag(15, LENGTH);
    pub(crate) const FLAGS: [u8; 2] = long_tag(16, FIXED32);
}

pub(super) mod status {
    use super::*;
    pub(crate) const MESSAGE: u8 = tag(2, LENGTH);
    pub(crate) const CODE: u8 = tag(3, VARINT);
}

pub(super) mod event {
    use super::*;
    pub(crate) const TIME_UNIX_NANO: u8 = tag(1, FIXED64);
    pub(crate) const NAME: u8 = tag(2, LENGTH);
    pub(crate) const ATTRIBUTES: u8 = tag(3, LENGTH);
    pub(crate) const DROPPED_ATTRIBUTES_COUNT: u8 = tag(4, VARINT);
}

pub(super) mod link {
    use super::*;
    pub(crate) const TRACE_ID: u8 = tag(1, LENGTH);
    pub(crate) const SPAN_ID: u8 = tag(2, LENGTH);
    pub(crate) const TRACE_STATE: u8 = tag(3, LENGTH);
    pub(crate) const ATTRIBUTES: u8 = tag(4, LENGTH);
    pub(crate) const DROPPED_ATTRIBUTES_COUNT: u8 = tag(5, VARINT);
    pub(crate) const FLAGS: u8 = tag(6, FIXED32);
}

pub(super) mod key_value {
    use super::*;
    pub(crate) const KEY: u8 = tag(1, LENGTH);
    pub(crate) const VALUE: u8 = tag(2, LENGTH);
}

pub(super) mod any_value {
    use super::*;
    pub(crate) const STRING: u8 = tag(1, LENGTH);
    pub(crate) const BOOL: u8 = tag(2, VARINT);
    pub(crate) const INT: u8 = tag(3, VARINT);
    pub(crate) const DOUBLE: u8 = tag(4, FIXED64);
    pub(crate) const ARRAY: u8 = tag(5, LENGTH);
}

pub(super) mod array_value {
    use super::*;
    pub(crate) const VALUES: u8 = tag(1, LENGTH);
}
