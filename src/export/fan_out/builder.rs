//! How a fan-out exporter is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{FanOutExporter, Setup};
use crate::export::telemetry::Spans;
use crate::export::{ExportError, SpanExporter};

/// Makes a [`FanOutExporter`]; see [`FanOutExporter::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct FanOutExporterBuilder {
    setup: Setup<Spans>,
}

impl FanOutExporterBuilder {
    pub(super) fn new() -> Self {
        Self { setup: Setup::default() }
    }

    /// Adds a destination. `name` tells it from the others, in errors and in the account.
    pub fn destination(mut self, name: impl Into<String>, exporter: impl SpanExporter + 'static) -> Self {
        self.setup.add(name.into(), Arc::new(exporter));
        self
    }

    /// Sets how many bytes of batches may wait for one destination, the one that it is exporting included;
    /// 16 MiB by default. A batch larger than that is taken when it is alone.
    ///
    /// The queues share the batches, so all of them together take more than that only where they hold
    /// different ones. It comes on top of the tracer's
    /// [memory budget](crate::TracerBuilder::memory_budget).
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.setup.max_queue_bytes = bytes;
        self
    }

    /// Sets how long one export of one destination may take; 30 seconds by default, and zero is no limit.
    ///
    /// The tracer's own [export timeout](crate::TracerBuilder::export_timeout) bounds how long the first
    /// destination to deliver may take.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.setup.export_timeout = timeout;
        self
    }

    /// Makes the exporter, and starts a thread for each destination.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](crate::export::ExportErrorKind::InvalidConfig) if there is no destination, a name is empty or
    ///   there twice, or the queues are of zero bytes.
    /// - [`Io`](crate::export::ExportErrorKind::Io) if the system refuses a thread.
    pub fn build(self) -> Result<FanOutExporter, ExportError> {
        Ok(FanOutExporter { fan_out: self.setup.build()? })
    }
}

impl fmt::Debug for FanOutExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setup.debug("FanOutExporterBuilder", f)
    }
}
