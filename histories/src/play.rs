//! Plays histories on a real tracer: a pool of threads, each of which plays one lane of every history of a
//! round, one history after the other.
//!
//! Threads wait for each other only where the plan says that one call comes after another, by a flag for each
//! call, and share nothing else that they write: what is learned of a call is put where no other thread
//! looks before the round is over, and the oracle is told then. A lock around an oracle that is
//! asked during the round would order what is to race.

use crate::plan::{Act, Attribute, By, Call, Ending, Named, Op, Outcome, Parent, Plan, Start};
use crate::pool::Keeper;
use crate::random::Random;
use nanospan::{
    FlushError, Span, SpanBuilder, SpanContext, SpanHandle, SpanId, Status, Text, Timestamp, TraceFlags,
    TraceId, TraceState, Tracer, Value,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How long a round, a flush or the shutdown may take: nothing does unless it hangs, on a busy machine
/// either.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A history and what is learned while it is played.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) plan: Plan,
    /// Which thread plays the first lane.
    pub(crate) offset: usize,
    done: Vec<AtomicBool>,
    spans: Vec<Cell>,
    /// Of a burst, what it started.
    pub(crate) bursts: Vec<OnceLock<Vec<SpanHandle>>>,
    /// Of a flush that succeeded, how many spans had arrived in the round when it returned.
    pub(crate) flushed: Vec<OnceLock<usize>>,
    /// What went wrong at once.
    pub(crate) errors: Mutex<Vec<String>>,
}

/// What is known of a span of the plan.
#[derive(Debug, Default)]
struct Cell {
    span: Mutex<Option<Span>>,
    /// Its handle, once it was asked for; the invalid one when it is not recording.
    id: OnceLock<SpanHandle>,
    started: OnceLock<Started>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) recording: bool,
    /// Of a span that is not recording: whether it has ids to pass on.
    pub(crate) has_ids: bool,
}

impl Run {
    pub(crate) fn new(number: u64, plan: Plan, offset: usize) -> Self {
        let ops = plan.ops.len();
        Self {
            number,
            offset,
            done: (0..ops).map(|_| AtomicBool::new(false)).collect(),
            spans: (0..plan.spans).map(|_| Cell::default()).collect(),
            bursts: (0..ops).map(|_| OnceLock::new()).collect(),
            flushed: (0..ops).map(|_| OnceLock::new()).collect(),
            errors: Mutex::new(Vec::new()),
            plan,
        }
    }

    pub(crate) fn started(&self, span: usize) -> Option<Started> {
        self.spans[span].started.get().copied()
    }

    /// The handle of a span, if it is recording and was asked.
    pub(crate) fn id(&self, span: usize) -> Option<SpanHandle> {
        self.spans[span].id.get().copied().filter(|id| !id.is_invalid())
    }

    /// The span's handle for a call by it.
    fn handle(&self, span: usize) -> SpanHandle {
        self.spans[span].id.get().copied().unwrap_or_default()
    }

    fn span(&self, span: usize) -> std::sync::MutexGuard<'_, Option<Span>> {
        self.spans[span].span.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, text: String) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// Histories that are played together, between two quiet points.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) runs: Vec<Run>,
    /// Spans of earlier rounds.
    pub(crate) ancients: Vec<SpanHandle>,
    pub(crate) keeper: Keeper,
    pub(crate) flushes: AtomicU64,
    pub(crate) abort: AtomicBool,
}

impl Round {
    pub(crate) fn ancient(&self, n: u64) -> Option<SpanHandle> {
        (!self.ancients.is_empty()).then(|| self.ancients[n as usize % self.ancients.len()])
    }

    fn named(&self, run: &Run, on: Named) -> SpanHandle {
        match on {
            Named::Span(span) => run.handle(span),
            Named::Invalid => SpanHandle::INVALID,
            Named::Forged(n) => self.forged(n),
            Named::Ancient(n) => self.ancient(n).unwrap_or_else(|| self.forged(n)),
        }
    }

    /// A handle that no tracer made: ids out of the air, or one made of parts of two.
    pub(crate) fn forged(&self, n: u64) -> SpanHandle {
        let mut random = Random::new(n);
        let id = |random: &mut Random| SpanId::from_u64(random.next() | 1);
        let trace = TraceId::from_u128(u128::from(random.next()) << 64 | u128::from(n));
        match self.ancient(n) {
            Some(real) if n % 3 == 0 => SpanHandle { trace_id: real.trace_id, span_id: id(&mut random) },
            Some(real) if n % 3 == 1 => SpanHandle { trace_id: trace, span_id: real.span_id },
            _ => SpanHandle { trace_id: trace, span_id: id(&mut random) },
        }
    }
}

/// How far a thread came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    ToTheEnd,
    /// Another thread is to go on behind this call.
    To {
        run: usize,
        op: usize,
    },
    Aborted,
}

