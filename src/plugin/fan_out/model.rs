//! A fan-out on a bench, for `crate::model`: without the threads that flush.

use crate::plugin::Plugin;
use crate::plugin::fan_out::callee::Callee;
use crate::plugin::fan_out::lead::Leads;
use crate::plugin::fan_out::{FanOut, HANDLE_WORDS};
use crate::raw::table::Table;
use crate::tracer::Tracer;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// A fan-out over plugins of these tracers, which can do anything but flush. Its table has `entries`
/// entries, of which no thread keeps any.
pub(crate) fn over(tracers: impl IntoIterator<Item = Tracer>, entries: usize) -> FanOut {
    let tracers: Box<[Callee]> =
        tracers.into_iter().map(|tracer| Callee::Ours(Plugin::over("child", tracer))).collect();
    FanOut {
        leads: Leads::none(),
        table: Table::leak_keeping(entries, tracers.len() * HANDLE_WORDS, 0),
        name: "fan-out".to_owned(),
        children: Box::default(),
        tracers,
        flush_timeout: Duration::ZERO,
        refused_told: AtomicU64::new(0),
    }
}
