//! What reached a sink: how many spans, and a hash of what was in them.
//!
//! The hash does not depend on the order in which spans, attributes and events arrive. Two libraries
//! that deliver the same names, keys, values and types have the same hash; the ids and times are left
//! out, since they differ from run to run.

use crate::workload::is_recorded_key;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A value with its type.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    Integer(i64),
    Flag(bool),
    /// A type that no workload records.
    Other,
}

/// One span's content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    hash: u64,
    /// Attributes that no workload records: the library's own.
    extra: u64,
}

fn hash_of(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Content {
    pub(crate) fn new(name: &str, has_parent: bool) -> Self {
        Self { hash: hash_of((name, has_parent)), extra: 0 }
    }

    pub(crate) fn attribute(&mut self, key: &str, value: Field<'_>) {
        if is_recorded_key(key) {
            self.hash = self.hash.wrapping_add(hash_of(("attribute", key, value)));
        } else {
            self.extra += 1;
        }
    }

    pub(crate) fn event<'a>(
        &mut self,
        name: &str,
        attributes: impl IntoIterator<Item = (&'a str, Field<'a>)>,
    ) {
        let mut hash = hash_of(("event", name));
        for (key, value) in attributes {
            if is_recorded_key(key) {
                hash = hash.wrapping_add(hash_of((key, value)));
            } else {
                self.extra += 1;
            }
        }
        self.hash = self.hash.wrapping_add(hash_of(("whole event", hash)));
    }

    pub(crate) fn status_ok(&mut self) {
        self.hash = self.hash.wrapping_add(hash_of("status ok"));
    }

    /// The span as one number. Hashed once more, so that attributes cannot change places between spans.
    pub(crate) fn finish(self) -> u64 {
        hash_of(self.hash)
    }
}

/// Counts the spans that arrive, and hashes them when it is asked to.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    spans: AtomicU64,
    hash: AtomicU64,
    extra: AtomicU64,
    verifies: AtomicBool,
    encoding_nanos: AtomicU64,
}

impl Sink {
    /// From now on every span is looked at.
    pub(crate) fn verify(&self) {
        self.verifies.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_verifying(&self) -> bool {
        self.verifies.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, spans: u64) {
        // Release pairs with the Acquire in `spans`: who sees the count sees the hash.
        self.spans.fetch_add(spans, Ordering::Release);
    }

    pub(crate) fn add(&self, content: Content) {
        self.extra.fetch_add(content.extra, Ordering::Relaxed);
        self.hash.fetch_add(content.finish(), Ordering::Relaxed);
    }

    /// That encoding took so long.
    pub(crate) fn encoded(&self, time: Duration) {
        self.encoding_nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Nanoseconds that encoding took.
    pub(crate) fn encoding_nanos(&self) -> u64 {
        self.encoding_nanos.load(Ordering::Relaxed)
    }

    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Acquire)
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.load(Ordering::Relaxed)
    }

    pub(crate) fn extra(&self) -> u64 {
        self.extra.load(Ordering::Relaxed)
    }
}
