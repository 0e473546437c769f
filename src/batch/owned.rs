//! A batch that owns its bytes.

use std::fmt;

use super::BatchView;

/// A finished batch: the bytes that are written to a segment or handed to an exporter.
///
/// It is made by [`BatchBuilder::finish`](super::BatchBuilder::finish) and cannot be changed.
pub struct Batch {
    /// FlatBuffers are built from the back: the batch is what lies behind `start`.
    buffer: Vec<u8>,
    start: usize,
    span_count: usize,
}

impl Batch {
    pub(super) fn new(buffer: Vec<u8>, start: usize, span_count: usize) -> Self {
        Self { buffer, start, span_count }
    }

    /// The buffer, for the next batch.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The bytes of the batch, as [`BatchView::parse`] reads them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Number of spans in the batch.
    #[must_use]
    pub fn span_count(&self) -> usize {
        self.span_count
    }

    /// Gives access to what the batch holds. The bytes are those that the builder wrote, so they are
    /// not checked again.
    #[must_use]
    pub fn view(&self) -> BatchView<'_> {
        BatchView::locate(self.as_bytes()).expect("the builder writes every field that a view needs")
    }
}

/// Copies the bytes of the batch, and not what its buffer has room for beside them.
impl Clone for Batch {
    fn clone(&self) -> Self {
        Self { buffer: self.as_bytes().to_vec(), start: 0, span_count: self.span_count }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
