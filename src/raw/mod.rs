//! The engine: what runs on the caller's thread, and every unsafe block of the crate.
//!
//! From storage to call: [`cell`], [`region`], [`slot`] and [`block`], [`log`] and [`supply`] hold;
//! [`record`], [`packed`], [`quick`] and [`writer`] say what a log holds; [`intern`] keeps what they hold
//! often; [`local`] is a thread's share of it, [`registry`] finds it; [`handle`] names a span, [`lookup`]
//! finds it again; [`engine`] puts the calls together, and [`short`] what most of them come to; [`prefetch`]
//! asks for memory ahead of need. It knows nothing of batches or exporters. For tracers that are made of
//! other tracers there are two ways from a handle to a few words: `beside` keeps them for each span of an
//! engine, and `table`, which takes its free entries from `free`, for handles of its own.

#[cfg(any(feature = "bext", loom))]
pub(crate) mod beside;
pub(crate) mod block;
pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod engine;
pub(crate) mod fork;
#[cfg(any(feature = "bext", loom))]
pub(crate) mod free;
pub(crate) mod handle;
pub(crate) mod ids;
pub(crate) mod intern;
pub(crate) mod local;
pub(crate) mod log;
pub(crate) mod lookup;
pub(crate) mod os;
pub(crate) mod packed;
pub(crate) mod prefetch;
pub(crate) mod quick;
pub(crate) mod random;
#[cfg(loom)]
#[path = "registry.rs"]
#[allow(dead_code, reason = "of the real one the models see how a thread leaves")]
pub(crate) mod real_registry;
pub(crate) mod record;
pub(crate) mod recorded;
pub(crate) mod region;
#[cfg(not(loom))]
pub(crate) mod registry;
#[cfg(loom)]
#[path = "../model/registry.rs"]
pub(crate) mod registry;
pub(crate) mod short;
pub(crate) mod slab;
pub(crate) mod slot;
pub(crate) mod supply;
pub(crate) mod suppress;
#[cfg(any(feature = "bext", loom))]
pub(crate) mod table;
pub(crate) mod tally;
#[cfg(feature = "bext")]
pub(crate) mod wide;
pub(crate) mod writer;
