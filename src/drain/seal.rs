//! Fills a batch, seals it in time, and queues it, waiting for room when the exporter is behind.

use crate::batch::BatchBuilder;
use crate::drain::stock::Ahead;
use crate::drain::{Job, Pipeline};
use crate::raw::clock::unix_now;
use crate::raw::random;
use std::time::{Duration, Instant};

/// How long the drain waits for room before it looks after the threads, and whether the tracer is being
/// shut down. A thread goes through its share of the blocks in no less at 6 million spans a second.
const LOOK: Duration = Duration::from_millis(10);

/// How many plain spans are written between two looks at the size of the batch.
const PLAIN_SPANS: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sealer<'p> {
    pipeline: &'p Pipeline,
    pub(crate) batch: BatchBuilder,
    sequence: u64,
    /// When the open batch got its first span.
    since: Option<Instant>,
    ahead: Ahead,
}

impl<'p> Sealer<'p> {
    pub(crate) fn new(pipeline: &'p Pipeline) -> Self {
        let batch = BatchBuilder::new(&pipeline.settings.resource, random::word());
        Self { pipeline, batch, sequence: 0, since: None, ahead: Ahead::default() }
    }

    /// A span was written into the batch. One that is `plain` has no values but numbers and literals, so
    /// it is enough to look at the batch's size every few of them.
    #[inline]
    pub(crate) fn span_done(&mut self, plain: bool) {
        self.pipeline.ledger.consumed();
        let settings = &self.pipeline.settings;
        let spans = self.batch.span_count();
        let is_full = || self.batch.byte_len() >= settings.batch_bytes;
        if spans >= settings.batch_spans || ((!plain || spans % PLAIN_SPANS == 0) && is_full()) {
            self.seal();
        }
    }

    /// Seals the batch when its first span has waited for the export interval.
    pub(crate) fn seal_if_due(&mut self) {
        if self.batch.span_count() == 0 {
            return;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.pipeline.settings.export_interval {
            self.seal();
        }
    }

    /// Seals the batch, if there is anything in it, and queues it.
    pub(crate) fn seal(&mut self) {
        let spans = self.batch.span_count() as u64;
        self.since = None;
        if spans == 0 {
            return;
        }
        match self.batch.finish(self.sequence, unix_now()) {
            Ok(batch) => {
                self.sequence += 1;
                self.queue(batch);
            }
            Err(_) => self.pipeline.ledger.encode_failed(spans),
        }
    }

    /// While no turn of the drain comes to its end: lets the threads go on into what is left of the budget,
    /// without page faults.
    fn bridge(&mut self) {
        let engine = self.pipeline.engine;
        engine.blocks.begin_round();
        engine.chunks.begin_round();
        self.ahead.touch(engine);
    }

    fn queue(&mut self, batch: crate::batch::Batch) {
        let pipeline = self.pipeline;
        let settings = &pipeline.settings;
        let (bytes, spans) = (batch.as_bytes().len(), batch.span_count());
        let mut state = pipeline.state();
        loop {
            // One batch is let in whatever its size. Whoever takes a batch out notifies.
            let no_room = state.queued_bytes > 0 && state.queued_bytes + bytes > settings.queue_bytes;
            let too_many = state.queued_spans > 0 && state.queued_spans + spans > settings.queue_spans;
            if !no_room && !too_many {
                break;
            }
            // What a flush or the shutdown waits for is not dropped while there is time.
            if too_many && state.requested == state.completed && state.stop_by.is_none() {
                drop(state);
                pipeline.ledger.queue_full(spans as u64);
                self.batch.recycle(batch);
                return;
            }
            // An exporter that hangs past the deadline of a shutdown will not make room.
            if state.worker_gone || state.stop_by.is_some_and(|stop_by| stop_by <= Instant::now()) {
                drop(state);
                pipeline.ledger.export_failed(spans as u64);
                self.batch.recycle(batch);
                return;
            }
            drop(pipeline.wait(state, Some(Instant::now() + LOOK)));
            self.bridge();
            state = pipeline.state();
        }
        state.queued_bytes += bytes;
        state.queued_spans += spans;
        state.queue.push_back(Job::Batch(batch));
        while let Some(spare) = state.spare.pop() {
            self.batch.recycle(spare);
        }
        drop(state);
        pipeline.changed.notify_all();
    }
}