/// Plays one thread's part of a round from here on.
pub(crate) fn play(
    tracer: Tracer,
    round: &Round,
    thread: usize,
    threads: usize,
    from: (usize, usize),
) -> Came {
    for (at, run) in round.runs.iter().enumerate().skip(from.0) {
        let lane = (thread + threads - run.offset % threads) % threads;
        if lane >= run.plan.lanes {
            continue;
        }
        let first = if at == from.0 { from.1 } else { 0 };
        for (n, op) in run.plan.ops.iter().enumerate().skip(first) {
            if op.lane as usize != lane {
                continue;
            }
            if !wait(round, run, op) {
                return Came::Aborted;
            }
            act(tracer, round, run, n, op);
            // Release pairs with the Acquire in `wait`: what this call did happened before what waits.
            run.done[n].store(true, Ordering::Release);
            if matches!(op.act, Act::Churn) {
                return Came::To { run: at, op: n + 1 };
            }
        }
    }
    Came::ToTheEnd
}

/// Waits for what comes before a call; `false` when the round was given up.
fn wait(round: &Round, run: &Run, op: &Op) -> bool {
    for &before in &op.after {
        let mut looks = 0u32;
        while !run.done[before as usize].load(Ordering::Acquire) {
            looks += 1;
            if looks < 40 {
                std::hint::spin_loop();
            } else {
                if looks % 256 == 0 && round.abort.load(Ordering::Relaxed) {
                    return false;
                }
                std::thread::yield_now();
            }
        }
    }
    true
}

fn act(tracer: Tracer, round: &Round, run: &Run, n: usize, op: &Op) {
    match &op.act {
        Act::Start(start) => begin(tracer, round, run, start),
        Act::Record { on: Named::Span(span), by: By::Span, call } => {
            if let Some(span) = run.span(*span).as_mut() {
                record_by_span(span, call);
            }
        }
        Act::Record { on, call, .. } => record_by_handle(tracer, round.named(run, *on), call),
        Act::End { on: Named::Span(span), by: By::Span, how } => {
            let cell = &run.spans[*span];
            if let Some(span) = run.span(*span).take() {
                let _ = cell.id.get_or_init(|| span.handle());
                match *how {
                    Ending::Now => drop(span),
                    Ending::At(time) => span.end_at(Timestamp::from_unix_nanos(time)),
                    Ending::Panic => {
                        let unwound = catch_unwind(AssertUnwindSafe(move || {
                            let _span = span;
                            resume_unwind(Box::new(()));
                        }));
                        drop(unwound);
                    }
                }
            }
        }
        Act::End { on, how, .. } => {
            let time = match *how {
                Ending::At(time) => Some(Timestamp::from_unix_nanos(time)),
                _ => None,
            };
            tracer.end_span(round.named(run, *on), time);
        }
        Act::Burst { below, spans } => {
            let below = below.map(|span| run.handle(span)).filter(|handle| !handle.is_invalid());
            let handles = (0..*spans).map(|n| burst(tracer, below, n)).collect();
            let _ = run.bursts[n].set(handles);
        }
        Act::Flush => {
            round.flushes.fetch_add(1, Ordering::Relaxed);
            match tracer.flush(PATIENCE) {
                // What failed has come to the exporter, too.
                Ok(()) | Err(FlushError::Export { .. }) => {
                    let _ = run.flushed[n].set(round.keeper.arrived());
                }
                Err(FlushError::Shutdown) => {}
                Err(error) => run.fail(format!("flush: {error}")),
            }
        }
        Act::Account => drop(tracer.stats()),
        Act::Churn => {}
        Act::Shutdown => match tracer.shutdown(PATIENCE) {
            Ok(()) | Err(FlushError::Export { .. }) => {}
            Err(error) => run.fail(format!("shutdown: {error}")),
        },
    }
}

/// One span of a burst, in one of two ways.
fn burst(tracer: Tracer, below: Option<SpanHandle>, n: u16) -> SpanHandle {
    let builder = tracer.span("burst");
    let builder = match below {
        Some(parent) => builder.child_of_handle(parent),
        None => builder,
    };
    if n % 2 == 0 {
        let span = builder.start();
        span.set_attribute("n", i64::from(n));
        return span.handle();
    }
    let handle = builder.start_handle();
    if !handle.is_invalid() {
        tracer.set_attribute(handle, "n", i64::from(n));
        tracer.end_span(handle, None);
    }
    handle
}

/// The context of a remote parent.
pub(crate) fn remote(id: u64, sampled: bool, random: bool, state: bool) -> SpanContext {
    let (trace_id, span_id) = crate::oracle::context_of(id);
    let flags = TraceFlags::NONE.with_sampled(sampled).with_random(random);
    let state = if state { STATE.parse().unwrap_or(TraceState::EMPTY) } else { TraceState::EMPTY };
    SpanContext::remote(TraceId::from_u128(trace_id), SpanId::from_u64(span_id), flags, state)
}

/// The trace state of those that have one.
pub(crate) const STATE: &str = "vendor=t61rcWkgMzE,other=1";

