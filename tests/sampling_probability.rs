//! What the probability sampler promises (OpenTelemetry's Trace SDK, section "ProbabilitySampler", and
//! "TraceState: Probability Sampling").
//!
//! 1. A span that is kept says by which threshold, and so do all below it.
//! 2. It decides by a trace's explicit randomness, where there is one, and leaves that as it is.
//! 3. What a remote parent says about sampling is ignored, unless it is asked for.
//! 4. A threshold that contradicts the decision goes no further.
//! 5. That it takes a trace id to be random, unasked, is told once.

use nanospan::export::{ExportErrorKind, FinishedSpan, MemoryExporter};
use nanospan::sampling::{Sampler, SamplingInput, SamplingResult};
use nanospan::{SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn probability(ratio: f64) -> Sampler {
    Sampler::probability(ratio).unwrap()
}

fn state(text: &str) -> TraceState {
    if text.is_empty() { TraceState::EMPTY } else { text.parse().unwrap() }
}

/// A trace whose low 56 bits are `randomness`.
fn trace(randomness: u64) -> TraceId {
    TraceId::from_u128(0x0af7_6519_16cd_43dd_8400_0000_0000_0000 | u128::from(randomness))
}

const QUARTER: u64 = 0x00c0_0000_0000_0000;

fn remote(trace_id: TraceId, sampled: bool, trace_state: &str) -> SpanContext {
    let flags = TraceFlags::RANDOM.with_sampled(sampled);
    SpanContext::remote(trace_id, SpanId::from_u64(7), flags, state(trace_state))
}

fn sample_below(sampler: &Sampler, parent: &SpanContext) -> SamplingResult {
    let mut input = SamplingInput::new(parent.trace_id(), "request");
    input.parent = Some(parent);
    sampler.should_sample(&input)
}

/// Records with `sampler` and returns what was exported, by name.
fn record(sampler: Sampler, work: impl FnOnce(&Tracer)) -> Vec<FinishedSpan> {
    let exporter = MemoryExporter::new();
    let builder = Tracer::builder("test").memory_budget(8 << 20).sampler(sampler);
    let tracer = builder.exporter(exporter.clone()).build().unwrap();
    work(&tracer);
    tracer.shutdown(Duration::from_secs(30)).unwrap();
    assert!(tracer.stats().is_balanced(), "{:?}", tracer.stats());
    let mut spans = exporter.spans();
    spans.sort_by(|a, b| a.name.cmp(&b.name));
    spans
}

#[test]
fn every_span_that_is_kept_says_so_in_its_trace_state_and_hands_it_on() {
    for sampler in [probability(1.0), Sampler::parent_based(probability(1.0))] {
        let spans = record(sampler.clone(), |tracer| {
            let root = tracer.span("a root").start();
            let child = root.child("b child").start();
            assert_eq!(child.context().trace_state().as_str(), "ot=th:0");
            drop(child.child("c grandchild").start());
        });
        let states: Vec<_> = spans.iter().map(|span| span.trace_state.as_str()).collect();
        assert_eq!(states, ["ot=th:0"; 3], "{sampler:?}");
    }
}

#[test]
fn a_span_below_a_handle_says_its_threshold_where_the_sampler_decides_for_it() {
    let spans = record(probability(1.0), |tracer| {
        let root = tracer.span("a root").start_handle();
        let child = tracer.span("b child").child_of_handle(root).start_handle();
        tracer.end_span(child, None);
        tracer.end_span(root, None);
    });
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.trace_state == "ot=th:0"), "{spans:?}");
}

#[test]
fn roots_are_kept_by_the_threshold_that_they_state() {
    let spans = record(probability(0.25), |tracer| {
        for _ in 0..2_000 {
            drop(tracer.span("root").start());
        }
    });
    // Five standard deviations of 2,000 draws are 97.
    assert!((400..600).contains(&spans.len()), "{}", spans.len());
    for span in &spans {
        assert_eq!(span.trace_state, "ot=th:c");
        let randomness = u128::from_be_bytes(span.trace_id) as u64 & ((1 << 56) - 1);
        assert!(randomness >= QUARTER, "{randomness:014x}");
    }
}

#[test]
fn the_explicit_randomness_of_a_trace_decides_and_is_handed_on() {
    let sampler = probability(0.25);
    let low = remote(trace(0), false, "ot=rv:c0000000000000,a=1");
    let kept = sample_below(&sampler, &low);
    assert!(kept.sampled);
    assert_eq!(kept.trace_state.as_str(), "ot=th:c;rv:c0000000000000,a=1");

    let high = remote(trace(u64::MAX >> 8), true, "ot=rv:bfffffffffffff;p:3");
    let dropped = sample_below(&sampler, &high);
    assert!(!dropped.sampled);
    assert_eq!(dropped.trace_state.as_str(), "ot=rv:bfffffffffffff;p:3");
}

