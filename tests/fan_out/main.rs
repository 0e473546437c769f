//! `FanOut`: one tracer in front of several that know nothing of each other.
#![cfg(feature = "bext")]

mod allocations;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod flush;
#[cfg(unix)]
mod fork;
mod handles;
mod notebook;
mod parents;
mod semantics;
mod threads;