/// The context that a link to `n` refers to.
fn link(n: u64) -> SpanContext {
    remote(n, true, false, false)
}

/// Lends attributes as the library takes them.
fn lend<R>(attributes: &[Attribute], f: impl FnOnce(&[(Text<'_>, Value<'_>)]) -> R) -> R {
    match attributes {
        [] => f(&[]),
        [a] => f(&[(a.key.text(), a.value.value())]),
        [a, b] => f(&[(a.key.text(), a.value.value()), (b.key.text(), b.value.value())]),
        _ => f(&attributes.iter().map(|a| (a.key.text(), a.value.value())).collect::<Vec<_>>()),
    }
}

fn begin(tracer: Tracer, round: &Round, run: &Run, start: &Start) {
    let parent_span;
    let parent_context;
    let name = start.name.text();
    let builder = match start.parent {
        Parent::None => tracer.span(name),
        Parent::Below(parent, By::Span) => {
            parent_span = run.span(parent);
            match parent_span.as_ref() {
                Some(parent) => parent.child(name),
                None => return run.fail(format!("span {parent} is gone before its child was started")),
            }
        }
        Parent::Below(parent, By::Handle) => tracer.span(name).child_of_handle(run.handle(parent)),
        Parent::Context(parent) => {
            let SpanHandle { trace_id, span_id } = run.handle(parent);
            let flags = TraceFlags::RANDOM.with_sampled(true);
            parent_context = SpanContext::new(trace_id, span_id, flags, TraceState::EMPTY);
            tracer.span(name).child_of_context(&parent_context)
        }
        Parent::Remote { id, sampled, random, state } => {
            parent_context = remote(id, sampled, random, state);
            tracer.span(name).child_of_context(&parent_context)
        }
        Parent::Forged(n) => tracer.span(name).child_of_handle(round.named(run, Named::Forged(n))),
        Parent::Invalid => tracer.span(name).child_of_handle(SpanHandle::INVALID),
        Parent::Ancient(n) => tracer.span(name).child_of_handle(round.named(run, Named::Ancient(n))),
    };
    let links: Vec<SpanContext> = start.links.iter().map(|&n| link(n)).collect();
    let mut builder: SpanBuilder<'_> = builder.kind(start.kind);
    if let Some(time) = start.at {
        builder = builder.start_time(Timestamp::from_unix_nanos(time));
    }
    if !links.is_empty() {
        builder = builder.links(&links);
    }
    let cell = &run.spans[start.span];
    lend(&start.attributes, |attributes| {
        let builder = if attributes.is_empty() { builder } else { builder.attributes(attributes) };
        if start.handle_only {
            let handle = builder.start_handle();
            let _ = cell.started.set(Started { recording: !handle.is_invalid(), has_ids: false });
            let _ = cell.id.set(handle);
        } else {
            let span = builder.start();
            let (recording, has_ids) = (span.is_recording(), span.trace_id().is_valid());
            let _ = cell.started.set(Started { recording, has_ids });
            if start.shared {
                let _ = cell.id.set(span.handle());
            }
            *run.span(start.span) = Some(span);
        }
    });
}

fn record_by_span(span: &mut Span, call: &Call) {
    match call {
        Call::Attribute(a) => span.set_attribute(a.key.text(), a.value.value()),
        Call::Attributes(attributes) => lend(attributes, |attributes| span.set_attributes(attributes)),
        Call::Event { name, at: None, attributes } => {
            lend(attributes, |attributes| span.add_event(name.text(), attributes));
        }
        Call::Event { name, at: Some(at), attributes } => {
            let at = Timestamp::from_unix_nanos(*at);
            lend(attributes, |attributes| span.add_event_at(name.text(), at, attributes));
        }
        Call::Link { to, attributes } => lend(attributes, |attributes| span.add_link(&link(*to), attributes)),
        Call::Status(outcome) => span.set_status(status(outcome)),
        Call::Rename(name) => span.update_name(name.text()),
    }
}

fn record_by_handle(tracer: Tracer, span: SpanHandle, call: &Call) {
    match call {
        Call::Attribute(a) => tracer.set_attribute(span, a.key.text(), a.value.value()),
        Call::Attributes(attributes) => {
            lend(attributes, |attributes| tracer.set_attributes(span, attributes));
        }
        Call::Event { name, at, attributes } => {
            let at = at.map(Timestamp::from_unix_nanos);
            lend(attributes, |attributes| tracer.add_event(span, name.text(), at, attributes));
        }
        Call::Link { to, attributes } => {
            lend(attributes, |attributes| tracer.add_link(span, &link(*to), attributes));
        }
        Call::Status(outcome) => tracer.set_status(span, status(outcome)),
        Call::Rename(name) => tracer.update_name(span, name.text()),
    }
}

fn status(outcome: &Outcome) -> Status<'_> {
    match outcome {
        Outcome::Unset => Status::Unset,
        Outcome::Ok => Status::Ok,
        Outcome::Error(text) => Status::Error(text.text()),
    }
}
