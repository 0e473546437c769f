#![doc = include_str!("../../docs/otlp.md")]

#[cfg_attr(
    not(any(feature = "otlp-client", test)),
    allow(dead_code, unused_imports, reason = "the client asks for these")
)]
mod answer;
mod encode;
#[cfg_attr(not(feature = "otlp-client"), expect(dead_code, reason = "the client asks for these"))]
mod signal;

pub use encode::{TracesData, encode_json, encode_json_within, encode_protobuf, encode_protobuf_within};
