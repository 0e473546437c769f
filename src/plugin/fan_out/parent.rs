//! Parents that were made by the children: those of requests that came in with a trace context.

use crate::plugin::fan_out::{FanOut, HANDLE_WORDS, MAX_CHILDREN, set_handle_at};
use crate::raw::table::Lent;
use bext_plugin_api::tracer::SpanHandle;
use std::fmt;

/// A parent that is known to each child under a handle of its own; made by [`FanOut::parent_of`].
///
/// Its handle is good as a parent while this value lives. Afterwards it may be, for a while.
#[derive(Debug)]
#[must_use = "the handle is a parent as long as this value lives"]
pub struct FanOutParent {
    handle: SpanHandle,
    _entry: Option<Lent>,
}

impl FanOutParent {
    /// The handle to start spans below. Other calls on it are no-ops, counted as calls on a span that
    /// has ended.
    #[must_use]
    pub fn handle(&self) -> SpanHandle {
        self.handle
    }
}

/// Why there is no parent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FanOutParentError {
    /// There must be one handle for each child.
    WrongCount {
        /// How many were given.
        handles: usize,
        /// How many children there are.
        children: usize,
    },
    /// As many spans are live as there may be, or this is a forked child process.
    Refused,
}

impl fmt::Display for FanOutParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FanOutParentError::WrongCount { handles, children } => {
                write!(f, "{handles} handles for {children} children")
            }
            FanOutParentError::Refused => f.write_str("no entry is free for the parent"),
        }
    }
}

impl std::error::Error for FanOutParentError {}

impl FanOut {
    /// A parent that the children made themselves, such as each child's handle for the remote parent
    /// that a `traceparent` header named, in the order in which the children were added.
    ///
    /// [`SpanHandle::INVALID`] for a child makes spans below invalid there. When all are, so is the
    /// parent's handle.
    ///
    /// # Errors
    ///
    /// When there are not as many handles as children, and when no entry is free, which counts as a
    /// refused span.
    pub fn parent_of(&self, handles: &[SpanHandle]) -> Result<FanOutParent, FanOutParentError> {
        let children = self.tracers.len();
        if handles.len() != children {
            return Err(FanOutParentError::WrongCount { handles: handles.len(), children });
        }
        if handles.iter().all(SpanHandle::is_invalid) {
            return Ok(FanOutParent { handle: SpanHandle::INVALID, _entry: None });
        }
        let vacant = self.table.reserve().ok_or(FanOutParentError::Refused)?;
        let mut words = [0; MAX_CHILDREN * HANDLE_WORDS];
        for (child, handle) in handles.iter().enumerate() {
            set_handle_at(&mut words, child, self.tracers[child].words(*handle));
        }
        let trace_id = handles.iter().map(|handle| handle.trace_id).find(|id| *id != [0; 16]);
        let trace_id = trace_id.unwrap_or_default();
        let (span_id, entry) = vacant.lend(u128::from_le_bytes(trace_id), &words);
        Ok(FanOutParent {
            handle: SpanHandle { trace_id, span_id: span_id.to_le_bytes() },
            _entry: Some(entry),
        })
    }
}
