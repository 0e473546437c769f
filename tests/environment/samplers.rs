//! `OTEL_TRACES_SAMPLER` and its argument.

use crate::{Variables, assert_ignored, lookup, made};
use nanospan::TracerBuilder;
use nanospan::sampling::Sampler;

#[test]
fn otel_traces_sampler_names_every_sampler() {
    let roots_of = |variables: Variables<'_>| {
        made(variables).record(|tracer| (0..1000).for_each(|_| drop(tracer.span("root").start()))).len()
    };
    assert_eq!(roots_of(&[]), 1000);
    for (name, expected) in [("always_on", 1000), ("always_off", 0), ("ALWAYS_OFF", 0)] {
        assert_eq!(roots_of(&[("OTEL_TRACES_SAMPLER", name)]), expected, "{name}");
        let parent_based = format!("parentbased_{name}");
        assert_eq!(roots_of(&[("OTEL_TRACES_SAMPLER", &parent_based)]), expected, "{parent_based}");
    }
    for name in ["traceidratio", "parentbased_traceidratio", "probability", "parentbased_probability"] {
        let of = |arg| roots_of(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", arg)]);
        // Five standard deviations are 79.
        assert!((420..580).contains(&of("0.5")), "{name}");
        assert_eq!((of("0"), of("1"), of(""), of(" 1.0 ")), (0, 1000, 1000, 1000), "{name}");
    }
}

#[test]
fn a_parent_based_sampler_does_as_the_remote_parent_and_others_do_not() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent = nanospan::propagation::parse_traceparent(parent.as_bytes()).unwrap();
    for (name, kept) in [("always_off", 0), ("parentbased_always_off", 1)] {
        let made = made(&[("OTEL_TRACES_SAMPLER", name)]);
        let spans = made.record(|tracer| drop(tracer.span("s").child_of_context(&parent).start()));
        assert_eq!(spans.len(), kept, "{name}");
    }
}

#[test]
fn the_probability_samplers_state_their_threshold() {
    let variables = [("OTEL_TRACES_SAMPLER", "parentbased_probability"), ("OTEL_TRACES_SAMPLER_ARG", "1")];
    let spans = made(&variables).record(|tracer| drop(tracer.span("s").start()));
    assert_eq!(spans[0].trace_state, "ot=th:0");
}

#[test]
fn a_bad_sampler_or_argument_is_told_and_as_if_unset() {
    for bad in ["jaeger_remote", "parentbased_jaeger_remote", "xray", "sometimes"] {
        let made = assert_ignored("OTEL_TRACES_SAMPLER", bad, &[]);
        assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1);
    }
    for bad in ["half", "1.5", "-0.1", "NaN", "inf"] {
        let others = [("OTEL_TRACES_SAMPLER", "traceidratio")];
        let made = assert_ignored("OTEL_TRACES_SAMPLER_ARG", bad, &others);
        assert_eq!(made.record(|tracer| drop(tracer.span("s").start())).len(), 1, "{bad}");
    }
    let unread = made(&[("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_TRACES_SAMPLER_ARG", "half")]);
    assert_eq!(unread.warnings, [""; 0], "an argument that no sampler takes is not looked at");
}

/// The sampler of a tracer in the making, as it describes itself.
fn described(variables: Variables<'_>) -> String {
    let builder = TracerBuilder::from_variables(lookup(variables));
    let text = format!("{builder:?}");
    let (_, sampler) = text.split_once("sampler: ").unwrap();
    sampler.split_once(", limits").unwrap().0.to_owned()
}

#[test]
fn a_named_sampler_is_the_one_that_the_program_would_make() {
    let ratio = |ratio| Sampler::trace_id_ratio(ratio).unwrap();
    let by_default = Sampler::parent_based(Sampler::always_on());
    for (name, arg, expected) in [
        ("", "", by_default.clone()),
        ("invalid-sampler", "", by_default.clone()),
        ("invalid-sampler", "invalid-ignored-string", by_default),
        ("always_on", "invalid-ignored-string", Sampler::always_on()),
        ("always_off", "invalid-ignored-string", Sampler::always_off()),
        ("traceidratio", "0.3", ratio(0.3)),
        ("traceidratio", "-0.3", ratio(1.0)),
        ("traceidratio", "1.3", ratio(1.0)),
        ("traceidratio", "", ratio(1.0)),
        ("traceidratio", "invalid-ignored-string", ratio(1.0)),
        ("parentbased_always_on", "", Sampler::parent_based(Sampler::always_on())),
        ("parentbased_always_off", "", Sampler::parent_based(Sampler::always_off())),
        ("parentbased_traceidratio", "0.3", Sampler::parent_based(ratio(0.3))),
        ("parentbased_traceidratio", "-0.3", Sampler::parent_based(ratio(1.0))),
        ("parentbased_traceidratio", "1.3", Sampler::parent_based(ratio(1.0))),
        ("parentbased_traceidratio", "", Sampler::parent_based(ratio(1.0))),
        ("probability", "0.3", Sampler::probability(0.3).unwrap()),
        ("probability", "0", Sampler::always_off()),
        ("parentbased_probability", "", Sampler::parent_based(Sampler::probability(1.0).unwrap())),
    ] {
        let variables = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", arg)];
        assert_eq!(described(&variables), expected.description(), "{name}, {arg}");
    }
    let unused = [("OTEL_TRACES_SAMPLER_ARG", "0.3")];
    assert_eq!(described(&unused), Sampler::default().description(), "an argument without a sampler");
}
