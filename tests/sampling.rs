//! What samplers promise.
//!
//! 1. A higher ratio keeps every trace that a lower one keeps.
//! 2. Ratios 0 and 1 are exact, and those between keep their share.
//! 3. A parent-based sampler asks the sampler of the parent's state, and no other.
//! 4. None but those of probabilities touches the trace state.
//! 5. A tracer does as its sampler says, for roots and below parents.
//! 6. Settings that make no sense are refused in words.

use nanospan::sampling::{ParentBased, Sampler, SamplingInput};
use nanospan::testing::Recorder;
use nanospan::{SpanContext, SpanId, TraceFlags, TraceId, TraceState, attributes};

/// SplitMix64: fixed numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn trace_id(&mut self) -> TraceId {
        TraceId::from_u128(u128::from(self.next()) << 64 | u128::from(self.next()))
    }
}

fn keeps(sampler: &Sampler, trace_id: TraceId) -> bool {
    sampler.should_sample(&SamplingInput::new(trace_id, "request")).sampled
}

fn ratio(ratio: f64) -> Sampler {
    Sampler::trace_id_ratio(ratio).unwrap()
}

const TRACE_ID: TraceId = TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);

fn parent(remote: bool, sampled: bool) -> SpanContext {
    let make = if remote { SpanContext::remote } else { SpanContext::new };
    make(TRACE_ID, SpanId::from_u64(1), TraceFlags::RANDOM.with_sampled(sampled), TraceState::EMPTY)
}

fn keeps_below(sampler: &Sampler, parent: Option<&SpanContext>) -> bool {
    let mut input = SamplingInput::new(TRACE_ID, "request");
    input.parent = parent;
    sampler.should_sample(&input).sampled
}

#[test]
fn a_higher_ratio_keeps_all_that_a_lower_one_keeps() {
    let ratios = [0.0, 1e-17, 1e-6, 0.01, 0.1, 1.0 / 3.0, 0.5, 0.9, 1.0 - 1e-9, 1.0];
    let samplers = ratios.map(ratio);
    let mut numbers = Numbers(1);
    let mut split = 0;
    for _ in 0..20_000 {
        let trace_id = numbers.trace_id();
        let kept: Vec<bool> = samplers.iter().map(|sampler| keeps(sampler, trace_id)).collect();
        assert!(kept.is_sorted(), "{trace_id} by rising ratio: {kept:?}");
        split += usize::from(kept[1] != kept[8]);
    }
    assert!(split > 19_000, "the ratios must not agree on everything, they differed on {split}");
}

#[test]
fn any_two_ratios_are_contained_in_each_other() {
    let mut numbers = Numbers(2);
    for _ in 0..20_000 {
        let [one, other] = [0, 1].map(|_| numbers.next() as f64 / u64::MAX as f64);
        let (low, high) = (ratio(one.min(other)), ratio(one.max(other)));
        let trace_id = numbers.trace_id();
        assert!(keeps(&high, trace_id) || !keeps(&low, trace_id), "{low:?} {high:?} {trace_id}");
    }
}

#[test]
fn ratio_one_keeps_every_trace_and_ratio_zero_none() {
    let (all, none) = (ratio(1.0), ratio(0.0));
    let extremes = [1, u128::MAX, (1 << 56) - 1, 1 << 56, u128::MAX << 56];
    let mut numbers = Numbers(3);
    let random: Vec<TraceId> = (0..1_000).map(|_| numbers.trace_id()).collect();
    for trace_id in extremes.map(TraceId::from_u128).into_iter().chain(random) {
        assert!(keeps(&all, trace_id), "{trace_id}");
        assert!(!keeps(&none, trace_id), "{trace_id}");
    }
}

#[test]
fn a_tiny_ratio_is_rounded_to_the_nearest_number_of_values_in_two_to_the_56() {
    let smallest = ratio(2.0_f64.powi(-56));
    assert!(keeps(&smallest, TraceId::from_u128((1 << 56) - 1)));
    assert!(!keeps(&smallest, TraceId::from_u128((1 << 56) - 2)));
    let greatest = TraceId::from_u128((1 << 56) - 1);
    assert!(keeps(&ratio(2.0_f64.powi(-57)), greatest));
    assert!(!keeps(&ratio(2.0_f64.powi(-58)), greatest));
}

