//! Runs the `nanospan` command over segments that are written with the library.

mod cat;
mod command_line;
mod manual;
mod metrics;
mod stats;
mod support;
mod tree;
mod verify;
