//! What the models in `loom-tests` see of the engine and the drain. Only with `--cfg loom`.
//!
//! Nothing here decides anything: each call passes on to the structure that ships. What loom cannot
//! look into is replaced by a stand-in with a written contract: the block and chunk queues
//! ([`queue`]) and the registry of threads ([`registry`](crate::raw::registry)).

pub(crate) mod atomic;
mod beside;
pub(crate) mod epochs;
#[cfg(feature = "bext")]
mod fan_out;
mod intern;
mod log;
pub(crate) mod queue;
mod service;
mod table;
pub(crate) mod thread;
mod threads;
mod tracer;
#[cfg(feature = "bext")]
mod witness;

pub use beside::Beside;
#[cfg(feature = "bext")]
pub use fan_out::{FanOut, Handle};
pub use intern::{SeenTexts, Texts};
pub use log::{Chunks, Entry, Log, Reader};
pub use service::Service;
pub use table::{Found, Lent, Table, Vacant};
pub use threads::Threads;
pub use tracer::{Drain, Id, Pass, Seen, Span, Tracer, Way};
#[cfg(feature = "bext")]
pub(crate) use witness::Witness;

/// Slots in a block under the model.
pub const SLOTS: usize = crate::raw::block::SLOTS;
/// Words in a chunk under the model.
pub const CHUNK_WORDS: usize = crate::raw::log::CHUNK_WORDS;

/// Makes every ordering of the call that stands on `line` of `file`, the end of a path of this crate's
/// sources, `Relaxed` in all models that the calling thread runs from now on.
pub fn weaken(file: &'static str, line: u32) {
    atomic::weaken(file, line);
}
