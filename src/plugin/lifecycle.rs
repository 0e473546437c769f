//! The plugin's life: configured and started, stopped, perhaps started again.

use crate::drain::{FlushError, Stats};
use crate::plugin::config::Config;
use crate::plugin::{Plugin, load, store};
use bext_plugin_api::lifecycle::LifecyclePlugin;
use bext_plugin_api::tracer::TracerPlugin;
use bext_plugin_api::types::priority;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Where the plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not started yet.
    Waiting,
    /// Has a tracer.
    Running,
    /// Had one, and shut it down.
    Stopped,
}

/// What the plugin keeps between calls that are not recording.
#[derive(Debug)]
pub(super) struct Lifecycle {
    stage: Stage,
    /// The account as of the last report, so that each loss is reported once.
    pub(super) reported: Stats,
    pub(super) reported_unstarted: u64,
}

impl Lifecycle {
    pub(super) fn new(is_running: bool) -> Self {
        let stage = if is_running { Stage::Running } else { Stage::Waiting };
        Self { stage, reported: Stats::default(), reported_unstarted: 0 }
    }
}

impl Plugin {
    /// Fails in a child that was forked from the process of the tracer.
    fn check_process(&self, what: &str) -> Result<(), String> {
        if self.tracer().is_forked() {
            self.report(what, Duration::ZERO, Err(FlushError::Forked))
        } else {
            Ok(())
        }
    }

    /// Shuts the tracer down, once.
    fn stop(&self, what: &str) -> Result<(), String> {
        self.check_process(what)?;
        if self.lifecycle().stage != Stage::Running {
            return Ok(());
        }
        let timeout = load(&self.inner.shutdown_timeout);
        // Not under the lock: a flush may have to report meanwhile.
        let result = self.tracer().shutdown(timeout);
        self.lifecycle().stage = Stage::Stopped;
        self.report(what, timeout, result)
    }
}

/// What each call does is told at [`Plugin`].
impl LifecyclePlugin for Plugin {
    fn name(&self) -> &str {
        TracerPlugin::name(self)
    }

    /// The host's own place for request tracing: before plugins that may want to trace.
    fn priority(&self) -> u32 {
        priority::TRACING
    }

    /// Builds the tracer as the configuration says; `docs/bext.md` has the keys. An empty text and
    /// `null` are an empty configuration.
    ///
    /// # Errors
    ///
    /// When the plugin has a tracer already, when the configuration is not valid (the text names every
    /// key that is wrong or unknown and says why), and when the tracer cannot be built.
    fn on_server_start(&self, config_json: &str) -> Result<(), String> {
        self.check_process("start")?;
        let name = &self.inner.name;
        let mut lifecycle = self.lifecycle();
        if lifecycle.stage == Stage::Running {
            return Err(format!("{name}: start: it has a tracer already"));
        }
        let config = Config::parse(config_json).map_err(|error| format!("{name}: configuration: {error}"))?;
        let mut builder = config.builder();
        if let Some(prepare) = &self.inner.prepare {
            builder = prepare(builder);
        }
        let tracer = builder.build().map_err(|error| format!("{name}: start: {error}"))?;
        if let Some(timeout) = config.flush_timeout {
            store(&self.inner.flush_timeout, timeout);
        }
        if let Some(timeout) = config.shutdown_timeout {
            store(&self.inner.shutdown_timeout, timeout);
        }
        lifecycle.stage = Stage::Running;
        lifecycle.reported = Stats::default();
        // Release pairs with the Acquire in `tracer`.
        self.inner.core.store(tracer.core(), Ordering::Release);
        Ok(())
    }

    /// # Errors
    ///
    /// When spans were lost or the exporter failed, since the last flush or now. A second call, and
    /// one before the start, does nothing.
    fn on_server_stop(&self) -> Result<(), String> {
        self.stop("stop")
    }

    /// Delivers what was recorded before the reload.
    ///
    /// # Errors
    ///
    /// As for `flush`.
    fn on_reload(&self) -> Result<(), String> {
        self.flush()
    }

    /// Shuts the tracer down if `on_server_stop` has not. Its two threads end then; its memory and
    /// the plugin's code have to stay, since a handle may still be used.
    ///
    /// # Errors
    ///
    /// As for `on_server_stop`.
    fn cleanup(&self) -> Result<(), String> {
        self.stop("cleanup")
    }
}
