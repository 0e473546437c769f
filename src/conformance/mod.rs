//! Checks that an implementation of the host's `TracerPlugin` keeps the trait's contract.
