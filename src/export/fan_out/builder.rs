//! How a fan-out exporter is set up.

use std::fmt;
use std::process;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::state::State;
use super::{Destination, FanOutExporter, Shared};
use crate::export::{ExportError, ExportErrorKind, SpanExporter};

/// The default of [`FanOutExporterBuilder::max_queue_bytes`]: 16 MiB, about 120,000 spans with three
/// attributes each, which bridges a second at full speed and minutes of an ordinary service.
const DEFAULT_MAX_QUEUE_BYTES: usize = 16 << 20;

/// The default of [`FanOutExporterBuilder::export_timeout`]: that of OpenTelemetry's batch processor.
const DEFAULT_EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes a [`FanOutExporter`]; see [`FanOutExporter::builder`].
#[must_use = "a builder does nothing before `build`"]
pub struct FanOutExporterBuilder {
    destinations: Vec<Destination>,
    max_queue_bytes: usize,
    export_timeout: Duration,
}

impl FanOutExporterBuilder {
    pub(super) fn new() -> Self {
        Self {
            destinations: Vec::new(),
            max_queue_bytes: DEFAULT_MAX_QUEUE_BYTES,
            export_timeout: DEFAULT_EXPORT_TIMEOUT,
        }
    }

    /// Adds a destination. `name` tells it from the others, in errors and in the account.
    pub fn destination(mut self, name: impl Into<String>, exporter: impl SpanExporter + 'static) -> Self {
        self.destinations.push(Destination { name: name.into(), exporter: Arc::new(exporter) });
        self
    }

    /// Sets how many bytes of batches may wait for one destination, the one that it is exporting included;
    /// 16 MiB by default. A batch larger than that is taken when it is alone.
    ///
    /// The queues share the batches, so all of them together take more than that only where they hold
    /// different ones. It comes on top of the tracer's
    /// [memory budget](crate::TracerBuilder::memory_budget).
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.max_queue_bytes = bytes;
        self
    }

    /// Sets how long one export of one destination may take; 30 seconds by default, and zero is no limit.
    ///
    /// The tracer's own [export timeout](crate::TracerBuilder::export_timeout) bounds how long the first
    /// destination to deliver may take.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// Makes the exporter, and starts a thread for each destination.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](ExportErrorKind::InvalidConfig) if there is no destination, a name is empty or
    ///   there twice, or the queues are of zero bytes.
    /// - [`Io`](ExportErrorKind::Io) if the system refuses a thread.
    pub fn build(self) -> Result<FanOutExporter, ExportError> {
        self.check().map_err(|message| ExportError::new(ExportErrorKind::InvalidConfig, message))?;
        let state = State::new(self.destinations.len());
        let shared = Arc::new(Shared {
            pid: process::id(),
            destinations: self.destinations,
            max_queue_bytes: self.max_queue_bytes,
            export_timeout: self.export_timeout,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        // Dropped on an error, it ends the threads that were started.
        let exporter = FanOutExporter { shared: Arc::clone(&shared) };
        for index in 0..shared.destinations.len() {
            let shared = Arc::clone(&shared);
            let spawned =
                thread::Builder::new().name("nanospan-fanout".to_owned()).spawn(move || shared.work(index));
            spawned.map_err(|error| {
                let message = "cannot start a thread of the fan-out exporter";
                ExportError::new(ExportErrorKind::Io, message).with_source(error)
            })?;
        }
        Ok(exporter)
    }

    /// What is wrong with the settings.
    fn check(&self) -> Result<(), String> {
        if self.destinations.is_empty() {
            return Err("a fan-out exporter needs a destination".to_owned());
        }
        if self.max_queue_bytes == 0 {
            return Err("a queue of zero bytes has room for no batch".to_owned());
        }
        for (index, Destination { name, .. }) in self.destinations.iter().enumerate() {
            if name.is_empty() {
                return Err(format!("destination {index}, counted from 0, has an empty name"));
            }
            if self.destinations[..index].iter().any(|other| other.name == *name) {
                return Err(format!("there are two destinations called `{name}`"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FanOutExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.destinations.iter().map(|destination| &destination.name).collect();
        f.debug_struct("FanOutExporterBuilder")
            .field("destinations", &names)
            .field("max_queue_bytes", &self.max_queue_bytes)
            .field("export_timeout", &self.export_timeout)
            .finish()
    }
}
