//! The engine with its drain, as a tracer has them, without the drain's and the exporter's threads: a
//! model decides which of its threads drains.

use crate::batch::{Batch, ValueView};
#[cfg(feature = "bext")]
use crate::drain::Pipeline;
use crate::drain::Stats;
use crate::drain::model::Bench;
use crate::export::Nowhere;
use crate::raw::clock::Clock;
use crate::raw::engine::{Engine, Sizes};
use crate::raw::local::Target;
use crate::raw::packed::KeyParts;
use crate::raw::record::Type;
use crate::raw::short;
use crate::raw::slot::{NameWord, Start};
use crate::raw::tally::Count;
use crate::value::{Text, Value};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// An engine.
#[derive(Debug, Clone, Copy)]
pub struct Tracer(pub(super) &'static Engine);

/// A span as native code holds it: where it lives.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    target: Target,
    trace: u64,
}

/// A span as its handle names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    trace: u64,
    span: u64,
}

impl Id {
    /// The span's number in its handle.
    #[must_use]
    pub fn span_id(self) -> u64 {
        self.span
    }
}

impl Tracer {
    /// An engine with so many blocks and chunks, all in stock, and its drain.
    ///
    /// # Panics
    ///
    /// When the slab cannot be used, which a model does not expect.
    #[must_use]
    pub fn new(blocks: usize, chunks: usize) -> (Self, Drain) {
        let (tracer, mut drain) = Self::unstocked(blocks, chunks);
        drain.0.refill();
        (tracer, drain)
    }

    /// An engine whose drain supplies it only after its first pass.
    ///
    /// # Panics
    ///
    /// As for [`new`](Self::new).
    #[must_use]
    pub fn unstocked(blocks: usize, chunks: usize) -> (Self, Drain) {
        let tracer = Self::without_drain(blocks, chunks);
        // Models look at what the drain makes, before any exporter.
        (tracer, Drain(Bench::new(tracer.0, Arc::new(Nowhere))))
    }

    pub(super) fn without_drain(blocks: usize, chunks: usize) -> Self {
        let clock = Clock::Manual(Arc::new(AtomicU64::new(1)));
        Self(Engine::leak(clock, Some(1), Sizes { blocks, chunks, max_payload: 64 }))
    }

    /// Starts a span in a trace of its own.
    #[must_use]
    pub fn start(self, trace: u64) -> Option<Span> {
        let name = NameWord::of_static("span");
        let start = Start { trace_id: u128::from(trace), parent: 0, ticks: 1, name, kind: 0, flags: 1 };
        let target = self.0.start::<false>(&start)?;
        Some(Span { target, trace })
    }

    /// Sets an attribute.
    pub fn attribute(self, span: Span, key: &'static str, value: i64) {
        // As a span does.
        let word = KeyParts::of(key, Type::I64).and_then(KeyParts::word);
        if !word.is_some_and(|key| short::attribute(span.target, key, value as u64)) {
            self.0.attribute(span.target, Text::Static(key), &Value::I64(value));
        }
    }

    /// Ends a span. `false`, and counted as stale, when it had ended.
    pub fn end(self, span: Span) -> bool {
        self.0.end::<false>(span.target)
    }

    /// The name of a span.
    #[must_use]
    pub fn id(self, span: Span) -> Id {
        let Span { target, trace } = span;
        Id { trace, span: self.0.key.seal(target.place, u128::from(trace)) }
    }

    /// The name that a trace and the number in a handle make.
    #[must_use]
    pub fn id_of(self, trace: u64, span: u64) -> Id {
        Id { trace, span }
    }

    /// The span that a name means; `None`, and counted, when it has ended.
    #[must_use]
    pub fn resolve(self, id: Id) -> Option<Span> {
        let target = self.0.resolve(u128::from(id.trace), id.span)?;
        Some(Span { target, trace: id.trace })
    }

    /// Stale calls that the callers noticed.
    #[must_use]
    pub fn stale(self) -> u64 {
        self.sum(Count::Stale)
    }

    /// Spans that were refused for want of a block.
    #[must_use]
    pub fn refused(self) -> u64 {
        self.sum(Count::Overload)
    }

