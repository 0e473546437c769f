//! The real registry of threads, outside loom: threads of the system, which come and go.

use crate::raw::local::PerThread;
use crate::raw::real_registry::Registry;

/// What a registry keeps for each thread; here nothing but an address.
#[derive(Debug)]
struct Kept(#[expect(dead_code, reason = "so that each has an address of its own")] u64);

impl PerThread for Kept {
    fn make(_seed: Option<u64>, n: u64) -> Self {
        Self(n)
    }
}

/// A registry of threads.
#[derive(Debug, Clone, Copy)]
pub struct Threads(&'static Registry<Kept>);

impl Default for Threads {
    fn default() -> Self {
        Self(Box::leak(Box::new(Registry::new(None))))
    }
}

impl Threads {
    /// The address of what is the calling thread's own; `None` once the thread may have none.
    #[must_use]
    pub fn own(self) -> Option<usize> {
        self.0.own().map(|own| std::ptr::from_ref(own.local()).addr())
    }

    /// As [`own`](Self::own), asked as calls by handle ask.
    #[must_use]
    pub fn own_aside(self) -> Option<usize> {
        self.0.own_aside().map(|own| std::ptr::from_ref(own.local()).addr())
    }
}
