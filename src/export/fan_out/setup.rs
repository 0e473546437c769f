//! The settings of a fan-out, and how one is made of them.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::core::{Destination, FanOut, Shared};
use super::state::State;
use crate::export::owner::Owner;
use crate::export::{ExportError, ExportErrorKind, Telemetry};

/// 16 MiB: about 120,000 spans with three attributes each, which bridges a second at full speed and minutes
/// of an ordinary service.
const DEFAULT_MAX_QUEUE_BYTES: usize = 16 << 20;

/// That of OpenTelemetry's batch processor, and of its periodic reader.
const DEFAULT_EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Setup<T: Telemetry> {
    pub(crate) destinations: Vec<Destination<T>>,
    pub(crate) max_queue_bytes: usize,
    /// Zero is no limit.
    pub(crate) export_timeout: Duration,
}

impl<T: Telemetry> Default for Setup<T> {
    fn default() -> Self {
        Self {
            destinations: Vec::new(),
            max_queue_bytes: DEFAULT_MAX_QUEUE_BYTES,
            export_timeout: DEFAULT_EXPORT_TIMEOUT,
        }
    }
}

impl<T: Telemetry> Setup<T> {
    pub(crate) fn add(&mut self, name: String, exporter: Arc<T::Exporter>) {
        self.destinations.push(Destination { name, exporter });
    }

    /// Starts a thread for each destination.
    pub(crate) fn build(self) -> Result<FanOut<T>, ExportError> {
        self.check().map_err(|message| ExportError::new(ExportErrorKind::InvalidConfig, message))?;
        let state = State::new(self.destinations.len());
        let shared = Arc::new(Shared {
            owner: Owner::this_process(),
            destinations: self.destinations,
            max_queue_bytes: self.max_queue_bytes,
            export_timeout: self.export_timeout,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        // Dropped on an error, it ends the threads that were started.
        let fan_out = FanOut { shared: Arc::clone(&shared) };
        for index in 0..shared.destinations.len() {
            let shared = Arc::clone(&shared);
            let spawned =
                thread::Builder::new().name("nanospan-fanout".to_owned()).spawn(move || shared.work(index));
            spawned.map_err(|error| {
                let message = format!("cannot start a thread of the fan-out {}", T::EXPORTER);
                ExportError::new(ExportErrorKind::Io, message).with_source(error)
            })?;
        }
        Ok(fan_out)
    }

    /// What is wrong with the settings.
    fn check(&self) -> Result<(), String> {
        if self.destinations.is_empty() {
            return Err(format!("a fan-out {} needs a destination", T::EXPORTER));
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

    /// What a builder's `Debug` shows.
    pub(crate) fn debug(&self, builder: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.destinations.iter().map(|destination| &destination.name).collect();
        f.debug_struct(builder)
            .field("destinations", &names)
            .field("max_queue_bytes", &self.max_queue_bytes)
            .field("export_timeout", &self.export_timeout)
            .finish()
    }
}
