//! The engine: every unsafe block of the crate is below here, each with its proof.

#[cfg(unix)]
pub(crate) mod os;
