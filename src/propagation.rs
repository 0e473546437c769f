//! Carries traces and baggage across process boundaries, in headers.
//!
//! A propagator reads what a caller sent from a [`Getter`] and writes what a callee needs into a
//! [`Setter`]; both are implemented for the usual maps and lists of text.
//!
//! ```
//! use nanospan::propagation::TraceContextPropagator;
//!
//! let received = [
//!     ("Host", "example.com"),
//!     ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
//!     ("Tracestate", "congo=t61rcWkgMzE"),
//! ];
//! let propagator = TraceContextPropagator::new();
//! let caller = propagator.extract(&received).expect("the caller sent a trace");
//! assert!(caller.is_remote() && caller.is_sampled());
//!
//! let mut sent: Vec<(String, String)> = Vec::new();
//! propagator.inject(&caller, &mut sent);
//! assert_eq!(sent[0].1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
//! assert_eq!(sent[1].1, "congo=t61rcWkgMzE");
//! ```
//!
//! Headers come from strangers. Reading them never fails: what is malformed is as good as absent.
//! It takes time in proportion to what was received and memory bounded by the formats' own limits.

mod baggage;
mod carrier;
mod composite;
mod trace_context;
mod traceparent;

pub use baggage::{Baggage, BaggageError, BaggageMember, BaggagePropagator};
pub use carrier::{Getter, Setter};
pub use composite::{Extracted, Propagators};
pub use trace_context::TraceContextPropagator;
pub use traceparent::{TRACEPARENT_LEN, TraceParentError, format_traceparent, parse_traceparent};
