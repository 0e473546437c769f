//! One race a model, of the structures that ship; `docs/memory-ordering.md` says what they rest on.
//!
//! Every model is an ordinary test. `scripts/mutants` runs them again, each with one mistake in the
//! engine for which `mutants.toml` names it, and expects it to fail: that shows that the models run the
//! engine's code on loom's atomics, that they come to the races that they are about, and that the
//! ordering is needed.

mod account;
mod attribute;
mod beside;
mod block;
mod end;
mod fan_out;
mod handle;
mod intern;
mod log;
mod rest;
mod service;
mod table;
mod thread_exit;
mod walker;