#[test]
fn a_ratio_keeps_its_share_of_random_traces() {
    let mut numbers = Numbers(4);
    let count = 100_000;
    let trace_ids: Vec<TraceId> = (0..count).map(|_| numbers.trace_id()).collect();
    for p in [0.01, 0.1, 0.5, 0.75, 0.99] {
        let sampler = ratio(p);
        let kept = trace_ids.iter().filter(|trace_id| keeps(&sampler, **trace_id)).count();
        let expected = p * f64::from(count);
        let five_sigma = 5.0 * (expected * (1.0 - p)).sqrt();
        assert!((kept as f64 - expected).abs() < five_sigma, "{p}: kept {kept} of {count}");
    }
}

#[test]
fn a_ratio_looks_at_the_low_56_bits_alone() {
    let half = ratio(0.5);
    let mut numbers = Numbers(5);
    for _ in 0..1_000 {
        let trace_id = numbers.trace_id().to_u128();
        let other = u128::from(numbers.next()) << 56 ^ trace_id;
        assert_eq!(keeps(&half, TraceId::from_u128(trace_id)), keeps(&half, TraceId::from_u128(other)));
    }
}

#[test]
fn a_ratio_ignores_the_parent() {
    for (p, expected) in [(0.0, false), (1.0, true)] {
        let sampler = ratio(p);
        for (remote, sampled) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(keeps_below(&sampler, Some(&parent(remote, sampled))), expected);
        }
    }
}

#[test]
fn parent_based_follows_the_parent_and_asks_the_root_sampler_without_one() {
    for (root, expected) in [(Sampler::always_on(), true), (Sampler::always_off(), false)] {
        let sampler = Sampler::parent_based(root);
        assert_eq!(keeps_below(&sampler, None), expected);
        assert!(keeps_below(&sampler, Some(&parent(true, true))));
        assert!(keeps_below(&sampler, Some(&parent(false, true))));
        assert!(!keeps_below(&sampler, Some(&parent(true, false))));
        assert!(!keeps_below(&sampler, Some(&parent(false, false))));
    }
}

#[test]
fn parent_based_asks_the_sampler_of_the_parents_state_in_all_32_settings() {
    let on_if = |on: bool| {
        if on { Sampler::always_on() } else { Sampler::always_off() }
    };
    for setting in 0..32_u8 {
        let bit = |n: u8| setting & (1 << n) != 0;
        let sampler = ParentBased::new(on_if(bit(0)))
            .remote_parent_sampled(on_if(bit(1)))
            .remote_parent_not_sampled(on_if(bit(2)))
            .local_parent_sampled(on_if(bit(3)))
            .local_parent_not_sampled(on_if(bit(4)))
            .build();
        let asked = [
            None,
            Some(parent(true, true)),
            Some(parent(true, false)),
            Some(parent(false, true)),
            Some(parent(false, false)),
        ];
        for (n, parent) in (0..).zip(&asked) {
            assert_eq!(keeps_below(&sampler, parent.as_ref()), bit(n), "{sampler:?} {parent:?}");
        }
    }
}

#[test]
fn a_parent_that_is_not_valid_counts_as_none() {
    let sampler = Sampler::parent_based(Sampler::always_off());
    let no_span = SpanContext::remote(TRACE_ID, SpanId::INVALID, TraceFlags::SAMPLED, TraceState::EMPTY);
    assert!(!keeps_below(&sampler, Some(&no_span)));
    assert!(!keeps_below(&sampler, Some(&SpanContext::INVALID)));
}

