//! The tracer's life in the host: loaded, started, flushed, stopped.

use crate::wire::Wire;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use nanospan::plugin::{FanOut, Plugin, StdoutFormat, StdoutTracer};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A loaded plugin, as its two traits, and what they do not have.
type Loaded = (Arc<dyn TracerPlugin>, Arc<dyn LifecyclePlugin>, Wire);

/// The one place that knows which tracer it is. With an echo it is two: the host has one for a site.
fn load(echo: Option<StdoutFormat>) -> Result<Loaded, String> {
    let plugin = Plugin::new("tracer-nanospan");
    let lifecycle = Arc::new(plugin.clone());
    let Some(format) = echo else {
        return Ok((lifecycle.clone(), lifecycle, Wire::new(plugin, None)));
    };
    let fan_out = FanOut::builder()
        .child(plugin.clone())
        .child(StdoutTracer::builder().format(format).build())
        // Longer than the plugin's own, unless that is configured: it says more of what is wrong.
        .flush_timeout(Duration::from_secs(6))
        .build()
        .map_err(|error| format!("--echo: {error}"))?;
    let fan_out = Arc::new(fan_out);
    Ok((fan_out.clone(), lifecycle, Wire::new(plugin, Some(fan_out))))
}

/// A tracer that was started.
pub(crate) struct Host {
    tracer: Arc<dyn TracerPlugin>,
    lifecycle: Arc<dyn LifecyclePlugin>,
    wire: Wire,
    failures: Arc<AtomicU64>,
}

impl Host {
    /// Loads the tracer and starts it; with `echo` every span is also written to standard output.
    ///
    /// # Errors
    ///
    /// What the tracer says of its configuration, or why there is no echo.
    pub(crate) fn start(config_json: &str, echo: Option<StdoutFormat>) -> Result<Self, String> {
        let (tracer, lifecycle, wire) = load(echo)?;
        lifecycle.on_server_start(config_json)?;
        Ok(Self { tracer, lifecycle, wire, failures: Arc::default() })
    }

    pub(crate) fn tracer(&self) -> Arc<dyn TracerPlugin> {
        Arc::clone(&self.tracer)
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire.clone()
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
