//! A lock-free, high-throughput tracer for services in which a request's own time matters.
//!
//! Starting a span, recording on it and ending it costs tens of nanoseconds on the calling thread,
//! and nothing there blocks, allocates in steady state, calls the system or grows without bound.
//! Every span is accounted for: it arrives, or a counter says why not.
//!
//! ```
//! use nanospan::{Tracer, attributes};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = std::env::temp_dir().join(format!("nanospan-doc-{}", std::process::id()));
//! let tracer = Tracer::builder("shop").segments(&directory).build()?;
//! let _guard = tracer.guard();
//!
//! let request = tracer.span("GET /cart").start();
//! let query = request.child("SELECT items").start();
//! query.set_attributes(&attributes!["db.system" => "postgresql", "db.rows" => 17_i64]);
//! drop(query);
//! drop(request);
//! # tracer.shutdown(std::time::Duration::from_secs(5))?;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! - [`Tracer`] and its [builder](TracerBuilder); [`Span`] and how one is [made](SpanBuilder); [`Stats`],
//!   the account.
//! - [`export`]: where spans go. By default into [segment files](export::segment), which the
//!   command `nanospan` shows.
//! - `otlp` (features `otlp-http` and `otlp-grpc`): export to a collector, and
//!   [`Tracer::from_env`], which sets everything up by OpenTelemetry's standard variables.
//! - [`metrics`]: the tracer's account and other measurements, and where they go.
//! - [`sampling`] and [`propagation`]: which spans are recorded, and how a trace goes on in another
//!   service.
//! - [`batch`]: the format of a batch, to read and to write.
//! - `plugin` (feature `bext`, on by default): the tracer as a plugin of a bext host, a fan-out over
//!   several tracers, a tracer that writes to standard output.
//! - `conformance` (feature `conformance`): whether any exporter keeps the contract of
//!   [`SpanExporter`](export::SpanExporter), and any tracer that of the host's trait.
//! - [`testing`]: for the tests of code that is traced.
//!
//! # What happens under load
//!
//! All memory that grows with load comes out of [one budget](TracerBuilder::memory_budget). When it
//! is used up the caller does not wait: a start gives a span that records nothing, counted in
//! [`Dropped::overload`]; an attribute, event or link is left out, counted in the span's dropped
//! counts and in [`Stats::lost_attributes`] and its siblings. Names and copied keys are cut at 1,024
//! bytes, the description of a status at 2,048 and one value at 64 KiB, on a character boundary; a trace
//! state at 2,048 bytes, between two members. It is counted in [`Stats::truncated`].
//!
//! # Platforms
//!
//! 64-bit targets. Tested on x86-64 Linux. Other Unix systems should work and are untested; there
//! the clock is the system's, and a clock read costs what the system takes for it. On Windows
//! segment files can be read but not written, untested as well.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "nanospan packs a slab index, a generation and a slot into one 64-bit word and supports 64-bit targets only"
);

pub mod batch;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod drain;
mod env;
pub mod export;
mod limits;
pub mod metrics;
#[cfg(loom)]
#[doc(hidden)]
#[allow(unsafe_code, reason = "its models promise what the engine's threads promise")]
pub mod model;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "bext")]
pub mod plugin;
pub mod propagation;
#[allow(unsafe_code)]
mod raw;
pub mod sampling;
mod seeded;
mod sync;
pub mod testing;
mod tracer;
mod value;

pub use context::{
    ParseIdError, SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState, TraceStateError,
};
pub use drain::{Dropped, FlushError, Pool, Stats};
pub use limits::SpanLimits;
pub use raw::suppress::{SuppressionGuard, suppress_tracing};
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

/// Makes the mistake of this name from now on, one of `seeded::Bug`, and no other: in the models of the
/// calling thread, or, without loom, in the process.
///
/// # Errors
///
/// When there is none of this name.
#[cfg(any(loom, nanospan_seeded))]
#[doc(hidden)]
pub fn seed(mistake: &str) -> Result<(), String> {
    seeded::select(mistake)
}

/// The README's samples run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those of the guide for a bext host.
#[cfg(all(doctest, feature = "bext"))]
#[doc = include_str!("../docs/bext.md")]
struct BextGuide;
