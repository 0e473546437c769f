//! `docs/batch-format.md`, clause by clause: what files and batches made by the public builder show.
//!
//! What only a malformed batch can show is tested beside the builder, which can make one.

mod batches;
mod properties;
mod random;
mod segments;
mod support;