    /// Handles that were not made here.
    #[must_use]
    pub fn forged(self) -> u64 {
        self.sum(Count::Forged)
    }

    /// Attributes that were shed for want of a chunk.
    #[must_use]
    pub fn shed(self) -> u64 {
        self.sum(Count::ShedAttributes)
    }

    fn sum(self, what: Count) -> u64 {
        self.0.strays.get(what) + self.0.registry.iter().map(|local| local.tally.get(what)).sum::<u64>()
    }
}

/// What a pass delivered of one span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The trace that it was started in.
    pub trace: u64,
    /// Its attributes, in the order in which their keys came first.
    pub attributes: Vec<(String, i64)>,
    /// Attributes that it is known to have lost.
    pub dropped_attributes: u32,
}

/// How many spans have come how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Whether the last pass is done.
    pub drained: bool,
    /// Exported, or lost on their way to the exporter.
    pub gone: u64,
    /// Collected by the drain.
    pub consumed: u64,
    /// Started.
    pub issued: u64,
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// The spans that it assembled.
    pub spans: Vec<Seen>,
    /// The stale calls that it found.
    pub stale: u64,
}

/// The drain.
#[derive(Debug)]
pub struct Drain(Bench);

impl Drain {
    /// One turn of the drain's loop that looks at everything, as one for a flush does, and an exporter that
    /// takes what is there.
    ///
    /// # Panics
    ///
    /// When the batch cannot be encoded or read back.
    pub fn pass(&mut self) -> Pass {
        self.turn(true)
    }

    /// One turn that leaves all out that is at rest, which logs are that were not read before.
    ///
    /// # Panics
    ///
    /// When the batch cannot be encoded or read back.
    pub fn glance(&mut self) -> Pass {
        self.turn(false)
    }

    fn turn(&mut self, all: bool) -> Pass {
        let (stale, batch) = self.0.turn(all);
        let Some(batch) = batch else { return Pass { stale, ..Pass::default() } };
        self.exporter()(batch.span_count() as u64, 0);
        Pass { spans: read(&batch), stale }
    }

    /// One turn, of which no exporter has heard yet; how many spans it assembled.
    pub fn pass_unheard(&mut self) -> u64 {
        self.0.turn(true).1.map_or(0, |batch| batch.span_count() as u64)
    }

    /// What says, on whatever thread, that so many spans were exported and so many lost on their way.
    pub fn exporter(&self) -> impl Fn(u64, u64) + Copy + Send + 'static {
        let pipeline = self.0.pipeline();
        move |exported, lost| pipeline.ledger.exported(exported, lost)
    }

    /// What says, on whatever thread, that the last pass is done.
    pub fn finisher(&self) -> impl Fn() + Copy + Send + 'static {
        let pipeline = self.0.pipeline();
        move || pipeline.finish()
    }

    /// What reads the account, from any thread.
    pub fn account(&self) -> impl Fn() -> Stats + Copy + Send + 'static {
        let pipeline = self.0.pipeline();
        move || pipeline.stats()
    }

    /// What reads how far spans have come, from any thread: less than the account, and in the same order.
    pub fn way(&self) -> impl Fn() -> Way + Copy + Send + 'static {
        let pipeline = self.0.pipeline();
        move || {
            let way = pipeline.way();
            Way { drained: way.drained, gone: way.gone(), consumed: way.consumed, issued: way.issued }
        }
    }

    #[cfg(feature = "bext")]
    pub(super) fn pipeline(&self) -> &'static Pipeline {
        self.0.pipeline()
    }
}

pub(super) fn read(batch: &Batch) -> Vec<Seen> {
    let view = batch.view();
    view.spans()
        .map(|span| {
            let low = span.trace_id()[8..].try_into().map(u64::from_be_bytes);
            let attributes = span.attributes().map(|(key, value)| match value {
                ValueView::I64(value) => (key.to_owned(), value),
                other => panic!("a model sets integers only, not {other:?}"),
            });
            Seen {
                trace: low.unwrap_or_default(),
                attributes: attributes.collect(),
                dropped_attributes: span.dropped_attributes_count(),
            }
        })
        .collect()
}
