//! The tracer's life in the host: loaded, started, flushed, stopped.

use nanospan::plugin::Plugin;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A loaded plugin, as its two traits.
type Loaded = (Arc<dyn TracerPlugin>, Arc<dyn LifecyclePlugin>);

/// The one place that knows which tracer it is.
fn load() -> Loaded {
    let plugin = Plugin::new("tracer-nanospan");
    (Arc::new(plugin.clone()), Arc::new(plugin))
}

/// A tracer that was started.
pub(crate) struct Host {
    tracer: Arc<dyn TracerPlugin>,
    lifecycle: Arc<dyn LifecyclePlugin>,
    failures: Arc<AtomicU64>,
}

impl Host {
    /// Loads the tracer and starts it.
    ///
    /// # Errors
    ///
    /// What the tracer says of its configuration.
    pub(crate) fn start(config_json: &str) -> Result<Self, String> {
        let (tracer, lifecycle) = load();
        lifecycle.on_server_start(config_json)?;
        Ok(Self { tracer, lifecycle, failures: Arc::default() })
    }

    pub(crate) fn tracer(&self) -> Arc<dyn TracerPlugin> {
        Arc::clone(&self.tracer)
    }

    /// Flushes the tracer on a thread of its own, since a flush waits for the disk.
    pub(crate) fn flush_every(&self, interval: Duration) -> io::Result<Timer> {
        let (stop, stopped) = channel::<()>();
        let (tracer, failures) = (self.tracer(), Arc::clone(&self.failures));
        let thread = std::thread::Builder::new().name("flush".to_owned()).spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                note(&failures, tracer.flush());
            }
        })?;
        Ok(Timer { stop, thread })
    }

    /// Says what failed, if anything did, and counts it.
    pub(crate) fn note(&self, result: Result<(), String>) {
        note(&self.failures, result);
    }

    /// Tells the tracer that the site was reloaded.
    pub(crate) async fn reload(&self) {
        let (lifecycle, failures) = (Arc::clone(&self.lifecycle), Arc::clone(&self.failures));
        // A panic in the tracer is not caught here but goes on.
        let done = tokio::task::spawn_blocking(move || note(&failures, lifecycle.on_reload())).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    }

    /// Delivers what is left and unloads the tracer. Returns how often something failed, in all.
    pub(crate) fn stop(&self) -> u64 {
        self.note(self.tracer.flush());
        self.note(self.lifecycle.on_server_stop());
        self.note(self.lifecycle.cleanup());
        self.failures.load(Ordering::Relaxed)
    }
}

fn note(failures: &AtomicU64, result: Result<(), String>) {
    if let Err(error) = result {
        eprintln!("bext_host: {error}");
        failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// The thread that flushes.
#[derive(Debug)]
pub(crate) struct Timer {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Timer {
    /// Ends the thread, after the flush that is under way.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            eprintln!("bext_host: the flush thread panicked");
        }
    }
}
