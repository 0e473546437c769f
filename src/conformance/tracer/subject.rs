//! What the suite is told about the tracer that it looks at.

use super::Delivered;
use bext_plugin_api::tracer::{SpanHandle, TracerPlugin};
use std::sync::Arc;

/// Which subject a case needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setup {
    /// Whether spans are to be recorded. If not, the tracer's sampler rejects every root; a factory
    /// whose tracer does not sample returns `None` then, and the cases about sampling do not apply.
    pub sampled: bool,
}

impl Setup {
    pub(super) const RECORDING: Setup = Setup { sampled: true };
    pub(super) const REJECTING: Setup = Setup { sampled: false };
}

/// A tracer under test, and sight of its back-ends.
///
/// Dropping the subject is the place to stop the tracer's threads and remove its files.
pub trait Subject: Send + Sync {
    /// The tracer. Each call returns the same one.
    fn tracer(&self) -> Arc<dyn TracerPlugin>;

    /// What reached each back-end so far, in any order; one list a back-end. A fan-out has several,
    /// every other tracer one. The number of back-ends does not change.
    ///
    /// It must not make anything reach them: the suite calls it to see what a flush did.
    fn delivered(&self) -> Vec<Vec<Delivered>>;

    /// The ids under which back-end `backend`, counted from 0, gets the span that `handle` names.
    ///
    /// By default the handle itself, as the trait has it ("the id pair the tracer already emits on
    /// the wire"). A fan-out whose children mint ids of their own looks them up. Asked once for each
    /// span, directly after it was started, and never for [`SpanHandle::INVALID`].
    fn wire_ids(&self, backend: usize, handle: SpanHandle) -> SpanHandle {
        let _ = backend;
        handle
    }

    /// Makes every back-end unreachable, so that nothing can be delivered, or reachable again.
    /// Returns `false` if the subject cannot do that; the cases about it do not apply then.
    fn set_unreachable(&self, unreachable: bool) -> bool;
}
