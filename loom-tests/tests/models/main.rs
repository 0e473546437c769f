//! One race a model, of the structures that ship; `docs/memory-ordering.md` says what they rest on.
//!
//! Every model is an ordinary test. `weakened` runs some of them again with one ordering of the
//! engine weakened, and expects each to fail: that shows that the models run the engine's code on
//! loom's atomics, and that the ordering is needed.

mod attribute;
mod beside;
mod block;
mod end;
mod intern;
mod log;
mod rest;
mod table;
mod walker;
mod weakened;
