#![doc = include_str!("../../docs/otlp.md")]

#[cfg_attr(not(feature = "otlp-client"), expect(dead_code, reason = "the client asks for these"))]
mod signal;
