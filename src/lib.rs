//! A tracer for services in which a request's own time matters.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "nanospan packs a slab index, a generation and a slot into one 64-bit word and supports 64-bit targets only"
);

pub mod batch;
pub mod export;

#[allow(unsafe_code)]
mod raw;
mod value;

pub use value::{OwnedValue, SpanKind, StatusCode, Text, Value};
