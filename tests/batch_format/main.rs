//! `docs/batch-format.md`, clause by clause: what files and batches made by the public builder show.
//!
//! What only a malformed batch can show is tested beside the builder, which can make one.

mod batches;
mod metrics;
mod properties;
mod random;
mod random_metrics;
mod segments;
mod support;
