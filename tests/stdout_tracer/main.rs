//! What the stdout tracer promises.
//!
//! 1. `recording`: ids, parents, what a call changes and which calls change nothing.
//! 2. `human`: the text for the eye, letter by letter; no recorded text can fake a line.
//! 3. `json`: every value comes back with its type and its bits.
//! 4. `writers`: a writer may take little, fail, block or panic; nothing is lost or written twice.
//! 5. `bounds`: what is beyond a bound is refused or dropped, counted and said once.
#![cfg(feature = "bext")]

mod bounds;
mod human;
mod json;
#[path = "../common/json_lines.rs"]
mod json_lines;
mod recording;
mod support;
mod writers;
