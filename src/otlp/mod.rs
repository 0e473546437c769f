#![doc = include_str!("../../docs/otlp.md")]

#[cfg(feature = "otlp-client")]
#[cfg_attr(not(test), expect(dead_code, reason = "the client asks for these"))]
#[expect(unused_imports, reason = "the client asks for these")]
mod retry;
#[cfg(feature = "otlp-client")]
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the client asks for these"))]
mod settings;
#[cfg_attr(not(all(test, feature = "otlp-client")), expect(dead_code, reason = "the client asks for these"))]
mod signal;

#[cfg(feature = "otlp-client")]
pub use retry::RetryPolicy;
#[cfg(feature = "otlp-client")]
pub use settings::{Compression, Protocol, Proxy};
