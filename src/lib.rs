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
pub mod testing;
mod tracer;
mod value;

pub use context::{
    ParseIdError, SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState, TraceStateError,
};
pub use drain::{Dropped, FlushError, Stats};
pub use limits::SpanLimits;
pub use tracer::{
    BuildError, ClockSource, ManualClock, ShutdownGuard, Span, SpanBuilder, Status, Timestamp, Tracer,
    TracerBuilder,
};
pub use value::{OwnedValue, SpanKind, StatusCode, Text, Value};

/// Attributes for a call that takes several: an array of keys and values.
///
/// ```
/// use nanospan::{Text, Value, attributes};
///
/// let path = String::from("/cart");
/// let three = attributes!["http.route" => "/cart", "url.path" => &path, "retry" => false];
/// assert_eq!(three[1], (Text::Static("url.path"), Value::Str("/cart")));
/// ```
#[macro_export]
macro_rules! attributes {
    ($($key:expr => $value:expr),* $(,)?) => {
        [$(($crate::Text::from($key), $crate::Value::from($value))),*]
    };
}