#[test]
fn nested_parent_based_samplers_decide_as_if_asked_in_turn() {
    let inner = ParentBased::new(Sampler::always_off())
        .remote_parent_sampled(Sampler::always_off())
        .local_parent_not_sampled(Sampler::always_on())
        .build();
    let outer = ParentBased::new(inner.clone())
        .remote_parent_sampled(inner.clone())
        .remote_parent_not_sampled(Sampler::always_on())
        .local_parent_not_sampled(inner)
        .build();
    assert!(!keeps_below(&outer, None));
    assert!(!keeps_below(&outer, Some(&parent(true, true))));
    assert!(keeps_below(&outer, Some(&parent(true, false))));
    assert!(keeps_below(&outer, Some(&parent(false, true))));
    assert!(keeps_below(&outer, Some(&parent(false, false))));
}

#[test]
fn the_trace_state_of_a_parent_goes_on_whatever_is_decided_and_that_of_no_parent_does_not() {
    let state: TraceState = "k=v".parse().unwrap();
    let [on, off] = [Sampler::always_on(), Sampler::always_off()];
    for sampler in
        [&on, &off, &Sampler::parent_based(on.clone()), &Sampler::parent_based(off.clone()), &ratio(0.5)]
    {
        let below = |parent: &SpanContext| {
            let mut input = SamplingInput::new(TRACE_ID, "request");
            input.parent = Some(parent);
            sampler.should_sample(&input).trace_state
        };
        for (remote, sampled) in [(true, true), (true, false), (false, true), (false, false)] {
            let parent = parent(remote, sampled).with_trace_state(state.clone());
            assert_eq!(below(&parent), state, "{sampler:?} {parent:?}");
        }
        let no_parent = SpanContext::INVALID.with_trace_state(state.clone());
        assert_eq!(below(&no_parent), TraceState::EMPTY, "{sampler:?}");

        let recorder = Recorder::with(|builder| builder.sampler(sampler.clone()));
        for sampled in [true, false] {
            let parent = parent(true, sampled).with_trace_state(state.clone());
            let span = recorder.tracer().span("request").child_of_context(&parent).start();
            assert_eq!(*span.trace_state(), state, "{sampler:?} {parent:?}");
        }
        assert!(recorder.spans().iter().all(|span| span.trace_state == "k=v"), "{sampler:?}");
    }
}

#[test]
fn a_tracer_keeps_the_share_that_its_sampler_says_without_a_parent_and_below_one() {
    const TOTAL: u32 = 10_000;
    const ROOT: Option<bool> = None;
    const SAMPLED: Option<bool> = Some(true);
    const UNSAMPLED: Option<bool> = Some(false);
    let [on, off] = [Sampler::always_on(), Sampler::always_off()];
    let below = |root: &Sampler| Sampler::parent_based(root.clone());
    for (sampler, parent, share) in [
        (off.clone(), ROOT, 0.0),
        (on.clone(), ROOT, 1.0),
        (ratio(0.25), ROOT, 0.25),
        (ratio(0.5), ROOT, 0.5),
        (ratio(0.75), ROOT, 0.75),
        (below(&off), ROOT, 0.0),
        (below(&on), ROOT, 1.0),
        (below(&ratio(0.5)), ROOT, 0.5),
        (ratio(0.25), UNSAMPLED, 0.25),
        (ratio(0.25), SAMPLED, 0.25),
        (ratio(0.5), UNSAMPLED, 0.5),
        (ratio(0.5), SAMPLED, 0.5),
        (ratio(0.75), UNSAMPLED, 0.75),
        (ratio(0.75), SAMPLED, 0.75),
        (off.clone(), SAMPLED, 0.0),
        (below(&off), SAMPLED, 1.0),
        (below(&off), UNSAMPLED, 0.0),
        (below(&on), SAMPLED, 1.0),
        (below(&on), UNSAMPLED, 0.0),
        (below(&ratio(0.5)), SAMPLED, 1.0),
        (below(&ratio(0.5)), UNSAMPLED, 0.0),
    ] {
        // Both seeds are fixed, so that the shares are the same in every run.
        let recorder = Recorder::with(|builder| builder.id_seed(7).sampler(sampler.clone()));
        let (tracer, mut numbers) = (recorder.tracer(), Numbers(7));
        for _ in 0..TOTAL {
            let flags = |sampled| TraceFlags::RANDOM.with_sampled(sampled);
            let parent = parent.map(|sampled| {
                SpanContext::remote(
                    numbers.trace_id(),
                    SpanId::from_u64(1),
                    flags(sampled),
                    TraceState::EMPTY,
                )
            });
            let span = tracer.span("test").child_of_context(parent.as_ref()).start();
            assert_eq!(span.flags().is_sampled(), span.is_recording());
        }
        // A span that found no memory was sampled all the same, so these are not.
        let kept = f64::from(TOTAL) - tracer.stats().not_sampled as f64;
        let expected = f64::from(TOTAL) * share;
        let five_sigma = 5.0 * (expected * (1.0 - share)).sqrt();
        assert!((kept - expected).abs() <= five_sigma, "{sampler:?} below {parent:?} kept {kept} of {TOTAL}");
    }
}

