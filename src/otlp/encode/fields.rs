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

/// The messages of `metrics.proto`, and those of the others in the parts that spans have no need of.
pub(in crate::otlp) mod metrics {
    use super::*;

    /// A module for each message, with the tags of its fields.
    macro_rules! messages {
        ($($message:ident { $($field:ident = $number:literal $wire_type:ident),* $(,)? })*) => {$(
            pub(in crate::otlp) mod $message {
                use super::*;
                $(pub(in crate::otlp) const $field: u8 = tag($number, $wire_type);)*
                /// All of them.
                #[allow(dead_code, reason = "some messages are only written, others only passed through")]
                pub(in crate::otlp) const ALL: &[u8] = &[$($field),*];
            }
        )*};
    }

    messages! {
        resource_metrics { RESOURCE = 1 LENGTH, SCOPE_METRICS = 2 LENGTH, SCHEMA_URL = 3 LENGTH }
        resource { ATTRIBUTES = 1 LENGTH, DROPPED_ATTRIBUTES_COUNT = 2 VARINT }
        scope_metrics { SCOPE = 1 LENGTH, METRICS = 2 LENGTH, SCHEMA_URL = 3 LENGTH }
        scope {
            NAME = 1 LENGTH,
            VERSION = 2 LENGTH,
            ATTRIBUTES = 3 LENGTH,
            DROPPED_ATTRIBUTES_COUNT = 4 VARINT,
        }
        metric {
            NAME = 1 LENGTH,
            DESCRIPTION = 2 LENGTH,
            UNIT = 3 LENGTH,
            GAUGE = 5 LENGTH,
            SUM = 7 LENGTH,
            HISTOGRAM = 9 LENGTH,
            EXPONENTIAL_HISTOGRAM = 10 LENGTH,
            SUMMARY = 11 LENGTH,
            METADATA = 12 LENGTH,
        }
        // The five kinds of data agree in these numbers, as far as they have such fields.
        data { DATA_POINTS = 1 LENGTH, AGGREGATION_TEMPORALITY = 2 VARINT, IS_MONOTONIC = 3 VARINT }
        number_data_point {
            START_TIME_UNIX_NANO = 2 FIXED64,
            TIME_UNIX_NANO = 3 FIXED64,
            AS_DOUBLE = 4 FIXED64,
            EXEMPLARS = 5 LENGTH,
            AS_INT = 6 FIXED64,
            ATTRIBUTES = 7 LENGTH,
            FLAGS = 8 VARINT,
        }
        histogram_data_point {
            START_TIME_UNIX_NANO = 2 FIXED64,
            TIME_UNIX_NANO = 3 FIXED64,
            COUNT = 4 FIXED64,
            SUM = 5 FIXED64,
            BUCKET_COUNTS = 6 LENGTH,
            BUCKET_COUNT = 6 FIXED64,
            EXPLICIT_BOUNDS = 7 LENGTH,
            EXPLICIT_BOUND = 7 FIXED64,
            EXEMPLARS = 8 LENGTH,
            ATTRIBUTES = 9 LENGTH,
            FLAGS = 10 VARINT,
            MIN = 11 FIXED64,
            MAX = 12 FIXED64,
        }
        exponential_histogram_data_point {
            ATTRIBUTES = 1 LENGTH,
            START_TIME_UNIX_NANO = 2 FIXED64,
            TIME_UNIX_NANO = 3 FIXED64,
            COUNT = 4 FIXED64,
            SUM = 5 FIXED64,
            SCALE = 6 VARINT,
            ZERO_COUNT = 7 FIXED64,
            POSITIVE = 8 LENGTH,
            NEGATIVE = 9 LENGTH,
            FLAGS = 10 VARINT,
            EXEMPLARS = 11 LENGTH,
            MIN = 12 FIXED64,
            MAX = 13 FIXED64,
            ZERO_THRESHOLD = 14 FIXED64,
        }
        buckets { OFFSET = 1 VARINT, BUCKET_COUNTS = 2 LENGTH, BUCKET_COUNT = 2 VARINT }
        summary_data_point {
            START_TIME_UNIX_NANO = 2 FIXED64,
            TIME_UNIX_NANO = 3 FIXED64,
            COUNT = 4 FIXED64,
            SUM = 5 FIXED64,
            QUANTILE_VALUES = 6 LENGTH,
            ATTRIBUTES = 7 LENGTH,
            FLAGS = 8 VARINT,
        }
        value_at_quantile { QUANTILE = 1 FIXED64, VALUE = 2 FIXED64 }
        exemplar {
            TIME_UNIX_NANO = 2 FIXED64,
            AS_DOUBLE = 3 FIXED64,
            SPAN_ID = 4 LENGTH,
            TRACE_ID = 5 LENGTH,
            AS_INT = 6 FIXED64,
            FILTERED_ATTRIBUTES = 7 LENGTH,
        }
        key_value { KEY = 1 LENGTH, VALUE = 2 LENGTH }
        any_value {
            STRING = 1 LENGTH,
            BOOL = 2 VARINT,
            INT = 3 VARINT,
            DOUBLE = 4 FIXED64,
            ARRAY = 5 LENGTH,
        }
        array_value { VALUES = 1 LENGTH }
    }

    /// The field of an `ExportMetricsServiceRequest`.
    #[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
    pub(in crate::otlp) const RESOURCE_METRICS: u8 = tag(1, LENGTH);

    /// The numbers of `AggregationTemporality`.
    pub(in crate::otlp) const DELTA: u8 = 1;
    pub(in crate::otlp) const CUMULATIVE: u8 = 2;
}
