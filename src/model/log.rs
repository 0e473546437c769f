//! One log, its reader and its walkers, without blocks or spans.

use crate::raw::log as real;
use crate::raw::log::Chunk;
use crate::raw::quick::{self, Body};
use crate::raw::record::{Kind, Raw, Records, Stamp, header};
use crate::raw::recorded::{Blob, Recorded};
use crate::raw::supply::Supply;
use crate::raw::writer::Writer;
use crate::value::{Text, Value};
use crossbeam_epoch::Guard;

/// A bounded stock of chunks.
#[derive(Debug, Clone, Copy)]
pub struct Chunks(&'static Supply<&'static Chunk>);

impl Chunks {
    /// As many chunks as there ever are.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let supply: &'static Supply<&'static Chunk> =
            Box::leak(Box::new(Supply::new(count, count, usize::MAX)));
        for _ in 0..count {
            let chunk: &'static Chunk = Box::leak(Box::new(Chunk::new()));
            assert!(supply.give(chunk).is_ok(), "there is room for every chunk");
        }
        Self(supply)
    }
}

/// A log. Only one thread of a model may [`record`](Self::record) in it.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    log: &'static real::Log,
    chunks: Chunks,
}

/// What one record said: the span's place and the values of its attributes.
pub type Entry = (u64, Vec<i64>);

impl Log {
    /// An empty log that takes its chunks from `chunks`.
    #[must_use]
    pub fn new(chunks: Chunks) -> Self {
        Self { log: Box::leak(Box::new(real::Log::new())), chunks }
    }

    /// One call that sets attributes on the span at `place`. `false` when there was no chunk for one
    /// of them.
    #[must_use]
    pub fn record(self, place: u64, values: &[i64]) -> bool {
        let stamp = Stamp::by_owner(0);
        // As the engine does: shortly, if it fits.
        // SAFETY: one thread records in a log, by this type's contract with its models.
        if let Some(mut room) = unsafe { self.log.room() } {
            room.put([0, place]);
            for &value in values {
                quick::attribute(&mut room, Text::Static("key"), &Value::I64(value));
            }
            let header = header(Kind::Attributes, stamp, values.len() as u8, room.len());
            if room.commit(header) {
                return true;
            }
        }
        // SAFETY: one thread records in a log, by this type's contract with its models, and the
        // writer is finished before this call returns.
        let opened = unsafe { Writer::open(self.log, self.chunks.0, place, stamp, &Body::Attributes, 64) };
        let Ok(mut writer) = opened else { return false };
        let mut complete = true;
        for &value in values {
            complete &= writer.attribute(Text::Static("key"), &Value::I64(value)).is_ok();
        }
        writer.finish();
        complete
    }

    /// The position up to which records are committed.
    #[must_use]
    pub fn committed(self) -> u64 {
        self.log.committed()
    }

    /// Words waiting, to the nearest chunk.
    #[must_use]
    pub fn backlog(self, pinned: &Guard) -> usize {
        self.log.backlog(pinned)
    }

    /// Reads every word of every sealed chunk that [`backlog`](Self::backlog) would count. It looks
    /// at more than any walker of ours does, so that loom sees a chunk that is written again too early.
    pub fn read_sealed(self, pinned: &Guard) {
        self.log.read_sealed(pinned);
    }
}

/// The drain's reader of one log.
#[derive(Debug)]
pub struct Reader(real::Reader);

impl Reader {
    /// A reader that stands at the log's beginning.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a reader belongs to a log, it has no default one")]
    pub fn new() -> Self {
        Self(real::Reader::new())
    }

    /// The records up to `target`, in order. Chunks that were read to their end go back to the stock
    /// once no walker is pinned that could see them.
    pub fn walk(&mut self, log: Log, target: u64, guard: &Guard) -> Vec<Entry> {
        let mut entries = Vec::new();
        let run = |records: Records<'_>| {
            for record in records {
                let mut copy = Recorded::default();
                let at = copy.push(&record, &Blob::default());
                let Some(entry) = copy.get(at) else { continue };
                let mut body = entry.body();
                let values = (0..record.count).map(|_| match body.attribute() {
                    Some((_, Raw::I64(value))) => value,
                    other => panic!("the record holds integers only, not {other:?}"),
                });
                entries.push((record.place, values.collect()));
            }
        };
        self.0.read(log.log, target, guard, log.chunks.0, run);
        entries
    }
}
