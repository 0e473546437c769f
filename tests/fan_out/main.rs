//! `FanOut`: one tracer in front of several that know nothing of each other.
#![cfg(feature = "bext")]

mod allocations;
#[path = "../common/allocator.rs"]
mod allocator;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod flush;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
#[path = "../common/forked.rs"]
mod forked;
mod handles;
mod led;
mod notebook;
mod parents;
mod semantics;
mod threads;
