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
                "not done within {} ms: the exporter is still at work, and {} for it",
                timeout.as_millis(),
                count(after.buffered, ["span waits", "spans wait"]),
            )),
            Err(FlushError::Export { message, .. }) => parts.push(format!("export failed: {message}")),
            Err(error) => parts.push(error.to_string()),
        }
        if failed > 0 {
            let mut text = format!(
                "{}, dropped after the failed export",
                count(failed, ["span was lost", "spans were lost"])
            );
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
                "{} while there was no tracer, before on_server_start",
                count(unstarted, ["span was started", "spans were started"]),
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
    let spans = ["span was", "spans were"];
    let [attributes, events, links] =
        [["attribute was", "attributes were"], ["event was", "events were"], ["link was", "links were"]];
    let left_out = "left out: over a limit, or no memory for it";
    [
        (b.overload, a.overload, spans, "refused: the memory budget was used up"),
        (b.shutdown, a.shutdown, spans, "started or still live after the tracer was shut down"),
        (b.thread_exit, a.thread_exit, spans, "refused: the thread was past its last destructor"),
        (b.encode_failed, a.encode_failed, spans, "lost in a batch that could not be encoded"),
        (before.lost_attributes, after.lost_attributes, attributes, left_out),
        (before.lost_events, after.lost_events, events, left_out),
        (before.lost_links, after.lost_links, links, left_out),
        (
            before.lost_parents,
            after.lost_parents,
            ["remote parent was", "remote parents were"],
            "lost: too many were held at once",
        ),
        (before.truncated, after.truncated, ["text was", "texts were"], "cut: longer than a record takes"),
    ]
    .into_iter()
    .filter_map(|(before, after, what, how)| {
        let lost = after.saturating_sub(before);
        (lost > 0).then(|| format!("{} {how}", count(lost, what)))
    })
}

/// A number with what it counts, in the singular or the plural.
fn count(n: u64, [one, many]: [&str; 2]) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
