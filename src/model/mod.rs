//! What the models in `loom-tests` see of the engine and the drain. Only with `--cfg loom`.
//!
//! Nothing here decides anything: each call passes on to the structure that ships. What loom cannot
//! look into is replaced by a stand-in with a written contract: the block and chunk queues
//! ([`queue`]) and the registry of threads ([`registry`](crate::raw::registry)).

pub(crate) mod atomic;
mod beside;
mod intern;
mod log;
pub(crate) mod queue;
mod table;
mod tracer;

pub use beside::Beside;
pub use intern::{SeenTexts, Texts};
pub use log::{Chunks, Entry, Log, Reader};
pub use table::{Found, Lent, Table, Vacant};
pub use tracer::{Drain, Id, Pass, Seen, Span, Tracer};

/// Slots in a block under the model.
pub const SLOTS: usize = crate::raw::block::SLOTS;
/// Words in a chunk under the model.
pub const CHUNK_WORDS: usize = crate::raw::log::CHUNK_WORDS;

/// Makes every ordering of the call that stands on `line` of `file`, the end of a path of this crate's
/// sources, `Relaxed` in all models that the calling thread runs from now on.
pub fn weaken(file: &'static str, line: u32) {
    atomic::weaken(file, line);
}

/// The sources whose orderings the models rest on: the end of the path, and the text.
pub const SOURCES: &[(&str, &str)] = &[
    ("raw/beside.rs", include_str!("../raw/beside.rs")),
    ("raw/block.rs", include_str!("../raw/block.rs")),
    ("raw/engine.rs", include_str!("../raw/engine.rs")),
    ("raw/intern.rs", include_str!("../raw/intern.rs")),
    ("raw/free.rs", include_str!("../raw/free.rs")),
    ("raw/local.rs", include_str!("../raw/local.rs")),
    ("raw/log.rs", include_str!("../raw/log.rs")),
    ("raw/lookup.rs", include_str!("../raw/lookup.rs")),
    ("raw/short.rs", include_str!("../raw/short.rs")),
    ("raw/supply.rs", include_str!("../raw/supply.rs")),
    ("raw/table.rs", include_str!("../raw/table.rs")),
    ("raw/tally.rs", include_str!("../raw/tally.rs")),
    ("drain/collect.rs", include_str!("../drain/collect.rs")),
    ("drain/stock.rs", include_str!("../drain/stock.rs")),
];
