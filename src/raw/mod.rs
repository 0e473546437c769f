//! The engine: what runs on the caller's thread, and every unsafe block of the crate.
//!
//! From storage to call: [`cell`], [`region`] and [`block`], [`log`] and [`supply`] hold; [`record`],
//! [`quick`] and [`writer`] say what a log holds; [`intern`] keeps what they hold often; [`local`] is a thread's share of it, [`registry`] finds it;
//! [`handle`] names a span; [`engine`] puts the calls together. It knows nothing of batches or
//! exporters. `table` stands beside the engine: it leads from a handle to a few words, for tracers
//! that are made of other tracers, and takes its free entries from `free`.

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
#[cfg(any(feature = "bext", loom))]
pub(crate) mod memo;
pub(crate) mod os;
pub(crate) mod quick;
pub(crate) mod random;
pub(crate) mod record;
pub(crate) mod recorded;
pub(crate) mod region;
#[cfg(not(loom))]
pub(crate) mod registry;
#[cfg(loom)]
#[path = "../model/registry.rs"]
pub(crate) mod registry;
pub(crate) mod slab;
pub(crate) mod supply;
#[cfg(any(feature = "bext", loom))]
pub(crate) mod table;
pub(crate) mod tally;
#[cfg(feature = "bext")]
pub(crate) mod wide;
pub(crate) mod writer;
