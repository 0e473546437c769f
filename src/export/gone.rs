//! Waiting for somebody else's work, in whichever way it ends.

use super::{Cancellation, Context};

/// Wakes whoever waits on a context of its own, once whatever holds this is gone.
pub(crate) struct Gone(Cancellation);

impl Gone {
    /// A context to wait on, which ends with `context` or when the second value is dropped.
    pub(crate) fn pair(context: &Context) -> (Context, Self) {
        let child = context.child();
        let cancellation = child.cancellation();
        (child, Self(cancellation))
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
