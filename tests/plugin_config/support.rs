//! Plugins to configure, and spans to record with them.

use nanospan::OwnedValue;
use nanospan::batch::BatchView;
use nanospan::export::MemoryExporter;
use nanospan::plugin::Plugin;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanStart, TracerPlugin};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a test waits for what must happen: a failure after that, not a measure of anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A plugin that exports to memory; not started.
pub(crate) fn in_memory() -> (Plugin, MemoryExporter) {
    let memory = MemoryExporter::new();
    let exporter = memory.clone();
    let plugin = Plugin::with("t", move |builder| {
        // Their errors are what tests look at, not what they print.
        builder.exporter(exporter.clone()).error_handler(|_| {})
    });
    plugin.set_flush_timeout(PATIENCE);
    plugin.set_shutdown_timeout(PATIENCE);
    (plugin, memory)
}

/// A plugin that was started with this configuration and exports to memory.
pub(crate) fn started(config: &str) -> (Plugin, MemoryExporter) {
    let (plugin, memory) = in_memory();
    plugin.on_server_start(config).unwrap();
    (plugin, memory)
}

/// What is said of a configuration that is refused.
pub(crate) fn refusal(config: &str) -> String {
    in_memory().0.on_server_start(config).expect_err(config)
}

pub(crate) fn start(plugin: &Plugin, name: &str) -> SpanHandle {
    plugin.start_span(SpanStart { name, ..SpanStart::default() })
}

/// Records a root span.
pub(crate) fn record(plugin: &Plugin, name: &str) {
    let span = start(plugin, name);
    assert!(!span.is_invalid(), "{name} is not recorded");
    plugin.end_span(span, None);
}

/// The names of the spans that were delivered, in order.
pub(crate) fn names(memory: &MemoryExporter) -> Vec<String> {
    memory.spans().into_iter().map(|span| span.name).collect()
}

/// The resource of the one batch.
pub(crate) fn resource(memory: &MemoryExporter) -> BTreeMap<String, OwnedValue> {
    let batches = memory.batches();
    assert_eq!(batches.len(), 1);
    let view = BatchView::parse(&batches[0]).unwrap();
    view.resource().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A directory of a test's own, removed at its end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("nanospan-config-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    /// A configuration whose section `segments` has this directory and `more`.
    pub(crate) fn config(&self, more: &str) -> String {
        format!(r#"{{"segments": {{"directory": {:?}{more}}}}}"#, self.spool())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
