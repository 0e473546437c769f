//! The `nanospan` command.

fn main() {}
