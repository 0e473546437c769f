//! Several propagators as one: each keeps to its own headers.

use nanospan::propagation::{Baggage, BaggagePropagator, Propagators, TraceContextPropagator};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const RECEIVED: [(&str, &str); 3] =
    [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "tenant=blue")];

fn sent(propagators: &Propagators) -> Vec<(String, String)> {
    let caller = Propagators::default().extract(&RECEIVED);
    let mut sent = Vec::new();
    propagators.inject(caller.span.as_ref(), &caller.baggage, &mut sent);
    sent
}

#[test]
fn each_reads_and_writes_its_own_headers_and_no_others() {
    let trace = Propagators::none().with_trace_context(TraceContextPropagator::new());
    let baggage = Propagators::none().with_baggage(BaggagePropagator::new());
    let all = Propagators::default();
    for (propagators, traces, carries) in [
        (&trace, true, false),
        (&baggage, false, true),
        (&all, true, true),
        (&Propagators::none(), false, false),
    ] {
        let caller = propagators.extract(&RECEIVED);
        assert_eq!(caller.span.is_some(), traces, "{propagators:?}");
        assert_eq!(caller.baggage.get("tenant").is_some(), carries, "{propagators:?}");
        let sent = sent(propagators);
        let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, propagators.fields().collect::<Vec<_>>());
        for (name, value) in &sent {
            assert!(RECEIVED.contains(&(name.as_str(), value.as_str())), "{name}: {value}");
        }
    }
}

#[test]
fn one_that_finds_nothing_it_can_use_does_not_keep_the_other_from_reading() {
    let caller = Propagators::default().extract(&[("traceparent", "00-bad"), ("baggage", "tenant=blue")]);
    assert_eq!((caller.span, caller.baggage.len()), (None, 1));
    let caller = Propagators::default().extract(&[("traceparent", PARENT), ("baggage", "=;,")]);
    assert_eq!((caller.span.is_some(), caller.baggage.len()), (true, 0));
}

#[test]
fn nothing_is_written_for_no_span_and_no_baggage() {
    let mut sent: Vec<(String, String)> = Vec::new();
    Propagators::default().inject(None, &Baggage::new(), &mut sent);
    assert!(sent.is_empty());
}

fn of(value: Option<&str>) -> (Propagators, Vec<String>) {
    let mut warnings = Vec::new();
    let lookup = |name: &str| value.filter(|_| name == "OTEL_PROPAGATORS").map(Into::into);
    let propagators = Propagators::from_variables(lookup, |warning| warnings.push(warning.to_string()));
    (propagators, warnings)
}

#[test]
fn otel_propagators_names_them_in_any_order_and_case() {
    let trace = Propagators::none().with_trace_context(TraceContextPropagator::new());
    let baggage = Propagators::none().with_baggage(BaggagePropagator::new());
    for (value, expected) in [
        (None, Propagators::default()),
        (Some(" "), Propagators::default()),
        (Some("tracecontext,baggage"), Propagators::default()),
        (Some("Baggage , TRACECONTEXT,,"), Propagators::default()),
        (Some("tracecontext"), trace),
        (Some("baggage"), baggage),
        (Some("none"), Propagators::none()),
    ] {
        assert_eq!(of(value), (expected, vec![]), "{value:?}");
    }
}

#[test]
fn a_name_that_is_not_known_is_told_and_the_others_hold() {
    let (propagators, warnings) = of(Some("b3,tracecontext,jaeger"));
    assert_eq!(propagators.fields().collect::<Vec<_>>(), TraceContextPropagator::FIELDS);
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("OTEL_PROPAGATORS=\"b3\" is not one of "), "{}", warnings[0]);
    assert_eq!(of(Some("b3")).0, Propagators::default());
}

#[test]
fn a_name_that_is_there_again_counts_once_and_none_beside_others_does_not() {
    let baggage = Propagators::none().with_baggage(BaggagePropagator::new());
    for value in ["baggage,Baggage", "none,baggage"] {
        let (propagators, warnings) = of(Some(value));
        assert_eq!(propagators, baggage, "{value}");
        assert_eq!(warnings.len(), 1, "{value}: {warnings:?}");
    }
}

/// The environment is read by a process of its own, this same test.
#[test]
fn the_environment_of_a_process_names_its_propagators() {
    const ROLE: &str = "NANOSPAN_TEST_PROPAGATORS";
    if std::env::var_os(ROLE).is_some() {
        assert_eq!(Propagators::from_env().fields().collect::<Vec<_>>(), ["baggage"]);
        return;
    }
    let name = "the_environment_of_a_process_names_its_propagators";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, "1")
        .env("OTEL_PROPAGATORS", "b3,baggage")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
    assert_eq!(stderr.matches("nanospan: OTEL_PROPAGATORS=").count(), 1, "{stderr}");
}
