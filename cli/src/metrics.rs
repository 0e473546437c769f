//! Metrics out of their batch, and as text.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use nanospan::batch::MetricsView;
use nanospan::export::Context;
use nanospan::metrics::data::ResourceMetrics;
use nanospan::metrics::{MetricExporter, StdoutMetricExporter};

use crate::failure::Failure;
use crate::units::bytes;

/// How much text of one batch is copied, in bytes. In a batch of this library's making it is less than what
/// the program held that made it; a file that somebody made on purpose may name one text over and over.
const MAX_TEXT_BYTES: usize = 256 << 20;

/// The metrics of `batch`.
///
/// # Errors
///
/// If their texts take more than [`MAX_TEXT_BYTES`].
pub(crate) fn copied(batch: &MetricsView<'_>) -> Result<ResourceMetrics, Failure> {
    batch.to_metrics(MAX_TEXT_BYTES).map_err(|_| {
        Failure::Wrong(format!(
            "batch {} of exporter {:016x} has more than {} of text",
            batch.sequence(),
            batch.instance_id(),
            bytes(MAX_TEXT_BYTES as u64)
        ))
    })
}

/// The text of `metrics`, as the exporter to standard output writes it: none of it is harmful.
pub(crate) fn text(metrics: &ResourceMetrics) -> Result<Vec<u8>, Failure> {
    let memory = Memory::default();
    let exporter = StdoutMetricExporter::builder().writer(memory.clone(), "memory").build();
    let written = exporter.export(&Context::new(), metrics);
    written.map_err(|error| Failure::Output(io::Error::other(error)))?;
    let mut text = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *text))
}

/// Takes what is written; a clone takes it to the same place.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
