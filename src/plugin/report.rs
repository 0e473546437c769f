//! What a flush or a stop tells the host: what failed, why, and what became of the spans.

use crate::drain::{FlushError, Stats};
use crate::plugin::Plugin;
use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Plugin {
    /// The result as the host gets it, with what was lost since the last report.
    pub(super) fn report(
        &self,
        what: &str,
        timeout: Duration,
        result: Result<(), FlushError>,
    ) -> Result<(), String> {
        if result == Err(FlushError::Forked) {
            // Here the mutex may be held by a thread that the child does not have.
            return Err(format!("{}: {what}: {}", self.inner.name, FlushError::Forked));
        }
        let tracer = self.tracer();
        let mut parts = Vec::new();
        let (before, after, unstarted) = {
            let mut lifecycle = self.lifecycle();
            let after = tracer.stats();
            let before = std::mem::replace(&mut lifecycle.reported, after);
            let total = self.inner.unstarted.load(Ordering::Relaxed);
            let unstarted = total - std::mem::replace(&mut lifecycle.reported_unstarted, total);
            (before, after, unstarted)
        };
        let failed = after.dropped.export_failed.saturating_sub(before.dropped.export_failed);
        match &result {
            Ok(()) => {}
            Err(FlushError::DeadlineExceeded) => parts.push(format!(
                "not done within {} ms: the exporter is still at work, and {} wait for it",
                timeout.as_millis(),
                count(after.buffered, "span"),
            )),
            Err(FlushError::Export { message, .. }) => parts.push(format!("export failed: {message}")),
            Err(error) => parts.push(error.to_string()),
        }
        if failed > 0 {
            let mut text = format!("{} were lost, dropped after the failed export", count(failed, "span"));
            if !matches!(result, Err(FlushError::Export { .. })) {
                // Of an earlier flush that did not wait for it.
                if let Some(message) = tracer.last_export_error() {
                    let _ = write!(text, " ({message})");
                }
            }
            parts.push(text);
        } else if matches!(result, Err(FlushError::Export { .. })) {
            parts.push("no span was lost".to_owned());
        }
        parts.extend(losses(&before, &after));
        if unstarted > 0 {
            parts.push(format!(
                "{} were started while there was no tracer, before on_server_start",
                count(unstarted, "span"),
            ));
        }
        if parts.is_empty() {
            Ok(())
        } else {
            Err(format!("{}: {what}: {}", self.inner.name, parts.join("; ")))
        }
    }
}

/// What was lost while recording.
fn losses(before: &Stats, after: &Stats) -> impl Iterator<Item = String> {
    let (b, a) = (&before.dropped, &after.dropped);
    [
        (b.overload, a.overload, "span", "were refused: the memory budget was used up"),
        (b.shutdown, a.shutdown, "span", "were started or still live after the tracer was shut down"),
        (b.thread_exit, a.thread_exit, "span", "were refused: their thread was past its last destructor"),
        (b.fork, a.fork, "span", "belong to the parent of this process"),
        (b.encode_failed, a.encode_failed, "span", "were lost in batches that could not be encoded"),
        (
            before.lost_attributes,
            after.lost_attributes,
            "attribute",
            "were left out: over a limit, or no memory",
        ),
        (before.lost_events, after.lost_events, "event", "were left out: over a limit, or no memory"),
        (before.lost_links, after.lost_links, "link", "were left out: over a limit, or no memory"),
        (before.truncated, after.truncated, "text", "were cut: longer than a record takes"),
    ]
    .into_iter()
    .filter_map(|(before, after, noun, verb)| {
        let lost = after.saturating_sub(before);
        (lost > 0).then(|| format!("{} {verb}", count(lost, noun)))
    })
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
