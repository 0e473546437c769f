//! The checks, by theme. What clause of which contract they try is said by the suites' cases.

pub(crate) mod context;
pub(crate) mod delivery;
pub(crate) mod failure;
pub(crate) mod flush;
pub(crate) mod shutdown;
pub(crate) mod threads;
