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
                "not done within {} ms: the exporter is still at work, and {} {} for it",
                timeout.as_millis(),
                count(after.buffered, "span"),
                if after.buffered == 1 { "waits" } else { "wait" },
            )),
            Err(FlushError::Export { message, .. }) => parts.push(format!("export failed: {message}")),
            Err(error) => parts.push(error.to_string()),
        }
        if failed > 0 {
            let mut text = passive(failed, "span", "lost, dropped after the failed export");
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
            let how = "started while there was no tracer, before on_server_start";
            parts.push(passive(unstarted, "span", how));
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
        (b.overload, a.overload, "span", "refused: the memory budget was used up"),
        (b.shutdown, a.shutdown, "span", "started or still live after the tracer was shut down"),
        (b.thread_exit, a.thread_exit, "span", "refused: their thread was past its last destructor"),
        (b.fork, a.fork, "span", "left to the parent of this process"),
        (b.encode_failed, a.encode_failed, "span", "lost in batches that could not be encoded"),
        (b.queue_full, a.queue_full, "span", "dropped because the queue was full"),
        (before.lost_attributes, after.lost_attributes, "attribute", "left out: over a limit, or no memory"),
        (before.lost_events, after.lost_events, "event", "left out: over a limit, or no memory"),
        (before.lost_links, after.lost_links, "link", "left out: over a limit, or no memory"),
        (before.lost_parents, after.lost_parents, "remote parent", "lost: too many were held at once"),
        (before.truncated, after.truncated, "text", "cut: longer than a record takes"),
    ]
    .into_iter()
    .filter_map(|(before, after, noun, how)| {
        let lost = after.saturating_sub(before);
        (lost > 0).then(|| passive(lost, noun, how))
    })
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// What was done with so many.
fn passive(n: u64, noun: &str, how: &str) -> String {
    format!("{} {} {how}", count(n, noun), if n == 1 { "was" } else { "were" })
}
