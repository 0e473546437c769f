//! A tracer for services in which a request's own time matters.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "nanospan packs a slab index, a generation and a slot into one 64-bit word and supports 64-bit targets only"
);

pub mod batch;
mod context;
mod drain;
pub mod export;
mod limits;
pub mod propagation;
#[allow(unsafe_code)]
mod raw;
pub mod sampling;
mod sync;
mod tracer;
mod value;

pub use context::{
    ParseIdError, SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState, TraceStateError,
};
pub use limits::SpanLimits;
pub use value::{OwnedValue, SpanKind, StatusCode, Text, Value};
