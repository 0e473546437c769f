//! The plugin's configuration and life: what each key does, what is refused and how, what each call of
//! the host's lifecycle does in which order, and that the site owner's guide says the same.
#![cfg(all(unix, feature = "bext"))]

mod guide;
mod keys;
mod life;
mod refused;
mod support;
