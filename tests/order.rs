//! What happens before a span's end is in the span, and the last call wins, whichever threads make
//! the calls.
//!
//! Random histories over two to four threads are played on a tracer and on a simple model. The
//! threads take turns, so each history has one order and the model is exact: attributes, status,
//! name and events of every span, and the number of calls that came after the end.
//!
//! Two tracers that one thread uses in turn keep their records apart.
//!
//! `NANOSPAN_ORDER_SEEDS` sets the number of histories.

mod common;

use common::{Numbers, size};
use nanospan::testing::Recorder;
use nanospan::{OwnedValue, SpanHandle, Status, StatusCode, Text, Tracer, Value, attributes};
use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// One call. Spans are numbered in the order in which they start.
#[derive(Debug, Clone)]
enum Call {
    Start,
    /// Starts and ends so many spans at once, so that blocks are filled and let go.
    Others(usize),
    Set(usize, &'static str, i64),
    SetCopied(usize, &'static str, i64),
    SetMany(usize, Vec<(&'static str, i64)>),
    /// An event with so many attributes.
    Event(usize, usize),
    Status(usize, i64),
    Name(usize, i64),
    End(usize),
    /// Makes the drain pass in the middle of things.
    Flush,
}

/// What a span must look like.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    name: String,
    attributes: Vec<(String, OwnedValue)>,
    status: String,
    /// Name and number of attributes.
    events: Vec<(String, usize)>,
    ended: bool,
}

impl Model {
    fn set(&mut self, key: &str, value: i64) {
        match self.attributes.iter_mut().find(|(present, _)| present == key) {
            Some((_, present)) => *present = value.into(),
            None => self.attributes.push((key.to_owned(), value.into())),
        }
    }
}

/// Makes a history: who makes which call.
fn history(numbers: &mut Numbers, threads: u64) -> Vec<(u64, Call)> {
    let mut spans = 0;
    let mut calls = Vec::new();
    for n in 0..200 {
        let thread = numbers.below(threads);
        // Mostly the newest spans, so that what is done to one span is dense.
        let target = |numbers: &mut Numbers| spans - 1 - numbers.below(6).min(spans as u64 - 1) as usize;
        let key = |numbers: &mut Numbers| KEYS[numbers.below(5) as usize];
        let call = match numbers.below(24) {
            _ if spans == 0 => Call::Start,
            0..=2 => Call::Start,
            3 => Call::Others(1 + numbers.below(100) as usize),
            4 => Call::Flush,
            5..=6 => Call::End(target(numbers)),
            7..=11 => Call::Set(target(numbers), key(numbers), n),
            12..=13 => Call::SetCopied(target(numbers), key(numbers), n),
            14..=16 => {
                let target = target(numbers);
                Call::SetMany(
                    target,
                    (0..numbers.below(6)).map(|i| (key(numbers), n * 10 + i as i64)).collect(),
                )
            }
            17..=18 => {
                // Now and then more than one record takes.
                let attributes = if numbers.below(8) == 0 { 600 } else { numbers.below(3) };
                Call::Event(target(numbers), attributes as usize)
            }
            19..=21 => Call::Status(target(numbers), n),
            _ => Call::Name(target(numbers), n),
        };
        spans += usize::from(matches!(call, Call::Start));
        calls.push((thread, call));
    }
    calls
}

fn apply(models: &mut Vec<Model>, stale: &mut u64, call: &Call) {
    let target = match call {
        Call::Start => return models.push(Model { name: "span".to_owned(), ..Model::default() }),
        Call::Others(_) | Call::Flush => return,
        Call::Set(span, ..) | Call::SetCopied(span, ..) | Call::SetMany(span, _) => *span,
        Call::Event(span, _) | Call::Status(span, _) | Call::Name(span, _) | Call::End(span) => *span,
    };
    let model = &mut models[target];
    if model.ended {
        *stale += 1;
        return;
    }
    match call {
        Call::Set(_, key, value) | Call::SetCopied(_, key, value) => model.set(key, *value),
        Call::SetMany(_, many) => many.iter().for_each(|(key, value)| model.set(key, *value)),
        Call::Event(_, attributes) => model.events.push((format!("event {attributes}"), *attributes)),
        Call::Status(_, n) => model.status = format!("status {n}"),
        Call::Name(_, n) => model.name = format!("name {n}"),
        Call::End(_) => model.ended = true,
        Call::Start | Call::Others(_) | Call::Flush => {}
    }
}

fn play(tracer: Tracer, spans: &mut Vec<SpanHandle>, call: &Call) {
    match call {
        Call::Start => spans.push(tracer.span("span").start_handle()),
        Call::Others(n) => (0..*n).for_each(|_| tracer.span("other").start().end()),
        Call::Set(span, key, value) => tracer.set_attribute(spans[*span], *key, *value),
        Call::SetCopied(span, key, value) => {
            tracer.set_attribute(spans[*span], Text::Copied(&String::from(*key)), *value);
        }
        Call::SetMany(span, many) => {
            let many: Vec<_> =
                many.iter().map(|&(key, value)| (Text::from(key), Value::I64(value))).collect();
            tracer.set_attributes(spans[*span], &many);
        }
        Call::Event(span, attributes) => {
            let keys: Vec<String> = (0..*attributes).map(|i| format!("k{i}")).collect();
            let many: Vec<_> = keys.iter().map(|key| (Text::Copied(key), Value::Bool(true))).collect();
            tracer.add_event(spans[*span], Text::Copied(&format!("event {attributes}")), None, &many);
        }
        Call::Status(span, n) => tracer.set_status(spans[*span], Status::error(&format!("status {n}"))),
        Call::Name(span, n) => tracer.update_name(spans[*span], Text::Copied(&format!("name {n}"))),
        Call::End(span) => tracer.end_span(spans[*span], None),
        Call::Flush => tracer.flush(common::PATIENCE).unwrap(),
    }
}

/// Plays a history, each call on its own thread, one after another.
fn play_in_turns(tracer: Tracer, threads: u64, calls: &[(u64, Call)]) -> Vec<SpanHandle> {
    let state = Mutex::new((0, Vec::new()));
    let moved = Condvar::new();
    std::thread::scope(|scope| {
        for me in 0..threads {
            let (state, moved) = (&state, &moved);
            scope.spawn(move || {
                let mut guard = state.lock().unwrap();
                while guard.0 < calls.len() {
                    if calls[guard.0].0 == me {
                        let (next, spans) = &mut *guard;
                        play(tracer, spans, &calls[*next].1);
                        *next += 1;
                        moved.notify_all();
                    } else {
                        guard = moved.wait(guard).unwrap();
                    }
                }
            });
        }
    });
    state.into_inner().unwrap().1
}

#[test]
fn every_span_is_what_the_calls_in_their_order_made_it() {
    let recorder = Recorder::with(|builder| {
        let mut limits = nanospan::SpanLimits::default();
        limits.attributes_per_event = 1000;
        builder.span_limits(limits)
    });
    let tracer = recorder.tracer();
    for seed in 0..size("NANOSPAN_ORDER_SEEDS", 200) {
        let mut numbers = Numbers(seed);
        let threads = 2 + numbers.below(3);
        let calls = history(&mut numbers, threads);
        let (mut models, mut stale) = (Vec::new(), 0);
        for (_, call) in &calls {
            apply(&mut models, &mut stale, call);
        }

        recorder.exporter().clear();
        let stale_before = tracer.stats().stale_calls;
        let handles = play_in_turns(tracer, threads, &calls);
        for (handle, model) in handles.iter().zip(&models) {
            if !model.ended {
                tracer.end_span(*handle, None);
            }
        }
        let mut delivered: HashMap<_, _> =
            recorder.spans().into_iter().map(|span| ((span.trace_id, span.span_id), span)).collect();
        for (number, (handle, model)) in handles.iter().zip(&models).enumerate() {
            let at = format!("seed {seed}, span {number} of {calls:#?}");
            let ids = (handle.trace_id.to_bytes(), handle.span_id.to_bytes());
            let span = delivered.remove(&ids).unwrap_or_else(|| panic!("lost: {at}"));
            let status = if model.status.is_empty() { StatusCode::Unset } else { StatusCode::Error };
            let events: Vec<_> =
                span.events.iter().map(|event| (event.name.clone(), event.attributes.len())).collect();
            assert_eq!(span.name, model.name, "name, {at}");
            assert_eq!(span.attributes, model.attributes, "attributes, {at}");
            assert_eq!((span.status, &span.status_message), (status, &model.status), "status, {at}");
            assert_eq!(events, model.events, "events, {at}");
        }
        assert!(delivered.values().all(|span| span.name == "other"), "a span that nobody started");
        let stats = tracer.stats();
        assert_eq!(stats.stale_calls - stale_before, stale, "stale calls, seed {seed}");
        assert_eq!((stats.forged_calls, stats.lost_attributes, stats.live), (0, 0, 0), "seed {seed}");
    }
}

#[test]
fn what_is_recorded_in_turn_with_two_tracers_arrives_at_its_own() {
    let recorders = [Recorder::new(), Recorder::new()];
    let roots = recorders.each_ref().map(|recorder| recorder.tracer().span("root").start());
    for n in 0..200_i64 {
        // Started, recorded on and ended while the other tracer was the one used last.
        let children = roots.each_ref().map(|root| root.child("child").start());
        for (which, child) in (0..).zip(&children) {
            child.set_attributes(&attributes!["n" => n, "of" => which]);
            child.set_attribute("of", 10 + which);
        }
    }
    drop(roots);
    for (which, recorder) in (0..).zip(&recorders) {
        let root = recorder.span("root");
        let spans = recorder.spans();
        let children = spans.iter().filter(|span| span.name == "child");
        let numbers: Vec<_> = children
            .map(|child| {
                assert_eq!(child.parent_span_id, Some(root.span_id));
                assert_eq!(child.attribute("of"), Some(&OwnedValue::I64(10 + which)));
                child.attribute("n").cloned()
            })
            .collect();
        assert_eq!(numbers, (0..200).map(|n| Some(OwnedValue::I64(n))).collect::<Vec<_>>());
    }
}