#[test]
fn the_parents_decision_and_threshold_are_ignored() {
    let sampler = probability(0.25);
    for sampled in [true, false] {
        let kept = sample_below(&sampler, &remote(trace(QUARTER), sampled, "ot=th:8"));
        assert!(kept.sampled);
        assert_eq!(kept.trace_state.as_str(), "ot=th:c");
        let dropped = sample_below(&sampler, &remote(trace(QUARTER - 1), sampled, "ot=th:8"));
        assert!(!dropped.sampled);
        assert_eq!(dropped.trace_state.as_str(), "");
    }
}

#[test]
fn a_parent_based_sampler_hands_the_threshold_on_unless_it_contradicts_the_flag() {
    for sampler in [Sampler::default(), Sampler::parent_based(probability(0.5))] {
        let below = |randomness, sampled, trace_state| {
            let result = sample_below(&sampler, &remote(trace(randomness), sampled, trace_state));
            assert_eq!(result.sampled, sampled);
            result.trace_state.as_str().to_owned()
        };
        assert_eq!(below(QUARTER, true, "ot=th:c,a=1"), "ot=th:c,a=1");
        assert_eq!(below(QUARTER - 1, true, "ot=th:c,a=1"), "a=1");
        assert_eq!(below(QUARTER, false, "ot=th:c"), "");
        assert_eq!(below(QUARTER - 1, false, "ot=th:c"), "ot=th:c");
        assert_eq!(below(QUARTER - 1, true, "ot=th:c;rv:ffffffffffffff"), "ot=th:c;rv:ffffffffffffff");
        assert_eq!(below(QUARTER, true, "a=1"), "a=1");
    }
}

#[test]
fn what_the_sampler_makes_of_the_trace_state_is_what_is_recorded_and_sent_on() {
    let parent = remote(trace(QUARTER), true, "ot=th:8,a=1");
    let spans = record(probability(0.25), |tracer| {
        let server = tracer.span("a server").child_of_context(&parent).start();
        assert_eq!(server.context().trace_state().as_str(), "ot=th:c,a=1");
        let handle = tracer.span("b by handle").child_of_context(&parent).start_handle();
        tracer.end_span(handle, None);
    });
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.trace_state == "ot=th:c,a=1"), "{spans:?}");
}

/// What the error handler is told when spans start below `parents`, one after another with a flush between.
fn told_below(sampler: Sampler, parents: &[SpanContext]) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let in_handler = Arc::clone(&told);
    let builder = Tracer::builder("test").memory_budget(8 << 20).sampler(sampler);
    let builder = builder.exporter(MemoryExporter::new()).error_handler(move |error| {
        assert_eq!((error.kind(), error.lost_spans()), (ExportErrorKind::InvalidConfig, Some(0)));
        in_handler.lock().unwrap().push(error.to_string());
    });
    let tracer = builder.build().unwrap();
    for parent in parents {
        let span = tracer.span("request").child_of_context(parent).start();
        drop(span.child("below").start());
        drop(tracer.span("root").start());
        drop(span);
        tracer.flush(Duration::from_secs(30)).unwrap();
    }
    tracer.shutdown(Duration::from_secs(30)).unwrap();
    std::mem::take(&mut told.lock().unwrap())
}

#[test]
fn a_caller_that_does_not_say_that_its_trace_ids_are_random_is_told_of_once() {
    let of = |randomness, sampled| {
        let flags = TraceFlags::NONE.with_sampled(sampled);
        SpanContext::remote(trace(randomness), SpanId::from_u64(7), flags, TraceState::EMPTY)
    };
    // Kept and not kept, sampled by the caller and not.
    let parents = [of(0, true), of(QUARTER, true), of(0, false), of(QUARTER, false)];
    for parent in &parents {
        let told = told_below(probability(0.5), &[parent.clone(), parent.clone()]);
        let [warning] = &*told else { panic!("told {} times: {told:?}", told.len()) };
        assert!(warning.contains("random flag of W3C Trace Context Level 2"), "{warning}");
    }
    assert_eq!(told_below(probability(0.5), &parents).len(), 1);
}

#[test]
fn nothing_is_told_where_randomness_is_certain_or_does_not_decide() {
    let plain = |state_text: &str| {
        let flags = TraceFlags::NONE.with_sampled(true);
        SpanContext::remote(trace(1), SpanId::from_u64(7), flags, state(state_text))
    };
    let silent = |sampler: Sampler, parent: SpanContext| {
        assert_eq!(told_below(sampler.clone(), &[parent]), [""; 0], "{sampler:?}");
    };
    silent(probability(0.5), remote(trace(1), true, "a=1"));
    silent(probability(0.5), plain("ot=rv:00000000000001"));
    silent(probability(1.0), plain(""));
    silent(Sampler::parent_based(probability(0.5)), plain("ot=th:8"));
    silent(Sampler::trace_id_ratio(0.5).unwrap(), plain("a=1"));
    silent(Sampler::always_on(), plain(""));
    // One that cannot be read is none.
    assert_eq!(told_below(probability(0.5), &[plain("ot=rv:1")]).len(), 1);
}

#[test]
fn descriptions_and_errors_name_the_ratio() {
    assert_eq!(probability(0.25).description(), "ProbabilitySampler{0.250000}");
    let error = Sampler::probability(0.0).unwrap_err();
    assert_eq!(error.to_string(), "a sampling probability is a number from 2^-56 to 1, found 0");
}