#[test]
fn a_sampler_is_asked_for_the_children_of_local_spans_too() {
    let [on, off] = [Sampler::always_on(), Sampler::always_off()];
    let none_below = ParentBased::new(on.clone()).local_parent_sampled(off.clone());
    let all_below = ParentBased::new(off).local_parent_not_sampled(on);
    for (sampler, kept) in [(none_below, false), (all_below, true)] {
        let recorder = Recorder::with(|builder| builder.sampler(sampler.build()));
        let tracer = recorder.tracer();
        let root = tracer.span("root").start();
        assert_eq!(root.is_recording(), !kept);
        let context = root.context();
        let children = [
            root.child("short").start(),
            root.child("with more").attributes(&attributes!["k" => 1]).start(),
            tracer.span("by reference").child_of(&root).start(),
            tracer.span("by context").child_of_context(&context).start(),
        ];
        for child in &children {
            assert_eq!((child.is_recording(), child.flags().is_sampled()), (kept, kept), "{child:?}");
            assert_eq!(child.trace_id(), root.trace_id());
        }
        if !kept {
            assert!(!tracer.span("by handle").child_of_handle(root.handle()).start().is_recording());
        }
        drop((children, root));
        assert_eq!(recorder.spans().len(), if kept { 4 } else { 1 });
        assert_eq!(tracer.stats().not_sampled, if kept { 1 } else { 5 });
    }
}

#[test]
fn the_default_is_parent_based_with_a_root_that_is_always_on() {
    assert_eq!(Sampler::default(), Sampler::parent_based(Sampler::always_on()));
    assert_eq!(Sampler::from(ParentBased::new(Sampler::always_on())), Sampler::default());
}

#[test]
fn descriptions_are_those_of_the_specification() {
    assert_eq!(Sampler::always_on().description(), "AlwaysOnSampler");
    assert_eq!(Sampler::always_off().description(), "AlwaysOffSampler");
    assert_eq!(ratio(0.0001).description(), "TraceIdRatioBased{0.000100}");
    assert_eq!(ratio(0.0).description(), "TraceIdRatioBased{0.000000}");
    assert_eq!(ratio(0.5).description(), "TraceIdRatioBased{0.500000}");
    assert_eq!(ratio(1.0).description(), "TraceIdRatioBased{1.000000}");
    assert_eq!(
        Sampler::default().description(),
        "ParentBased{root:AlwaysOnSampler,remoteParentSampled:AlwaysOnSampler,\
         remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,\
         localParentNotSampled:AlwaysOffSampler}"
    );
}

#[test]
fn descriptions_tell_ratios_apart_that_differ_after_the_sixth_decimal() {
    assert_eq!(ratio(0.00000012).description(), "TraceIdRatioBased{0.00000012}");
    assert_ne!(ratio(0.1234567).description(), ratio(0.1234568).description());
}

#[test]
fn a_ratio_that_is_not_between_zero_and_one_is_refused_with_its_value() {
    let bad = [
        (f64::NAN, "NaN"),
        (-0.1, "-0.1"),
        (1.5, "1.5"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    for (bad, shown) in bad {
        let error = Sampler::trace_id_ratio(bad).unwrap_err();
        assert_eq!(error.to_string(), format!("a sampling ratio is a number from 0 to 1, found {shown}"));
    }
}
